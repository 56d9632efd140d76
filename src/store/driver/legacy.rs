//! Homes that are recognized, owned and sized, and not read in detail: drivers that engines no longer have, zfs (whose
//! data is not in files below the root), and the home of any driver that has no `image/<driver>` to explain it.
//!
//! ```text
//! aufs/diff/<id>/  layers/<id>  mnt/<id>/    layers: one ancestor a line, nearest first
//! overlay/<id>/                              lower-id: the directory below
//! devicemapper/metadata/<id>                 JSON of a thin device; the data is in devicemapper/devicemapper/
//! zfs/graph/<id>/                            a mount point
//! ```
//! The whole home has one owner; a directory that a layer or a mount names belongs to that. None is ever an orphan.

use super::overlay2::ids;
use super::{Home, is_probe};
use crate::disk::FileKind;
use crate::inventory::facts::DriverDirectory;
use crate::inventory::{Entity, Inventory, Keeps, OwnerKind};
use crate::terms::{Kind, Place};

/// A home of which nothing says what it holds.
pub(super) fn stranded(home: &Home<'_>) -> Inventory {
    let mut inv = Inventory::default();
    whole(home, &mut inv);
    inv
}

pub(super) fn survey(home: &Home<'_>) -> Inventory {
    let mut inv = Inventory::default();
    whole(home, &mut inv);
    match &*home.name {
        "aufs" => ["diff", "layers", "mnt"].iter().for_each(|below| children(home, &mut inv, below, "diff")),
        "devicemapper" => ["metadata", "mnt"].iter().for_each(|below| children(home, &mut inv, below, "mnt")),
        "zfs" => children(home, &mut inv, "graph", "graph"),
        _ => directories(home, &mut inv),
    }
    inv
}

fn whole(home: &Home<'_>, inv: &mut Inventory) {
    let store = Entity::default().named(&*home.name).kept(Keeps::Engine).tree(home.at.clone(), OwnerKind::Store);
    inv.add(home.key(Kind::Store, &*home.name), store);
}

/// The names below one directory of the home are IDs; what lies in `content` is the layer's own.
fn children(home: &Home<'_>, inv: &mut Inventory, below: &str, content: &str) {
    let Some(dir) = home.dir(inv, &home.at.join(below), &[]) else { return };
    let named = dir.entries().filter(|(name, _)| !is_of_the_pool(name) && !is_probe(name));
    for (name, kind) in named {
        let Ok(id) = std::str::from_utf8(name) else { continue };
        let at = dir.place().join(name);
        let Some(facts) = home.directory(&dir, id) else { continue };
        let is_content = below == content && kind == FileKind::Dir;
        let facts = DriverDirectory { at: None, content: is_content.then(|| at.clone()), ..facts };
        let thing = Entity::new(facts).tree(at, OwnerKind::Unclaimed);
        inv.add(home.key(Kind::DriverDirectory, id), thing);
    }
}

/// devicemapper's own among the devices.
// moby daemon/graphdriver/devmapper/deviceset.go
fn is_of_the_pool(name: &[u8]) -> bool {
    matches!(name, b"base" | b"deviceset-metadata" | b"transaction-metadata")
}

fn directories(home: &Home<'_>, inv: &mut Inventory) {
    let Some(dir) = home.dir(inv, &home.at, &[]) else { return };
    for id in ids(&dir) {
        let Some(facts) = home.directory(&dir, id) else { continue };
        let content: Option<Place> = facts.at.clone();
        home.add(inv, home.key(Kind::DriverDirectory, id), DriverDirectory { content, ..facts }, None);
    }
}
