//! What a rule may ask.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Confidence, Finding, Remedy, Severity};

use crate::docker::Active;
use crate::docker::seen::{Seen, Triple};
use crate::docker::stored::Stored;
use crate::graph::{Graph, Retained};
use crate::inventory::{Inventory, Owner, OwnerKey, Owners, StoreKind};
use crate::terms::{Evidence, Key, LinkKind, Place};
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
    /// The same of containerd's stores: one for every namespace of an engine.
    pub stored: &'a [Stored<'a>],
    pub active: &'a Active,
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
    /// The stores that the engine uses.
    pub fn in_use(&self) -> impl Iterator<Item = &'a Seen<'a>> {
        let case = *self;
        self.seen.iter().filter(move |seen| !case.is_stranded(&seen.root, &seen.store))
    }

    /// Whether a store is one that the engine no longer uses. Of another root than the engine's own nothing is said.
    pub fn is_stranded(&self, root: &str, store: &str) -> bool {
        let mut stores = self.inventory.stores.iter().filter(|info| &*info.root == root && &*info.name == store);
        let Some(info) = stores.next() else { return false };
        if self.is_left_over(root) {
            return info.populated || info.kind == StoreKind::GraphDriver;
        }
        match (&self.active.store, self.active.kind) {
            // what an engine keeps in containerd beside a graph driver is no store: it has neither images nor snapshots
            (Some(_), Some(_)) if info.kind == StoreKind::Containerd => info.populated && !self.active.is(root, store),
            // told to use a driver that it has made nothing of yet
            (None, Some(StoreKind::GraphDriver)) if info.kind == StoreKind::Containerd => {
                info.populated && self.active.asserted
            }
            (Some((active, _)), Some(StoreKind::GraphDriver)) if active == root => !self.active.is(root, store),
            (_, Some(StoreKind::Containerd)) => info.kind == StoreKind::GraphDriver,
            _ => false,
        }
    }

    /// Whether a root is one that `userns-remap` led to, or away from, and that the engine no longer uses.
    pub fn is_left_over(&self, root: &str) -> bool {
        let used = self.active.root.as_deref();
        used.is_some_and(|used| used != root) && self.inventory.engine_roots().any(|engine| &*engine.name == root)
    }

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

    /// What the owners of some things weigh.
    pub fn weigh_things<'k>(&self, things: impl IntoIterator<Item = &'k Key>) -> Mass {
        self.weigh(&self.owners_of(things))
    }

    /// Whether Docker's numbers count any of some owners.
    pub fn is_counted(&self, owners: &[(usize, &Owner)]) -> bool {
        owners.iter().any(|(_, owner)| self.counted.contains(&owner.key))
    }

    /// Everything that goes when some things go together, themselves included.
    pub fn freed_with<'k>(&self, things: impl IntoIterator<Item = &'k Key>) -> Vec<&'a Key> {
        let gone: Vec<_> = things.into_iter().filter_map(|thing| self.graph.node(thing)).collect();
        self.graph.freed_without(&gone).into_iter().filter_map(|node| self.graph.key(node)).collect()
    }

    /// A finding about some owners; what it says is still to come.
    pub fn finding(&self, class: &'static str, owners: &[(usize, &Owner)]) -> Finding {
        let mass = self.weigh(owners);
        Finding {
            class,
            severity: Severity::of_bytes(mass.bytes),
            confidence: Confidence::Certain,
            objects: Vec::new(),
            paths: topmost(owners.iter().flat_map(|(_, owner)| owner.lots.iter().map(|(at, _)| at.clone()))),
            on_disk_bytes: mass.bytes,
            inodes: mass.inodes,
            in_docker_df: self.is_counted(owners),
            cause: String::new(),
            evidence: Vec::new(),
            remedy: Remedy::default(),
            youngest: None,
            doubt: None,
        }
    }

    /// Where a thing lies: its directory, else the shortest of the places that it claims.
    pub fn place_of(&self, thing: &Key) -> Option<&'a Place> {
        let thing = self.inventory.get(thing)?;
        let home = thing.driver_directory().and_then(|facts| facts.at.as_ref());
        home.or_else(|| thing.lots.iter().map(|lot| &lot.at).min_by_key(|at| (at.as_bytes().len(), *at)))
    }

    /// A file of a thing, as text.
    pub fn file_of(&self, thing: &Key, name: &str) -> String {
        self.place_of(thing).map_or_else(|| thing.id.to_string(), |at| at.join(name).to_string())
    }

    /// The files that say that something refers to a thing by some kind of reference.
    pub fn evidence(&self, from: &Key, kind: LinkKind) -> impl Iterator<Item = &'a Evidence> {
        let edges = self.graph.node(from).map(|node| self.graph.below(node)).unwrap_or_default();
        edges.iter().filter(move |edge| edge.kind == kind).map(|edge| edge.evidence)
    }

    /// When the youngest driver directory of some things last changed.
    pub fn youngest<'k>(&self, things: impl IntoIterator<Item = &'k Key>) -> Option<(i64, u32)> {
        let stored = [LinkKind::StoredIn, LinkKind::InitLayer];
        let directories = |thing: &Key| -> Vec<&'a Key> {
            stored.into_iter().flat_map(|kind| self.graph.targets(thing, kind)).collect()
        };
        let changed = |key: &Key| {
            let facts = self.inventory.get(key)?.driver_directory()?;
            Some(facts.ctime.max(facts.mtime))
        };
        things
            .into_iter()
            .flat_map(|thing| directories(thing).into_iter().filter_map(changed).chain(changed(thing)))
            .max()
    }
}

/// Places that lie in no other of them, in order.
pub(super) fn topmost(places: impl IntoIterator<Item = Place>) -> Vec<Place> {
    let places: BTreeSet<Place> = places.into_iter().collect();
    let inside = |at: &Place| std::iter::successors(at.parent(), Place::parent).any(|above| places.contains(&above));
    places.iter().filter(|at| !inside(at)).cloned().collect()
}
