//! What a thing is called: root, store, kind, id. The order is the order in which shared bytes are charged.

use std::fmt;
use std::sync::Arc;

/// The kinds of things that refer to each other. The names are Docker's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Blob,
    BuildHistory,
    CacheRecord,
    CacheSnapshot,
    Container,
    ContainerRecord,
    Content,
    Database,
    DistributionMap,
    DriverDirectory,
    File,
    Image,
    Ingest,
    Layer,
    Lease,
    Leftover,
    Mount,
    Namespace,
    Network,
    Plugin,
    Sandbox,
    Scaffold,
    Snapshot,
    Store,
    Swarm,
    Tag,
    Volume,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Blob => "blob",
            Self::BuildHistory => "build-history",
            Self::CacheRecord => "cache-record",
            Self::CacheSnapshot => "cache-snapshot",
            Self::Container => "container",
            Self::ContainerRecord => "container-record",
            Self::Content => "content",
            Self::Database => "database",
            Self::DistributionMap => "distribution-map",
            Self::DriverDirectory => "driver-directory",
            Self::File => "file",
            Self::Image => "image",
            Self::Ingest => "ingest",
            Self::Layer => "layer",
            Self::Lease => "lease",
            Self::Leftover => "leftover",
            Self::Mount => "mount",
            Self::Namespace => "namespace",
            Self::Network => "network",
            Self::Plugin => "plugin",
            Self::Sandbox => "sandbox",
            Self::Scaffold => "scaffold",
            Self::Snapshot => "snapshot",
            Self::Store => "store",
            Self::Swarm => "swarm",
            Self::Tag => "tag",
            Self::Volume => "volume",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name of a thing: unique over everything that one run reads.
///
/// `root` is a root's name (`docker`, `docker/100000.100000`, `containerd`), `store` the store's (`overlay2`,
/// `buildkit`, `engine` for what belongs to no image store).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub root: Arc<str>,
    pub store: Arc<str>,
    pub kind: Kind,
    pub id: Arc<str>,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}:{}", self.root, self.store, self.kind, self.id)
    }
}
