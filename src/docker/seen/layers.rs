//! Layers and read-write layers that load: their own files parse, and so do those of every layer below.

use std::collections::{BTreeMap, BTreeSet};

use super::Seen;
use crate::inventory::facts::{Layer, Mount};
use crate::terms::{Key, Kind};

/// moby layer/layer_store.go loadLayer: a layer loads after its parent; what fails takes every descendant with it.
pub(super) fn loaded<'a>(seen: &Seen<'a>) -> BTreeMap<&'a Key, &'a Layer> {
    let sound: BTreeMap<&Key, &Layer> = seen
        .of_kind(Kind::Layer)
        .filter_map(|(key, thing)| Some((key, thing.layer()?)))
        .filter(|(_, layer)| layer.broken.is_none())
        .collect();
    let parent_of = |layer: &Layer| layer.parent.as_ref().map(|chain| seen.key(Kind::Layer, chain.0.as_str()));
    let mut judged: BTreeMap<&Key, bool> = BTreeMap::new();
    for (key, layer) in &sound {
        // down to the first layer that is known; the path is then judged as a whole
        let mut path: BTreeSet<&Key> = BTreeSet::from([*key]);
        let mut at = *layer;
        let verdict = loop {
            let Some(parent) = parent_of(at) else { break true };
            let Some((parent, layer)) = sound.get_key_value(&parent) else { break false };
            if let Some(known) = judged.get(parent) {
                break *known;
            }
            // a cycle: the engine would never come to an end
            if !path.insert(parent) {
                break false;
            }
            at = *layer;
        };
        judged.extend(path.into_iter().map(|key| (key, verdict)));
    }
    sound.into_iter().filter(|(key, _)| judged.get(key) == Some(&true)).collect()
}

/// moby layer/layer_store.go loadMount: its three files parse, and the layer it stands on loads.
pub(super) fn loaded_mounts<'a>(seen: &Seen<'a>) -> BTreeMap<&'a Key, &'a Mount> {
    seen.of_kind(Kind::Mount)
        .filter_map(|(key, thing)| Some((key, thing.mount()?)))
        .filter(|(_, mount)| mount.broken.is_none() && mount.mount_id.is_some())
        .filter(|(_, mount)| mount.parent.as_ref().is_none_or(|parent| seen.layer(parent).is_some()))
        .collect()
}
