//! What the stores of a root say against each other: the layer store and the driver's home, containers and mounts.
//!
//! A reference to nothing, and a directory that nothing refers to, are looked at once more: on a live root the engine
//! may have removed or made the other half between two readings.

mod identity;
mod lowers;
mod mounts;
mod stranded;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::driver;
use crate::disk::{Disk, Unreadable};
use crate::inventory::facts::DriverDirectory;
use crate::inventory::{Entity, Inventory, StoreKind};
use crate::terms::{Key, Kind, Link, LinkKind, Lost, Place};

/// Settles what can be settled and adds a problem for what cannot.
pub(super) fn settle(disk: &Disk, inv: &mut Inventory) {
    drop_vanished(disk, inv);
    missing_directories(disk, inv);
    stranded::check(disk, inv);
    identity::check(disk, inv);
    let view = View::of(inv);
    let mut problems = Inventory::default();
    lowers::check(&view, &mut problems);
    mounts::check(disk, &view, &mut problems);
    inv.merge(problems);
}

/// What the checks look things up in.
struct View<'a> {
    inv: &'a Inventory,
    /// Who holds each driver directory.
    holders: BTreeMap<&'a Key, Vec<&'a Link>>,
    /// Where something is wrong already.
    faults: BTreeSet<&'a Place>,
    /// Read-write layers that are being removed.
    leaving: BTreeSet<Key>,
}

impl<'a> View<'a> {
    fn of(inv: &'a Inventory) -> Self {
        let mut holders: BTreeMap<&Key, Vec<&Link>> = BTreeMap::new();
        inv.links.iter().filter(|link| holds(link)).for_each(|link| holders.entry(&link.to).or_default().push(link));
        Self {
            inv,
            holders,
            faults: inv.problems.iter().map(|problem| &problem.at).collect(),
            leaving: on_their_way_out(inv),
        }
    }

    /// A driver directory of the same store as `like`.
    fn directory(&self, like: &Key, id: &str) -> Option<&'a DriverDirectory> {
        self.inv.get(&beside(like, Kind::DriverDirectory, id))?.driver_directory()
    }

    fn is_held(&self, directory: &Key) -> bool {
        self.holders.contains_key(directory)
    }

    /// By the metadata of something that is neither on its way in nor out.
    fn is_in_use(&self, directory: &Key) -> bool {
        self.holders.get(directory).into_iter().flatten().any(|link| link.kind != LinkKind::Interrupted)
    }

    /// By nothing but read-write layers that are being removed.
    fn is_leaving(&self, directory: &Key) -> bool {
        let holders = self.holders.get(directory).map(Vec::as_slice).unwrap_or_default();
        !holders.is_empty() && holders.iter().all(|link| self.leaving.contains(&link.from))
    }

    fn is_faulty(&self, at: &Place) -> bool {
        self.faults.contains(at)
    }
}

/// The read-write layers of containers whose removal has begun: it deletes their directories file by file, and then them.
/// What is missing of them is missed by nobody.
// moby daemon/delete.go cleanupContainer
fn on_their_way_out(inv: &Inventory) -> BTreeSet<Key> {
    let leaving = inv.of_kind(Kind::Container).filter(|(_, thing)| {
        thing.container().is_some_and(|it| it.broken.is_none() && (it.state.dead || it.state.removal_in_progress))
    });
    let leaving: BTreeSet<&Key> = leaving.map(|(key, _)| key).collect();
    let links = inv.links.iter().filter(|link| link.kind == LinkKind::ReadWrite && leaving.contains(&link.from));
    links.map(|link| link.to.clone()).collect()
}

fn holds(link: &Link) -> bool {
    link.to.kind == Kind::DriverDirectory
        && matches!(link.kind, LinkKind::StoredIn | LinkKind::InitLayer | LinkKind::Interrupted)
}

/// Another thing of the same store.
fn beside(like: &Key, kind: Kind, id: &str) -> Key {
    Key { root: like.root.clone(), store: like.store.clone(), kind, id: id.into() }
}

/// Drops the directories that nothing holds and that are gone by now; those of a home that is not read in detail are
/// left to the owner of the home.
fn drop_vanished(disk: &Disk, inv: &mut Inventory) {
    let held: BTreeSet<&Key> = inv.links.iter().filter(|link| holds(link)).map(|link| &link.to).collect();
    let in_full = |key: &Key| {
        inv.stores.iter().any(|store| store.read_in_full && store.root == key.root && store.name == key.store)
    };
    let gone = |thing: &Entity| {
        let at = thing.driver_directory().and_then(|dir| dir.at.as_ref());
        at.is_some_and(|at| disk.stat(at) == Err(Unreadable::Missing))
    };
    let idle = inv.of_kind(Kind::DriverDirectory).filter(|(key, _)| !held.contains(key));
    let drop: BTreeSet<Key> =
        idle.filter(|(key, thing)| !in_full(key) || gone(thing)).map(|(key, _)| key.clone()).collect();
    inv.entities.retain(|key, _| !drop.contains(key));
    inv.links.retain(|link| !drop.contains(&link.from) && !drop.contains(&link.to));
}

/// Layers and mounts whose directory is not there.
fn missing_directories(disk: &Disk, inv: &mut Inventory) {
    let leaving = on_their_way_out(inv);
    let stays = |link: &Link| matches!(link.from.kind, Kind::Layer | Kind::Mount) && !leaving.contains(&link.from);
    let stored = |link: &&Link| holds(link) && stays(link);
    let dangling: Vec<Link> = inv.links.iter().filter(stored).filter(|l| inv.get(&l.to).is_none()).cloned().collect();
    for link in dangling {
        let store = |kind| {
            let mut stores = inv.stores.iter().filter(move |store| store.kind == kind);
            stores.find(|store| store.root == link.to.root && store.name == link.to.store)
        };
        let Some(store) = store(StoreKind::GraphDriver) else { continue };
        if !store.read_in_full {
            // known by name only: its data is a dataset, a device, or in a home that is not read in detail
            inv.add(link.to, Entity::new(DriverDirectory::default()));
            continue;
        }
        let at = driver::directory(&store.home, &link.to.id);
        if disk.stat(&link.evidence.place()).is_err() || disk.stat(&at) != Err(Unreadable::Missing) {
            continue;
        }
        let code = match (link.from.kind, link.kind) {
            (Kind::Layer, _) => "layer-missing-directory",
            (_, LinkKind::InitLayer) => "mount-missing-init-directory",
            _ => "mount-missing-directory",
        };
        inv.problem(
            code,
            &link.evidence.place(),
            Lost::Links(vec![link.kind]),
            format!("names {at}, which is not there"),
        );
    }
}
