//! A snapshotter's own database and directories.
//!
//! ```text
//! metadata.db   v1/snapshots/<backend name>/   id (unsigned varint)  kind (1 view, 2 active, 3 committed)  parent
//!                                              createdat updatedat labels/  inodes size (only once committed)
//!               v1/parents/<id> 00 <id>        the same, the other way round
//! snapshots/<id>/             overlayfs, fuse-overlayfs: fs work; native: the tree itself, none for a view of another
//!                             erofs: fs work .erofslayer, and layer.erofs once it is committed (then fs is empty)
//! snapshots/<id>              blockfile: a whole file system as one file, none for a view of another; scratch beside it
//! snapshots/new-<random>      its making was interrupted                 snapshots/rm-<id>    its removal was
//! active/<id> view/<id> snapshots/<id>        btrfs: subvolumes, by kind
//! ```
//!
//! containerd core/snapshots/storage/{bolt,metastore}.go, plugins/snapshots/*. Docker's usage of an active snapshot is
//! the blocks of its directory now, of a committed one what was recorded when it was committed.

use std::collections::{BTreeMap, BTreeSet};

use super::home::{Home, Snapshotter};
use super::meta::Reader;
use super::plugins::leftover;
use crate::disk::{Dir, FileKind};
use crate::format::bolt::{Bucket, Tree};
use crate::format::varint;
use crate::inventory::facts::{BackendSnapshot, DriverDirectory, Leftover, SnapshotKind, sweeps};
use crate::inventory::{Entity, Inventory, Keeps, OwnerKind};
use crate::store::{Site, bolt_file};
use crate::terms::{Kind, LinkKind, Lost, Place, Printable};

/// What goes with a snapshotter's database: which directory is which snapshot.
pub(super) const LOST: &[LinkKind] = &[LinkKind::StoredIn];

/// How a snapshotter lays its directories out.
#[derive(Clone, Copy, Debug)]
struct Layout {
    name: &'static str,
    /// Where a snapshot's directory may lie; of some kind only, if one is said.
    directories: &'static [(&'static str, Option<SnapshotKind>)],
    /// The part whose blocks are the usage of an active snapshot; none if files alone do not tell.
    content: Option<&'static str>,
    /// Nothing else of a snapshot lies anywhere else, so that a directory that it does not know is nobody's.
    in_full: bool,
    /// What else it keeps.
    beside: &'static [&'static str],
    /// A view of another snapshot has no directory: it is that one's.
    bare_views: bool,
}

const fn layout(name: &'static str, content: Option<&'static str>, in_full: bool) -> Layout {
    Layout { name, directories: &[("snapshots", None)], content, in_full, beside: &[], bare_views: false }
}

const LAYOUTS: &[Layout] = &[
    layout("overlayfs", Some("fs"), true),
    Layout { bare_views: true, ..layout("native", Some(""), true) },
    layout("fuse-overlayfs", Some("fs"), true),
    layout("erofs", Some("fs"), true),
    Layout { beside: &["scratch"], bare_views: true, ..layout("blockfile", None, true) },
    layout("devmapper", None, false),
    layout("zfs", None, false),
    Layout { directories: BY_KIND, ..layout("btrfs", None, true) },
    Layout {
        directories: &[("snapshotter/snapshots", None), ("snapshots", None)],
        ..layout("stargz", Some("fs"), false)
    },
];

const BY_KIND: &[(&str, Option<SnapshotKind>)] = &[
    ("active", Some(SnapshotKind::Active)),
    ("view", Some(SnapshotKind::View)),
    ("snapshots", Some(SnapshotKind::Committed)),
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
    /// The directories, each with the kind of what lies there, by number.
    directories: BTreeMap<String, Vec<(Option<SnapshotKind>, Place)>>,
    layout: Layout,
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

    /// Where its kind has it; and what has its number all the same if that is not there, for a kind may be damaged.
    pub(super) fn directory(&self, snapshot: &BackendSnapshot) -> Option<&Place> {
        let of_number = self.directories.get(&snapshot.id.to_string())?;
        let fits = |(kind, _): &&(Option<SnapshotKind>, Place)| kind.is_none_or(|kind| kind == snapshot.kind);
        of_number.iter().find(fits).or(of_number.first()).map(|(_, at)| at)
    }

    /// Where its kind should have it.
    pub(super) fn expected(&self, snapshot: &BackendSnapshot) -> Place {
        let of_kind = |(_, kind): &&(&str, Option<SnapshotKind>)| kind.is_none_or(|kind| kind == snapshot.kind);
        let below = self.layout.directories.iter().find(of_kind).map_or("snapshots", |(below, _)| below);
        self.snapshotter.at.join(below).join(snapshot.id.to_string())
    }

    /// Whether it has a directory of its own at all.
    pub(super) fn has_own(&self, snapshot: &BackendSnapshot) -> bool {
        !(self.layout.bare_views && snapshot.kind == SnapshotKind::View && snapshot.parent.is_some())
    }

    /// Where the usage of an active snapshot is measured.
    pub(super) fn content(&self, snapshot: &BackendSnapshot) -> Option<Place> {
        let at = self.directory(snapshot)?;
        match self.layout.content? {
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
    let mut backend = Backend {
        snapshotter: snapshotter.clone(),
        in_full: layout.in_full,
        snapshots: BTreeMap::new(),
        directories: BTreeMap::new(),
        layout,
        database: None,
    };
    for below in layout.directories {
        directories(site, inv, &mut backend, &top, *below);
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
    others(site, inv, &backend, &top);
    Some(backend)
}

fn directories(
    site: &Site<'_>,
    inv: &mut Inventory,
    backend: &mut Backend,
    top: &Dir<'_>,
    (below, kind): (&str, Option<SnapshotKind>),
) {
    let Some(dir) = site.dir(inv, &top.place().join(below), Lost::Links(LOST.to_vec())) else { return };
    inv.scaffold(site.root, &backend.snapshotter.store, &dir);
    for (name, _) in dir.entries() {
        let Ok(name) = std::str::from_utf8(name) else { continue };
        let at = dir.place().join(name);
        if is_number(name) {
            backend.directories.entry(name.to_owned()).or_default().push((kind, at));
        } else if let Some(what) = interrupted(&backend.snapshotter.name, name) {
            leftover(inv, site, &backend.snapshotter.store, at, what);
        }
    }
}

/// Names that no snapshot has while nobody works on it.
// containerd plugins/snapshots/overlay: createSnapshot makes `new-*`; native, btrfs, blockfile: Remove renames to `rm-*`
fn interrupted(snapshotter: &str, name: &str) -> Option<&'static Leftover> {
    const BY: &str = "containerd's next garbage collection that removes a snapshot";
    const NEVER: &str = "nothing: this snapshotter does not look for it";
    const NEW: &str = "snapshot that was being made";
    const RM: &str = "snapshot that was being removed";
    match (sweeps(snapshotter), name) {
        (true, name) if name.starts_with("new-") => Some(&Leftover { what: NEW, cleaned_by: BY, by_itself: true }),
        (true, name) if name.starts_with("rm-") => Some(&Leftover { what: RM, cleaned_by: BY, by_itself: true }),
        (false, name) if name.starts_with("new-") => Some(&Leftover { what: NEW, cleaned_by: NEVER, by_itself: false }),
        (false, name) if name.starts_with("rm-") => Some(&Leftover { what: RM, cleaned_by: NEVER, by_itself: false }),
        _ => None,
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
    let known: BTreeSet<&Place> = backend.snapshots.values().filter_map(|it| backend.directory(it)).collect();
    let all = backend.directories.iter().flat_map(|(name, places)| places.iter().map(move |place| (name, place)));
    for (name, (kind, at)) in all.filter(|(_, (_, at))| !known.contains(at)) {
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
        let lies_in = at.parent().filter(|_| kind.is_some()).map(|dir| Printable(dir.name()).to_string());
        let name = lies_in.map_or_else(|| name.clone(), |dir| format!("{dir}/{name}"));
        inv.add(home.directory(&backend.snapshotter.name, &name), thing);
    }
}

/// What a snapshotter keeps beside its snapshots: a scratch file; of one that is not read in full whatever it is, such as pool
/// databases and caches.
fn others(site: &Site<'_>, inv: &mut Inventory, backend: &Backend, top: &Dir<'_>) {
    let layout = backend.layout;
    for (name, kind) in top.entries().filter(|(name, _)| *name != b"metadata.db") {
        let text = String::from_utf8_lossy(name);
        let holds_ours = layout.directories.iter().any(|(ours, _)| ours.split('/').next() == Some(&*text));
        if (holds_ours && kind == FileKind::Dir) || (layout.in_full && !layout.beside.contains(&&*text)) {
            continue;
        }
        let at = top.place().join(name);
        let key = site.root.key(&backend.snapshotter.store, Kind::Store, at.to_string());
        inv.add(key, Entity::default().kept(Keeps::Engine).tree(at, OwnerKind::Store));
    }
}
