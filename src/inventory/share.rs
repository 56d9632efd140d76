//! One text for one name: what things say of each other is kept once, however many say it.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Facts, Inventory};
use crate::terms::Digest;

/// Lets the ends of links, and what layers and images say, share the text of the keys they name.
pub(super) fn share(inventory: &mut Inventory) {
    let Inventory { links, entities, .. } = inventory;
    for end in links.iter_mut().flat_map(|link| [&mut link.from, &mut link.to]) {
        if let Some((key, _)) = entities.get_key_value(end) {
            *end = key.clone();
        }
    }
    let known: HashSet<Arc<str>> = entities.keys().map(|key| key.id.clone()).collect();
    for thing in entities.values_mut() {
        each_text(&mut thing.facts, |text| {
            if let Some(same) = known.get(&**text) {
                *text = same.clone();
            }
        });
    }
}

/// The names of other things in what is known of one; of kinds of which there are very many.
fn each_text(facts: &mut Facts, mut share: impl FnMut(&mut Arc<str>)) {
    let digest = |digest: &mut Digest, share: &mut dyn FnMut(&mut Arc<str>)| share(digest.text());
    match facts {
        Facts::Image(image) => image.chain.iter_mut().for_each(|chain| digest(&mut chain.0, &mut share)),
        Facts::Layer(layer) => {
            let chains = layer.chain.iter_mut().chain(&mut layer.parent);
            chains.for_each(|chain| digest(&mut chain.0, &mut share));
            layer.cache_id.iter_mut().for_each(|id| share(id.text()));
            // of a base layer they are the same
            layer.diff.iter_mut().for_each(|diff| digest(&mut diff.0, &mut share));
        }
        Facts::Mount(mount) => mount.parent.iter_mut().for_each(|chain| digest(&mut chain.0, &mut share)),
        Facts::DriverDirectory(directory) => directory.lower.iter_mut().for_each(share),
        _ => {}
    }
}
