//! What the layer store recorded when it made a layer, against what its directory holds now.

use std::collections::BTreeMap;

use crate::inventory::Inventory;
use crate::terms::{Kind, LinkKind, Lost, Place, Problem};
use crate::usage::Measure;

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
            let at = layer.entry.as_ref()?.join("size");
            let cause = format!("{recorded} bytes recorded; the layer's files have {}", measure.walked);
            (!fits).then_some(Problem { at, code: "size-mismatch", cause, lost: Lost::Nothing })
        })
        .collect()
}
