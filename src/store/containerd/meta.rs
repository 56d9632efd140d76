//! `meta.db`: what containerd knows, by namespace.
//!
//! ```text
//! v1/version                                   3: containerd 1.3 to 1.7, 4: 2.0 on
//! v1/<namespace>/
//!     labels/<key>
//!     images/<name>/                createdat updatedat  target/{digest, mediatype, size}  annotations/  labels/
//!     containers/<id>/              createdat image snapshotter snapshotKey  labels/
//!     sandboxes/<id>/               labels/             (up to 1.7: <namespace>/sandboxes beside v1)
//!     snapshots/<snapshotter>/<name>/   name: of the snapshotter  parent createdat updatedat  labels/
//!     content/blob/<digest>/        size createdat updatedat  labels/
//!     content/ingests/<reference>/  ref: of the content store  expireat expected
//!     leases/<id>/                  createdat  labels/
//!         snapshots/<snapshotter>/<name>  content/<digest>  ingests/<reference>  images/<name>      (empty values)
//! ```
//!
//! containerd core/metadata/buckets.go (1.7: metadata/buckets.go). Nothing crosses a namespace but the blob files.

use std::collections::BTreeMap;

use super::refs::Conditions;
use crate::format::bolt::{Bucket, Tree};
use crate::format::gotime::{self, GoTimeError};
use crate::format::varint;
use crate::inventory::Inventory;
use crate::inventory::facts::{ContainerRecord, ContentEntry, ImageRecord, Lease, Snapshot};
use crate::terms::{Lost, Place, Printable};
use jiff::Timestamp;

pub(super) type Labels = BTreeMap<String, String>;

#[derive(Debug, Default)]
pub(super) struct Meta {
    pub(super) version: Option<i64>,
    pub(super) namespaces: BTreeMap<String, Namespace>,
}

#[derive(Debug, Default)]
pub(super) struct Namespace {
    pub(super) labels: Labels,
    pub(super) images: BTreeMap<String, ImageRecord>,
    pub(super) containers: BTreeMap<String, ContainerRecord>,
    pub(super) sandboxes: BTreeMap<String, ContainerRecord>,
    /// By snapshotter and name.
    pub(super) snapshots: BTreeMap<(String, String), Snapshot>,
    pub(super) blobs: BTreeMap<String, ContentEntry>,
    pub(super) ingests: BTreeMap<String, IngestEntry>,
    pub(super) leases: BTreeMap<String, Leased>,
}

#[derive(Debug, Default)]
pub(super) struct IngestEntry {
    pub(super) backend_reference: Option<String>,
    pub(super) expires: Option<Timestamp>,
    pub(super) expected: Option<String>,
}

/// A lease with what it lists.
#[derive(Debug, Default)]
pub(super) struct Leased {
    pub(super) facts: Lease,
    pub(super) is_flat: bool,
    pub(super) snapshots: Vec<(String, String)>,
    pub(super) content: Vec<String>,
    pub(super) ingests: Vec<String>,
    pub(super) images: Vec<String>,
}

/// Reads every namespace; what is odd in the values is a problem of its own, and costs that value.
pub(super) fn parse(inv: &mut Inventory, at: &Place, lost: &Lost, tree: &Tree) -> Meta {
    let mut meta = Meta::default();
    let Some(top) = tree.at(&[b"v1"]) else { return meta };
    let mut read = Reader { inv, at, lost };
    meta.version = top.get(b"version").and_then(|bytes| read.note("version", varint::varint(bytes)));
    for (name, bucket) in top.buckets() {
        let name = read.text(name);
        let mut namespace = read.namespace(&name, bucket, meta.version);
        // the schema before 4
        let beside = tree.root().bucket(name.as_bytes()).and_then(|bucket| bucket.bucket(b"sandboxes"));
        namespace.sandboxes.extend(read.containers(&name, beside));
        meta.namespaces.insert(name, namespace);
    }
    meta
}

/// What a reading writes its doubts into.
pub(super) struct Reader<'a> {
    pub(super) inv: &'a mut Inventory,
    pub(super) at: &'a Place,
    pub(super) lost: &'a Lost,
}

impl Reader<'_> {
    fn namespace(&mut self, name: &str, bucket: Bucket<'_>, version: Option<i64>) -> Namespace {
        Namespace {
            labels: self.labels(bucket),
            images: self.images(bucket.bucket(b"images"), version),
            containers: self.containers(name, bucket.bucket(b"containers")),
            sandboxes: self.containers(name, bucket.bucket(b"sandboxes")),
            snapshots: self.snapshots(name, bucket.bucket(b"snapshots")),
            blobs: self.blobs(bucket.at(&[b"content", b"blob"])),
            ingests: self.ingests(bucket.at(&[b"content", b"ingests"])),
            leases: self.leases(name, bucket.bucket(b"leases")),
        }
    }

    fn images(&mut self, bucket: Option<Bucket<'_>>, version: Option<i64>) -> BTreeMap<String, ImageRecord> {
        let mut found = BTreeMap::new();
        for (name, bucket) in bucket.into_iter().flat_map(Bucket::buckets) {
            let (name, labels) = (self.text(name), self.labels(bucket));
            let target = bucket.bucket(b"target");
            let value = |key: &[u8]| target.and_then(|target| target.get(key)).unwrap_or_default();
            // containerd core/metadata/images.go: those of the target, and beside it
            let annotations = bucket.bucket(b"annotations");
            let record = ImageRecord {
                target: self.text(value(b"digest")),
                media_type: self.text(value(b"mediatype")),
                size: self.size(value(b"size")),
                annotations: annotations.into_iter().flat_map(Bucket::entries).map(|e| self.pair(e)).collect(),
                created_at: self.time(bucket, b"createdat"),
                updated_at: self.time(bucket, b"updatedat"),
                // containerd core/metadata/gc.go: images expire since 2.0
                expires: labels.get("containerd.io/gc.expire").filter(|_| version >= Some(4)).and_then(|t| date(t)),
                labels,
                name: name.clone(),
            };
            found.insert(name, record);
        }
        found
    }

    fn containers(&mut self, namespace: &str, bucket: Option<Bucket<'_>>) -> BTreeMap<String, ContainerRecord> {
        let mut found = BTreeMap::new();
        for (id, bucket) in bucket.into_iter().flat_map(Bucket::buckets) {
            let mut value = |key: &[u8]| bucket.get(key).map(|bytes| self.text(bytes)).unwrap_or_default();
            let record = ContainerRecord {
                namespace: namespace.to_owned(),
                image: value(b"image"),
                snapshotter: value(b"snapshotter"),
                snapshot: value(b"snapshotKey"),
                id: self.text(id),
                created_at: self.time(bucket, b"createdat"),
                labels: self.labels(bucket),
            };
            found.insert(record.id.clone(), record);
        }
        found
    }

    fn snapshots(&mut self, namespace: &str, bucket: Option<Bucket<'_>>) -> BTreeMap<(String, String), Snapshot> {
        let mut found = BTreeMap::new();
        for (snapshotter, bucket) in bucket.into_iter().flat_map(Bucket::buckets) {
            let snapshotter = self.text(snapshotter);
            for (name, bucket) in bucket.buckets() {
                let snapshot = Snapshot {
                    namespace: namespace.to_owned(),
                    snapshotter: snapshotter.clone(),
                    name: self.text(name),
                    parent: bucket.get(b"parent").map(|bytes| self.text(bytes)).filter(|parent| !parent.is_empty()),
                    backend_name: bucket.get(b"name").map(|bytes| self.text(bytes)).unwrap_or_default(),
                    created_at: self.time(bucket, b"createdat"),
                    updated_at: self.time(bucket, b"updatedat"),
                    labels: self.labels(bucket),
                    ..Snapshot::default()
                };
                found.insert((snapshotter.clone(), snapshot.name.clone()), snapshot);
            }
        }
        found
    }

    fn blobs(&mut self, bucket: Option<Bucket<'_>>) -> BTreeMap<String, ContentEntry> {
        let mut found = BTreeMap::new();
        for (digest, bucket) in bucket.into_iter().flat_map(Bucket::buckets) {
            let entry = ContentEntry {
                size: bucket.get(b"size").and_then(|bytes| self.size(bytes)),
                created_at: self.time(bucket, b"createdat"),
                updated_at: self.time(bucket, b"updatedat"),
                labels: self.labels(bucket),
            };
            found.insert(self.text(digest), entry);
        }
        found
    }

    fn ingests(&mut self, bucket: Option<Bucket<'_>>) -> BTreeMap<String, IngestEntry> {
        let mut found = BTreeMap::new();
        for (reference, bucket) in bucket.into_iter().flat_map(Bucket::buckets) {
            let entry = IngestEntry {
                backend_reference: bucket.get(b"ref").map(|bytes| self.text(bytes)),
                expires: self.time(bucket, b"expireat"),
                expected: bucket.get(b"expected").map(|bytes| self.text(bytes)).filter(|digest| !digest.is_empty()),
            };
            found.insert(self.text(reference), entry);
        }
        found
    }

    fn leases(&mut self, namespace: &str, bucket: Option<Bucket<'_>>) -> BTreeMap<String, Leased> {
        let mut found = BTreeMap::new();
        for (id, bucket) in bucket.into_iter().flat_map(Bucket::buckets) {
            let (id, labels) = (self.text(id), self.labels(bucket));
            let mut names = |kind: &[u8]| -> Vec<String> {
                bucket.bucket(kind).into_iter().flat_map(Bucket::iter).map(|(name, _)| self.text(name)).collect()
            };
            let (content, ingests, images) = (names(b"content"), names(b"ingests"), names(b"images"));
            let mut snapshots = Vec::new();
            for (snapshotter, bucket) in bucket.bucket(b"snapshots").into_iter().flat_map(Bucket::buckets) {
                let snapshotter = self.text(snapshotter);
                snapshots.extend(bucket.iter().map(|(name, _)| (snapshotter.clone(), self.text(name))));
            }
            let facts = Lease {
                namespace: namespace.to_owned(),
                id: id.clone(),
                created_at: self.time(bucket, b"createdat"),
                expires: labels.get("containerd.io/gc.expire").and_then(|text| date(text)),
                labels,
            };
            let is_flat = Conditions::is_flat(&facts.labels);
            found.insert(id, Leased { facts, is_flat, snapshots, content, ingests, images });
        }
        found
    }

    pub(super) fn labels(&mut self, bucket: Bucket<'_>) -> Labels {
        bucket.bucket(b"labels").into_iter().flat_map(Bucket::entries).map(|entry| self.pair(entry)).collect()
    }

    fn pair(&mut self, (key, value): (&[u8], &[u8])) -> (String, String) {
        (self.text(key), self.text(value))
    }

    /// A name; one that is no text is a problem, since it can no longer be told from others.
    pub(super) fn text(&mut self, bytes: &[u8]) -> String {
        std::str::from_utf8(bytes).map_or_else(
            |_| {
                let cause = format!("{} is no text", Printable(bytes.get(..80).unwrap_or(bytes)));
                self.inv.problem("bad-metadata", self.at, self.lost.clone(), cause);
                String::from_utf8_lossy(bytes).into_owned()
            },
            str::to_owned,
        )
    }

    pub(super) fn size(&mut self, bytes: &[u8]) -> Option<u64> {
        if bytes.is_empty() {
            return None;
        }
        let size = self.note("size", varint::varint(bytes))?;
        u64::try_from(size).ok()
    }

    fn time(&mut self, bucket: Bucket<'_>, key: &[u8]) -> Option<Timestamp> {
        let bytes = bucket.get(key)?;
        let time: Result<_, GoTimeError> = gotime::from_binary(bytes);
        self.note(&String::from_utf8_lossy(key), time).flatten().map(|time| time.at)
    }

    pub(super) fn note<T, E: std::fmt::Display>(&mut self, what: &str, read: Result<T, E>) -> Option<T> {
        let read = read.map_err(|cause| format!("{what}: {cause}"));
        self.inv.note("bad-metadata", self.at, Lost::Nothing, read)
    }
}

/// A date in a label; one that does not parse is not heeded.
// containerd core/metadata/gc.go: an unparsable gc.expire is logged and ignored
fn date(text: &str) -> Option<Timestamp> {
    gotime::from_rfc3339(text).ok().flatten().map(|time| time.at)
}
