//! What there is to check, from the inventory: every layer, every committed snapshot, every blob.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::unpacked_as::Chains;
use crate::inventory::facts::{DriverDirectory, Layer};
use crate::inventory::{Inventory, StoreKind};
use crate::terms::{CacheId, DiffId, Key, Kind, LinkKind, Place};

const RECORD: &str = "tar-split.json.gz";

/// One thing to check.
#[derive(Clone, Debug)]
pub struct Subject {
    pub key: Key,
    /// Where its bytes lie.
    pub at: Place,
    /// About how many bytes: the largest go first.
    pub size: u64,
    pub(super) task: Task,
}

#[derive(Clone, Debug)]
pub(super) enum Task {
    Layer(Box<LayerFiles>),
    Snapshot(Box<SnapshotFiles>),
    /// A file that is called by its SHA-256, of this length if the database knows it.
    Blob(Option<u64>),
    /// Nothing can be said, and why.
    Cannot(String),
    /// There never was anything to compare it with, and why.
    Nothing(&'static str),
}

/// What says how a layer's stream went.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) at: Place,
    /// A record of tar-split, not a blob.
    pub(super) is_a_record: bool,
    /// The stream was made from the directory, not the directory from the stream.
    pub(super) from_directory: bool,
}

/// A directory that holds all of the chain, not only what is the layer's own.
#[derive(Clone, Debug)]
pub(super) struct CopyOf {
    /// It keeps attributes, as a snapshot does, and not a copy made file by file.
    pub(super) keeps_attributes: bool,
    /// A directory that was copied gets its time before what it holds, and so has that of the copy.
    // continuity fs/copy.go copyDirectory
    pub(super) loses_times: bool,
    /// The layers below, base first; or why they are not known.
    pub(super) below: Result<Vec<Source>, String>,
}

/// The files of one layer of a graph driver.
#[derive(Clone, Debug)]
pub(super) struct LayerFiles {
    pub(super) root: Arc<str>,
    pub(super) store: Arc<str>,
    pub(super) entry: Place,
    pub(super) source: Source,
    pub(super) content: Place,
    pub(super) diff: DiffId,
    /// Of one whose stream was made of it, the directories of the layers below, nearest first.
    pub(super) lowers: Vec<Place>,
    pub(super) copy: Option<CopyOf>,
}

/// The files of one snapshot.
#[derive(Clone, Debug)]
pub(super) struct SnapshotFiles {
    pub(super) content: Place,
    pub(super) source: Source,
    /// Of the blob; and its length, as the database has it.
    pub(super) digest: String,
    pub(super) size: Option<u64>,
    /// Of the stream in it, where a config says so.
    pub(super) diff: Option<DiffId>,
    pub(super) has_parent: bool,
    pub(super) through_a_mount: bool,
    /// When it was committed: all of it was unpacked then.
    pub(super) made: Option<Timestamp>,
    /// Of one that its blob was made of, the directories of the snapshots below, nearest first.
    pub(super) lowers: Vec<Place>,
    pub(super) copy: Option<CopyOf>,
}

/// Everything that can be asked for, in order of its keys.
pub fn subjects(inventory: &Inventory) -> Vec<Subject> {
    let directories = directories(inventory);
    let directories = &directories;
    let layers =
        inventory.of_kind(Kind::Layer).filter_map(|(key, thing)| layer(inventory, key, thing.layer()?, directories));
    let blobs = inventory.of_kind(Kind::Blob).filter_map(|(key, thing)| {
        let blob = thing.blob()?;
        let at = blob.at.clone()?;
        let recorded = blob.recorded_size();
        let size = recorded.unwrap_or(0);
        let named = key.id.starts_with("sha256:");
        let task =
            if named { Task::Blob(recorded) } else { Task::Cannot("it is not called by its SHA-256".to_owned()) };
        Some(Subject { key: key.clone(), at, size, task })
    });
    let chains = Chains::of(inventory);
    let snapshots = inventory.of_kind(Kind::Snapshot).filter_map(|(key, thing)| chains.subject(key, thing.snapshot()?));
    layers.chain(blobs).chain(snapshots).collect()
}

/// The driver directory of each layer.
type Directories<'a> = BTreeMap<&'a Key, &'a DriverDirectory>;

fn directories(inventory: &Inventory) -> Directories<'_> {
    let stored = inventory.links.iter().filter(|link| link.kind == LinkKind::StoredIn && link.from.kind == Kind::Layer);
    stored.filter_map(|link| Some((&link.from, inventory.get(&link.to)?.driver_directory()?))).collect()
}

fn layer(inventory: &Inventory, key: &Key, layer: &Layer, directories: &Directories<'_>) -> Option<Subject> {
    let entry = layer.entry.clone()?;
    let task = match files(inventory, key, layer, &entry, directories) {
        Ok(files) => Task::Layer(Box::new(files)),
        Err(why) => Task::Cannot(why),
    };
    let at = match &task {
        Task::Layer(files) => files.content.clone(),
        _ => entry,
    };
    // a record is read too, and hashed unpacked
    let size = layer.size.unwrap_or(0).saturating_add(layer.tar_split.unwrap_or(0).saturating_mul(10));
    Some(Subject { key: key.clone(), at, size, task })
}

fn files(
    inventory: &Inventory,
    key: &Key,
    layer: &Layer,
    entry: &Place,
    directories: &Directories<'_>,
) -> Result<LayerFiles, String> {
    let directory = directories.get(key);
    let mut stores = inventory.stores.iter().filter(|store| store.root == key.root && store.name == key.store);
    let store = stores.find(|store| store.kind == StoreKind::GraphDriver);
    if store.is_none_or(|store| !store.read_in_full) {
        return Err(format!("the files of a {} store are not read", key.store));
    }
    let diff = layer.diff.clone().ok_or("its diff ID could not be read")?;
    let cache_id = layer.cache_id.as_ref().ok_or("its cache ID could not be read")?;
    let content = directory.and_then(|directory| directory.content.clone());
    let is_a_copy = directory.is_some_and(|directory| directory.content == directory.at);
    let source = record(entry, cache_id);
    let copy = is_a_copy.then(|| CopyOf {
        keeps_attributes: &*key.store != "vfs",
        loses_times: false,
        below: below(inventory, key, layer).map(|below| twins(below, &source)),
    });
    let lowers = if source.from_directory && copy.is_none() { lowers(inventory, key, directories) } else { Vec::new() };
    Ok(LayerFiles {
        root: key.root.clone(),
        store: key.store.clone(),
        entry: entry.clone(),
        lowers,
        source,
        content: content.ok_or_else(|| format!("the directory of {} is not there", cache_id.as_str()))?,
        diff,
        copy,
    })
}

fn record(entry: &Place, cache_id: &CacheId) -> Source {
    // moby builder/builder-next/adapters/snapshot: its IDs are identity.NewID, others are stringid's 64 digits
    Source { at: entry.join(RECORD), is_a_record: true, from_directory: cache_id.as_str().len() != 64 }
}

/// Neither engine makes longer chains, and damaged ones may lead in a circle.
pub(super) const LONGEST: usize = 1000;

/// The records of the layers below, base first.
fn below(inventory: &Inventory, key: &Key, layer: &Layer) -> Result<Vec<Source>, String> {
    let mut found = Vec::new();
    let mut above = layer;
    while let Some(parent) = &above.parent {
        let at = Key { id: parent.0.as_str().into(), ..key.clone() };
        let next = inventory.get(&at).and_then(|thing| thing.layer()).filter(|_| found.len() < LONGEST);
        let next = next.ok_or_else(|| format!("the layers below: {} is not there", parent.0))?;
        let entry = next.entry.as_ref().zip(next.cache_id.as_ref());
        let (entry, cache_id) = entry.ok_or_else(|| format!("the layers below: {} is damaged", parent.0))?;
        found.push(record(entry, cache_id));
        above = next;
    }
    found.reverse();
    Ok(found)
}

/// A build copies its own directories of the layers below. Where a layer of this chain ID was there before, they are not
/// those that the layer store names, and have what no stream tells.
// moby builder/builder-next/adapters/snapshot/layer.go EnsureLayer, layer/migration.go RegisterByGraphID: the layer that
// is there stays
fn twins(mut below: Vec<Source>, own: &Source) -> Vec<Source> {
    below.iter_mut().for_each(|source| source.from_directory |= own.from_directory);
    below
}

/// The directories of the layers below that are there, nearest first.
fn lowers(inventory: &Inventory, key: &Key, directories: &Directories<'_>) -> Vec<Place> {
    let parent = |key: &Key| {
        let parent = inventory.get(key)?.layer()?.parent.as_ref()?;
        Some(Key { id: parent.0.as_str().into(), ..key.clone() })
    };
    let above = std::iter::successors(parent(key), parent).take(LONGEST);
    above.filter_map(|key| directories.get(&key)?.content.clone()).collect()
}
