//! Whose ground a path lies on: the deepest claim above it.

use std::collections::BTreeMap;

use crate::inventory::{Extent, Inventory, Owners};
use crate::terms::{Key, Place};

/// Every claimed place, with the thing that claims it and the owner that is charged.
#[derive(Debug)]
pub struct Ground<'a> {
    claims: BTreeMap<&'a Place, (&'a Key, Extent)>,
    owners: BTreeMap<&'a Place, usize>,
}

impl<'a> Ground<'a> {
    pub fn of(inventory: &'a Inventory, owners: &'a Owners) -> Self {
        let mut claims = BTreeMap::new();
        for (key, thing) in &inventory.entities {
            for lot in &thing.lots {
                claims.entry(&lot.at).or_insert((key, lot.extent));
            }
        }
        let mut charged = BTreeMap::new();
        for (number, owner) in owners.iter() {
            for at in owner.lots.iter().map(|(at, _)| at).chain(&owner.rest_of) {
                charged.entry(at).or_insert(number);
            }
        }
        Self { claims, owners: charged }
    }

    /// The thing on whose ground a place lies; none in an engine's own directory, or where nobody claims anything.
    pub fn thing(&self, at: &Place) -> Option<&'a Key> {
        self.above(at).find_map(|(up, is_itself)| match self.claims.get(&up) {
            Some((key, Extent::Tree)) => Some(Some(*key)),
            Some((key, Extent::Itself)) if is_itself => Some(Some(*key)),
            Some(_) => Some(None),
            None => None,
        })?
    }

    /// The number of the owner that is charged for a place.
    pub fn owner(&self, at: &Place) -> Option<usize> {
        self.above(at).find_map(|(up, _)| self.owners.get(&up).copied())
    }

    fn above(&self, at: &Place) -> impl Iterator<Item = (Place, bool)> {
        let start = at.clone();
        std::iter::successors(Some(start), Place::parent).zip(std::iter::once(true).chain(std::iter::repeat(false)))
    }
}
