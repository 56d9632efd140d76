//! What an engine with containerd's image store would show: the images, containers and snapshots of its own namespace and
//! snapshotter. Findings, `df` and predictions start from this view, as they do from `Seen` with a graph driver.
//!
//! A record is an image's name; records with the same target are one image (moby daemon/containerd/image_list.go).

mod content;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::inventory::facts::{Container, Snapshot, StoredImage};
use crate::inventory::{Inventory, Role, Root, StoreInfo, StoreKind};
use crate::terms::{Key, Kind, LinkKind};
pub use content::Present;

/// One snapshotter of one containerd, as the engine of one root sees it.
#[derive(Debug)]
pub struct Stored<'a> {
    pub inventory: &'a Inventory,
    /// containerd's root.
    pub root: Arc<str>,
    /// The snapshotter.
    pub store: Arc<str>,
    pub namespace: String,
    /// The engine's root.
    pub engine_root: Arc<str>,
    pub images: BTreeMap<&'a Key, ImageStored<'a>>,
    /// Containers of this snapshotter whose files are sound.
    pub containers: BTreeMap<&'a Key, &'a Container>,
}

/// An image with what hangs on it.
#[derive(Clone, Debug)]
pub struct ImageStored<'a> {
    pub facts: &'a StoredImage,
    /// Its names, without that of an untagged one.
    pub tags: BTreeSet<&'a Key>,
    /// Images that say they were built on it.
    pub children: BTreeSet<&'a Key>,
    /// The image that it says it was built on, if that is there.
    pub parent: Option<&'a Key>,
    /// Containers that were created from it, of whatever driver, and whether they load or not.
    pub containers: BTreeSet<&'a Key>,
}

impl ImageStored<'_> {
    /// Docker shows `<none>`.
    pub fn is_untagged(&self) -> bool {
        self.tags.is_empty()
    }
}

impl<'a> Stored<'a> {
    /// One for each namespace of an engine and each snapshotter that is read.
    pub fn all(inventory: &'a Inventory) -> Vec<Self> {
        let mut found = Vec::new();
        for info in inventory.stores.iter().filter(|info| info.kind == StoreKind::Containerd && info.populated) {
            let of_root = |key: &Key| key.root == info.root && &*key.store == "containerd";
            for (key, _) in inventory.of_kind(Kind::Namespace).filter(|(key, _)| of_root(key)) {
                found.extend(engine_root(inventory, key).map(|root| Self::of(inventory, info, &key.id, root)));
            }
        }
        found
    }

    fn of(inventory: &'a Inventory, info: &StoreInfo, namespace: &str, engine_root: Arc<str>) -> Self {
        let mut stored = Self {
            inventory,
            root: info.root.clone(),
            store: info.name.clone(),
            namespace: namespace.to_owned(),
            engine_root,
            images: BTreeMap::new(),
            containers: BTreeMap::new(),
        };
        stored.containers = stored.load_containers();
        stored.images = stored.load_images();
        stored
    }

    fn load_containers(&self) -> BTreeMap<&'a Key, &'a Container> {
        let containers = self.inventory.of_kind(Kind::Container);
        containers
            .filter(|(key, _)| key.root == self.engine_root && key.store == self.store)
            .filter_map(|(key, thing)| Some((key, thing.container()?)))
            .filter(|(_, facts)| facts.broken.is_none())
            .collect()
    }

    fn load_images(&self) -> BTreeMap<&'a Key, ImageStored<'a>> {
        let mut images: BTreeMap<&Key, ImageStored<'a>> = BTreeMap::new();
        for (key, thing) in self.inventory.of_kind(Kind::Image).filter(|(key, _)| key.root == self.root) {
            if let Some(facts) = thing.stored_image().filter(|image| image.namespace == self.namespace) {
                let (tags, children, containers) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
                images.insert(key, ImageStored { facts, tags, children, parent: None, containers });
            }
        }
        for link in &self.inventory.links {
            let parent = images.get_key_value(&link.to).map(|(key, _)| *key);
            if link.kind == LinkKind::BuiltOn
                && let Some(child) = images.get_mut(&link.from)
            {
                child.parent = parent;
            }
            let Some(image) = images.get_mut(&link.to) else { continue };
            match link.kind {
                LinkKind::Names => image.tags.insert(&link.from),
                LinkKind::BuiltOn => image.children.insert(&link.from),
                LinkKind::RunsFrom => image.containers.insert(&link.from),
                _ => false,
            };
        }
        images
    }

    /// The key of a snapshot of this namespace.
    pub fn snapshot_key(&self, name: &str) -> Key {
        let id = if self.namespace == "moby" { name.to_owned() } else { format!("{}/{name}", self.namespace) };
        Key { root: self.root.clone(), store: self.store.clone(), kind: Kind::Snapshot, id: id.into() }
    }

    /// A snapshot that `meta.db` names.
    pub fn snapshot(&self, name: &str) -> Option<(&'a Key, &'a Snapshot)> {
        let (key, thing) = self.inventory.entities.get_key_value(&self.snapshot_key(name))?;
        Some((key, thing.snapshot()?))
    }

    /// A snapshot and all below it, top first. Ends where a parent is missing, and where a chain bites its own tail.
    pub fn up(&self, name: &str) -> Vec<(&'a Key, &'a Snapshot)> {
        let mut seen: BTreeSet<&Key> = BTreeSet::new();
        let mut chain = Vec::new();
        let mut at = self.snapshot(name);
        while let Some((key, snapshot)) = at
            && seen.insert(key)
        {
            chain.push((key, snapshot));
            at = snapshot.parent.as_deref().and_then(|parent| self.snapshot(parent));
        }
        chain
    }

    /// Every snapshot of this namespace and snapshotter.
    pub fn snapshots(&self) -> impl Iterator<Item = (&'a Key, &'a Snapshot)> {
        let (root, store, namespace) = (self.root.clone(), self.store.clone(), self.namespace.clone());
        let all = self.inventory.of_kind(Kind::Snapshot);
        all.filter_map(|(key, thing)| Some((key, thing.snapshot()?)))
            .filter(move |(key, facts)| key.root == root && key.store == store && facts.namespace == namespace)
    }

    /// The image of a container, if its record is there.
    pub fn image_of(&self, container: &Key) -> Option<&'a Key> {
        self.images.iter().find(|(_, image)| image.containers.contains(container)).map(|(key, _)| *key)
    }
}

/// The engine's root that a namespace belongs to: `moby` to the plain one, `moby-<uid>.<gid>` to that of the remapped.
// moby daemon/daemon_unix.go: RemapContainerdNamespaces
fn engine_root(inventory: &Inventory, namespace: &Key) -> Option<Arc<str>> {
    let thing = inventory.get(namespace)?.namespace()?;
    let remapped = namespace.id.strip_prefix("moby-");
    if !thing.of_engine || namespace.id.ends_with("_history") || (&*namespace.id != "moby" && remapped.is_none()) {
        return None;
    }
    let is_shared = inventory.is_containerds(&namespace.root);
    // containerd's own root serves every engine; one inside a data root serves that one
    let mut near = inventory.engine_roots().filter(|root| is_shared || root.name.starts_with(&*namespace.root));
    let fits = |root: &&Root| match remapped {
        Some(ids) => root.place.name() == ids.as_bytes(),
        None => root.role == Role::Engine || root.name == namespace.root,
    };
    near.find(fits).map(|root| root.name.clone())
}
