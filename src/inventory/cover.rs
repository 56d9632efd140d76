//! What lies in an engine's directory and was written by no engine: every name that nobody claims becomes a thing.

use std::collections::BTreeSet;

use super::facts::Foreign;
use super::{Entity, Inventory, OwnerKind};
use crate::disk::{Dir, FileKind};
use crate::terms::{Key, Kind, Place};

/// More strangers than this in one directory are weighed together.
const CAP: usize = 1000;

/// With these fuse-overlayfs says in an upper directory that it hides the one below. Nobody sees them in the mount.
// containers/fuse-overlayfs main.c set_fd_opaque: an empty file; the other is a device 0:0
const MARKS: &[&[u8]] = &[b".wh..opq", b".wh..wh..opq"];

/// Such marks in a directory; what has anything in it is none.
pub(super) fn marks(dir: &Dir<'_>) -> Vec<Place> {
    let is_mark = |name: &&&[u8]| {
        let stat = || dir.stat(name).is_ok_and(|stat| stat.size == 0 && stat.allocated == 0);
        matches!(dir.kind(name), Some(FileKind::File | FileKind::CharDevice)) && stat()
    };
    MARKS.iter().filter(is_mark).map(|name| dir.place().join(name)).collect()
}

pub(super) fn name_the_unclaimed(inventory: &mut Inventory) {
    let mut claimed: BTreeSet<Place> =
        inventory.entities.values().flat_map(|e| &e.lots).map(|lot| lot.at.clone()).collect();
    claimed.extend(inventory.scaffolds.iter().map(|scaffold| scaffold.at.clone()));
    let mut strangers: Vec<(Key, Entity)> = Vec::new();
    for scaffold in &inventory.scaffolds {
        let mut places =
            scaffold.names.iter().map(|(name, _)| scaffold.at.join(name)).filter(|at| !claimed.contains(at));
        let mut stranger = |at: Place, more: bool| {
            let key = Key {
                root: scaffold.root.clone(),
                store: scaffold.store.clone(),
                kind: Kind::File,
                id: at.to_string().into(),
            };
            let thing = Entity::new(Foreign { more_like_it: more });
            strangers.push((key, if more { thing } else { thing.tree(at, OwnerKind::Unclaimed) }));
        };
        places.by_ref().take(CAP).for_each(|at| stranger(at, false));
        if places.next().is_some() {
            stranger(scaffold.at.clone(), true);
        }
    }
    for (key, thing) in strangers {
        inventory.add(key, thing);
    }
}
