//! containerd's stores: images, content, snapshots and leases, by namespace.
//!
//! ```text
//! io.containerd.metadata.v1.bolt/meta.db        what there is, and what keeps what            (meta.rs, refs.rs, enter.rs)
//! io.containerd.content.v1.content/             blobs and unfinished ones                     (content.rs, documents.rs)
//! io.containerd.snapshotter.v1.<snapshotter>/   its own database, a directory a snapshot      (snapshotter.rs)
//! io.containerd.*/  tmpmounts/  opt/            the rest                                      (plugins.rs)
//! ```
//!
//! It is the top of a tree of its own, or `containerd/daemon` below a data root when dockerd started containerd. A daemon
//! with a graph driver keeps manifests here too, so that only images or snapshots make an image store. A buildkitd has
//! the same stores in a directory of its own (home.rs).

mod content;
mod documents;
mod enter;
mod home;
mod join;
mod meta;
mod plugins;
mod refs;
mod snapshotter;
mod strays;
#[cfg(test)]
pub(crate) mod tests;

pub(super) use join::join;

use enter::Found;
use home::Home;
use meta::Meta;
use snapshotter::Backend;

use std::collections::BTreeSet;

use super::{Site, bolt_file};
use crate::disk::{Dir, Unreadable};
use crate::format::bolt::Tree;
use crate::inventory::{Entity, Inventory, Keeps, OwnerKind, Role, Root, StoreInfo, StoreKind};
use crate::terms::{Kind, LinkKind, Lost, Place};

/// What goes with `meta.db`.
pub(super) const LOST: &[LinkKind] = &[
    LinkKind::Names,
    LinkKind::BuiltOn,
    LinkKind::Target,
    LinkKind::GcRef,
    LinkKind::Leases,
    LinkKind::HoldsLease,
    LinkKind::SnapshotParent,
    LinkKind::StoredIn,
    LinkKind::Content,
    LinkKind::Remembers,
];

/// Whether a root is a containerd's, not an engine's.
pub(super) fn is_its_own_root(root: &Root) -> bool {
    root.role == Role::Containerd
}

pub(super) fn survey(site: &Site<'_>) -> Inventory {
    let mut inv = Inventory::default();
    let at = if is_its_own_root(site.root) { site.root.place.clone() } else { site.at("containerd/daemon") };
    let Some(top) = site.dir(&mut inv, &at, Lost::Links(LOST.to_vec())) else { return inv };
    inv.scaffold(site.root, "containerd", &top);
    let home = Home::of_containerd(site.root, &top);
    if let Some(dir) = site.dir(&mut inv, &top.place().join(home::METADATA), Lost::Links(LOST.to_vec())) {
        inv.scaffold(site.root, &home.store, &dir);
        if dir.kind(b"meta.db").is_some() {
            let key = site.root.key(&home.store, Kind::Database, "meta.db");
            let thing = Entity::default().named("meta.db").kept(Keeps::Engine);
            inv.add(key, thing.tree(home.metadata.clone(), OwnerKind::Database));
        }
    }
    let meta = stores(site, &mut inv, &home);
    plugins::survey(site, &mut inv, &top, meta.as_ref());
    inv
}

/// Surveys the stores of one home. Directories are listed before the database of who owns them is read, and that
/// before `meta.db`: what was made meanwhile is known to the later of the two.
fn stores(site: &Site<'_>, inv: &mut Inventory, home: &Home<'_>) -> Option<Meta> {
    let content = content::survey(site, inv, home);
    let backends: Vec<Backend> =
        home.snapshotters.iter().filter_map(|snapshotter| snapshotter::survey(site, inv, snapshotter)).collect();
    let read = metadata(site, inv, home);
    let filled = !content.blobs.is_empty() || backends.iter().any(Backend::is_filled);
    if read.is_none() && site.disk.stat(&home.metadata) == Err(Unreadable::Missing) {
        let above = home.metadata.parent().is_some_and(|above| site.disk.stat(&above).is_ok());
        if filled {
            let cause = "not there, and there are blobs or snapshots";
            inv.problem("missing-database", &home.metadata, Lost::Links(LOST.to_vec()), cause);
        } else if above && home.store == "containerd" {
            // made together with its directory; whatever it named is not here either
            inv.problem("missing-database", &home.metadata, Lost::Nothing, "not there, and its directory is");
        }
    }
    let meta = read.unwrap_or_default();
    let documents = documents::read(site, inv, &meta, &content);
    missing(inv, home, &meta, &backends);
    elsewhere(inv, home, &meta, &backends);
    for backend in &backends {
        snapshotter::unknown(site, inv, home, backend);
    }
    inv.stores.extend(backends.iter().filter_map(|backend| store(site, home, &meta, backend)));
    Found { site, home, meta: &meta, content: &content, backends: &backends, documents }.enter(inv);
    let is_read = !meta.namespaces.is_empty() || meta.version.is_some();
    is_read.then_some(meta)
}

fn metadata(site: &Site<'_>, inv: &mut Inventory, home: &Home<'_>) -> Option<Meta> {
    let (at, lost) = (&home.metadata, Lost::Links(LOST.to_vec()));
    let tree = bolt_file::read(site, inv, at, &lost)?;
    if is_swapped(&tree) {
        inv.problem("swapped-database", at, lost, "this is no database of containerd's metadata");
        return None;
    }
    Some(meta::parse(inv, at, &lost, &tree))
}

/// A snapshotter's has `v1/parents` and no version; others have no `v1`.
fn is_swapped(tree: &Tree) -> bool {
    let Some(v1) = tree.at(&[b"v1"]) else { return tree.is_whole() && !tree.root().is_empty() };
    v1.get(b"version").is_none() && v1.bucket(b"snapshots").is_some() && v1.bucket(b"parents").is_some()
}

/// Snapshots that `meta.db` names, and that their snapshotter or the disk does not have. One of the two databases has lost a
/// name or a number, so that what nothing seems to name may be the very thing.
fn missing(inv: &mut Inventory, home: &Home<'_>, meta: &Meta, backends: &[Backend]) {
    let all = meta.namespaces.values().flat_map(|namespace| namespace.snapshots.values());
    let lost = || Lost::Links(vec![LinkKind::StoredIn]);
    for snapshot in all {
        let Some(backend) = backends.iter().find(|it| it.snapshotter.name == snapshot.snapshotter && it.is_used())
        else {
            continue; // its root lies elsewhere: a proxy plugin, or `root_path` in the configuration
        };
        let called = format!("snapshot {} of namespace {}", snapshot.name, snapshot.namespace);
        match (backend.snapshots.get(&snapshot.backend_name), &backend.database) {
            (None, Some(_)) => {
                let cause = format!("{called} is not known to {}", backend.snapshotter.name);
                inv.problem("missing-snapshot", &home.metadata, lost(), cause);
            }
            (Some(known), Some(at))
                if backend.in_full && backend.has_own(known) && backend.directory(known).is_none() =>
            {
                let place = backend.expected(known);
                let cause = format!("not there, and {at} has it for {called}");
                inv.problem("missing-snapshot-directory", &place, lost(), cause);
            }
            _ => {}
        }
    }
}

/// Snapshotters that `meta.db` has snapshots of, and that have no directory here: a proxy plugin's lies elsewhere.
fn elsewhere(inv: &mut Inventory, home: &Home<'_>, meta: &Meta, backends: &[Backend]) {
    let named = meta.namespaces.values().flat_map(|namespace| namespace.snapshots.keys());
    let named: BTreeSet<&str> = named.map(|(snapshotter, _)| snapshotter.as_str()).collect();
    let is_here = |name: &&str| backends.iter().any(|it| it.snapshotter.name == **name);
    let Some(top) = home.content.parent() else { return };
    for name in named.into_iter().filter(|name| !is_here(name)) {
        let (at, lost) = match snapshotter::is_in_tree(name) {
            true => (top.join(format!("{}{name}", home::SNAPSHOTTER)), Lost::Links(vec![LinkKind::StoredIn])),
            false => (home.metadata.clone(), Lost::Nothing),
        };
        let cause = format!("no directory of snapshotter {name} is here, and {} has snapshots of it", home.metadata);
        inv.problem("missing-snapshotter", &at, lost, cause);
    }
}

/// A snapshotter that was ever used.
fn store(site: &Site<'_>, home: &Home<'_>, meta: &Meta, backend: &Backend) -> Option<StoreInfo> {
    if !backend.is_used() {
        return None;
    }
    let name = &backend.snapshotter.name;
    let named = |ns: &meta::Namespace| ns.snapshots.keys().any(|(snapshotter, _)| snapshotter == name);
    // others may work with the same containerd, and a buildkitd alone has no images
    let engines = || meta.namespaces.iter().filter(|(name, _)| enter::is_of_engine(name)).map(|(_, it)| it);
    let used = engines().any(named);
    let only_images = || engines().any(|it| !it.images.is_empty() && it.snapshots.is_empty());
    let unknown = meta.namespaces.is_empty() && backend.is_filled() && home.store == "containerd";
    let times = [backend.snapshotter.at.join("metadata.db"), home.metadata.clone()];
    Some(StoreInfo {
        root: site.root.name.clone(),
        name: backend.snapshotter.store.as_str().into(),
        kind: StoreKind::Containerd,
        home: backend.snapshotter.at.clone(),
        populated: used || unknown || only_images(),
        read_in_full: backend.in_full,
        newest: newest(site, &times),
    })
}

fn newest(site: &Site<'_>, files: &[Place]) -> Option<(i64, u32)> {
    let times = files.iter().map(|at| site.disk.stat(at).map(|stat| stat.mtime));
    times.filter_map(Result::<_, Unreadable>::ok).max()
}

/// The worker of a buildkitd: the same stores under other names. Its databases are claimed with its other files.
pub(super) fn worker(site: &Site<'_>, inv: &mut Inventory, dir: &Dir<'_>, name: &str) {
    if let Some(home) = Home::of_worker(site.root, dir, name) {
        stores(site, inv, &home);
    }
}
