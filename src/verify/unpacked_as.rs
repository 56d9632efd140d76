//! Which blob a snapshot of containerd's store was unpacked from: a manifest lists layers, its config their diff IDs, and
//! those make the names of snapshots.

use std::collections::{BTreeMap, BTreeSet};

use super::subject::{CopyOf, LONGEST, SnapshotFiles, Source, Subject, Task};
use crate::format::oci::{Document, Manifest};
use crate::inventory::Inventory;
use crate::inventory::facts::{Blob, Snapshot, SnapshotKind};
use crate::terms::{ChainId, DiffId, Digest, Key, Kind, Place};

/// A layer's blob.
#[derive(Clone, Debug)]
struct Packed {
    digest: String,
    diff: Option<DiffId>,
    /// None if the blob is not there.
    at: Option<Place>,
    /// What the database says of its length.
    size: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Chains<'a> {
    inventory: &'a Inventory,
    /// By root and chain ID.
    by_chain: BTreeMap<(String, String), Packed>,
    /// By root and name of the snapshot: what BuildKit made a blob of.
    by_record: BTreeMap<(&'a str, &'a str), Packed>,
    /// Snapshots that BuildKit has under this name without a blob.
    records: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> Chains<'a> {
    pub(super) fn of(inventory: &'a Inventory) -> Self {
        let mut chains =
            Self { inventory, by_chain: BTreeMap::new(), by_record: BTreeMap::new(), records: BTreeSet::new() };
        for (key, thing) in inventory.of_kind(Kind::Blob) {
            let document = thing.blob().and_then(|blob| blob.document.as_deref());
            if let Some(Document::Manifest(manifest)) = document {
                chains.manifest(key, manifest);
            }
        }
        for (key, thing) in inventory.of_kind(Kind::CacheRecord) {
            let Some(record) = thing.cache_record() else { continue };
            let at = (&*key.root, record.snapshot.as_str());
            chains.records.insert(at);
            if let Some(digest) = &record.blob {
                let packed = chains.packed(&key.root, digest.as_str(), None);
                chains.by_record.insert(at, packed);
            }
        }
        chains
    }

    /// Blobs and snapshots lie in one root; the engine's records of them may lie in another.
    fn packed(&self, root: &str, digest: &str, diff: Option<DiffId>) -> Packed {
        let blobs = self.inventory.of_kind(Kind::Blob).filter(|(key, _)| *key.id == *digest);
        let place = |blob: &'a Blob| Some((blob.at.as_ref()?, blob.recorded_size()));
        let mut places: Vec<(bool, (&Place, Option<u64>))> =
            blobs.filter_map(|(key, thing)| Some((&*key.root != root, place(thing.blob()?)?))).collect();
        places.sort();
        let (at, size) = places.first().map(|(_, (at, size))| ((*at).clone(), *size)).unzip();
        Packed { digest: digest.to_owned(), diff, at, size: size.flatten() }
    }

    fn manifest(&mut self, key: &'a Key, manifest: &Manifest) {
        let config = Key { id: manifest.config.digest.as_str().into(), ..key.clone() };
        let config =
            self.inventory.get(&config).and_then(|thing| thing.blob()).and_then(|blob| blob.document.as_deref());
        let Some(Document::Config(config)) = config else { return };
        let diffs: Vec<DiffId> = config.diff_ids.clone();
        if diffs.len() != manifest.layers.len() {
            return;
        }
        for ((chain, diff), layer) in ChainId::all(&diffs).into_iter().zip(diffs).zip(&manifest.layers) {
            let blob = Key { id: layer.digest.as_str().into(), ..key.clone() };
            let blob = self.inventory.get(&blob).and_then(|thing| thing.blob());
            let at = blob.and_then(|blob| blob.at.clone());
            let size = blob.and_then(Blob::recorded_size);
            let packed = Packed { digest: layer.digest.clone(), diff: Some(diff), at, size };
            let known = self
                .by_chain
                .entry((key.root.to_string(), chain.0.as_str().to_owned()))
                .or_insert_with(|| packed.clone());
            // several manifests may have the same layer, packed differently
            if known.at.is_none() && packed.at.is_some() {
                *known = packed;
            }
        }
    }

    /// The blob of a snapshot, and whether it was made from the snapshot.
    fn blob<'s>(&'s self, key: &Key, snapshot: &'s Snapshot) -> Option<(&'s Packed, bool)> {
        let chain = self.by_chain.get(&(key.root.to_string(), snapshot.name.clone())).map(|packed| (packed, false));
        // the records may lie in the engine's root, and the snapshot in containerd's
        let record =
            || self.by_record.iter().find(|((_, name), _)| *name == snapshot.name).map(|(_, packed)| (packed, true));
        chain.or_else(record)
    }

    pub(super) fn subject(&self, key: &Key, snapshot: &'a Snapshot) -> Option<Subject> {
        let backend = snapshot.backend.as_ref()?;
        if backend.kind != SnapshotKind::Committed {
            return None;
        }
        let at = snapshot.content.clone().or_else(|| snapshot.at.clone())?;
        let task = match self.files(key, snapshot) {
            Ok(files) => Task::Snapshot(Box::new(files)),
            Err(task) => task,
        };
        Some(Subject { key: key.clone(), at, size: backend.size.unwrap_or(0), task })
    }

    fn files(&self, key: &Key, snapshot: &'a Snapshot) -> Result<SnapshotFiles, Task> {
        let Some((packed, from_directory)) = self.blob(key, snapshot) else { return Err(self.no_blob(snapshot)) };
        let Some(blob) = packed.at.clone() else { return Err(self.lost(&packed.digest)) };
        let is_a_copy = match snapshot.snapshotter.as_str() {
            "overlayfs" | "fuse-overlayfs" => false,
            "native" => true,
            other => return Err(Task::Cannot(format!("the files of a snapshot of {other} are not read"))),
        };
        let content = snapshot.content.clone();
        let content = content.ok_or_else(|| Task::Cannot("its directory is not there".to_owned()))?;
        let copy =
            is_a_copy.then(|| CopyOf { keeps_attributes: true, loses_times: true, below: self.below(key, snapshot) });
        Ok(SnapshotFiles {
            content,
            source: Source { at: blob, is_a_record: false, from_directory },
            digest: packed.digest.clone(),
            size: packed.size,
            diff: packed.diff.clone(),
            has_parent: snapshot.parent.is_some(),
            made: snapshot.created_at,
            through_a_mount: snapshot.snapshotter != "overlayfs",
            lowers: if from_directory { self.lowers(key, snapshot) } else { Vec::new() },
            copy,
        })
    }

    fn parent(&self, key: &Key, snapshot: &Snapshot) -> Option<&'a Snapshot> {
        let parent = snapshot.parent.as_ref()?;
        let of = |(_, thing): (&'a Key, &'a crate::inventory::Entity)| {
            thing.snapshot().filter(|it| {
                it.name == *parent && it.namespace == snapshot.namespace && it.snapshotter == snapshot.snapshotter
            })
        };
        self.inventory.of_kind(Kind::Snapshot).filter(|(other, _)| other.root == key.root).find_map(of)
    }

    fn lowers(&self, key: &Key, snapshot: &'a Snapshot) -> Vec<Place> {
        let above = std::iter::successors(self.parent(key, snapshot), |it| self.parent(key, it));
        above.take(LONGEST).filter_map(|it| it.content.clone()).collect()
    }

    /// A blob that no database has is not missing: some daemons keep only what they unpacked.
    fn lost(&self, digest: &str) -> Task {
        let mut blobs = self.inventory.of_kind(Kind::Blob).filter(|(key, _)| *key.id == *digest);
        if blobs
            .any(|(_, thing)| thing.blob().is_some_and(|blob| !blob.recorded.is_empty() || !blob.entries.is_empty()))
        {
            Task::Cannot(format!("its blob {digest} is not there"))
        } else {
            Task::Nothing("its blob is not kept")
        }
    }

    fn no_blob(&self, snapshot: &Snapshot) -> Task {
        let of_a_record = self.records.iter().any(|(_, name)| *name == snapshot.name);
        if Digest::parse(&snapshot.name).is_some() {
            Task::Nothing("no manifest that is there lists its layer: the image is gone, and its blobs with it")
        } else if of_a_record {
            Task::Nothing("build cache that no blob was made of")
        } else {
            Task::Nothing("a container's own, or made by a build: no blob was made of it")
        }
    }

    /// The blobs of the snapshots below, base first.
    fn below(&self, key: &Key, snapshot: &Snapshot) -> Result<Vec<Source>, String> {
        let mut found: Vec<Source> = Vec::new();
        let mut above = snapshot;
        while let Some(parent) = &above.parent {
            let next = self.parent(key, above).filter(|_| found.len() < LONGEST);
            let next = next.ok_or_else(|| format!("the layers below: snapshot {parent} is not there"))?;
            let blob =
                self.blob(key, next).and_then(|(packed, from_directory)| Some((packed.at.clone()?, from_directory)));
            let (at, from_directory) = blob.ok_or_else(|| format!("the layers below: {parent} has no blob"))?;
            found.push(Source { at, is_a_record: false, from_directory });
            above = next;
        }
        found.reverse();
        Ok(found)
    }
}
