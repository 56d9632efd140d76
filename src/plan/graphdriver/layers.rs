//! The layer store: layers with their counts of references. A layer goes when the last reference is dropped, and drops
//! its own on the layer below; one that nothing ever refers to stays. moby layer/layer_store.go.

use std::collections::BTreeMap;

use crate::docker::seen::Seen;
use crate::inventory::facts::{Layer, Mount};
use crate::plan::gone::Gone;
use crate::terms::{CacheId, ChainId, Key, Kind};

#[derive(Debug)]
pub(super) struct Layers<'a> {
    seen: &'a Seen<'a>,
    held: BTreeMap<&'a str, Held<'a>>,
    mounts: BTreeMap<&'a str, (&'a Key, &'a Mount)>,
}

#[derive(Debug)]
struct Held<'a> {
    key: &'a Key,
    facts: &'a Layer,
    references: usize,
}

impl<'a> Layers<'a> {
    /// With the references that layers and read-write layers have. moby layer_store.go newStoreFromGraphDriver.
    pub(super) fn of(seen: &'a Seen<'a>) -> Self {
        let held = seen.layers.iter().map(|(key, facts)| (&*key.id, Held { key, facts, references: 0 }));
        let mounts = seen.mounts.iter().map(|(key, mount)| (&*key.id, (*key, *mount)));
        let mut layers = Self { seen, held: held.collect(), mounts: mounts.collect() };
        let parents = seen.layers.values().filter_map(|layer| layer.parent.as_ref());
        let below = seen.mounts.values().filter_map(|mount| mount.parent.as_ref());
        parents.chain(below).for_each(|chain| layers.retain(chain));
        layers
    }

    pub(super) fn has(&self, chain: &ChainId) -> bool {
        self.held.contains_key(chain.0.as_str())
    }

    /// What is recorded as a layer's size.
    pub(super) fn size(&self, chain: &ChainId) -> i64 {
        let layer = self.seen.layer(chain).and_then(|(_, layer)| layer.size);
        layer.and_then(|size| i64::try_from(size).ok()).unwrap_or(0)
    }

    pub(super) fn retain(&mut self, chain: &ChainId) {
        if let Some(held) = self.held.get_mut(chain.0.as_str()) {
            held.references = held.references.saturating_add(1);
        }
    }

    /// Drops one reference. Answers with the layers that go, topmost first.
    pub(super) fn release(&mut self, chain: &ChainId, gone: &mut Gone<'_>) -> Vec<ChainId> {
        let mut removed = Vec::new();
        let mut next = Some(chain.clone());
        while let Some(chain) = next.take() {
            let Some(held) = self.held.get_mut(chain.0.as_str()) else { break };
            held.references = held.references.saturating_sub(1);
            if held.references > 0 {
                break;
            }
            let (key, facts) = (held.key, held.facts);
            self.held.remove(&*key.id);
            if let Some(cache_id) = &facts.cache_id {
                drop_directory(self.seen, cache_id, gone);
            }
            gone.thing(key);
            next.clone_from(&facts.parent);
            removed.push(chain);
        }
        removed
    }

    /// Removes a read-write layer. moby layer_store.go ReleaseRWLayer.
    pub(super) fn release_mount(&mut self, name: &str, gone: &mut Gone<'_>) {
        let Some((key, mount)) = self.mounts.remove(name) else { return };
        for id in mount.mount_id.iter().chain(&mount.init_id) {
            drop_directory(self.seen, id, gone);
        }
        gone.thing(key);
        if let Some(parent) = &mount.parent {
            self.release(parent, gone);
        }
    }
}

/// A driver's directory, and of the short names that lead to it the one that it says it has.
// moby daemon/graphdriver/overlay2/overlay.go Remove
pub(super) fn drop_directory(seen: &Seen<'_>, id: &CacheId, gone: &mut Gone<'_>) {
    let key = seen.key(Kind::DriverDirectory, id.as_str());
    let Some(thing) = seen.inventory.get(&key) else { return };
    let Some(facts) = thing.driver_directory() else { return };
    let at = facts.at.as_ref();
    let is_short = |place: &crate::terms::Place| place.parent().is_some_and(|above| above.name() == b"l");
    for lot in &thing.lots {
        let own = Some(&lot.at) == at;
        let named = || facts.link.as_ref().is_some_and(|link| lot.at.name() == link.as_bytes());
        if own || !is_short(&lot.at) || named() {
            gone.place(lot.at.clone());
        }
    }
}
