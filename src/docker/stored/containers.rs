//! Containers: those that are sound, and of these those that load.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::Stored;
use crate::docker::seen::{ContainerSeen, Triple};
use crate::inventory::facts::Container;
use crate::terms::{Key, Kind};

/// From this version on a container loads only with its snapshot and its lease …
// moby daemon/containerd/image_snapshot.go: GetLayerByID (28.0)
const WANTS_LAYER: Triple = (28, 0, 0);
/// … and from this one on without them, too, so that it can be removed.
// moby daemon/daemon.go: restore (29.4.0)
const KEEPS_WITHOUT_LAYER: Triple = (29, 4, 0);

/// Both files parse, and it is of this snapshotter.
// moby daemon/daemon.go: loadContainers
pub(super) fn sound<'a>(stored: &Stored<'a>) -> BTreeMap<&'a Key, &'a Container> {
    let all = stored.inventory.of_kind(Kind::Container).filter(|(key, _)| key.root == stored.root);
    let facts = all.filter_map(|(key, thing)| Some((key, thing.container()?)));
    facts.filter(|(_, facts)| facts.broken.is_none() && *facts.driver == *stored.store).collect()
}

// moby daemon/daemon.go: restore
pub(super) fn loaded<'a>(stored: &Stored<'a>) -> BTreeMap<&'a Key, ContainerSeen<'a>> {
    let wants_layer = (WANTS_LAYER..KEEPS_WITHOUT_LAYER).contains(&stored.version);
    let mut names: BTreeSet<&str> = BTreeSet::new();
    let mut containers = BTreeMap::new();
    for (key, facts) in stored.sound.iter().map(|(key, facts)| (*key, *facts)) {
        let mount = stored.snapshots.get(&*key.id).map(|(key, _)| *key);
        if wants_layer && (mount.is_none() || !stored.has_lease(&key.id)) {
            continue;
        }
        // of two with one name the engine registers one; which, is chance
        if !facts.name.is_empty() && !names.insert(&facts.name) {
            continue;
        }
        let image = facts.image.as_ref().and_then(|image| stored.images.get(image.as_str())).map(|image| image.key);
        containers.insert(key, ContainerSeen { facts, mount, image });
    }
    containers
}

/// The containers that were made from a manifest, newest first.
pub(super) fn by_manifest<'a>(stored: &Stored<'a>) -> BTreeMap<&'a str, Vec<&'a Key>> {
    let mut found: BTreeMap<&str, Vec<(&Key, _)>> = BTreeMap::new();
    for (key, container) in &stored.containers {
        if let Some(manifest) = &container.facts.image_manifest {
            found.entry(manifest.as_str()).or_default().push((key, container.facts.created));
        }
    }
    let newest_first = |mut users: Vec<(&'a Key, _)>| {
        users.sort_by_key(|(key, created)| (Reverse(*created), *key));
        users.into_iter().map(|(key, _)| key).collect()
    };
    found.into_iter().map(|(manifest, users)| (manifest, newest_first(users))).collect()
}
