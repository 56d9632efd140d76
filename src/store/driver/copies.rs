//! Drivers whose directory is the whole file system of a layer.
//!
//! ```text
//! vfs/dir/<id>/            a full copy of the layer below, and the layer's own files
//! btrfs/subvolumes/<id>/   a snapshot of the layer below: extents are shared, names are not
//! btrfs/quotas/<id>        the size limit of a container, as text
//! ```

use super::overlay2::{ids, quota_node};
use super::{Home, probes};
use crate::disk::Dir;
use crate::inventory::Inventory;
use crate::inventory::facts::Leftover;
use crate::store::gather::gather;
use crate::terms::{Kind, Place};

const NO_SUBVOLUME: Leftover =
    Leftover { what: "quota of a missing subvolume", cleaned_by: "no command of Docker", by_itself: false };

pub(super) fn survey(home: &Home<'_>, below: &str) -> Inventory {
    let mut inv = Inventory::default();
    let Some(top) = home.dir(&mut inv, &home.at, &[]) else { return inv };
    inv.scaffold(home.site.root, &home.name, &top);
    probes(home.site, &mut inv, &home.name, &top);
    quota_node(home, &mut inv, &top);
    let Some(dir) = home.dir(&mut inv, &home.at.join(below), &[]) else { return inv };
    inv.scaffold(home.site.root, &home.name, &dir);
    let quotas = home.dir(&mut inv, &home.at.join("quotas"), &[]);
    quotas.iter().for_each(|quotas| inv.scaffold(home.site.root, &home.name, quotas));
    let names: Vec<&str> = ids(&dir).collect();
    inv.merge(gather(&names, |id, inv| one(home, &dir, id, quotas.as_ref(), inv)));
    for (name, _) in quotas.iter().flat_map(Dir::entries) {
        if dir.kind(name).is_none() {
            home.leftover(&mut inv, &home.at.join("quotas").join(name), NO_SUBVOLUME);
        }
    }
    inv
}

fn one(home: &Home<'_>, listed: &Dir<'_>, id: &str, quotas: Option<&Dir<'_>>, inv: &mut Inventory) {
    let Some(mut facts) = home.directory(listed, id) else { return };
    facts.content = facts.at.clone();
    let quota: Option<Place> = quotas.filter(|dir| dir.kind(id.as_bytes()).is_some()).map(|dir| dir.place().join(id));
    home.add(inv, home.key(Kind::DriverDirectory, id), facts, quota);
}
