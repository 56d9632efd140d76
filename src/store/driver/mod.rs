//! The homes of graph drivers, `<root>/<driver>/`, and the list of the stores of a root.

mod copies;
mod legacy;
mod links;
mod overlay2;
mod stores;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use rayon::prelude::*;

use super::Site;
use crate::disk::{Dir, FileKind};
use crate::inventory::facts::{DriverDirectory, Leftover};
use crate::inventory::{Entity, Inventory, OwnerKind};
use crate::terms::{Key, Kind, LinkKind, Lost, Place};

/// How a driver's home is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// `<id>/{diff,link,lower,work}` and `l/`.
    Overlay2,
    /// `<below>/<id>` is the file system itself.
    Copies { below: &'static str },
    /// Recognized, owned, sized: drivers that engines no longer have, and one whose data is not in files.
    Legacy,
}

/// Every driver that an engine had. A new one is a line here.
const DRIVERS: &[(&str, Reading)] = &[
    ("overlay2", Reading::Overlay2),
    ("fuse-overlayfs", Reading::Overlay2),
    ("vfs", Reading::Copies { below: "dir" }),
    ("btrfs", Reading::Copies { below: "subvolumes" }),
    ("aufs", Reading::Legacy),
    ("overlay", Reading::Legacy),
    ("devicemapper", Reading::Legacy),
    ("zfs", Reading::Legacy),
];

pub(super) fn is_driver(name: &str) -> bool {
    DRIVERS.iter().any(|(driver, _)| *driver == name)
}

/// Whether each directory of the driver names those below it.
pub(super) fn has_lowers(name: &str) -> bool {
    reading(name) == Reading::Overlay2
}

/// Whether the driver's home is read in detail when `image/<driver>` is there.
pub(super) fn is_read_in_full(name: &str) -> bool {
    reading(name) != Reading::Legacy
}

/// Where a driver keeps the directory of one ID.
pub(super) fn directory(home: &Place, id: &str) -> Place {
    let name = String::from_utf8_lossy(home.name());
    match reading(&name) {
        Reading::Copies { below } => home.join(below).join(id),
        _ => home.join(id),
    }
}

fn reading(name: &str) -> Reading {
    DRIVERS.iter().find(|(driver, _)| *driver == name).map_or(Reading::Legacy, |(_, reading)| *reading)
}

/// One driver's home.
#[derive(Clone, Debug)]
struct Home<'a> {
    site: &'a Site<'a>,
    name: Arc<str>,
    at: Place,
}

impl<'a> Home<'a> {
    fn key(&self, kind: Kind, id: impl Into<Arc<str>>) -> Key {
        Key { root: self.site.root.name.clone(), store: self.name.clone(), kind, id: id.into() }
    }

    fn dir(&self, inv: &mut Inventory, at: &Place, lost: &[LinkKind]) -> Option<Dir<'a>> {
        let lost = if lost.is_empty() { Lost::Bytes } else { Lost::Links(lost.to_vec()) };
        self.site.dir(inv, at, lost)
    }

    /// A directory of the driver, with the facts that its own inode tells.
    fn directory(&self, home: &Dir<'_>, name: &str) -> Option<DriverDirectory> {
        let stat = home.stat(name.as_bytes()).ok()?;
        Some(DriverDirectory {
            at: Some(home.place().join(name)),
            removing: name.ends_with("-removing"),
            mtime: stat.mtime,
            ctime: stat.ctime,
            ..DriverDirectory::default()
        })
    }

    fn leftover(&self, inv: &mut Inventory, at: &Place, what: Leftover) -> Key {
        let key = self.key(Kind::Leftover, at.to_string());
        inv.add(key.clone(), Entity::new(what).tree(at.clone(), OwnerKind::Temporary));
        key
    }

    /// Adds a directory that nobody has claimed yet: its holder does, if there is one.
    fn add(&self, inv: &mut Inventory, key: Key, facts: DriverDirectory, claims: impl IntoIterator<Item = Place>) {
        let (at, removing) = (facts.at.clone(), facts.removing);
        let mut thing = Entity::new(facts);
        if let Some(at) = &at {
            thing = thing.tree(at.clone(), OwnerKind::Unclaimed);
        }
        thing = claims.into_iter().fold(thing, |thing, at| thing.itself(at, OwnerKind::Unclaimed));
        inv.add(key.clone(), thing);
        if let Some(at) = at.filter(|_| removing) {
            let left = self.key(Kind::Leftover, at.to_string());
            inv.add(left.clone(), Entity::new(REMOVING));
            inv.link(&left, LinkKind::Interrupted, key, &at);
        }
    }
}

const REMOVING: Leftover =
    Leftover { what: "-removing directory", cleaned_by: "no command of Docker", by_itself: false };

pub(super) fn survey(site: &Site<'_>) -> Inventory {
    let mut inv = Inventory::default();
    let Ok(top) = site.top() else { return inv };
    probes(site, &mut inv, "engine", &top);
    homes_elsewhere(site, &mut inv, &top);
    let stores = stores::of(site, &top);
    let homes: Vec<Inventory> = stores
        .par_iter()
        .filter(|store| top.kind(store.info.name.as_bytes()) == Some(FileKind::Dir))
        .map(|store| {
            let home = Home { site, name: store.info.name.clone(), at: store.info.home.clone() };
            match reading(&home.name) {
                _ if !store.has_metadata => legacy::stranded(&home),
                Reading::Overlay2 => overlay2::survey(&home),
                Reading::Copies { below } => copies::survey(&home, below),
                Reading::Legacy => legacy::survey(&home),
            }
        })
        .collect();
    homes.into_iter().for_each(|home| inv.merge(home));
    inv.stores.extend(stores.into_iter().map(|store| store.info));
    inv
}

/// A driver's home that is no directory: a link to another file system, as a rule, which is not followed.
fn homes_elsewhere(site: &Site<'_>, inv: &mut Inventory, top: &Dir<'_>) {
    for (driver, _) in DRIVERS {
        if let Some(kind) = top.kind(driver.as_bytes()).filter(|kind| *kind != FileKind::Dir) {
            let lost = Lost::Links(vec![LinkKind::StoredIn, LinkKind::Lower]);
            let cause = format!("expected the home of a graph driver, found a {kind}, which is not followed");
            inv.problem("unreadable-directory", &site.at(driver), lost, cause);
        }
    }
}

/// What feature probes leave when the daemon is killed during one: in a driver's home, or in the data root itself.
// moby daemon/graphdriver/overlay2/check.go, overlayutils
const PROBES: &[&str] =
    &["opaque-bug-check", "metacopy-check", "multiple-lowerdir-check", "check-overlayfs-support", "userxattr-check"];

fn is_probe(name: &[u8]) -> bool {
    PROBES.iter().any(|probe| name.starts_with(probe.as_bytes()))
}

fn probes(site: &Site<'_>, inv: &mut Inventory, store: &str, dir: &Dir<'_>) {
    for (name, _) in dir.entries().filter(|(name, kind)| is_probe(name) && *kind == FileKind::Dir) {
        let at = dir.place().join(name);
        let what = Leftover { what: "feature probe", cleaned_by: "no command of Docker", by_itself: false };
        let key = site.root.key(store, Kind::Leftover, at.to_string());
        inv.add(key, Entity::new(what).tree(at, OwnerKind::Temporary));
    }
}
