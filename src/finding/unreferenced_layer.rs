//! Layers in the layer store that no image, no read-write layer and no cache record needs.

use std::collections::BTreeSet;

use super::words::{count, list, size};
use super::{Case, Finding, Remedy, Rule, age, pinned};
use crate::docker::seen::Seen;
use crate::terms::{Key, Kind, LinkKind, short_id};

const CLASS: &str = "unreferenced-layer";

pub(super) const RULE: Rule = Rule { class: CLASS, relies_on: pinned::HOLDING_LAYERS, check };

fn check(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for seen in case.in_use() {
        let wanted = wanted(case, seen);
        let loose: Vec<&Key> = pinned::by_holders(seen)
            .remove(&pinned::Holders::default())
            .unwrap_or_default()
            .into_iter()
            .filter(|layer| !wanted.contains(layer) && !case.graph.is_live(layer) && has_data(case, layer))
            .collect();
        let busy = is_busy(case, seen);
        for layers in age::apart(case, loose, |layer| if busy { Some(age::UNKNOWN) } else { case.youngest([*layer]) }) {
            let youngest = if busy { Some(age::UNKNOWN) } else { case.youngest(layers.iter().copied()) };
            findings.push(Finding { youngest, ..finding(case, seen, &layers) });
        }
    }
    findings
}

/// An image is removed layer by layer: while one is on its way out, or in, those below it have nobody. Up to 19.03 nothing
/// shows that one is.
// moby layer/layer_store.go deleteLayer
fn is_busy(case: &Case<'_>, seen: &Seen<'_>) -> bool {
    let mut leftovers = case.inventory.of_kind(Kind::Leftover);
    seen.version < (20, 10, 0) || leftovers.any(|(key, _)| key.root == seen.root && key.store == seen.store)
}

/// The layers of images that do not load are the images', as far as their configs tell.
fn wanted<'a>(case: &Case<'a>, seen: &Seen<'a>) -> BTreeSet<&'a Key> {
    let images =
        case.inventory.of_kind(Kind::Image).filter(|(key, _)| key.root == seen.root && key.store == seen.store);
    let chains = images.filter_map(|(_, thing)| thing.image()).flat_map(|image| &image.chain);
    seen.needed(chains)
}

/// An entry whose directory is missing is damage.
fn has_data(case: &Case<'_>, layer: &Key) -> bool {
    case.graph.targets(layer, LinkKind::StoredIn).next().is_some()
}

fn finding(case: &Case<'_>, seen: &Seen<'_>, layers: &[&Key]) -> Finding {
    let base = case.finding(CLASS, &case.owners_of(layers.iter().copied()));
    let cause = format!(
        "{} of {} ({}) {} needed by no image, no container and no cache record: {}. A pull, a build or a removal did not come to its end.",
        count(layers.len(), "layer", "layers"),
        seen.store,
        list(layers.iter().map(|layer| short_id(&layer.id))),
        if layers.len() == 1 { "is" } else { "are" },
        size(base.on_disk_bytes),
    );
    let note = "No Docker command frees it. What does: pulling or loading an image with the same layers, and removing that image \
                again; the layers go with it.";
    let entry = |layer: &&Key| seen.layers.get(*layer).and_then(|facts| facts.entry.as_ref()).map(ToString::to_string);
    Finding {
        objects: layers.iter().map(|layer| (*layer).clone()).collect(),
        cause,
        evidence: layers.iter().filter_map(entry).collect(),
        remedy: Remedy { commands: Vec::new(), note: note.to_owned() },
        ..base
    }
}
