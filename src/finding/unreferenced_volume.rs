//! Volumes that no container uses. What is in them is data: nothing here is called safe to remove.

use std::collections::BTreeMap;

use super::words::{self, count, list, shown, size};
use super::{Case, Finding, Remedy, Rule};
use crate::docker::seen::Triple;
use crate::inventory::facts::{Mount, Volume};
use crate::terms::{Key, Kind, LinkKind, short_id};

const CLASS: &str = "unreferenced-volume";

pub(super) const RULE: Rule = Rule { class: CLASS, relies_on: &[LinkKind::Uses], check };

/// Since this version `docker volume prune` leaves named volumes alone unless told otherwise.
// moby volume/service/convert.go withPrune
const SPARES_NAMED: Triple = (23, 0, 0);

/// Why nobody refers to a volume, and which command would take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Anonymous,
    Named,
    /// It has driver options: no prune takes it, and `docker system df` does not list it.
    WithOptions,
    /// Containers that the engine does not load use it.
    OfUnseen,
}

type Volumes<'a> = Vec<(&'a Key, &'a Volume)>;

fn check(case: &Case<'_>) -> Vec<Finding> {
    let mut groups: BTreeMap<(&str, Group), Volumes<'_>> = BTreeMap::new();
    let volumes = case.inventory.of_kind(Kind::Volume).filter_map(|(key, thing)| Some((key, thing.volume()?)));
    for (key, volume) in volumes.filter(|(_, volume)| volume.at.is_some()) {
        if let Some(group) = group(case, key, volume) {
            groups.entry((&key.root, group)).or_default().push((key, volume));
        }
    }
    groups
        .into_iter()
        .map(|((root, group), volumes)| Finding { doubt: lost_container(case, root), ..finding(case, group, &volumes) })
        .collect()
}

/// A read-write layer of a container that has no directory any more. Which volumes that one used was said there only.
fn lost_container(case: &Case<'_>, root: &str) -> Option<String> {
    let mut mounts = case.inventory.of_kind(Kind::Mount).filter(|(key, _)| *key.root == *root);
    let had = |mount: &Key| {
        let kinds = [LinkKind::ReadWrite, LinkKind::ImageMount];
        case.graph.holders(mount).any(|(_, edge)| kinds.contains(&edge.kind))
    };
    let of_container = |mount: &Mount| mount.init_id.is_some();
    let (lost, _) = mounts.find(|(key, thing)| thing.mount().is_some_and(of_container) && !had(key))?;
    Some(format!(
        "container {} has a read-write layer and no config: which volumes it used is not known",
        short_id(&lost.id)
    ))
}

/// None if a container that the engine loads uses it.
fn group(case: &Case<'_>, key: &Key, volume: &Volume) -> Option<Group> {
    let mut users = users(case, key).peekable();
    let has_users = users.peek().is_some();
    if users.any(|user| is_loaded(case, user)) {
        return None;
    }
    Some(match volume.options.as_ref().is_some_and(|options| !options.is_empty()) {
        _ if has_users => Group::OfUnseen,
        true => Group::WithOptions,
        false if is_anonymous(key, volume) => Group::Anonymous,
        false => Group::Named,
    })
}

fn users<'a>(case: &Case<'a>, volume: &Key) -> impl Iterator<Item = &'a Key> {
    case.graph.holders(volume).filter(|(_, edge)| edge.kind == LinkKind::Uses).map(|(user, _)| user)
}

/// Of a store that is not read in detail, every container that parses.
fn is_loaded(case: &Case<'_>, container: &Key) -> bool {
    if case.is_stranded(&container.root, &container.store) {
        return false;
    }
    match case.seen.iter().find(|seen| seen.root == container.root && seen.store == container.store) {
        Some(seen) => seen.containers.contains_key(container),
        None => case.inventory.get(container).and_then(|it| it.container()).is_some_and(|facts| facts.broken.is_none()),
    }
}

/// Labelled since 23.0; before that, and where the label was forgotten, only the name tells.
// moby volume/service/service.go Create
fn is_anonymous(key: &Key, volume: &Volume) -> bool {
    let is_hash = key.id.len() == 64 && key.id.bytes().all(|b| b.is_ascii_hexdigit());
    is_labelled(volume) || is_hash
}

fn is_labelled(volume: &Volume) -> bool {
    volume.labels.as_ref().is_some_and(|labels| labels.contains_key("com.docker.volume.anonymous"))
}

fn finding(case: &Case<'_>, group: Group, volumes: &Volumes<'_>) -> Finding {
    let base = case.finding(CLASS, &case.owners_of(volumes.iter().map(|(key, _)| *key)));
    let names = list(volumes.iter().map(|(key, _)| short_id(&key.id)));
    let number = |kind: &str| count(volumes.len(), &format!("{kind}volume"), &format!("{kind}volumes"));
    let (is, it) = (if volumes.len() == 1 { "is" } else { "are" }, words::it(volumes.len()));
    let weight = size(base.on_disk_bytes);
    let cause = match group {
        Group::Anonymous => format!("{} ({names}) {is} used by no container: {weight} of data.", number("anonymous ")),
        Group::Named => format!("{} ({names}) {is} used by no container: {weight} of data.", number("named ")),
        Group::WithOptions => {
            format!(
                "{} with driver options ({names}) {is} used by no container and shown by no `docker system df`: {weight}.",
                number("")
            )
        }
        Group::OfUnseen => format!(
            "{} ({names}) {is} used only by containers that the engine does not load, so that Docker takes {it} for unused: {weight}.",
            number("")
        ),
    };
    let commands = match group {
        Group::OfUnseen => Vec::new(),
        _ => words::commands("docker volume rm", &arguments(volumes)),
    };
    Finding {
        objects: objects(case, group, volumes),
        cause,
        evidence: evidence(case, group, volumes),
        remedy: Remedy { commands, note: note(case, group, volumes) },
        ..base
    }
}

/// Of a name that a shell would take apart, none: it is told by the note.
fn arguments(volumes: &Volumes<'_>) -> Vec<String> {
    volumes.iter().map(|(key, _)| key.id.to_string()).filter(|name| words::is_plain(name)).collect()
}

fn objects(case: &Case<'_>, group: Group, volumes: &Volumes<'_>) -> Vec<Key> {
    let mut objects: Vec<Key> = volumes.iter().map(|(key, _)| (*key).clone()).collect();
    if group == Group::OfUnseen {
        objects.extend(volumes.iter().flat_map(|(key, _)| users(case, key)).cloned());
    }
    objects
}

fn evidence(case: &Case<'_>, group: Group, volumes: &Volumes<'_>) -> Vec<String> {
    let said = |(key, volume): &(&Key, &Volume)| {
        let at = case.place_of(key).map_or_else(|| key.id.to_string(), ToString::to_string);
        let known = match (volume.in_database, volume.database_read) {
            (true, _) => "",
            (false, true) => ", and not in volumes/metadata.db",
            (false, false) => ", and volumes/metadata.db could not be read",
        };
        let data = if volume.has_data { "" } else { ", without _data" };
        format!("{at}: in no MountPoints of a container that loads{known}{data}")
    };
    let mut evidence: Vec<String> = volumes.iter().map(said).collect();
    if group == Group::OfUnseen {
        let users = volumes.iter().flat_map(|(key, _)| users(case, key));
        evidence.extend(users.map(|user| case.file_of(user, "config.v2.json")));
        evidence.dedup();
    }
    evidence
}

fn note(case: &Case<'_>, group: Group, volumes: &Volumes<'_>) -> String {
    let it = words::it(volumes.len());
    let mut note = vec![match group {
        Group::OfUnseen => {
            let users: Vec<String> =
                volumes.iter().flat_map(|(key, _)| users(case, key)).map(|user| name(case, user)).collect();
            format!(
                "Do not prune volumes on this host before these containers are sorted out: {}. `docker volume prune` and `docker volume \
                 rm` would delete the data of {it}.",
                list(users)
            )
        }
        _ => format!("`docker volume rm` deletes the data for good; look into {it} first."),
    }];
    note.push(prune(case.version, group, volumes));
    if volumes.iter().any(|(_, volume)| !volume.database_read) {
        note.push("volumes/metadata.db could not be read, so labels and options are not known.".to_owned());
    }
    if volumes.iter().any(|(_, volume)| volume.needs_mount) {
        note.push("Volumes with a device keep their data there, not here.".to_owned());
    }
    let odd: Vec<&str> = volumes.iter().map(|(key, _)| &*key.id).filter(|name| !words::is_plain(name)).collect();
    if !odd.is_empty() {
        note.push(format!(
            "Not in the commands, because of their names: {}.",
            list(odd.iter().map(|name| shown(name)))
        ));
    }
    note.retain(|part| !part.is_empty());
    note.join(" ")
}

/// What the engine's own prune would do.
// moby volume/service/service.go Prune
fn prune(version: Triple, group: Group, volumes: &Volumes<'_>) -> String {
    if group == Group::WithOptions {
        return "`docker volume prune` never takes volumes with options.".to_owned();
    }
    if version < SPARES_NAMED {
        return "`docker volume prune` of this engine takes every volume that no container uses, named ones too."
            .to_owned();
    }
    let unlabelled = volumes.iter().filter(|(_, volume)| !is_labelled(volume)).count();
    match group {
        Group::Anonymous if unlabelled == 0 => "`docker volume prune` takes these.".to_owned(),
        Group::Anonymous => format!(
            "`docker volume prune` takes those that are labelled as anonymous; {unlabelled} of these {} not, and {} only with `-a`.",
            if unlabelled == 1 { "is" } else { "are" },
            if unlabelled == 1 { "goes" } else { "go" },
        ),
        _ => "`docker volume prune` leaves named volumes alone; with `-a` it takes every one that no container uses."
            .to_owned(),
    }
}

fn name(case: &Case<'_>, container: &Key) -> String {
    let name = case.inventory.get(container).map_or("", |thing| thing.name.as_str());
    if name.is_empty() { short_id(&container.id).to_owned() } else { name.to_owned() }
}
