//! What containerd's databases say of a thing.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Nested;
use crate::terms::Place;

/// The namespace that Docker's own things are in, and whose names stand for themselves in keys.
const ENGINE: &str = "moby";

/// A name of one namespace, as keys have it.
pub fn in_namespace(namespace: &str, name: &str) -> String {
    if namespace == ENGINE { name.to_owned() } else { format!("{namespace}/{name}") }
}

/// An entry of a blob in one namespace of containerd's store.
#[derive(Clone, Debug, Default)]
pub struct ContentEntry {
    pub size: Option<u64>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    pub labels: BTreeMap<String, String>,
}

/// An image of containerd's store: all records of one namespace that have the same target. Its key's ID is the target's
/// digest, which is Docker's image ID; outside the namespace `moby` with `<namespace>/` before it.
#[derive(Clone, Debug, Default)]
pub struct StoredImage {
    pub namespace: String,
    /// `sha256:…`
    pub target: String,
    /// By name.
    pub records: Vec<ImageRecord>,
}

/// A record in `v1/<namespace>/images`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageRecord {
    /// The whole name: `docker.io/library/web:1`, `moby-dangling@sha256:…`, or whatever a client chose.
    pub name: String,
    pub target: String,
    pub media_type: String,
    /// The size that the record gives its target.
    pub size: Option<u64>,
    pub annotations: BTreeMap<String, String>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    pub labels: BTreeMap<String, String>,
    /// `gc.expire`, for a containerd that heeds it (2.0 on).
    pub expires: Option<Timestamp>,
}

impl ImageRecord {
    /// Docker's `<none>`.
    // moby daemon/containerd/soft_delete.go: the name is exactly this
    pub fn is_dangling(&self) -> bool {
        self.name.strip_prefix("moby-dangling@") == Some(self.target.as_str())
    }
}

/// A snapshot of containerd's store. Its key's ID is its name in its namespace, outside the namespace `moby` with
/// `<namespace>/` before it; of one that only the snapshotter knows it is `backend/<its name there>`.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Empty for one that `meta.db` does not know.
    pub namespace: String,
    pub snapshotter: String,
    /// Its name in the namespace: a chain ID, a container's ID (with `-init`), a cache record's ID.
    pub name: String,
    /// The name of the snapshot below, in the namespace.
    pub parent: Option<String>,
    /// What the snapshotter calls it: `<namespace>/<number>/<name>`.
    pub backend_name: String,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    pub labels: BTreeMap<String, String>,
    /// What the snapshotter's own database says; none if it does not know it.
    pub backend: Option<BackendSnapshot>,
    /// Its directory (a file with `blockfile`), if it is there.
    pub at: Option<Place>,
    /// The directory whose blocks are its usage while it is active (`fs` with overlayfs): a meter runs there.
    pub content: Option<Place>,
    /// Data roots in what a container wrote.
    pub nested: Vec<Nested>,
}

/// Whether a snapshotter looks, when it removes a snapshot, for what else lies among its snapshots and is none, and removes
/// that, too. Others leave for good what an interruption left. Of a buildkitd's worker, the snapshotter that it is called after.
// containerd plugins/snapshots/{overlay,erofs}: getCleanupDirectories; native, btrfs, blockfile have no such thing
pub fn sweeps(store: &str) -> bool {
    matches!(store.strip_prefix("runc-").unwrap_or(store), "overlayfs" | "fuse-overlayfs" | "erofs")
}

/// What a snapshotter's `metadata.db` says of a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackendSnapshot {
    /// The name of its directory.
    pub id: u64,
    pub kind: SnapshotKind,
    /// Backend name.
    pub parent: Option<String>,
    /// Recorded when it was committed, and never again: allocated bytes of this layer alone.
    pub size: Option<u64>,
    pub inodes: Option<u64>,
    pub labels: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SnapshotKind {
    #[default]
    Unknown,
    View,
    Active,
    Committed,
}

/// A blob that was being written. Its key's ID is the name of its directory.
#[derive(Clone, Debug, Default)]
pub struct Ingest {
    /// Of its entry; none if no namespace knows it.
    pub namespace: Option<String>,
    /// Its name in the namespace.
    pub reference: String,
    /// What the content store calls it: `<namespace>/<number>/<name>`.
    pub backend_reference: Option<String>,
    pub expires: Option<Timestamp>,
    /// The digest that was to come.
    pub expected: Option<String>,
    pub at: Option<Place>,
}

/// A namespace of containerd's store. Its key's ID is its name.
#[derive(Clone, Debug, Default)]
pub struct Namespace {
    pub labels: BTreeMap<String, String>,
    /// It is dockerd's, or that of its plugins or of BuildKit in it; else somebody else works on this disk too.
    pub of_engine: bool,
    pub images: usize,
    pub containers: usize,
    pub snapshots: usize,
    pub blobs: usize,
    pub leases: usize,
    pub ingests: usize,
    /// `v1/version`: 3 up to containerd 1.7, 4 from 2.0 on.
    pub schema: Option<i64>,
}

/// A container, or a sandbox, in containerd's own table: of Docker only while a task lives. Its key's ID is
/// `<namespace>/<its ID>`.
#[derive(Clone, Debug, Default)]
pub struct ContainerRecord {
    pub namespace: String,
    pub id: String,
    pub image: String,
    pub snapshotter: String,
    pub snapshot: String,
    pub created_at: Option<Timestamp>,
    pub labels: BTreeMap<String, String>,
}
