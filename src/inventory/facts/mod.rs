//! What is known of a thing, by kind: as it stands on the disk, nothing computed.

mod containerd;
mod lease;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::format::oci::Document;
use crate::terms::{CacheId, ChainId, DiffId, Digest, Place};

pub use containerd::{
    BackendSnapshot, ContainerRecord, ContentEntry, ImageRecord, Ingest, Namespace, Snapshot, SnapshotKind,
    StoredImage, in_namespace, sweeps,
};
pub use lease::Lease;

/// Facts of a thing, by what it is. Boxed, so that a thing of which little is known is small: there are very many.
#[derive(Clone, Debug, Default)]
pub enum Facts {
    #[default]
    None,
    Tag(Box<Tag>),
    Image(Box<Image>),
    Layer(Box<Layer>),
    Mount(Box<Mount>),
    DriverDirectory(Box<DriverDirectory>),
    Container(Box<Container>),
    Volume(Box<Volume>),
    CacheRecord(Box<CacheRecord>),
    CacheSnapshot(Box<CacheSnapshot>),
    Lease(Box<Lease>),
    Blob(Box<Blob>),
    Leftover(Box<Leftover>),
    Plugin(Box<Plugin>),
    Foreign(Box<Foreign>),
    StoredImage(Box<StoredImage>),
    Snapshot(Box<Snapshot>),
    Ingest(Box<Ingest>),
    Namespace(Box<Namespace>),
    ContainerRecord(Box<ContainerRecord>),
    PastBuild(Box<PastBuild>),
}

macro_rules! from_facts {
    ($($kind:ident),*) => {
        $(impl From<$kind> for Facts { fn from(facts: $kind) -> Self { Self::$kind(Box::new(facts)) } })*
    };
}
from_facts!(
    Tag,
    Image,
    Layer,
    Mount,
    DriverDirectory,
    Container,
    Volume,
    CacheRecord,
    CacheSnapshot,
    Lease,
    Blob,
    Leftover,
    Plugin,
    Foreign,
    StoredImage,
    Snapshot,
    Ingest,
    Namespace,
    ContainerRecord,
    PastBuild
);

macro_rules! as_facts {
    ($($method:ident -> $kind:ident),*) => {
        impl super::Entity {
            $(pub fn $method(&self) -> Option<&$kind> {
                match &self.facts { Facts::$kind(facts) => Some(facts), _ => None }
            })*
        }
    };
}
as_facts!(tag -> Tag, image -> Image, layer -> Layer, mount -> Mount, driver_directory -> DriverDirectory, container -> Container,
    volume -> Volume, cache_record -> CacheRecord, cache_snapshot -> CacheSnapshot, lease -> Lease, blob -> Blob,
    leftover -> Leftover, plugin -> Plugin, foreign -> Foreign, stored_image -> StoredImage, snapshot -> Snapshot,
    ingest -> Ingest, namespace -> Namespace, container_record -> ContainerRecord, past_build -> PastBuild);

/// Labels and options: `null` and `{}` are not the same answer.
pub type Labels = Option<BTreeMap<String, String>>;

/// A build that BuildKit remembers. Its key's ID is the build's reference.
#[derive(Clone, Debug)]
pub struct PastBuild {
    /// The list that it is in: an engine may have one for each kind of store, and reads one.
    pub list: Place,
}

/// A reference in `repositories.json`. Its key's ID is the familiar reference (`web:1`, `web@sha256:…`).
#[derive(Clone, Debug)]
pub struct Tag {
    /// The familiar repository name.
    pub repository: String,
    /// A digest reference, not a tag.
    pub is_digest: bool,
    pub image: Digest,
}

/// An image config. Its key's ID is `sha256:…`.
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// Why the engine would not load it, as far as its own file tells: the hash differs, bad JSON, no `rootfs`.
    pub broken: Option<String>,
    /// Chain IDs, base first; they stand for the diff IDs.
    pub chain: Vec<ChainId>,
    pub created: Option<Timestamp>,
    pub labels: Labels,
    pub os: String,
    pub architecture: String,
    pub variant: String,
    pub parent: Option<Digest>,
    pub last_updated: Option<Timestamp>,
    pub built_locally: bool,
    /// History entries, newest last: (created_by, empty_layer).
    pub history: Box<[(Box<str>, bool)]>,
    /// `config.Volumes`
    pub volumes: Vec<String>,
}

/// An entry of the layer store. Its key's ID is the chain ID (`sha256:…`).
#[derive(Clone, Debug, Default)]
pub struct Layer {
    pub chain: Option<ChainId>,
    pub diff: Option<DiffId>,
    pub parent: Option<ChainId>,
    pub cache_id: Option<CacheId>,
    /// The recorded `size`: apparent bytes, by one of four measures.
    pub size: Option<u64>,
    /// Why the engine would not load it, as far as its own files tell.
    pub broken: Option<String>,
    pub tar_split: Option<u64>,
    pub entry: Option<Place>,
}

/// An entry of `layerdb/mounts`: a read-write layer. Its key's ID is the name of the entry (a container's ID, as a rule).
#[derive(Clone, Debug, Default)]
pub struct Mount {
    pub mount_id: Option<CacheId>,
    pub init_id: Option<CacheId>,
    pub parent: Option<ChainId>,
    pub broken: Option<String>,
    /// Data roots in what the container wrote.
    pub nested: Vec<Nested>,
}

/// A directory of a graph driver. Its key's ID is its name.
#[derive(Clone, Debug, Default)]
pub struct DriverDirectory {
    /// Where it lies.
    pub at: Option<Place>,
    /// Where the layer's own files are (overlay2: `diff`; vfs, btrfs: the directory itself).
    pub content: Option<Place>,
    /// overlay2's short name.
    pub link: Option<String>,
    /// The IDs below, nearest first, as the driver's own files say.
    pub lower: Vec<Arc<str>>,
    /// Its name ends in `-removing`.
    pub removing: bool,
    pub mtime: (i64, u32),
    pub ctime: (i64, u32),
}

/// A container. Its key's ID is its 64 hex digits.
#[derive(Clone, Debug, Default)]
pub struct Container {
    /// Why the engine would not load it, as far as its own files tell.
    pub broken: Option<String>,
    /// Without the leading slash.
    pub name: String,
    /// `Image`: the image's ID when it was created (may be gone).
    pub image: Option<Digest>,
    /// `Config.Image`: as typed.
    pub image_as_typed: String,
    /// `ImageManifest.digest`
    pub image_manifest: Option<Digest>,
    pub driver: String,
    pub path: String,
    pub args: Vec<String>,
    pub created: Option<Timestamp>,
    pub labels: Labels,
    pub state: State,
    pub mounts: Vec<MountPoint>,
    pub log_driver: String,
    pub log_options: BTreeMap<String, String>,
    pub auto_remove: bool,
    /// A start of the engine starts it.
    pub starts_again: bool,
    pub network_mode: String,
    /// Of `config.v2.json` what only a listing prints: `MountPoints`, `ImageManifest`, `ImagePlatform`, and
    /// `Networks` of `NetworkSettings`.
    pub config: Value,
    /// Of `hostconfig.json`: `Annotations` and `Links`.
    pub host_config: Value,
    /// Names of checkpoints that hold files.
    pub checkpoints: Vec<String>,
}

/// `State` of `config.v2.json`, as recorded.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub running: bool,
    pub paused: bool,
    pub restarting: bool,
    pub dead: bool,
    pub removal_in_progress: bool,
    pub exit_code: i64,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub started_before: bool,
    pub stopped_by_user: bool,
    /// How often the engine has started it again.
    pub restarts: i64,
}

impl Container {
    /// What `broken` says of a directory that has no config.
    pub const NO_CONFIG: &'static str = "config.v2.json is missing";

    /// Nothing ends the growth of its log.
    // moby daemon/logger/jsonfilelog/jsonfilelog.go: capacity -1
    pub fn log_only_grows(&self) -> bool {
        let size = self.log_options.get("max-size");
        self.log_driver == "json-file" && size.is_none_or(|size| size.is_empty() || size.starts_with('-'))
    }
}

impl State {
    /// Docker's word. running(+paused, restarting) > removing > dead > created > exited.
    pub fn word(&self) -> &'static str {
        match self {
            Self { running: true, paused: true, .. } => "paused",
            Self { running: true, restarting: true, .. } => "restarting",
            Self { running: true, .. } => "running",
            Self { removal_in_progress: true, .. } => "removing",
            Self { dead: true, .. } => "dead",
            Self { started_at: None, .. } => "created",
            _ => "exited",
        }
    }

    /// Running, paused or restarting, as recorded.
    pub fn is_alive(&self) -> bool {
        self.running
    }
}

/// An entry of `MountPoints`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MountPoint {
    /// `volume`, `bind`, `tmpfs`, `image`
    pub kind: String,
    pub name: String,
    pub source: String,
    pub destination: String,
    pub driver: String,
    pub writable: bool,
    pub id: String,
    /// `Spec.Source` is empty or absent: the volume is anonymous.
    pub anonymous: bool,
    /// `Spec.Source`: of a mounted image its ID.
    pub asked_for: String,
}

/// A volume: a directory, an entry of `metadata.db`, or both. Its key's ID is its name.
#[derive(Clone, Debug, Default)]
pub struct Volume {
    pub driver: String,
    pub labels: Labels,
    pub options: Labels,
    /// Named in `metadata.db`.
    pub in_database: bool,
    /// The database was readable, so that `in_database == false` means something.
    pub database_read: bool,
    /// `volumes/<name>`; none for volumes of other drivers.
    pub at: Option<Place>,
    /// `_data` is there.
    pub has_data: bool,
    /// `opts.json` names a device or a type: the data lies elsewhere while it is in use.
    pub needs_mount: bool,
    /// Data roots inside it.
    pub nested: Vec<Nested>,
}

/// A BuildKit cache record. Its key's ID is the record's.
#[derive(Clone, Debug, Default)]
pub struct CacheRecord {
    pub committed: bool,
    /// `snapshot.size`; none if missing or -1.
    pub size: Option<u64>,
    /// `cache.snapshot`, or the record's ID.
    pub snapshot: String,
    pub equal_mutable: Option<String>,
    pub parents: Vec<String>,
    pub parentage: Parentage,
    /// `regular`, `internal`, `frontend`, `source.local`, `source.git.checkout`, `exec.cachemount`
    pub record_type: String,
    pub description: String,
    pub created_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub usage_count: Option<i64>,
    pub blob_only: bool,
    pub blob: Option<Digest>,
    pub retain: bool,
    pub deleted: bool,
}

/// What a cache record is to its parents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Parentage {
    /// On top of its parent, if it has one.
    #[default]
    Layer,
    /// All of its parents, one above the other.
    Merge,
    /// What one of its parents adds to the other.
    Diff { upper: Option<String> },
}

/// A bucket of `snapshots.db`. Its key's ID is the snapshot key.
#[derive(Clone, Debug, Default)]
pub struct CacheSnapshot {
    /// Has a `parent` key: a driver directory of this name was made.
    pub prepared: bool,
    pub parent: Option<String>,
    /// `committed`: the driver directory that holds its data.
    pub committed_as: Option<String>,
    /// `iscommitted` is there.
    pub is_committed: bool,
    pub chain: Option<ChainId>,
    pub size: Option<u64>,
}

/// A content blob. Its key's ID is its digest.
#[derive(Clone, Debug, Default)]
pub struct Blob {
    /// The sizes that databases record, by namespace.
    pub recorded: BTreeMap<String, u64>,
    pub labels: BTreeMap<String, String>,
    pub at: Option<Place>,
    /// Its entries in containerd's store, by namespace: of each its own size, times and labels.
    pub entries: BTreeMap<String, ContentEntry>,
    /// What it says, if it is an index, a manifest or a config that an image of containerd's store leads to.
    pub document: Option<Box<Document>>,
}

impl Blob {
    /// Its length, as far as any database knows it.
    pub fn recorded_size(&self) -> Option<u64> {
        self.recorded.values().copied().max()
    }
}

/// Left by an operation that did not end. Its key's ID is its place.
#[derive(Clone, Debug)]
pub struct Leftover {
    /// What it is, in a word or two: `write-set`, `temporary file`, `-removing layer`, …
    pub what: &'static str,
    /// What would clean it, in words.
    pub cleaned_by: &'static str,
    /// The engine removes it by itself at its next start or stop.
    pub by_itself: bool,
}

impl Leftover {
    /// What BuildKit could not open.
    pub const SET_ASIDE: &'static str = "database that was set aside";
}

/// A data root inside a volume or a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nested {
    pub at: Place,
    /// `dockerd`, `containerd`, `buildkitd`
    pub engine: &'static str,
    /// By what it is told.
    pub sign: &'static str,
}

/// A managed plugin. Its key's ID is its 64 hex digits.
#[derive(Clone, Debug, Default)]
pub struct Plugin {
    pub enabled: bool,
    pub removing: bool,
}

/// In an engine's directory, and written by no engine. Its key's ID is its place.
#[derive(Clone, Debug)]
pub struct Foreign {
    /// Stands for those of its directory that are not listed one by one.
    pub more_like_it: bool,
}
