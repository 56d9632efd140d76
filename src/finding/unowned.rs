//! Directories of a driver that no metadata names.

use std::collections::{BTreeMap, BTreeSet};

use super::Case;
use crate::docker::seen::Seen;
use crate::inventory::facts::DriverDirectory;
use crate::terms::{Key, Kind, LinkKind};

/// The directories of a store that nothing names and that nothing in use stands on.
pub(super) fn directories<'a>(case: &Case<'a>, seen: &Seen<'a>) -> BTreeMap<&'a Key, &'a DriverDirectory> {
    let mut held: BTreeSet<&Key> = BTreeSet::new();
    let mut lower: BTreeMap<&Key, Vec<&Key>> = BTreeMap::new();
    for link in case.inventory.links.iter().filter(|link| link.to.kind == Kind::DriverDirectory) {
        match link.kind {
            LinkKind::StoredIn | LinkKind::InitLayer | LinkKind::Interrupted => {
                held.insert(&link.to);
            }
            LinkKind::Lower => lower.entry(&link.from).or_default().push(&link.to),
            _ => {}
        }
    }
    // whatever the layer store says: a mount of what stands on it would fail without it
    let mut todo: Vec<&Key> = held.iter().copied().collect();
    while let Some(key) = todo.pop() {
        let below = lower.get(key).into_iter().flatten();
        todo.extend(below.filter(|below| held.insert(below)).copied());
    }
    let all = case.inventory.of_kind(Kind::DriverDirectory);
    all.filter(|(key, _)| key.root == seen.root && key.store == seen.store && !held.contains(key))
        .filter_map(|(key, thing)| Some((key, thing.driver_directory()?)))
        .filter(|(_, facts)| facts.at.is_some() && !facts.removing)
        .collect()
}

/// A read-write directory with the init directory it stands on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair<'a> {
    pub(super) rw: &'a Key,
    pub(super) init: &'a Key,
    /// The directory of the layer below, as the driver says.
    pub(super) stands_on: Option<&'a str>,
}

/// Directories that were a container's: only those have an init directory.
// moby layer/layer_store.go initMount
pub(super) fn pairs<'a>(directories: &BTreeMap<&'a Key, &'a DriverDirectory>) -> Vec<Pair<'a>> {
    let init_of = |rw: &Key| {
        let init = Key { id: format!("{}-init", rw.id).into(), ..rw.clone() };
        directories.get_key_value(&init).map(|(key, _)| *key)
    };
    let pair = |(rw, facts): (&&'a Key, &&'a DriverDirectory)| {
        let init = init_of(rw)?;
        Some(Pair { rw, init, stands_on: facts.lower.get(1).map(|id| &**id) })
    };
    directories.iter().filter_map(pair).collect()
}
