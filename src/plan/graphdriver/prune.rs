//! `docker image prune`. moby daemon/images/image_prune.go.

use jiff::Timestamp;

use super::images::Removal;
use crate::docker::seen::Reference;
use crate::plan::action::Filters;
use crate::plan::images::{Manner, Pruned, Record};
use crate::terms::{ChainId, Digest};

/// The engine takes the images in no certain order; which go in the end does not depend on it.
pub(super) fn images(
    removal: &mut Removal<'_, '_, '_, '_>,
    all: bool,
    filters: &Filters,
    until: Option<Timestamp>,
) -> Result<Pruned, String> {
    filters.accepted(&["dangling", "label", "label!", "until"])?;
    let manner = Manner { force: false, prune: true, platforms: &[] };
    let mut pruned = Pruned::default();
    for id in candidates(removal, all, filters, until) {
        if !removal.images.images.contains_key(&id) {
            continue;
        }
        let references = removal.images.references(&id);
        if references.is_empty() {
            // an image in use is a conflict, and is passed over
            pruned.records.extend(removal.remove(id.hex(), manner).unwrap_or_default());
        } else if all || references.iter().all(crate::docker::seen::Named::is_digest) {
            for named in references {
                let whole = Reference::Named(named).to_string();
                pruned.records.extend(removal.remove(&whole, manner).unwrap_or_default());
            }
        }
    }
    pruned.reclaimed = pruned.records.iter().filter_map(|record| layer_size(removal, record)).sum();
    Ok(pruned)
}

/// Without `all`, those that nothing was built on; never intermediate ones.
fn candidates(
    removal: &Removal<'_, '_, '_, '_>,
    all: bool,
    filters: &Filters,
    until: Option<Timestamp>,
) -> Vec<Digest> {
    let version = removal.version;
    let fits = |(id, image): &(&Digest, &super::images::Loaded<'_>)| {
        let head = image.children.is_empty();
        let shown = head || (all && !removal.images.references(id).is_empty());
        // an image without a date is kept from 25.0 on; before, it was made in the year 1
        let old = until.is_none_or(|until| match image.facts.created {
            Some(created) => created <= until,
            None => version < (25, 0, 0),
        });
        shown && old && filters.match_labels(image.facts.labels.as_ref())
    };
    removal.images.images.iter().filter(fits).map(|(id, _)| id.clone()).collect()
}

/// The engine adds up the recorded sizes of the layers that went.
fn layer_size(removal: &Removal<'_, '_, '_, '_>, record: &Record) -> Option<i64> {
    let Record::Deleted(id) = record else { return None };
    Some(removal.layers.size(&ChainId(Digest::parse(id)?)))
}
