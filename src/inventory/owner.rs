//! Owners: whom each byte is charged to. A place belongs to the thing that claims it; a driver directory belongs to
//! whoever stores its data in it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::{Entity, Extent, Inventory, Lot};
use crate::terms::{Key, Kind, LinkKind, Place};

/// The smallest thing that `docker system df` counts whole or not at all, by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OwnerKind {
    Layer,
    RwLayer,
    InitLayer,
    ContainerMetadata,
    ContainerLogs,
    Checkpoint,
    Volume,
    CacheRecord,
    Snapshot,
    Blob,
    Ingest,
    ImageMetadata,
    Database,
    Plugin,
    Swarm,
    Network,
    Temporary,
    Store,
    Scaffold,
    Unclaimed,
}

impl OwnerKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Layer => "layer",
            Self::RwLayer => "rw-layer",
            Self::InitLayer => "init-layer",
            Self::ContainerMetadata => "container-metadata",
            Self::ContainerLogs => "container-logs",
            Self::Checkpoint => "checkpoint",
            Self::Volume => "volume",
            Self::CacheRecord => "cache-record",
            Self::Snapshot => "snapshot",
            Self::Blob => "blob",
            Self::Ingest => "ingest",
            Self::ImageMetadata => "image-metadata",
            Self::Database => "database",
            Self::Plugin => "plugin",
            Self::Swarm => "swarm",
            Self::Network => "network",
            Self::Temporary => "temporary",
            Self::Store => "store",
            Self::Scaffold => "scaffold",
            Self::Unclaimed => "unclaimed",
        }
    }
}

impl OwnerKind {
    const ALL: &[Self] = &[
        Self::Layer,
        Self::RwLayer,
        Self::InitLayer,
        Self::ContainerMetadata,
        Self::ContainerLogs,
        Self::Checkpoint,
        Self::Volume,
        Self::CacheRecord,
        Self::Snapshot,
        Self::Blob,
        Self::Ingest,
        Self::ImageMetadata,
        Self::Database,
        Self::Plugin,
        Self::Swarm,
        Self::Network,
        Self::Temporary,
        Self::Store,
        Self::Scaffold,
        Self::Unclaimed,
    ];

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

impl PartialOrd for OwnerKind {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for OwnerKind {
    /// By name, as it is printed.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.name().cmp(other.name())
    }
}

/// An owner's name. Shared inodes are charged to the first in this order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerKey {
    pub root: Arc<str>,
    pub store: Arc<str>,
    pub kind: OwnerKind,
    pub id: Arc<str>,
}

/// An owner with its claims.
#[derive(Clone, Debug)]
pub struct Owner {
    pub key: OwnerKey,
    /// The thing it belongs to.
    pub thing: Key,
    /// The place it is shown under: a driver directory before its layerdb entry.
    pub path: Place,
    pub lots: Vec<(Place, Extent)>,
    /// What nobody claims in this directory is charged here.
    pub rest_of: Vec<Place>,
}

/// All owners in order; an owner's position is its number in the ledger.
#[derive(Debug, Default)]
pub struct Owners {
    list: Vec<Owner>,
    /// The numbers, in the order of the things.
    by_thing: Vec<usize>,
}

impl Owners {
    pub fn of(inventory: &Inventory) -> Self {
        let holders = Holders::of(inventory);
        let mut table = Table::default();
        for (key, thing) in &inventory.entities {
            for lot in &thing.lots {
                let (holder, kind) = match key.kind {
                    Kind::DriverDirectory if lot.owner == OwnerKind::Unclaimed => holders.of_directory(key),
                    _ => (key.clone(), lot.owner),
                };
                let path = || shown_at(thing, lot);
                table.enter(holder, kind, path, |owner| owner.lots.push((lot.at.clone(), lot.extent)));
            }
        }
        for scaffold in &inventory.scaffolds {
            let key = |kind| Key { root: scaffold.root.clone(), store: scaffold.store.clone(), kind, id: "".into() };
            let at = || scaffold.at.clone();
            let top = || inventory.root_of(&scaffold.at).map_or_else(at, |root| root.place.clone());
            let itself = (at(), Extent::Itself);
            table.enter(key(Kind::Scaffold), OwnerKind::Scaffold, top, |owner| owner.lots.push(itself));
            // an owner of its own for each directory, so that what turns up there can be told from where it lies
            let mut stranger = key(Kind::File);
            stranger.id = scaffold.at.to_string().into();
            table.enter(stranger, OwnerKind::Unclaimed, at, |owner| owner.rest_of.push(at()));
        }
        let list = table.in_order();
        let mut by_thing: Vec<usize> = (0..list.len()).collect();
        by_thing.sort_by_key(|number| list.get(*number).map(|owner| &owner.thing));
        Self { list, by_thing }
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (usize, &Owner)> {
        self.list.iter().enumerate()
    }

    pub fn get(&self, number: usize) -> Option<&Owner> {
        self.list.get(number)
    }

    /// The owners that belong to a thing, with their numbers.
    pub fn of_thing(&self, thing: &Key) -> impl Iterator<Item = (usize, &Owner)> {
        let owner = |number: &usize| self.list.get(*number).map(|owner| (*number, owner));
        let before = |number: &usize| owner(number).is_some_and(|(_, owner)| owner.thing < *thing);
        let first = self.by_thing.partition_point(before);
        let from_there = self.by_thing.get(first..).unwrap_or_default();
        from_there.iter().filter_map(owner).take_while(move |(_, owner)| owner.thing == *thing)
    }
}

/// Owners as they turn up.
#[derive(Default)]
struct Table {
    list: Vec<Owner>,
    numbers: HashMap<OwnerKey, usize>,
}

impl Table {
    /// Gives to the owner of a kind for a thing; a new one is shown under `path`.
    fn enter(&mut self, thing: Key, kind: OwnerKind, path: impl FnOnce() -> Place, give: impl FnOnce(&mut Owner)) {
        let key = OwnerKey { root: thing.root.clone(), store: thing.store.clone(), kind, id: thing.id.clone() };
        let number = self.numbers.get(&key).copied().unwrap_or_else(|| {
            self.numbers.insert(key.clone(), self.list.len());
            self.list.push(Owner { key, thing, path: path(), lots: Vec::new(), rest_of: Vec::new() });
            self.list.len().saturating_sub(1)
        });
        if let Some(owner) = self.list.get_mut(number) {
            give(owner);
        }
    }

    fn in_order(self) -> Vec<Owner> {
        let Self { mut list, numbers } = self;
        drop(numbers);
        list.sort_by(|a, b| a.key.cmp(&b.key));
        list.iter_mut().for_each(|owner| owner.lots.shrink_to_fit());
        list.shrink_to_fit();
        list
    }
}

/// The place an owner is shown under: of a driver directory its home, not its short link.
fn shown_at(thing: &Entity, lot: &Lot) -> Place {
    thing.driver_directory().and_then(|dir| dir.at.clone()).unwrap_or_else(|| lot.at.clone())
}

/// Who stores data in which driver directory.
struct Holders<'a> {
    /// The first by rank and name.
    by_directory: BTreeMap<&'a Key, (u8, &'a Key, LinkKind)>,
    records: BTreeMap<&'a Key, &'a Key>,
}

impl<'a> Holders<'a> {
    fn of(inventory: &'a Inventory) -> Self {
        let mut by_directory: BTreeMap<&Key, (u8, &Key, LinkKind)> = BTreeMap::new();
        let mut records: BTreeMap<&Key, &Key> = BTreeMap::new();
        for link in &inventory.links {
            match (link.kind, link.to.kind) {
                (LinkKind::StoredIn | LinkKind::InitLayer | LinkKind::Interrupted, Kind::DriverDirectory) => {
                    let holder = (rank(link.from.kind, link.kind), &link.from, link.kind);
                    let first = by_directory.entry(&link.to).or_insert(holder);
                    *first = (*first).min(holder);
                }
                (LinkKind::Caches, Kind::CacheSnapshot) => {
                    let first = records.entry(&link.to).or_insert(&link.from);
                    *first = (*first).min(&link.from);
                }
                _ => {}
            }
        }
        Self { by_directory, records }
    }

    /// A layer comes before a cache snapshot that shares its data; a directory that nobody holds owns itself.
    fn of_directory(&self, directory: &Key) -> (Key, OwnerKind) {
        match self.by_directory.get(directory) {
            Some((_, from, LinkKind::InitLayer)) => ((*from).clone(), OwnerKind::InitLayer),
            Some((_, from, LinkKind::Interrupted)) => ((*from).clone(), OwnerKind::Temporary),
            Some((_, from, _)) => match from.kind {
                Kind::Layer => ((*from).clone(), OwnerKind::Layer),
                Kind::Mount => ((*from).clone(), OwnerKind::RwLayer),
                _ => (self.records.get(from).map_or_else(|| (*from).clone(), |r| (*r).clone()), OwnerKind::CacheRecord),
            },
            None => (directory.clone(), OwnerKind::Unclaimed),
        }
    }
}

fn rank(kind: Kind, link: LinkKind) -> u8 {
    match (kind, link) {
        (_, LinkKind::Interrupted) => 9,
        (Kind::Layer, _) => 0,
        (Kind::Mount, _) => 1,
        _ => 2,
    }
}
