//! containerd's own root: found, named and weighed, one owner for each plugin; not yet read in detail.
//!
//! ```text
//! io.containerd.metadata.v1.bolt/meta.db        v1/<namespace>/{images, snapshots/<snapshotter>, content/blob, leases …}
//! io.containerd.content.v1.content/{blobs,ingest}/
//! io.containerd.snapshotter.v1.<snapshotter>/{metadata.db, snapshots/<n>/}        (btrfs: active/ view/ snapshots/)
//! io.containerd.*/  tmpmounts/  opt/
//! ```
//!
//! It is the top of a tree of its own, or `containerd/daemon` below a data root when dockerd started containerd.
//! A daemon with a graph driver keeps manifests here too, so that only images or snapshots make an image store.

use super::{Site, bolt_file};
use crate::disk::{Dir, FileKind, Unreadable};
use crate::format::bolt;
use crate::inventory::{Entity, Inventory, Keeps, OwnerKind, Root, StoreInfo, StoreKind};
use crate::terms::{Kind, Lost, Place};

const METADATA: &str = "io.containerd.metadata.v1.bolt/meta.db";
const SNAPSHOTTER: &str = "io.containerd.snapshotter.v1.";

/// Whether a root is a containerd's, not an engine's.
pub(super) fn is_its_own_root(root: &Root) -> bool {
    &*root.name == "containerd"
}

pub(super) fn survey(site: &Site<'_>) -> Inventory {
    let mut inv = Inventory::default();
    let home = if is_its_own_root(site.root) { site.root.place.clone() } else { site.at("containerd/daemon") };
    let Some(dir) = site.dir(&mut inv, &home, Lost::Bytes) else { return inv };
    inv.scaffold(site.root, "containerd", &dir);
    for (name, _) in dir.entries().filter(|(name, _)| is_plugin(name)) {
        let key = site.root.key("containerd", Kind::Store, String::from_utf8_lossy(name));
        inv.add(key, Entity::default().kept(Keeps::Engine).tree(home.join(name), OwnerKind::Store));
    }
    let metadata = bolt_file::read(site, &mut inv, &home.join(METADATA), &Lost::Nothing);
    let used = Used::of(metadata.as_ref());
    let stores: Vec<StoreInfo> = snapshotters(&dir).filter_map(|name| store(site, &dir, name, &used)).collect();
    inv.stores = stores;
    let holds_blobs = site.disk.stat(&home.join("io.containerd.content.v1.content/blobs")).is_ok();
    if holds_blobs || !inv.stores.is_empty() {
        let cause =
            "containerd's own stores are weighed, and not yet read in detail: who needs what in them is not known";
        inv.problem("not-read-in-detail", &home, Lost::Nothing, cause);
    }
    inv
}

fn is_plugin(name: &[u8]) -> bool {
    name.starts_with(b"io.containerd.") || matches!(name, b"tmpmounts" | b"opt")
}

fn snapshotters<'a>(dir: &'a Dir<'_>) -> impl Iterator<Item = &'a str> {
    dir.entries()
        .filter(|(_, kind)| *kind == FileKind::Dir)
        .filter_map(|(name, _)| std::str::from_utf8(name).ok()?.strip_prefix(SNAPSHOTTER))
}

/// What the engine's namespaces hold: `moby`, and `moby-<uid>.<gid>` with userns-remap.
#[derive(Debug, Default)]
struct Used {
    /// No database, or one that tells nothing.
    unknown: bool,
    images: bool,
    snapshotters: Vec<String>,
}

impl Used {
    fn of(metadata: Option<&bolt::Tree>) -> Self {
        let Some(namespaces) = metadata.and_then(|tree| tree.at(&[b"v1"])) else {
            return Self { unknown: true, ..Self::default() };
        };
        let mut used = Self { unknown: !namespaces.is_whole_below(), ..Self::default() };
        let of_engine = |name: &[u8]| name == b"moby" || name.starts_with(b"moby-");
        for (_, namespace) in namespaces.buckets().filter(|(name, _)| of_engine(name)) {
            used.images |= namespace.bucket(b"images").is_some_and(|images| !images.is_empty());
            let snapshots = namespace.bucket(b"snapshots").into_iter().flat_map(bolt::Bucket::buckets);
            let filled = snapshots.filter(|(_, snapshots)| !snapshots.is_empty());
            used.snapshotters.extend(filled.map(|(name, _)| String::from_utf8_lossy(name).into_owned()));
        }
        used
    }
}

/// A snapshotter that was ever used; empty plugin directories are on every host and mean nothing.
fn store(site: &Site<'_>, dir: &Dir<'_>, name: &str, used: &Used) -> Option<StoreInfo> {
    let home = dir.dir(format!("{SNAPSHOTTER}{name}").as_bytes()).ok()?;
    let holds = |below: &[u8]| home.dir(below).is_ok_and(|dir| !dir.is_empty());
    let filled = holds(b"snapshots") || holds(b"active") || holds(b"view");
    if !filled && home.kind(b"metadata.db").is_none() {
        return None;
    }
    let named = used.snapshotters.iter().any(|known| known == name);
    let populated = named || (used.unknown && filled) || (used.images && used.snapshotters.is_empty());
    Some(StoreInfo {
        root: site.root.name.clone(),
        name: name.into(),
        kind: StoreKind::Containerd,
        home: home.place().clone(),
        populated,
        read_in_full: false,
        newest: newest(site, &[home.place().join("metadata.db"), dir.place().join(METADATA)]),
    })
}

fn newest(site: &Site<'_>, files: &[Place]) -> Option<(i64, u32)> {
    let times = files.iter().map(|at| site.disk.stat(at).map(|stat| stat.mtime));
    times.filter_map(Result::<_, Unreadable>::ok).max()
}
