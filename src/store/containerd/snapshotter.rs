//! A snapshotter's own database and directories.
//!
//! ```text
//! metadata.db   v1/snapshots/<backend name>/   id (unsigned varint)  kind (1 view, 2 active, 3 committed)  parent
//!                                              createdat updatedat labels/  inodes size (only once committed)
//!               v1/parents/<id> 00 <id>        the same, the other way round
//! snapshots/<id>/             overlayfs, fuse-overlayfs, erofs: fs work; native: the tree itself; blockfile: a file
//! snapshots/new-<random>      its making was interrupted                 snapshots/rm-<id>    its removal was
//! active/<id> view/<id> snapshots/<id>        btrfs: subvolumes
//! ```
//!
//! containerd core/snapshots/storage/{bolt,metastore}.go, plugins/snapshots/*. Docker's usage of an active snapshot is
//! the blocks of its directory now, of a committed one what was recorded when it was committed.

use std::collections::BTreeMap;

use super::home::{Home, Snapshotter};
use super::meta::Reader;
use super::plugins::leftover;
use crate::disk::{Dir, FileKind};
use crate::format::bolt::{Bucket, Tree};
use crate::format::varint;
use crate::inventory::facts::{BackendSnapshot, DriverDirectory, SnapshotKind};
use crate::inventory::{Entity, Inventory, Keeps, OwnerKind};
use crate::store::{Site, bolt_file};
use crate::terms::{Kind, LinkKind, Lost, Place};

/// What goes with a snapshotter's database: which directory is which snapshot.
pub(super) const LOST: &[LinkKind] = &[LinkKind::StoredIn];

/// How a snapshotter lays its directories out.
#[derive(Clone, Copy, Debug)]
struct Layout {
    name: &'static str,
    /// Where a snapshot's directory may lie.
    directories: &'static [&'static str],
    /// The part whose blocks are the usage of an active snapshot; none if files alone do not tell.
    content: Option<&'static str>,
    /// Nothing else of a snapshot lies anywhere else, so that a directory that it does not know is nobody's.
    in_full: bool,
}

const fn layout(name: &'static str, content: Option<&'static str>, in_full: bool) -> Layout {
    Layout { name, directories: &["snapshots"], content, in_full }
}

const LAYOUTS: &[Layout] = &[
    layout("overlayfs", Some("fs"), true),
    layout("native", Some(""), true),
    layout("fuse-overlayfs", Some("fs"), true),
    layout("erofs", Some("fs"), false),
    layout("blockfile", None, false),
    layout("devmapper", None, false),
    layout("zfs", None, false),
    Layout { name: "btrfs", directories: &["active", "view", "snapshots"], content: None, in_full: false },
    Layout {
        name: "stargz",
        directories: &["snapshotter/snapshots", "snapshots"],
        content: Some("fs"),
        in_full: false,
    },
];

/// Whether containerd has it built in, with its directory below containerd's own root unless it is told otherwise.
pub(super) fn is_in_tree(name: &str) -> bool {
    LAYOUTS.iter().any(|layout| layout.name == name) && !matches!(name, "stargz" | "fuse-overlayfs")
}

impl Layout {
    fn of(name: &str) -> Self {
        LAYOUTS.iter().find(|layout| layout.name == name).copied().unwrap_or(layout("", Some("fs"), false))
    }
}

/// What one snapshotter has.
#[derive(Debug)]
pub(super) struct Backend {
    pub(super) snapshotter: Snapshotter,
    pub(super) in_full: bool,
    /// By backend name.
    pub(super) snapshots: BTreeMap<String, BackendSnapshot>,
    /// The directories, by name.
    directories: BTreeMap<String, Place>,
    content: Option<&'static str>,
    /// The database was read, whole or not.
    pub(super) database: Option<Place>,
}

impl Backend {
    /// Whether it was ever used: every host has empty plugin directories.
    pub(super) fn is_used(&self) -> bool {
        self.database.is_some() || !self.directories.is_empty()
    }

    pub(super) fn is_filled(&self) -> bool {
        !self.directories.is_empty() || !self.snapshots.is_empty()
    }

    pub(super) fn directory(&self, snapshot: &BackendSnapshot) -> Option<&Place> {
        self.directories.get(&snapshot.id.to_string())
    }

    /// Where the usage of an active snapshot is measured.
    pub(super) fn content(&self, snapshot: &BackendSnapshot) -> Option<Place> {
        let at = self.directory(snapshot)?;
        match self.content? {
            "" => Some(at.clone()),
            below => Some(at.join(below)),
        }
    }
}

/// Lists a snapshotter's directories, then reads its database: what was made meanwhile is in the database, too.
pub(super) fn survey(site: &Site<'_>, inv: &mut Inventory, snapshotter: &Snapshotter) -> Option<Backend> {
    let layout = Layout::of(&snapshotter.name);
    let top = site.dir(inv, &snapshotter.at, Lost::Links(LOST.to_vec()))?;
    inv.scaffold(site.root, &snapshotter.store, &top);
    let (content, in_full) = (layout.content, layout.in_full);
    let mut backend = Backend {
        snapshotter: snapshotter.clone(),
        in_full,
        snapshots: BTreeMap::new(),
        directories: BTreeMap::new(),
        content,
        database: None,
    };
    for below in layout.directories {
        directories(site, inv, &mut backend, &top, below);
    }
    let at = top.place().join("metadata.db");
    if top.kind(b"metadata.db").is_some() {
        let key = site.root.key(&snapshotter.store, Kind::Database, at.to_string());
        inv.add(key, Entity::default().named("metadata.db").kept(Keeps::Engine).tree(at.clone(), OwnerKind::Database));
        if let Some(tree) = bolt_file::read(site, inv, &at, &Lost::Links(LOST.to_vec())) {
            backend.snapshots = parse(inv, &at, &tree);
        }
        backend.database = Some(at);
    } else if !backend.directories.is_empty() {
        let cause = "not there, and there are directories of snapshots";
        inv.problem("missing-database", &at, Lost::Links(LOST.to_vec()), cause);
    }
    if !in_full {
        others(site, inv, &backend, &top, layout);
    }
    Some(backend)
}

fn directories(site: &Site<'_>, inv: &mut Inventory, backend: &mut Backend, top: &Dir<'_>, below: &str) {
    let Some(dir) = site.dir(inv, &top.place().join(below), Lost::Links(LOST.to_vec())) else { return };
    inv.scaffold(site.root, &backend.snapshotter.store, &dir);
    for (name, _) in dir.entries() {
        let Ok(name) = std::str::from_utf8(name) else { continue };
        let at = dir.place().join(name);
        if is_number(name) {
            backend.directories.insert(name.to_owned(), at);
        } else if let Some(what) = interrupted(name) {
            leftover(inv, site, &backend.snapshotter.store, at, what);
        }
    }
}

/// Names that no snapshot has while nobody works on it.
// containerd plugins/snapshots/overlay: createSnapshot makes `new-*`; native, btrfs, blockfile: Remove renames to `rm-*`
fn interrupted(name: &str) -> Option<&'static crate::inventory::facts::Leftover> {
    use crate::inventory::facts::Leftover;
    const BY: &str = "containerd's next garbage collection that removes a snapshot";
    const NEW: Leftover = Leftover { what: "snapshot that was being made", cleaned_by: BY, by_itself: true };
    const RM: Leftover = Leftover { what: "snapshot that was being removed", cleaned_by: BY, by_itself: true };
    if name.starts_with("new-") {
        Some(&NEW)
    } else if name.starts_with("rm-") {
        Some(&RM)
    } else {
        None
    }
}

fn is_number(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit())
}

fn parse(inv: &mut Inventory, at: &Place, tree: &Tree) -> BTreeMap<String, BackendSnapshot> {
    let lost = Lost::Links(LOST.to_vec());
    let mut found = BTreeMap::new();
    let stranger = tree.root().iter().any(|(name, _)| name != b"v1");
    let other = tree.at(&[b"v1"]).is_some_and(|v1| v1.get(b"version").is_some());
    if stranger || other {
        inv.problem("swapped-database", at, lost, "this is no database of a snapshotter");
        return found;
    }
    let mut read = Reader { inv, at, lost: &lost };
    for (name, bucket) in tree.at(&[b"v1", b"snapshots"]).into_iter().flat_map(Bucket::buckets) {
        let name = read.text(name);
        let id = bucket.get(b"id").map(varint::uvarint).and_then(Result::ok);
        let Some(id) = id else {
            let cause = format!("snapshot {name} has no number, so that its directory is not known");
            read.inv.problem("bad-snapshot", at, lost.clone(), cause);
            continue;
        };
        let snapshot = BackendSnapshot {
            id,
            kind: match bucket.get(b"kind") {
                Some([1]) => SnapshotKind::View,
                Some([2]) => SnapshotKind::Active,
                Some([3]) => SnapshotKind::Committed,
                _ => SnapshotKind::Unknown,
            },
            parent: bucket.get(b"parent").map(|parent| read.text(parent)).filter(|parent| !parent.is_empty()),
            size: bucket.get(b"size").and_then(|bytes| read.size(bytes)),
            inodes: bucket.get(b"inodes").and_then(|bytes| read.size(bytes)),
            labels: read.labels(bucket),
        };
        found.insert(name, snapshot);
    }
    found
}

/// Directories that no snapshot has. Of a snapshotter that is not read in full nothing is concluded: what lies there is
/// its own.
pub(super) fn unknown(site: &Site<'_>, inv: &mut Inventory, home: &Home<'_>, backend: &Backend) {
    let known: std::collections::BTreeSet<String> = backend.snapshots.values().map(|it| it.id.to_string()).collect();
    for (name, at) in backend.directories.iter().filter(|(name, _)| !known.contains(*name)) {
        if !backend.in_full {
            let key = site.root.key(&backend.snapshotter.store, Kind::Store, at.to_string());
            inv.add(key, Entity::default().kept(Keeps::Engine).tree(at.clone(), OwnerKind::Store));
            continue;
        }
        // gone meanwhile: it was being removed
        let Ok(stat) = site.disk.stat(at) else { continue };
        let facts = DriverDirectory {
            at: Some(at.clone()),
            mtime: stat.mtime,
            ctime: stat.ctime,
            ..DriverDirectory::default()
        };
        let thing = Entity::new(facts).tree(at.clone(), OwnerKind::Unclaimed);
        inv.add(home.directory(&backend.snapshotter.name, name), thing);
    }
}

/// What a snapshotter that is not read in full keeps beside its snapshots: pool databases, caches, scratch files.
fn others(site: &Site<'_>, inv: &mut Inventory, backend: &Backend, top: &Dir<'_>, layout: Layout) {
    for (name, kind) in top.entries().filter(|(name, _)| *name != b"metadata.db") {
        let text = String::from_utf8_lossy(name);
        let holds_ours = layout.directories.iter().any(|ours| ours.split('/').next() == Some(&*text));
        if holds_ours && kind == FileKind::Dir {
            continue;
        }
        let at = top.place().join(name);
        let key = site.root.key(&backend.snapshotter.store, Kind::Store, at.to_string());
        inv.add(key, Entity::default().kept(Keeps::Engine).tree(at, OwnerKind::Store));
    }
}
