//! References between things, each with the file that says so.

use super::{Evidence, Key};

/// Why one thing refers to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkKind {
    /// tag or digest reference -> image (`repositories.json`)
    Names,
    /// image -> the image it was built on (`imagedb/metadata/…/parent`)
    BuiltOn,
    /// image -> its top layer (`rootfs.diff_ids`)
    TopLayer,
    /// layer -> the layer below it (`layerdb/…/parent`)
    Parent,
    /// layer, mount or cache snapshot -> its driver directory (`cache-id`, `mount-id`, bucket of `snapshots.db`)
    StoredIn,
    /// mount -> its init directory (`init-id`)
    InitLayer,
    /// mount -> the layer it stands on (`mounts/…/parent`)
    StandsOn,
    /// driver directory -> the one below it (`lower`): the driver's copy of the chain
    Lower,
    /// container -> its image (`config.v2.json`)
    RunsFrom,
    /// container -> its read-write layer (same name in `layerdb/mounts`)
    ReadWrite,
    /// container -> the mount of an image (`MountPoints`)
    ImageMount,
    /// container -> volume (`MountPoints`)
    Uses,
    /// cache record -> cache record below it
    RecordParent,
    /// cache record -> cache snapshot (`cache.snapshot`), and the pair of a committed record (`cache.equalMutable`)
    Caches,
    /// lease -> snapshot, content, ingest, image
    Leases,
    /// cache record or container -> the lease of the same name
    HoldsLease,
    /// cache snapshot or snapshot -> the one below it
    SnapshotParent,
    /// cache snapshot -> layer (`chainid`)
    SharesLayer,
    /// cache record, image or blob -> blob; content -> the blob that it is an entry for
    Content,
    /// image of containerd's store -> the content it is a name for
    Target,
    /// containerd's object -> what a label of it, or of the other (`gc.bref`), tells the garbage collector to keep
    GcRef,
    /// build history -> lease
    Remembers,
    /// leftover of an interrupted removal or creation -> what it had
    Interrupted,
}

impl LinkKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Names => "names",
            Self::BuiltOn => "built-on",
            Self::TopLayer => "top-layer",
            Self::Parent => "parent",
            Self::StoredIn => "stored-in",
            Self::InitLayer => "init-layer",
            Self::StandsOn => "stands-on",
            Self::Lower => "lower",
            Self::RunsFrom => "runs-from",
            Self::ReadWrite => "read-write",
            Self::ImageMount => "image-mount",
            Self::Uses => "uses",
            Self::RecordParent => "record-parent",
            Self::Caches => "caches",
            Self::Leases => "leases",
            Self::HoldsLease => "holds-lease",
            Self::SnapshotParent => "snapshot-parent",
            Self::SharesLayer => "shares-layer",
            Self::Content => "content",
            Self::Target => "target",
            Self::GcRef => "gc-ref",
            Self::Remembers => "remembers",
            Self::Interrupted => "interrupted",
        }
    }

    /// Whether the engine keeps the target for the sake of the source.
    pub fn holds(self) -> bool {
        match self {
            // overlay2's copy of the parent chain: compared, not counted
            Self::Lower => false,
            // nobody resumes it
            Self::Interrupted => false,
            _ => true,
        }
    }
}

/// One reference and its evidence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    pub from: Key,
    pub kind: LinkKind,
    pub to: Key,
    /// The file that says so.
    pub evidence: Evidence,
}
