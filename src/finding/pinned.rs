//! Layers that no image needs, by what holds them. A layer goes only when all that hold it have gone, so those with the
//! same holders are one finding.

use std::collections::{BTreeMap, BTreeSet};

use super::words::{self, count, list, size};
use super::{Case, Finding, Remedy};
use crate::docker::seen::{ContainerSeen, Seen};
use crate::inventory::facts::Container;
use crate::terms::{Key, Kind, LinkKind, short_id};

/// References whose loss would let a layer look as if no image, container or cache record needed it.
pub(super) const HOLDING_LAYERS: &[LinkKind] = &[
    LinkKind::TopLayer,
    LinkKind::Parent,
    LinkKind::StoredIn,
    LinkKind::StandsOn,
    LinkKind::Caches,
    LinkKind::SharesLayer,
    LinkKind::Leases,
    LinkKind::HoldsLease,
    LinkKind::RecordParent,
    LinkKind::SnapshotParent,
];

/// What holds some layers.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Holders<'a> {
    /// Containers that the engine knows.
    pub(super) containers: BTreeSet<&'a Key>,
    /// Read-write layers of no container that the engine knows.
    pub(super) strays: BTreeSet<&'a Key>,
    /// The build cache holds them too.
    pub(super) cached: bool,
}

/// The layers that no loaded image needs, by what holds them; base first. Those that nothing holds are under no holder.
pub(super) fn by_holders<'a>(seen: &Seen<'a>) -> BTreeMap<Holders<'a>, Vec<&'a Key>> {
    let (needed, cached) = (seen.needed_by_images(), seen.needed_by_cache());
    let users = users_of_mounts(seen);
    let mut holders: BTreeMap<&Key, Holders<'a>> = BTreeMap::new();
    for (mount, facts) in &seen.mounts {
        let chain = facts.parent.iter().flat_map(|top| seen.chain_of(top));
        // what is below a needed layer is needed
        for (layer, _) in chain.take_while(|(layer, _)| !needed.contains(layer)) {
            let held = holders.entry(layer).or_default();
            match users.get(mount) {
                Some(users) => held.containers.extend(users),
                None => {
                    held.strays.insert(mount);
                }
            }
        }
    }
    let mut groups: BTreeMap<Holders<'a>, Vec<&'a Key>> = BTreeMap::new();
    for layer in seen.layers.keys().filter(|layer| !needed.contains(**layer)) {
        let held = Holders { cached: cached.contains(layer), ..holders.remove(layer).unwrap_or_default() };
        groups.entry(held).or_default().push(layer);
    }
    groups
}

/// Loaded containers by the read-write layers and image mounts that they have.
pub(super) fn users_of_mounts<'a>(seen: &Seen<'a>) -> BTreeMap<&'a Key, BTreeSet<&'a Key>> {
    let mut users: BTreeMap<&Key, BTreeSet<&Key>> = BTreeMap::new();
    for (key, container) in &seen.containers {
        container.mount.into_iter().for_each(|mount| {
            users.entry(mount).or_default().insert(key);
        });
    }
    let image_mounts = seen.inventory.links.iter().filter(|link| link.kind == LinkKind::ImageMount);
    for link in image_mounts.filter(|link| seen.containers.contains_key(&link.from)) {
        users.entry(&link.to).or_default().insert(&link.from);
    }
    users
}

/// Layers that some containers, and perhaps the build cache, hold.
pub(super) struct Pinned<'a, 'c> {
    pub(super) case: &'c Case<'a>,
    pub(super) seen: &'c Seen<'a>,
    pub(super) holders: Holders<'a>,
    pub(super) layers: Vec<&'a Key>,
}

/// Of every store in use, the layers that containers hold and no image needs: those of which any holder runs, or not.
pub(super) fn by_containers<'a>(case: &Case<'a>, class: &'static str, running: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for seen in case.in_use() {
        for (holders, layers) in by_holders(seen) {
            let pinned = Pinned { case, seen, holders, layers };
            if !pinned.holders.containers.is_empty() && pinned.any_runs() == running {
                findings.push(pinned.finding(class));
            }
        }
    }
    findings
}

impl<'a> Pinned<'a, '_> {
    fn containers(&self) -> impl Iterator<Item = (&'a Key, &ContainerSeen<'a>)> {
        self.holders.containers.iter().filter_map(|key| Some((*key, self.seen.containers.get(key)?)))
    }

    fn any_runs(&self) -> bool {
        self.containers().any(|(_, container)| container.facts.state.is_alive())
    }

    /// By name, as people look for them.
    fn sorted(&self) -> Vec<(String, &'a Key, &'a Container)> {
        let mut named: Vec<_> =
            self.containers().map(|(key, it)| (words::container(self.seen, key), key, it.facts)).collect();
        named.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        named
    }

    fn finding(&self, class: &'static str) -> Finding {
        let owners = self.case.owners_of(self.layers.iter().copied());
        let base = self.case.finding(class, &owners);
        let mut objects: Vec<Key> = self.layers.iter().map(|key| (*key).clone()).collect();
        objects.extend(self.holders.containers.iter().chain(&self.holders.strays).map(|key| (*key).clone()));
        objects.extend(self.lost_images());
        objects.dedup();
        Finding {
            objects,
            cause: self.cause(base.on_disk_bytes),
            evidence: self.evidence(),
            remedy: Remedy { commands: self.commands(), note: self.note() },
            doubt: self.doubt(),
            ..base
        }
    }

    fn lost_images(&self) -> BTreeSet<Key> {
        let images = self.containers().filter_map(|(_, it)| it.facts.image.as_ref());
        images.map(|image| self.seen.key(Kind::Image, image.as_str())).collect()
    }

    fn cause(&self, bytes: u64) -> String {
        let named = self.sorted();
        let (who, one) = (list(named.iter().map(|(name, ..)| name)), named.len() == 1);
        let is = if self.any_runs() {
            if one { "runs" } else { "are made, and at least one of them runs," }
        } else if one {
            "is stopped"
        } else {
            "are stopped"
        };
        let from: BTreeSet<String> = named.iter().map(|(_, _, facts)| created_from(facts)).collect();
        let what = format!("{} ({})", count(self.layers.len(), "layer", "layers"), size(bytes));
        let also = match (self.holders.cached, self.holders.strays.len()) {
            (true, _) => {
                format!("; a build-cache record holds {} too, so that both must go", words::it(self.layers.len()))
            }
            (false, 0) => String::new(),
            (false, 1) => "; so does a read-write layer of no container".to_owned(),
            (false, n) => format!("; so do {n} read-write layers of no container"),
        };
        let until = if one { "it is removed" } else { "all of them are removed" };
        format!(
            "{who} {is} and {} created from {}, removed by force since: {what} that no image needs {} until {until}{also}.",
            words::was(named.len()),
            list(from),
            if self.layers.len() == 1 { "stays" } else { "stay" },
        )
    }

    fn evidence(&self) -> Vec<String> {
        let mut said = Vec::new();
        for (_, key, facts) in self.sorted() {
            let mount = self.seen.containers.get(key).and_then(|it| it.mount);
            let stands = mount.into_iter().flat_map(|mount| self.case.evidence(mount, LinkKind::StandsOn));
            said.extend(stands.map(ToString::to_string));
            let image = facts.image.as_ref().map_or("none", |image| image.as_str());
            let typed = words::shown(&facts.image_as_typed);
            let config = self.case.evidence(key, LinkKind::ReadWrite);
            said.extend(config.map(|at| format!("{at}: Image {image}, created from {typed:?}")));
        }
        for layer in self.layers.iter().filter(|_| self.holders.cached) {
            let sharing = self.case.graph.holders(layer).filter(|(_, edge)| edge.kind == LinkKind::SharesLayer);
            said.extend(sharing.map(|(snapshot, edge)| format!("{}: snapshot {}", edge.evidence, snapshot.id)));
        }
        said
    }

    fn commands(&self) -> Vec<String> {
        if !self.holders.strays.is_empty() {
            return Vec::new();
        }
        let argument = |key: &Key| words::container_argument(self.seen, key);
        let (alive, all): (Vec<_>, Vec<_>) = (
            self.containers().filter(|(_, it)| it.facts.state.is_alive()).map(|(key, _)| argument(key)).collect(),
            // what runs with --rm goes when it stops
            self.containers()
                .filter(|(_, it)| !(it.facts.auto_remove && it.facts.state.is_alive()))
                .map(|(key, _)| argument(key))
                .collect(),
        );
        let mut commands = Vec::new();
        for (verb, mut arguments) in [("docker stop", alive), ("docker rm", all)] {
            arguments.sort();
            if !arguments.is_empty() {
                commands.push(words::command(verb, &arguments));
            }
        }
        if self.holders.cached {
            commands.push("docker builder prune".to_owned());
        }
        commands
    }

    /// What goes with the containers, and what else to know.
    fn note(&self) -> String {
        let mut note = Vec::new();
        if !self.holders.strays.is_empty() {
            note.push("No Docker command frees it all: see half-removed-container.".to_owned());
        }
        if self.holders.containers.len() > 1 {
            note.push("Nothing is freed before the last of these containers is gone.".to_owned());
        }
        if self.holders.cached {
            note.push(
                "Removing only the container, or only the cache record, frees none of it; `docker builder prune` takes every \
                 cache record that is not in use, not only this one."
                    .to_owned(),
            );
        }
        note.push(goes_with(self.case, self.seen, self.holders.containers.iter().copied()));
        note.push(
            "To keep what they hold, use `docker export` first: `docker commit` fails without the image.".to_owned(),
        );
        note.join(" ")
    }

    /// A lost image that something on the disk still knows was not removed by force: its config was lost.
    fn doubt(&self) -> Option<String> {
        self.containers().find_map(|(key, it)| {
            let name = words::shown(&words::container(self.seen, key));
            let Some(image) = it.facts.image.as_ref() else {
                return Some(format!("container {name} does not say which image it was created from"));
            };
            let image = self.seen.key(Kind::Image, image.as_str());
            let short = short_id(&image.id);
            if self.seen.images.contains_key(&image) {
                return Some(format!("container {name} stands on layers that are not those of its image {short}"));
            }
            let is_known = self.seen.inventory.get(&image).is_some();
            let is_named = || {
                let mut tags = self
                    .seen
                    .inventory
                    .of_kind(Kind::Tag)
                    .filter(|(tag, _)| tag.root == image.root && tag.store == image.store);
                tags.any(|(_, thing)| thing.tag().is_some_and(|tag| tag.image.as_str() == &*image.id))
            };
            (is_known || is_named()).then(|| {
                format!("image {short} of container {name} was not removed but damaged: what it needs is not known")
            })
        })
    }
}

fn created_from(facts: &Container) -> String {
    let typed = words::shown(&facts.image_as_typed);
    let Some(image) = facts.image.as_ref() else { return typed };
    let short = short_id(image.as_str());
    let is_id = image.as_str().contains(&facts.image_as_typed) || facts.image_as_typed.is_empty();
    if is_id { format!("image {short}") } else { format!("{typed} (image {short})") }
}

/// What `docker rm` takes besides layers.
pub(super) fn goes_with<'a>(case: &Case<'a>, seen: &Seen<'a>, containers: impl Iterator<Item = &'a Key>) -> String {
    use crate::inventory::OwnerKind;
    let containers: BTreeSet<&Key> = containers.collect();
    let seen_ones = || containers.iter().filter_map(|key| seen.containers.get(key));
    let things = containers.iter().copied().chain(seen_ones().filter_map(|it| it.mount));
    let owners = case.owners_of(things);
    let of = |kind: OwnerKind| {
        let some: Vec<_> = owners.iter().filter(|(_, owner)| owner.key.kind == kind).copied().collect();
        size(case.weigh(&some).bytes)
    };
    let volumes: BTreeSet<&str> = seen_ones()
        .flat_map(|it| &it.facts.mounts)
        .filter(|mount| mount.anonymous)
        .map(|mount| mount.name.as_str())
        .collect();
    let whose = if containers.len() == 1 { "With the container go its" } else { "With the containers go their" };
    let besides = format!("{whose} own files ({}) and logs ({})", of(OwnerKind::RwLayer), of(OwnerKind::ContainerLogs));
    match volumes.len() {
        0 => format!("{besides}."),
        n => format!("{besides}; {} only with `docker rm -v`.", count(n, "anonymous volume", "anonymous volumes")),
    }
}
