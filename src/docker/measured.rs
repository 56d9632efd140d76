//! What the layer store recorded when it made a layer, against what its directory holds now.

use std::collections::BTreeMap;

use crate::inventory::{Inventory, OwnerKind, Owners};
use crate::terms::{Kind, LinkKind, Lost, Place, Problem};
use crate::usage::{Ledger, Measure};

/// A problem for every layer whose recorded `size` is none that its directory can have had. Only for drivers that keep a
/// layer's own files apart; full copies cannot be told apart from what they stand on.
pub fn wrong_sizes(inventory: &Inventory, measures: &BTreeMap<Place, Measure>) -> Vec<Problem> {
    let stored = inventory.links.iter().filter(|link| link.kind == LinkKind::StoredIn && link.from.kind == Kind::Layer);
    stored
        .filter_map(|link| {
            let layer = inventory.get(&link.from)?.layer()?;
            let content = inventory.get(&link.to)?.driver_directory()?.content.as_ref()?;
            let measure = measures.get(content).filter(|m| !m.missing && !m.unreadable && !m.behind_mount)?;
            let recorded = layer.size?;
            // a walk counts the length of links (moby pkg/directory), the sum of a tar's or tar-split's entries does not
            let fits = [measure.walked, measure.walked.saturating_sub(measure.symlink_bytes)].contains(&recorded);
            // fuse-overlayfs copies up what is not changed in the end, which is in no difference
            // moby pkg/archive/changes.go ChangesSize
            let more = &*link.from.store == "fuse-overlayfs" && recorded < measure.walked;
            let at = layer.entry.as_ref()?.join("size");
            let cause = format!("{recorded} bytes recorded; the layer's files have {}", measure.walked);
            (!fits && !more).then_some(Problem { at, code: "size-mismatch", cause, lost: Lost::Nothing })
        })
        .collect()
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
