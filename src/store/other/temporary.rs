//! What operations leave that did not end.

use crate::disk::{Dir, Unreadable};
use crate::inventory::facts::Leftover;
use crate::inventory::{Entity, Inventory, OwnerKind};
use crate::store::Site;
use crate::terms::{Kind, Lost, Place};

/// A temporary file or directory of the daemon, or one that it works in now.
// moby daemon/daemon.go: prepareTempDir
const TMP: Leftover =
    Leftover { what: "temporary file", cleaned_by: "a restart of the engine empties tmp", by_itself: true };
const TMP_OLD: Leftover = Leftover {
    what: "tmp-old",
    cleaned_by: "nothing: an engine that finds a tmp-old with something in it never touches it again",
    by_itself: false,
};
// moby daemon/graphdriver/overlay2/check.go and overlayutils: deleted after use
const PROBE: Leftover =
    Leftover { what: "probe of a graph driver", cleaned_by: "nothing: its maker was killed", by_itself: false };
const WRITE: Leftover =
    Leftover { what: "temporary file", cleaned_by: "nothing: the write that made it ended early", by_itself: false };
pub(super) const MOUNT_POINT: Leftover = Leftover {
    what: "mount point of a container that is gone",
    cleaned_by: "nothing: its container is gone",
    by_itself: false,
};

const PROBES: [&[u8]; 5] = [
    b"opaque-bug-check",
    b"metacopy-check",
    b"multiple-lowerdir-check",
    b"check-overlayfs-support",
    b"userxattr-check",
];

pub(super) fn survey(inv: &mut Inventory, site: &Site<'_>, top: &Dir<'_>) {
    if let Some(tmp) = site.dir(inv, &site.at("tmp"), Lost::Nothing) {
        inv.scaffold(site.root, "engine", &tmp);
        tmp.entries().for_each(|(name, _)| leftover(inv, site, tmp.place().join(name), &TMP));
    }
    for (name, _) in top.entries() {
        let at = top.place().join(name);
        match name {
            b"tmp-old" => leftover(inv, site, at, &TMP_OLD),
            name if name.starts_with(b".tmp-") => leftover(inv, site, at, &WRITE),
            name if PROBES.iter().any(|probe| name.starts_with(probe)) => leftover(inv, site, at, &PROBE),
            _ => {}
        }
    }
}

/// Adds a leftover; one that is gone by now was none.
pub(super) fn leftover(inv: &mut Inventory, site: &Site<'_>, at: Place, what: &Leftover) {
    if site.disk.stat(&at) == Err(Unreadable::Missing) {
        return;
    }
    let key = site.root.key("engine", Kind::Leftover, at.to_string());
    inv.add(key, Entity::new(what.clone()).tree(at, OwnerKind::Temporary));
}
