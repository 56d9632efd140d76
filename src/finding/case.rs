//! What a rule may ask.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::docker::seen::{Seen, Triple};
use crate::graph::{Graph, Retained};
use crate::inventory::{Inventory, Owner, OwnerKey, Owners};
use crate::terms::{Key, Place};
use crate::usage::{Ledger, Measure};

/// Everything known about the disk.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    pub inventory: &'a Inventory,
    pub graph: &'a Graph<'a>,
    pub retained: &'a Retained,
    pub owners: &'a Owners,
    pub ledger: &'a Ledger,
    pub measures: &'a BTreeMap<Place, Measure>,
    /// What the engine would see: one for every graph-driver store of every root.
    pub seen: &'a [Seen<'a>],
    pub version: Triple,
    /// The owners whose content enters a SIZE total of `docker system df`.
    pub counted: &'a BTreeSet<OwnerKey>,
    /// When a daemon that is at work on the root was started.
    pub live_since: Option<(i64, u32)>,
    pub now: Timestamp,
}

/// Bytes and inodes together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mass {
    pub bytes: u64,
    pub inodes: u64,
}

impl<'a> Case<'a> {
    /// The owners that belong to some things.
    pub fn owners_of<'k>(&self, things: impl IntoIterator<Item = &'k Key>) -> Vec<(usize, &'a Owner)> {
        let things: BTreeSet<&Key> = things.into_iter().collect();
        things.into_iter().flat_map(|thing| self.owners.of_thing(thing)).collect()
    }

    /// What some owners weigh.
    pub fn weigh(&self, owners: &[(usize, &Owner)]) -> Mass {
        owners.iter().filter_map(|(number, _)| self.ledger.owners.get(*number)).fold(Mass::default(), |sum, weight| {
            Mass { bytes: sum.bytes.saturating_add(weight.allocated), inodes: sum.inodes.saturating_add(weight.inodes) }
        })
    }

    /// Whether Docker's numbers count any of some owners.
    pub fn is_counted(&self, owners: &[(usize, &Owner)]) -> bool {
        owners.iter().any(|(_, owner)| self.counted.contains(&owner.key))
    }
}
