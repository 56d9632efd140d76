//! Layers and read-write layers that load: their own files parse, and so do those of every layer below.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Seen;
use crate::inventory::facts::{Layer, Mount};
use crate::terms::{Key, Kind};

/// moby layer/layer_store.go loadLayer: a layer loads after its parent; what fails takes every descendant with it.
pub(super) fn loaded<'a>(seen: &Seen<'a>) -> BTreeMap<&'a Key, &'a Layer> {
    let sound: BTreeMap<&str, (&Key, &Layer)> = seen
        .of_kind(Kind::Layer)
        .filter_map(|(key, thing)| Some((&*key.id, (key, thing.layer()?))))
        .filter(|(_, (_, layer))| layer.broken.is_none())
        .collect();
    let mut judged: HashMap<&str, bool> = HashMap::new();
    for (id, (_, layer)) in &sound {
        // down to the first layer that is known; the path is then judged as a whole
        let mut path: HashSet<&str> = HashSet::from([*id]);
        let mut at = *layer;
        let verdict = loop {
            let Some(parent) = &at.parent else { break true };
            let Some((id, (_, layer))) = sound.get_key_value(parent.0.as_str()) else { break false };
            if let Some(known) = judged.get(id) {
                break *known;
            }
            // a cycle: the engine would never come to an end
            if !path.insert(id) {
                break false;
            }
            at = *layer;
        };
        judged.extend(path.into_iter().map(|id| (id, verdict)));
    }
    sound.into_iter().filter(|(id, _)| judged.get(id) == Some(&true)).map(|(_, layer)| layer).collect()
}

/// moby layer/layer_store.go loadMount: its three files parse, and the layer it stands on loads.
pub(super) fn loaded_mounts<'a>(seen: &Seen<'a>) -> BTreeMap<&'a Key, &'a Mount> {
    seen.of_kind(Kind::Mount)
        .filter_map(|(key, thing)| Some((key, thing.mount()?)))
        .filter(|(_, mount)| mount.broken.is_none() && mount.mount_id.is_some())
        .filter(|(_, mount)| mount.parent.as_ref().is_none_or(|parent| seen.layer(parent).is_some()))
        .collect()
}
