//! The places that go.

use std::collections::BTreeSet;

use crate::inventory::Inventory;
use crate::terms::{Key, Place};

/// What was removed so far, and what since somebody asked.
#[derive(Debug)]
pub(super) struct Gone<'a> {
    inventory: &'a Inventory,
    all: BTreeSet<Place>,
    fresh: BTreeSet<Place>,
}

impl<'a> Gone<'a> {
    pub(super) fn new(inventory: &'a Inventory) -> Self {
        Self { inventory, all: BTreeSet::new(), fresh: BTreeSet::new() }
    }

    /// All that a thing has on the disk.
    pub(super) fn thing(&mut self, key: &Key) {
        for lot in self.inventory.get(key).into_iter().flat_map(|thing| &thing.lots) {
            self.place(lot.at.clone());
        }
    }

    /// One place, which is there.
    pub(super) fn place(&mut self, at: Place) {
        if self.all.insert(at.clone()) {
            self.fresh.insert(at);
        }
    }

    /// The topmost of what went since this was asked last.
    pub(super) fn since(&mut self) -> BTreeSet<Place> {
        topmost(std::mem::take(&mut self.fresh))
    }
}

/// Without those that lie below others.
pub(super) fn topmost(places: impl IntoIterator<Item = Place>) -> BTreeSet<Place> {
    let all: BTreeSet<Place> = places.into_iter().collect();
    let is_below = |at: &Place| above(at).any(|above| all.contains(&above));
    all.iter().filter(|at| !is_below(at)).cloned().collect()
}

/// Every place that a place lies in, nearest first.
pub(super) fn above(at: &Place) -> impl Iterator<Item = Place> + use<> {
    std::iter::successors(at.parent(), Place::parent)
}
