//! What the layer store recorded when it made a layer, against what its directory holds now.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::disk::Disk;
use crate::inventory::{Inventory, OwnerKind, Owners};
use crate::terms::{Kind, LinkKind, Lost, Place, Problem};
use crate::usage::{Ledger, Measure};

/// A problem for every layer whose recorded `size` is none that its directory can have had. Only for drivers that keep a
/// layer's own files apart; full copies cannot be told apart from what they stand on.
pub fn wrong_sizes(disk: &Disk, inventory: &Inventory, measures: &BTreeMap<Place, Measure>) -> Vec<Problem> {
    let by_mount: LazyCell<BTreeSet<_>, _> = LazyCell::new(|| made_by_mounts(disk, inventory));
    let stored = inventory.links.iter().filter(|link| link.kind == LinkKind::StoredIn && link.from.kind == Kind::Layer);
    stored
        .filter_map(|link| {
            let layer = inventory.get(&link.from)?.layer()?;
            let content = inventory.get(&link.to)?.driver_directory()?.content.as_ref()?;
            let measure = measures.get(content).filter(|m| !m.missing && !m.unreadable && !m.behind_mount)?;
            let recorded = layer.size?;
            // a walk counts the length of links (moby pkg/directory), the sum of a tar's or tar-split's entries does not
            let fits = [measure.walked, measure.walked.saturating_sub(measure.symlink_bytes)].contains(&recorded);
            // a mount copies up what is not changed in the end, which is in no difference that is made by comparing
            // moby pkg/archive/changes.go ChangesSize
            let store = || (link.from.root.clone(), link.from.store.clone());
            let more = !fits
                && recorded < measure.walked
                && (&*link.from.store == "fuse-overlayfs" || by_mount.contains(&store()));
            let at = layer.entry.as_ref()?.join("size");
            let cause = format!("{recorded} bytes recorded; the layer's files have {}", measure.walked);
            (!fits && !more).then_some(Problem { at, code: "size-mismatch", cause, lost: Lost::Nothing })
        })
        .collect()
}

/// The stores of overlay2 whose engine unpacks layers through a mount, and compares two directories for what is in a layer: in a user
/// namespace, or where overlay may redirect directories. Overlay leaves a `work/work` beside each directory that it wrote to.
// moby daemon/graphdriver/overlay2/check.go doesSupportNativeDiff, overlay.go ApplyDiff
fn made_by_mounts(disk: &Disk, inventory: &Inventory) -> BTreeSet<(Arc<str>, Arc<str>)> {
    let stored = inventory.links.iter().filter(|link| link.kind == LinkKind::StoredIn && link.from.kind == Kind::Layer);
    let unpacked = stored.filter(|link| {
        // what BuildKit makes has a shorter name, and was written to through a mount everywhere
        let cache_id = inventory.get(&link.from).and_then(|thing| thing.layer()?.cache_id.as_ref());
        cache_id.is_some_and(|id| id.as_str().len() == 64)
    });
    let by_mount = unpacked.filter(|link| {
        let content = inventory.get(&link.to).and_then(|thing| thing.driver_directory()?.content.as_ref());
        let beside = content.and_then(|content| content.parent());
        beside.is_some_and(|at| disk.stat(&at.join("work/work")).is_ok())
    });
    by_mount.map(|link| (link.from.root.clone(), link.from.store.clone())).collect()
}

/// A problem for every blob whose file is not as long as containerd recorded. What is charged to the blob is its file alone.
pub fn wrong_blobs(inventory: &Inventory, owners: &Owners, ledger: &Ledger) -> Vec<Problem> {
    let mut found = Vec::new();
    // those of the engine's own BuildKit are compared as they are listed
    let blobs = owners.iter().filter(|(_, owner)| owner.key.kind == OwnerKind::Blob && &*owner.key.store != "buildkit");
    for (number, owner) in blobs {
        let Some(blob) = inventory.get(&owner.thing).and_then(|thing| thing.blob()) else { continue };
        let weight = ledger.owners.get(number).copied().unwrap_or_default();
        // charged to another that links to it, gone by now, or no file
        if weight.inodes != 1 || blob.at.as_ref() != Some(&owner.path) {
            continue;
        }
        if let Some(recorded) = blob.recorded.values().find(|recorded| **recorded != weight.apparent) {
            let cause = format!("{recorded} bytes recorded; the file has {}", weight.apparent);
            found.push(Problem { at: owner.path.clone(), code: "blob-size-mismatch", cause, lost: Lost::Nothing });
        }
    }
    found
}
