//! The classes of containerd's image store that have the same name as with a graph driver, and what all of this store's
//! rules share. Each file is a way in which a class shows itself here.

pub(super) mod build_cache;
pub(super) mod half_removed;
pub(super) mod images;
pub(super) mod ingests;
pub(super) mod orphans;
pub(super) mod pinned;
pub(super) mod stale_lease;
pub(super) mod stopped;
pub(super) mod stranded;

use std::collections::BTreeSet;

use super::Case;
use super::words::{is_plain, shown};
use crate::docker::stored::Stored;
use crate::terms::{Key, Kind, LinkKind, short_id};

/// What containerd's databases say of who keeps what: without it anything may look unneeded.
pub(super) const METADATA: &[LinkKind] = &[
    LinkKind::Names,
    LinkKind::Target,
    LinkKind::GcRef,
    LinkKind::Leases,
    LinkKind::SnapshotParent,
    LinkKind::StoredIn,
    LinkKind::Content,
];

/// The same, and what the engine's own files say of its containers and records.
pub(super) const ALL: &[LinkKind] = &[
    LinkKind::Names,
    LinkKind::Target,
    LinkKind::GcRef,
    LinkKind::Leases,
    LinkKind::SnapshotParent,
    LinkKind::StoredIn,
    LinkKind::Content,
    LinkKind::BuiltOn,
    LinkKind::RunsFrom,
    LinkKind::ReadWrite,
    LinkKind::HoldsLease,
];

/// The stores of this kind that the engine uses.
pub(super) fn in_use<'a>(case: &Case<'a>) -> impl Iterator<Item = &'a Stored<'a>> {
    let case = *case;
    lived_in(&case).filter(move |stored| !case.is_stranded(&stored.home, &stored.store))
}

/// The stores of this kind in which there is something, of whatever engine.
fn lived_in<'a>(case: &Case<'a>) -> impl Iterator<Item = &'a Stored<'a>> + use<'a> {
    case.stored.iter().filter(|stored| stored.is_lived_in())
}

/// What lies on the disk for the sake of images and snapshots.
pub(super) fn is_data(key: &&Key) -> bool {
    matches!(key.kind, Kind::Snapshot | Kind::Blob)
}

/// What goes with some things and would not go with others of them alone.
pub(super) fn freed_besides<'a>(case: &Case<'a>, all: &[&'a Key], alone: &[&'a Key]) -> BTreeSet<&'a Key> {
    let without: BTreeSet<&Key> = case.freed_with(alone.iter().copied()).into_iter().collect();
    let with = case.freed_with(all.iter().copied());
    with.into_iter().filter(is_data).filter(|key| !without.contains(key)).collect()
}

/// What a person calls a container.
pub(super) fn name_of(case: &Case<'_>, key: &Key) -> String {
    let name = case.inventory.get(key).map_or("", |thing| thing.name.as_str());
    if name.is_empty() { short_id(&key.id).to_owned() } else { name.to_owned() }
}

/// Containers as arguments, in order.
pub(super) fn arguments<'k>(case: &Case<'_>, containers: impl IntoIterator<Item = &'k Key>) -> Vec<String> {
    let argument = |key: &Key| {
        let name = name_of(case, key);
        if is_plain(&name) { name } else { key.id.to_string() }
    };
    let mut arguments: Vec<String> = containers.into_iter().map(argument).collect();
    arguments.sort();
    arguments
}

/// An image as an argument: the short ID if no other image's begins with it.
pub(super) fn image_argument(stored: &Stored<'_>, target: &str) -> String {
    let short = short_id(target);
    let alike = stored.images.keys().filter(|other| short_id(other) == short).count();
    if alike == 1 { short.to_owned() } else { shown(target) }
}

/// Containers that run, as their files say.
pub(super) fn alive<'a>(case: &Case<'a>, containers: impl IntoIterator<Item = &'a Key>) -> Vec<&'a Key> {
    let runs = |key: &&Key| {
        case.inventory.get(key).and_then(|thing| thing.container()).is_some_and(|facts| facts.state.is_alive())
    };
    containers.into_iter().filter(runs).collect()
}

/// Commands that stop what runs, and remove containers.
pub(super) fn removal<'a>(case: &Case<'a>, containers: &BTreeSet<&'a Key>) -> Vec<String> {
    let alive = alive(case, containers.iter().copied());
    let leaves_by_itself = |key: &Key| {
        let facts = case.inventory.get(key).and_then(|thing| thing.container());
        facts.is_some_and(|facts| facts.auto_remove && facts.state.is_alive())
    };
    let stop = arguments(case, alive);
    let rm = arguments(case, containers.iter().copied().filter(|key| !leaves_by_itself(key)));
    [("docker stop", stop), ("docker rm", rm)]
        .into_iter()
        .filter(|(_, arguments)| !arguments.is_empty())
        .map(|(verb, arguments)| super::words::command(verb, &arguments))
        .collect()
}
