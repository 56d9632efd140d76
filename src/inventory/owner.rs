//! Owners: whom each byte is charged to. A place belongs to the thing that claims it; a driver directory belongs to
//! whoever stores its data in it.

use std::collections::BTreeMap;
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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    by_thing: BTreeMap<Key, Vec<usize>>,
}

impl Owners {
    pub fn of(inventory: &Inventory) -> Self {
        let holders = Holders::of(inventory);
        let mut table: BTreeMap<OwnerKey, Owner> = BTreeMap::new();
        for (key, thing) in &inventory.entities {
            for lot in &thing.lots {
                let (holder, kind) = match key.kind {
                    Kind::DriverDirectory if lot.owner == OwnerKind::Unclaimed => holders.of_directory(key),
                    _ => (key.clone(), lot.owner),
                };
                enter(&mut table, holder, kind, shown_at(thing, lot)).lots.push((lot.at.clone(), lot.extent));
            }
        }
        for scaffold in &inventory.scaffolds {
            let key = |kind| Key { root: scaffold.root.clone(), store: scaffold.store.clone(), kind, id: "".into() };
            let top = inventory.root_of(&scaffold.at).map_or_else(|| scaffold.at.clone(), |root| root.place.clone());
            enter(&mut table, key(Kind::Scaffold), OwnerKind::Scaffold, top)
                .lots
                .push((scaffold.at.clone(), Extent::Itself));
            // an owner of its own for each directory, so that what turns up there can be told from where it lies
            let mut stranger = key(Kind::File);
            stranger.id = scaffold.at.to_string().into();
            enter(&mut table, stranger, OwnerKind::Unclaimed, scaffold.at.clone()).rest_of.push(scaffold.at.clone());
        }
        let list: Vec<Owner> = table.into_values().collect();
        let mut by_thing: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
        for (number, owner) in list.iter().enumerate() {
            by_thing.entry(owner.thing.clone()).or_default().push(number);
        }
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
        let numbers = self.by_thing.get(thing).map(Vec::as_slice).unwrap_or_default();
        numbers.iter().filter_map(|number| Some((*number, self.list.get(*number)?)))
    }
}

fn enter(table: &mut BTreeMap<OwnerKey, Owner>, thing: Key, kind: OwnerKind, path: Place) -> &mut Owner {
    let key = OwnerKey { root: thing.root.clone(), store: thing.store.clone(), kind, id: thing.id.clone() };
    let fresh = Owner { key: key.clone(), thing, path, lots: Vec::new(), rest_of: Vec::new() };
    table.entry(key).or_insert(fresh)
}

/// The place an owner is shown under: of a driver directory its home, not its short link.
fn shown_at(thing: &Entity, lot: &Lot) -> Place {
    thing.driver_directory().and_then(|dir| dir.at.clone()).unwrap_or_else(|| lot.at.clone())
}

/// Who stores data in which driver directory.
struct Holders<'a> {
    by_directory: BTreeMap<&'a Key, Vec<(&'a Key, LinkKind)>>,
    records: BTreeMap<&'a Key, &'a Key>,
}

impl<'a> Holders<'a> {
    fn of(inventory: &'a Inventory) -> Self {
        let mut by_directory: BTreeMap<&Key, Vec<(&Key, LinkKind)>> = BTreeMap::new();
        let mut records: BTreeMap<&Key, &Key> = BTreeMap::new();
        for link in &inventory.links {
            match (link.kind, link.to.kind) {
                (LinkKind::StoredIn | LinkKind::InitLayer | LinkKind::Interrupted, Kind::DriverDirectory) => {
                    by_directory.entry(&link.to).or_default().push((&link.from, link.kind));
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
        let holders = self.by_directory.get(directory).map(Vec::as_slice).unwrap_or_default();
        let best = holders.iter().min_by_key(|(from, kind)| (rank(from.kind, *kind), *from));
        match best {
            Some((from, LinkKind::InitLayer)) => ((*from).clone(), OwnerKind::InitLayer),
            Some((from, LinkKind::Interrupted)) => ((*from).clone(), OwnerKind::Temporary),
            Some((from, _)) => match from.kind {
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
