//! What the engine sees in containerd's image store: the images, content and snapshots of its own namespace, and its
//! containers and volumes. Findings, lists, `df` and predictions start from this view; the counterpart of
//! [`Seen`](super::seen::Seen), which is for graph drivers.
//!
//! ```text
//! record(s) -> target -> index -> manifest, one a platform -> config -> chain of snapshots
//!                                                          -> layers (blobs)
//! container -> its manifest;  its snapshot -> `<id>-init` -> chain of snapshots
//! ```
//!
//! "Present" is what the namespace has an entry for, whether the file is there or not; to read on, the file is needed.

mod containers;
mod engines;
mod images;
mod manifest;
mod names;
mod origin;
#[cfg(test)]
pub(crate) mod table;
#[cfg(test)]
mod tests;
mod usage;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::seen::volumes;
use super::seen::{ContainerSeen, Triple, VolumeSeen};
use crate::format::oci::{Descriptor, Document};
use crate::inventory::Inventory;
use crate::inventory::facts::{Blob, Container, ContentEntry, Snapshot, StoredImage, in_namespace};
use crate::terms::{Key, Kind};
pub use images::{ImageListed, ImageStored, ImagesAsked, parent_of_record};
pub use manifest::{ManifestKind, ManifestStored};
pub use usage::{Sum, Usages};

/// The store of everything but snapshots.
const STORE: &str = "containerd";

/// One snapshotter of one containerd root, as an engine of some version would load it.
#[derive(Debug)]
pub struct Stored<'a> {
    pub inventory: &'a Inventory,
    /// The engine's root: containers and volumes are there.
    pub root: Arc<str>,
    /// containerd's root: the same if dockerd keeps a containerd of its own.
    pub home: Arc<str>,
    /// The snapshotter.
    pub store: Arc<str>,
    pub namespace: String,
    pub version: Triple,
    /// Answers are given for its engine. Of the namespaces of other engines in the same containerd findings speak, too.
    pub asked: bool,
    /// By name.
    pub snapshots: BTreeMap<&'a str, (&'a Key, &'a Snapshot)>,
    /// Blobs that the namespace has an entry for, by digest.
    pub blobs: BTreeMap<&'a str, (&'a Key, &'a Blob)>,
    /// By target.
    pub images: BTreeMap<&'a str, ImageStored<'a>>,
    /// Containers of this snapshotter whose files are sound, whether they load or not.
    pub sound: BTreeMap<&'a Key, &'a Container>,
    /// Loaded containers.
    pub containers: BTreeMap<&'a Key, ContainerSeen<'a>>,
    /// Volumes of the local driver.
    pub volumes: BTreeMap<&'a Key, VolumeSeen<'a>>,
    /// Targets by the whole names of their records.
    names: BTreeMap<&'a str, &'a str>,
    /// The containers of a manifest, newest first.
    by_manifest: BTreeMap<&'a str, Vec<&'a Key>>,
    /// The architecture that most images are unpacked for.
    architecture: String,
}

/// A snapshotter, and the namespace and root of an engine that works with it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Spot {
    namespace: String,
    root: Arc<str>,
    home: Arc<str>,
    store: Arc<str>,
}

impl<'a> Stored<'a> {
    /// The store `store` of containerd's root `home`, for the engine of root `root`.
    pub fn of(inventory: &'a Inventory, root: &str, home: &str, store: &str, version: Triple) -> Self {
        let at =
            Spot { root: root.into(), home: home.into(), store: store.into(), namespace: engines::namespace(root) };
        Self::read(inventory, at, version)
    }

    fn read(inventory: &'a Inventory, at: Spot, version: Triple) -> Self {
        let Spot { root, home, store, namespace } = at;
        let mut stored = Self {
            inventory,
            snapshots: snapshots(inventory, &home, &store, &namespace),
            blobs: blobs(inventory, &home, &namespace),
            root,
            home,
            store,
            namespace,
            version,
            asked: true,
            images: BTreeMap::new(),
            sound: BTreeMap::new(),
            containers: BTreeMap::new(),
            volumes: BTreeMap::new(),
            names: BTreeMap::new(),
            by_manifest: BTreeMap::new(),
            architecture: String::new(),
        };
        stored.images = images::of(&stored);
        stored.names = names::of(&stored);
        stored.architecture = manifest::architecture(&stored);
        stored.sound = containers::sound(&stored);
        stored.containers = containers::loaded(&stored);
        stored.by_manifest = containers::by_manifest(&stored);
        stored.volumes = volumes::loaded(inventory, &stored.root, version, &stored.containers);
        stored
    }

    /// The namespace's entry of a blob.
    pub fn entry(&self, digest: &str) -> Option<&'a ContentEntry> {
        self.blobs.get(digest)?.1.entries.get(&self.namespace)
    }

    /// What a descriptor leads to, if the blob is here and can be read.
    pub fn document(&self, descriptor: &Descriptor) -> Option<&'a Document> {
        self.blobs.get(descriptor.digest.as_str())?.1.document.as_deref()
    }

    /// Images of this engine's namespace.
    fn stored_images(&self) -> impl Iterator<Item = (&'a Key, &'a StoredImage)> {
        let ours = |key: &&Key| *key.root == *self.home && *key.store == *STORE;
        let all = self.inventory.of_kind(Kind::Image).filter(move |(key, _)| ours(key));
        let all = all.filter_map(|(key, thing)| Some((key, thing.stored_image()?)));
        all.filter(|(_, image)| image.namespace == self.namespace)
    }

    /// The containers that were made from a manifest, newest first.
    pub fn containers_of(&self, manifest: &str) -> &[&'a Key] {
        self.by_manifest.get(manifest).map(Vec::as_slice).unwrap_or_default()
    }

    /// A snapshot that the namespace has.
    pub fn snapshot(&self, name: &str) -> Option<(&'a Key, &'a Snapshot)> {
        self.snapshots.get(name).copied()
    }

    pub fn key_of_snapshot(&self, name: &str) -> Key {
        let made = || Key {
            root: self.home.clone(),
            store: self.store.clone(),
            kind: Kind::Snapshot,
            id: in_namespace(&self.namespace, name).into(),
        };
        self.snapshots.get(name).map_or_else(made, |(key, _)| (*key).clone())
    }

    /// Whether a lease of this name is in the engine's namespace.
    fn has_lease(&self, id: &str) -> bool {
        let id = format!("{}/{id}", self.namespace);
        let key = Key { root: self.home.clone(), store: STORE.into(), kind: Kind::Lease, id: id.into() };
        self.inventory.get(&key).is_some()
    }

    /// A snapshot and all below it, as far as they are there, top first.
    pub fn chain_of(&self, top: &str) -> Vec<(&'a Key, &'a Snapshot)> {
        let mut found: Vec<(&'a Key, &'a Snapshot)> = Vec::new();
        let mut met: BTreeSet<&str> = BTreeSet::new();
        let mut at = self.snapshots.get(top).copied();
        while let Some((key, snapshot)) = at.filter(|(_, snapshot)| met.insert(&snapshot.name)) {
            found.push((key, snapshot));
            at = snapshot.parent.as_deref().and_then(|parent| self.snapshots.get(parent).copied());
        }
        found
    }
}

fn snapshots<'a>(
    inventory: &'a Inventory,
    home: &str,
    store: &str,
    namespace: &str,
) -> BTreeMap<&'a str, (&'a Key, &'a Snapshot)> {
    let here = inventory.of_kind(Kind::Snapshot).filter(|(key, _)| *key.root == *home && *key.store == *store);
    let here = here.filter_map(|(key, thing)| Some((key, thing.snapshot()?)));
    let here = here.filter(|(_, snapshot)| snapshot.namespace == namespace);
    here.map(|(key, snapshot)| (snapshot.name.as_str(), (key, snapshot))).collect()
}

fn blobs<'a>(inventory: &'a Inventory, home: &str, namespace: &str) -> BTreeMap<&'a str, (&'a Key, &'a Blob)> {
    let here = inventory.of_kind(Kind::Blob).filter(|(key, _)| *key.root == *home && *key.store == *STORE);
    let here = here.filter_map(|(key, thing)| Some((key, thing.blob()?)));
    let here = here.filter(|(_, blob)| blob.entries.contains_key(namespace));
    here.map(|(key, blob)| (&*key.id, (key, blob))).collect()
}
