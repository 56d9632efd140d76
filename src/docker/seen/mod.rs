//! What the engine would have in memory after a start on one store of one root: what loads, what it skips in silence,
//! and how the loaded things hang together. Findings, `df` and predictions start from this view.
//!
//! What does not load is on the disk all the same, and no command of the engine shows it.

mod cache;
mod containers;
mod images;
mod layers;
mod reference;
#[cfg(test)]
pub(crate) mod table;
#[cfg(test)]
mod tests;
pub(super) mod volumes;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::inventory::Inventory;
use crate::inventory::facts::{Layer, Mount};
use crate::terms::{ChainId, Key, Kind};
pub use containers::ContainerSeen;
pub use images::ImageSeen;
pub use reference::{Named, Reference, familiar};
pub use volumes::VolumeSeen;

/// Major, minor, patch.
pub type Triple = (u32, u32, u32);

/// One store of one root, as an engine of some version would load it.
#[derive(Debug)]
pub struct Seen<'a> {
    pub inventory: &'a Inventory,
    pub root: Arc<str>,
    pub store: Arc<str>,
    pub version: Triple,
    /// Loaded layers.
    pub layers: BTreeMap<&'a Key, &'a Layer>,
    /// The same by chain ID: every layer of every image is looked up.
    by_chain: HashMap<&'a str, (&'a Key, &'a Layer)>,
    /// Loaded read-write layers, those of containers and all others.
    pub mounts: BTreeMap<&'a Key, &'a Mount>,
    /// Loaded images.
    pub images: BTreeMap<&'a Key, ImageSeen<'a>>,
    /// Loaded containers.
    pub containers: BTreeMap<&'a Key, ContainerSeen<'a>>,
    /// Volumes of the local driver.
    pub volumes: BTreeMap<&'a Key, VolumeSeen<'a>>,
}

impl<'a> Seen<'a> {
    pub fn of(inventory: &'a Inventory, root: &str, store: &str, version: Triple) -> Self {
        let mut seen = Self {
            inventory,
            root: root.into(),
            store: store.into(),
            version,
            layers: BTreeMap::new(),
            by_chain: HashMap::new(),
            mounts: BTreeMap::new(),
            images: BTreeMap::new(),
            containers: BTreeMap::new(),
            volumes: BTreeMap::new(),
        };
        seen.layers = layers::loaded(&seen);
        seen.by_chain = seen.layers.iter().map(|(key, layer)| (&*key.id, (*key, *layer))).collect();
        seen.mounts = layers::loaded_mounts(&seen);
        seen.images = images::loaded(&seen);
        seen.containers = containers::loaded(&seen);
        images::count_containers(&mut seen);
        seen.volumes = volumes::loaded(inventory, root, version, &seen.containers);
        seen
    }

    /// The key of a thing in this store.
    pub fn key(&self, kind: Kind, id: impl Into<Arc<str>>) -> Key {
        Key { root: self.root.clone(), store: self.store.clone(), kind, id: id.into() }
    }

    /// A loaded layer by its chain ID.
    pub fn layer(&self, chain: &ChainId) -> Option<(&'a Key, &'a Layer)> {
        self.by_chain.get(chain.0.as_str()).copied()
    }

    /// A loaded layer and all below it, top first.
    pub fn chain_of(&self, top: &ChainId) -> Vec<(&'a Key, &'a Layer)> {
        // what is loaded has no cycle
        std::iter::successors(self.layer(top), |(_, layer)| self.layer(layer.parent.as_ref()?)).collect()
    }

    /// The layers that loaded images need, whether the images are listed or not.
    pub fn needed_by_images(&self) -> BTreeSet<&'a Key> {
        let tops = self.images.values().filter_map(|image| image.facts.chain.last());
        self.needed(tops)
    }

    /// The layers that loaded read-write layers stand on.
    pub fn needed_by_mounts(&self) -> BTreeSet<&'a Key> {
        self.needed(self.mounts.values().filter_map(|mount| mount.parent.as_ref()))
    }

    /// The layers that the build cache holds: those of every snapshot that a lease or a record leads to.
    pub fn needed_by_cache(&self) -> BTreeSet<&'a Key> {
        self.needed(cache::held_chains(self).iter())
    }

    /// These layers and all below them.
    pub fn needed<'c>(&self, tops: impl Iterator<Item = &'c ChainId>) -> BTreeSet<&'a Key> {
        let mut found = BTreeSet::new();
        for top in tops {
            let mut at = self.layer(top);
            // below what was found before, all was found before
            while let Some((key, layer)) = at
                && found.insert(key)
            {
                at = layer.parent.as_ref().and_then(|parent| self.layer(parent));
            }
        }
        found
    }

    /// The entities of one kind in this store.
    fn of_kind(&self, kind: Kind) -> impl Iterator<Item = (&'a Key, &'a crate::inventory::Entity)> + use<'a> {
        let (root, store) = (self.root.clone(), self.store.clone());
        self.inventory.of_kind(kind).filter(move |(key, _)| key.root == root && key.store == store)
    }

    /// The entities of one kind in this root, whatever the store.
    fn of_root(&self, kind: Kind) -> impl Iterator<Item = (&'a Key, &'a crate::inventory::Entity)> + use<'a> {
        let root = self.root.clone();
        self.inventory.of_kind(kind).filter(move |(key, _)| key.root == root)
    }
}
