//! Entries that are directories of tiny files, and what an interrupted write leaves beside them.

use crate::disk::{Dir, FileKind, Unreadable};
use crate::inventory::facts::Leftover;
use crate::inventory::{Entity, Inventory, OwnerKind};
use crate::store::Site;
use crate::terms::{Key, Kind, Place};

/// The longest file of one value that is read.
const CAP: u64 = 4096;

/// A file of one value. `Ok(None)` if it is not there.
pub(super) fn value<T, E: ToString>(
    dir: &Dir<'_>,
    name: &str,
    parse: impl Fn(&[u8]) -> Result<T, E>,
) -> Result<Option<T>, String> {
    match dir.read_capped(name.as_bytes(), CAP) {
        Err(Unreadable::Missing) => Ok(None),
        Err(cause) => Err(cause.to_string()),
        Ok(bytes) => parse(&bytes).map(Some).map_err(|cause| cause.to_string()),
    }
}

/// As `value`, of a file that must be there.
pub(super) fn needed<T, E: ToString>(
    dir: &Dir<'_>,
    name: &str,
    parse: impl Fn(&[u8]) -> Result<T, E>,
) -> Result<T, String> {
    value(dir, name, parse)?.ok_or_else(|| Unreadable::Missing.to_string())
}

/// Reads an entry. If something is wrong with it, and the engine removed it under our hands, there was no entry.
pub(in crate::store) fn unless_gone(
    site: &Site<'_>,
    at: &Place,
    inv: &mut Inventory,
    read: impl FnOnce(&mut Inventory),
) {
    let before = inv.problems.len();
    read(inv);
    if inv.problems.len() > before && site.disk.stat(at) == Err(Unreadable::Missing) {
        inv.problems.truncate(before);
        inv.links.retain(|link| !link.evidence.starts_with(at));
        inv.entities.retain(|_, thing| !thing.lots.iter().any(|lot| lot.at.starts_with(at)));
        inv.scaffolds.retain(|scaffold| !scaffold.at.starts_with(at));
    }
}

/// `.tmp-<name><random>`: what is left when the engine is killed before the rename that ends a write.
// moby pkg/ioutils/fswriters.go; moby/sys atomicwriter
pub(in crate::store) fn temporary_files(site: &Site<'_>, inv: &mut Inventory, store: &str, dir: &Dir<'_>) {
    let names = dir.entries().filter(|(name, kind)| *kind == FileKind::File && name.starts_with(b".tmp-"));
    for (name, _) in names {
        let at = dir.place().join(name);
        let what = Leftover { what: "temporary file", cleaned_by: "no command of Docker", by_itself: false };
        inv.add(leftover_key(site, store, &at), Entity::new(what).itself(at, OwnerKind::Temporary));
    }
}

/// A leftover is called by its place.
pub(super) fn leftover_key(site: &Site<'_>, store: &str, at: &Place) -> Key {
    site.root.key(store, Kind::Leftover, at.to_string())
}
