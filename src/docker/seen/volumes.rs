//! Volumes of the local driver, and how many loaded containers refer to each.

use std::collections::{BTreeMap, BTreeSet};

use super::{ContainerSeen, Triple};
use crate::inventory::Inventory;
use crate::inventory::facts::Volume;
use crate::terms::{Key, Kind};

/// From this version on a directory is a volume only if it holds `_data` or `opts.json`.
/// moby daemon/volume/local/local.go New (29.4.0).
const WANTS_DATA: Triple = (29, 4, 0);

/// A volume that the local driver has.
#[derive(Clone, Debug)]
pub struct VolumeSeen<'a> {
    pub facts: &'a Volume,
    /// Loaded containers that refer to it, running or not.
    pub users: BTreeSet<&'a Key>,
}

impl VolumeSeen<'_> {
    /// `df` has a row for it. moby volume/service/service.go LocalVolumesSize: no driver options in the database.
    pub fn has_row(&self) -> bool {
        self.facts.options.as_ref().is_none_or(BTreeMap::is_empty)
    }
}

/// moby volume/local/local.go New: every directory is a volume, in the database or not.
pub(in crate::docker) fn loaded<'a>(
    inventory: &'a Inventory,
    root: &str,
    version: Triple,
    containers: &BTreeMap<&'a Key, ContainerSeen<'a>>,
) -> BTreeMap<&'a Key, VolumeSeen<'a>> {
    let users = users(containers);
    inventory
        .of_kind(Kind::Volume)
        .filter(|(key, _)| *key.root == *root)
        .filter_map(|(key, thing)| Some((key, thing.volume()?)))
        .filter(|(_, volume)| volume.at.is_some() && matches!(volume.driver.as_str(), "local" | ""))
        .filter(|(_, volume)| version < WANTS_DATA || volume.has_data || volume.needs_mount)
        .map(|(key, facts)| (key, VolumeSeen { facts, users: users.get(&*key.id).cloned().unwrap_or_default() }))
        .collect()
}

/// moby daemon/volumes.go lazyInitializeVolume: a mount point with a driver refers to the volume of its name.
fn users<'a>(containers: &BTreeMap<&'a Key, ContainerSeen<'a>>) -> BTreeMap<&'a str, BTreeSet<&'a Key>> {
    let mut users: BTreeMap<&str, BTreeSet<&Key>> = BTreeMap::new();
    for (key, container) in containers {
        for mount in container.facts.mounts.iter().filter(|mount| !mount.driver.is_empty()) {
            users.entry(&mount.name).or_default().insert(key);
        }
    }
    users
}
