//! A store that the engine no longer uses, after a change of the driver or an upgrade. Nothing of it is shown or removed
//! by any command, and nothing inside it is judged: its bytes belong to this finding.

use std::collections::BTreeSet;

use super::words::{self, count, list, size};
use super::{Case, Confidence, Finding, Remedy, Rule};
use crate::docker::seen::Triple;
use crate::inventory::{Owner, StoreInfo, StoreKind};
use crate::terms::{Key, Kind, LinkKind};

const CLASS: &str = "stranded-store";

/// Which store is in use is told by `daemon.json`, and by what the containers say.
pub(super) const RULE: Rule = Rule { class: CLASS, relies_on: &[], check };

fn check(case: &Case<'_>) -> Vec<Finding> {
    let stores = case.inventory.stores.iter().filter(|store| store.kind == StoreKind::GraphDriver);
    // a root that is left over is told as a whole
    let stores = stores.filter(|store| !case.is_left_over(&store.root) && case.is_stranded(&store.root, &store.name));
    stores.filter_map(|store| finding(case, store)).collect()
}

fn finding(case: &Case<'_>, store: &StoreInfo) -> Option<Finding> {
    let owners = owners(case, store);
    let base = case.finding(CLASS, &owners);
    if base.inodes == 0 {
        return None;
    }
    let of = |kind: Kind| {
        let all = case.inventory.of_kind(kind).filter(|(key, _)| key.root == store.root && key.store == store.name);
        all.map(|(key, _)| key).collect::<Vec<&Key>>()
    };
    let layers = of(Kind::Layer).len();
    let held = Held { containers: of(Kind::Container), images: of(Kind::Image), layers: (layers, "layer", "layers") };
    let note = note(case, store, &held.containers, layers > 0);
    Some(held.stranded(case, store, &format!("with {}", store.name), Remedy { commands: Vec::new(), note }, base))
}

/// What a store holds that the engine no longer uses, of either kind.
pub(super) struct Held<'a> {
    pub(super) images: Vec<&'a Key>,
    pub(super) containers: Vec<&'a Key>,
    /// How many, and what one is called and several.
    pub(super) layers: (usize, &'static str, &'static str),
}

impl Held<'_> {
    fn words(&self) -> Vec<String> {
        let kinds = [(self.images.len(), "image", "images"), (self.containers.len(), "container", "containers")];
        words::counts(kinds.into_iter().chain([self.layers]))
    }

    /// What is said of it; `kept` is where the engine kept it.
    pub(super) fn stranded(
        &self,
        case: &Case<'_>,
        store: &StoreInfo,
        kept: &str,
        remedy: Remedy,
        base: Finding,
    ) -> Finding {
        let in_use = case.active.store.as_ref().map_or("another store", |(_, name)| name);
        let holds = self.words();
        let cause = format!(
            "The engine uses {in_use}; what it kept {kept} before{} is still there, shown by no Docker command: {}.",
            if holds.is_empty() { String::new() } else { format!(" with {}", list(holds)) },
            size(base.on_disk_bytes),
        );
        let mut objects = vec![Key {
            root: store.root.clone(),
            store: store.name.clone(),
            kind: Kind::Store,
            id: store.name.clone(),
        }];
        objects.extend(self.containers.iter().chain(&self.images).map(|key| (*key).clone()));
        let mut evidence = vec![store.home.to_string()];
        evidence.extend(case.active.reasons.iter().map(|reason| format!("{in_use} is in use: {reason}")));
        // a guess about the driver must not cost anybody their data
        let confidence = if case.active.asserted { Confidence::Certain } else { Confidence::Likely };
        Finding { confidence, objects, cause, evidence, remedy, ..base }
    }
}

/// All that has a claim of this store, and what the build cache keeps in its home.
fn owners<'a>(case: &Case<'a>, store: &StoreInfo) -> Vec<(usize, &'a Owner)> {
    let of_it = |owner: &Owner| owner.key.root == store.root && owner.key.store == store.name;
    case.owners.iter().filter(|(_, owner)| of_it(owner) || owner.path.starts_with(&store.home)).collect()
}

/// The last version that could read a driver's store.
fn last_engine(driver: &str) -> Option<(Triple, &'static str)> {
    // moby daemon/graphdriver/register at each version
    match driver {
        "aufs" | "overlay" => Some(((24, 0, 0), "23.0")),
        "devicemapper" => Some(((25, 0, 0), "24.0")),
        _ => None,
    }
}

fn note(case: &Case<'_>, store: &StoreInfo, containers: &[&Key], has_layers: bool) -> String {
    let name = &store.name;
    let mut note = vec!["No Docker command frees it.".to_owned()];
    match last_engine(name) {
        Some((gone, last)) if case.version >= gone => {
            note.push(format!("This engine cannot read it any more; {last} was the last that could."));
        }
        _ if !has_layers => note.push(format!("Nothing in `{}/image/{name}` says what it held.", store.root)),
        _ => note.push(format!(
            "With \"storage-driver\": \"{name}\" in daemon.json the engine uses it again, and `docker image prune`, `docker rm` and \
             `docker save` work on what it holds."
        )),
    }
    note.push(format!(
        "Once nothing in it is wanted, `{root}/{name}` and `{root}/image/{name}` can be removed by hand with the engine stopped{}.",
        if containers.is_empty() { "" } else { ", and the directories of its containers" },
        root = store.root,
    ));
    note.extend(volumes_only_there(case, containers));
    note.join(" ")
}

/// Volumes that only containers of the store use, in words.
pub(super) fn volumes_only_there(case: &Case<'_>, containers: &[&Key]) -> Option<String> {
    let used = containers.iter().flat_map(|key| case.graph.targets(key, LinkKind::Uses));
    let is_elsewhere = |volume: &Key| {
        let mut users = case.graph.holders(volume).filter(|(_, edge)| edge.kind == LinkKind::Uses);
        users.any(|(user, _)| !containers.contains(&user))
    };
    let volumes: BTreeSet<&Key> = used.filter(|volume| !is_elsewhere(volume)).collect();
    let told = || {
        format!(
            "Only its containers use {} ({}): Docker takes {} for unused, so that `docker volume prune` may remove them.",
            count(volumes.len(), "volume", "volumes"),
            list(volumes.iter().map(|key| &*key.id)),
            if volumes.len() == 1 { "it" } else { "them" },
        )
    };
    (!volumes.is_empty()).then(told)
}
