//! What lies in an engine's directory and was written by no engine: every name that nobody claims becomes a thing.

use std::collections::BTreeSet;

use super::facts::Foreign;
use super::{Entity, Inventory, OwnerKind};
use crate::terms::{Key, Kind, Place};

/// More strangers than this in one directory are weighed together.
const CAP: usize = 1000;

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
