//! A small containerd store drawn by hand, for tests.

use std::collections::BTreeMap;

use super::Stored;
use crate::disk::Disk;
use crate::docker::df::DiskUsage;
use crate::docker::seen::Triple;
use crate::docker::sizes::{Measures, Sizes};
use crate::format::image::config::Config;
use crate::format::oci::{Descriptor, Document, Index, Manifest, Platform};
use crate::inventory::facts::{
    BackendSnapshot, Blob, Container, ContentEntry, Facts, ImageRecord, Lease, Snapshot, SnapshotKind, StoredImage,
};
use crate::inventory::{Entity, Inventory, Root};
use crate::terms::{ChainId, DiffId, Digest, Key, Kind, Place};
use crate::usage::Measure;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

pub(crate) struct Table {
    home: Root,
    engine: Root,
    pub(crate) inventory: Inventory,
    records: BTreeMap<String, Vec<ImageRecord>>,
    pub(crate) measures: Measures,
}

pub(crate) fn digest(text: &str) -> String {
    Digest::of(text.as_bytes()).to_string()
}

/// The chain IDs of layers with these names.
pub(crate) fn chain(layers: &[&str]) -> Vec<String> {
    let diffs: Vec<DiffId> = layers.iter().map(|layer| DiffId(Digest::of(layer.as_bytes()))).collect();
    ChainId::all(&diffs).into_iter().map(|chain| chain.0.to_string()).collect()
}

fn descriptor(media_type: &str, name: &str, size: i64) -> Descriptor {
    Descriptor { media_type: media_type.to_owned(), digest: digest(name), size, ..Descriptor::default() }
}

impl Table {
    pub(crate) fn new() -> Self {
        Self {
            home: Root::new(Place::tree("containerd")),
            engine: Root::new(Place::tree("docker")),
            inventory: Inventory::default(),
            records: BTreeMap::new(),
            measures: Measures::new(),
        }
    }

    pub(crate) fn blob_key(&self, name: &str) -> Key {
        self.home.key("containerd", Kind::Blob, digest(name))
    }

    /// A blob with an entry and a file.
    pub(crate) fn blob(&mut self, name: &str, size: u64, document: Option<Document>) -> &mut Self {
        let at = Some(self.home.place.join("blobs").join(name));
        let entry = ContentEntry { size: Some(size), ..ContentEntry::default() };
        let entries = BTreeMap::from([("moby".to_owned(), entry)]);
        let facts = Blob { at, entries, document: document.map(Box::new), ..Blob::default() };
        self.inventory.add(self.blob_key(name), Entity::new(facts));
        self
    }

    /// A label of a blob's entry.
    pub(crate) fn label(&mut self, name: &str, key: &str, value: &str) -> &mut Self {
        let key_of_blob = self.blob_key(name);
        if let Some(Facts::Blob(blob)) = self.inventory.entities.get_mut(&key_of_blob).map(|thing| &mut thing.facts) {
            let entries = blob.entries.values_mut();
            entries.for_each(|entry| drop(entry.labels.insert(key.to_owned(), value.to_owned())));
        }
        self
    }

    /// A manifest of 1 byte with a config of 10 and layers of 100 each; their blobs, too.
    pub(crate) fn manifest(&mut self, name: &str, layers: &[&str]) -> &mut Self {
        self.manifest_only(name, layers);
        for layer in layers {
            self.blob(layer, 100, None);
        }
        self
    }

    /// The same without the layers' blobs.
    pub(crate) fn manifest_only(&mut self, name: &str, layers: &[&str]) -> &mut Self {
        let config = format!("{name} config");
        let diff_ids = layers.iter().map(|layer| DiffId(Digest::of(layer.as_bytes()))).collect();
        let facts = Config { diff_ids, os: "linux".to_owned(), architecture: "amd64".to_owned(), ..Config::default() };
        self.blob(&config, 10, Some(Document::Config(facts)));
        let manifest = Manifest {
            media_type: MANIFEST.to_owned(),
            config: descriptor(CONFIG, &config, 10),
            layers: layers.iter().map(|layer| descriptor(LAYER, layer, 100)).collect(),
            ..Manifest::default()
        };
        self.blob(name, 1, Some(Document::Manifest(Box::new(manifest))))
    }

    /// An index of 1000 bytes.
    pub(crate) fn index(&mut self, name: &str, manifests: Vec<Descriptor>) -> &mut Self {
        let index = Index { media_type: INDEX.to_owned(), manifests, ..Index::default() };
        self.blob(name, 1000, Some(Document::Index(index)))
    }

    pub(crate) fn on(name: &str, architecture: &str) -> Descriptor {
        let platform =
            Platform { architecture: architecture.to_owned(), os: "linux".to_owned(), ..Platform::default() };
        Descriptor { platform: Some(platform), ..descriptor(MANIFEST, name, 1) }
    }

    pub(crate) fn attestation(name: &str, of: &str) -> Descriptor {
        let annotations = BTreeMap::from([
            ("vnd.docker.reference.type".to_owned(), "attestation-manifest".to_owned()),
            ("vnd.docker.reference.digest".to_owned(), digest(of)),
        ]);
        Descriptor { annotations, ..descriptor(MANIFEST, name, 1) }
    }

    /// A record; `target` is an index if one has that name, else a manifest.
    pub(crate) fn record(&mut self, name: &str, target: &str, parent: Option<&str>) -> &mut Self {
        let is_index = self.inventory.get(&self.blob_key(target)).and_then(|thing| thing.blob()?.document.clone());
        let is_index = matches!(is_index.as_deref(), Some(Document::Index(_)));
        let parent = parent.map(|parent| ("org.mobyproject.image.parent".to_owned(), digest(parent)));
        let record = ImageRecord {
            name: if name == "dangling" { format!("moby-dangling@{}", digest(target)) } else { name.to_owned() },
            target: digest(target),
            media_type: if is_index { INDEX } else { MANIFEST }.to_owned(),
            size: Some(if is_index { 1000 } else { 1 }),
            labels: parent.into_iter().collect(),
            ..ImageRecord::default()
        };
        self.records.entry(digest(target)).or_default().push(record);
        self
    }

    /// What the last record says of its target beside its digest.
    pub(crate) fn annotated(&mut self, target: &str, key: &str, value: &str) -> &mut Self {
        if let Some(record) = self.records.get_mut(&digest(target)).and_then(|records| records.last_mut()) {
            record.annotations.insert(key.to_owned(), value.to_owned());
        }
        self
    }

    /// A committed snapshot.
    pub(crate) fn snapshot(&mut self, name: &str, parent: Option<&str>, size: u64) -> &mut Self {
        let backend = BackendSnapshot { kind: SnapshotKind::Committed, size: Some(size), ..BackendSnapshot::default() };
        self.add_snapshot(name, parent, backend, None)
    }

    fn add_snapshot(
        &mut self,
        name: &str,
        parent: Option<&str>,
        backend: BackendSnapshot,
        content: Option<Place>,
    ) -> &mut Self {
        let facts = Snapshot {
            namespace: "moby".to_owned(),
            snapshotter: "overlayfs".to_owned(),
            name: name.to_owned(),
            parent: parent.map(str::to_owned),
            backend: Some(backend),
            at: content.clone(),
            content,
            ..Snapshot::default()
        };
        self.inventory.add(self.home.key("overlayfs", Kind::Snapshot, name), Entity::new(facts));
        self
    }

    /// The snapshots of an image's layers, 7 bytes each.
    pub(crate) fn unpacked(&mut self, layers: &[&str]) -> &mut Self {
        let chain = chain(layers);
        for (at, name) in chain.iter().enumerate() {
            let parent = at.checked_sub(1).map(|below| chain[below].clone());
            self.snapshot(name, parent.as_deref(), 7);
        }
        self
    }

    /// A container of 3 bytes on a snapshot, with its lease.
    pub(crate) fn container(&mut self, id: &str, manifest: &str, typed: &str, on: &str) -> &mut Self {
        let at = self.home.place.join("snapshots").join(id);
        self.measures.insert(at.clone(), Measure { allocated: 3, ..Measure::default() });
        let backend = BackendSnapshot { kind: SnapshotKind::Active, ..BackendSnapshot::default() };
        self.add_snapshot(id, Some(on), backend, Some(at));
        let lease = Lease { namespace: "moby".to_owned(), id: id.to_owned(), ..Lease::default() };
        self.inventory.add(self.home.key("containerd", Kind::Lease, format!("moby/{id}")), Entity::new(lease));
        let facts = Container {
            name: id.to_owned(),
            image: Digest::parse(&digest(manifest)),
            image_manifest: Digest::parse(&digest(manifest)),
            image_as_typed: typed.to_owned(),
            driver: "overlayfs".to_owned(),
            ..Container::default()
        };
        self.inventory.add(self.engine.key("engine", Kind::Container, id), Entity::new(facts));
        self
    }

    /// Enters the records, by name, as they stand in the database.
    pub(crate) fn done(&mut self) -> &mut Self {
        for (target, mut records) in std::mem::take(&mut self.records) {
            records.sort_by(|a, b| a.name.cmp(&b.name));
            let key = self.home.key("containerd", Kind::Image, target.clone());
            self.inventory.add(key, Entity::new(StoredImage { namespace: "moby".to_owned(), target, records }));
        }
        self
    }

    pub(crate) fn stored(&self, version: Triple) -> Stored<'_> {
        Stored::of(&self.inventory, "docker", "containerd", "overlayfs", version)
    }

    pub(crate) fn df<'a>(&'a self, stored: &Stored<'a>) -> DiskUsage<'a> {
        let disk = Disk::default();
        DiskUsage::of(stored, &Sizes { disk: &disk, measures: &self.measures }, Vec::new())
    }
}
