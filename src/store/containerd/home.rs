//! Where a containerd keeps what: its own root, or BuildKit's worker that has the same stores in a directory of its own.
//!
//! ```text
//! containerd          io.containerd.metadata.v1.bolt/meta.db
//!                     io.containerd.content.v1.content/{blobs,ingest}/
//!                     io.containerd.snapshotter.v1.<snapshotter>/{metadata.db, snapshots/<n>/}
//! runc-<snapshotter>  containerdmeta.db    content/{blobs,ingest}/    snapshots/{metadata.db, snapshots/<n>/}
//! ```

use crate::disk::{Dir, FileKind};
use crate::inventory::Root;
use crate::inventory::facts::in_namespace;
use crate::terms::{Key, Kind, Place};

pub(super) const SNAPSHOTTER: &str = "io.containerd.snapshotter.v1.";
pub(super) const CONTENT: &str = "io.containerd.content.v1.content";
pub(super) const METADATA: &str = "io.containerd.metadata.v1.bolt";

/// One set of stores that a metadata database joins.
#[derive(Clone, Debug)]
pub(super) struct Home<'a> {
    pub(super) root: &'a Root,
    /// The store of everything but snapshots: `containerd`, `runc-overlayfs`.
    pub(super) store: String,
    pub(super) metadata: Place,
    pub(super) content: Place,
    pub(super) snapshotters: Vec<Snapshotter>,
}

#[derive(Clone, Debug)]
pub(super) struct Snapshotter {
    /// As `meta.db` has it: `overlayfs`.
    pub(super) name: String,
    /// The store of its snapshots in keys.
    pub(super) store: String,
    pub(super) at: Place,
}

impl<'a> Home<'a> {
    pub(super) fn of_containerd(root: &'a Root, top: &Dir<'_>) -> Self {
        let at = top.place();
        let names = top.entries().filter(|(_, kind)| *kind == FileKind::Dir);
        let snapshotter = |name: &[u8]| {
            let name = std::str::from_utf8(name).ok()?.strip_prefix(SNAPSHOTTER).filter(|name| !name.is_empty())?;
            let at = at.join(format!("{SNAPSHOTTER}{name}"));
            Some(Snapshotter { name: name.to_owned(), store: name.to_owned(), at })
        };
        Self {
            root,
            store: "containerd".to_owned(),
            metadata: at.join(METADATA).join("meta.db"),
            content: at.join(CONTENT),
            snapshotters: names.filter_map(|(name, _)| snapshotter(name)).collect(),
        }
    }

    /// Of `runc-<snapshotter>`; its snapshots have the worker's name for a store, since an engine beside it may have
    /// the same snapshotter.
    pub(super) fn of_worker(root: &'a Root, worker: &Dir<'_>, name: &str) -> Option<Self> {
        let snapshotter = name.strip_prefix("runc-")?.to_owned();
        let at = worker.place();
        let snapshotter = Snapshotter { name: snapshotter, store: name.to_owned(), at: at.join("snapshots") };
        Some(Self {
            root,
            store: name.to_owned(),
            metadata: at.join("containerdmeta.db"),
            content: at.join("content"),
            snapshotters: vec![snapshotter],
        })
    }

    /// Where the file of a blob lies.
    pub(super) fn file_of(&self, digest: &str) -> Place {
        self.content.join("blobs").join(digest.replacen(':', "/", 1))
    }

    fn key(&self, kind: Kind, id: impl Into<std::sync::Arc<str>>) -> Key {
        self.root.key(&self.store, kind, id)
    }

    /// A record by its name.
    pub(super) fn tag(&self, namespace: &str, familiar: &str) -> Key {
        self.key(Kind::Tag, in_namespace(namespace, familiar))
    }

    pub(super) fn image(&self, namespace: &str, target: &str) -> Key {
        self.key(Kind::Image, in_namespace(namespace, target))
    }

    pub(super) fn blob(&self, digest: &str) -> Key {
        self.key(Kind::Blob, digest)
    }

    /// An entry of a namespace with what its labels refer to.
    pub(super) fn content(&self, namespace: &str, digest: &str) -> Key {
        self.key(Kind::Content, format!("{namespace}/{digest}"))
    }

    /// What the labels of a snapshot refer to.
    pub(super) fn labels_of_snapshot(&self, namespace: &str, snapshotter: &str, name: &str) -> Key {
        self.key(Kind::Content, format!("{namespace}/{snapshotter}/{name}"))
    }

    pub(super) fn ingest(&self, directory: &str) -> Key {
        self.key(Kind::Ingest, directory)
    }

    pub(super) fn lease(&self, namespace: &str, id: &str) -> Key {
        self.key(Kind::Lease, format!("{namespace}/{id}"))
    }

    pub(super) fn container(&self, namespace: &str, id: &str) -> Key {
        self.key(Kind::ContainerRecord, format!("{namespace}/{id}"))
    }

    pub(super) fn sandbox(&self, namespace: &str, id: &str) -> Key {
        self.key(Kind::Sandbox, format!("{namespace}/{id}"))
    }

    pub(super) fn namespace(&self, name: &str) -> Key {
        self.key(Kind::Namespace, name)
    }

    pub(super) fn snapshot(&self, namespace: &str, snapshotter: &str, name: &str) -> Key {
        self.of_snapshotter(snapshotter, Kind::Snapshot, in_namespace(namespace, name))
    }

    pub(super) fn backend_snapshot(&self, snapshotter: &str, name: &str) -> Key {
        self.of_snapshotter(snapshotter, Kind::Snapshot, format!("backend/{name}"))
    }

    /// A directory that no snapshot has.
    pub(super) fn directory(&self, snapshotter: &str, name: &str) -> Key {
        self.of_snapshotter(snapshotter, Kind::DriverDirectory, name.to_owned())
    }

    fn of_snapshotter(&self, snapshotter: &str, kind: Kind, id: String) -> Key {
        let known = self.snapshotters.iter().find(|known| known.name == snapshotter);
        self.root.key(known.map_or(snapshotter, |known| &known.store), kind, id)
    }
}
