//! What there is to check, from the inventory: every layer, every blob.

use std::sync::Arc;

use crate::inventory::facts::Layer;
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
    /// A file that is called by its SHA-256.
    Blob,
    /// Nothing can be said, and why.
    Cannot(String),
}

/// The files of one layer of a graph driver.
#[derive(Clone, Debug)]
pub(super) struct LayerFiles {
    pub(super) root: Arc<str>,
    pub(super) store: Arc<str>,
    pub(super) entry: Place,
    pub(super) record: Place,
    pub(super) content: Place,
    pub(super) diff: DiffId,
    pub(super) from_directory: bool,
    /// The directory holds all of the chain, not only what is the layer's own.
    pub(super) is_a_copy: bool,
    /// Of such a copy: it keeps attributes, as a snapshot does, and not one made file by file.
    pub(super) keeps_attributes: bool,
    /// Of such a copy: the records of the layers below, base first, and whether each was made from a directory; or why
    /// they are not known.
    pub(super) below: Result<Vec<(Place, bool)>, String>,
}

/// Everything that can be asked for, in order of its keys.
pub fn subjects(inventory: &Inventory) -> Vec<Subject> {
    let layers = inventory.of_kind(Kind::Layer).filter_map(|(key, thing)| layer(inventory, key, thing.layer()?));
    let blobs = inventory.of_kind(Kind::Blob).filter_map(|(key, thing)| {
        let blob = thing.blob()?;
        let at = blob.at.clone()?;
        let size = blob.recorded.values().copied().max().unwrap_or(0);
        let named = key.id.starts_with("sha256:");
        let task = if named { Task::Blob } else { Task::Cannot("it is not called by its SHA-256".to_owned()) };
        Some(Subject { key: key.clone(), at, size, task })
    });
    layers.chain(blobs).collect()
}

fn layer(inventory: &Inventory, key: &Key, layer: &Layer) -> Option<Subject> {
    let entry = layer.entry.clone()?;
    let task = match files(inventory, key, layer, &entry) {
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

fn files(inventory: &Inventory, key: &Key, layer: &Layer, entry: &Place) -> Result<LayerFiles, String> {
    let mut stores = inventory.stores.iter().filter(|store| store.root == key.root && store.name == key.store);
    let store = stores.find(|store| store.kind == StoreKind::GraphDriver);
    if store.is_none_or(|store| !store.read_in_full) {
        return Err(format!("the files of a {} store are not read", key.store));
    }
    let diff = layer.diff.clone().ok_or("its diff ID could not be read")?;
    let cache_id = layer.cache_id.as_ref().ok_or("its cache ID could not be read")?;
    let mut stored = inventory.links.iter().filter(|link| link.kind == LinkKind::StoredIn && link.from == *key);
    let directory = stored.find_map(|link| inventory.get(&link.to)?.driver_directory());
    let content = directory.and_then(|directory| directory.content.clone());
    let is_a_copy = directory.is_some_and(|directory| directory.content == directory.at);
    Ok(LayerFiles {
        root: key.root.clone(),
        store: key.store.clone(),
        entry: entry.clone(),
        record: entry.join(RECORD),
        content: content.ok_or_else(|| format!("the directory of {} is not there", cache_id.as_str()))?,
        diff,
        // moby builder/builder-next/adapters/snapshot: its IDs are identity.NewID, others are stringid's 64 digits
        from_directory: is_from_directory(cache_id),
        is_a_copy,
        keeps_attributes: &*key.store != "vfs",
        below: if is_a_copy { below(inventory, key, layer) } else { Ok(Vec::new()) },
    })
}

fn is_from_directory(cache_id: &CacheId) -> bool {
    cache_id.as_str().len() != 64
}

/// The records of the layers below, base first.
fn below(inventory: &Inventory, key: &Key, layer: &Layer) -> Result<Vec<(Place, bool)>, String> {
    /// Neither engine makes longer chains, and damaged ones may lead in a circle.
    const LONGEST: usize = 1000;
    let mut found = Vec::new();
    let mut above = layer;
    while let Some(parent) = &above.parent {
        let at = Key { id: parent.0.as_str().into(), ..key.clone() };
        let next = inventory.get(&at).and_then(|thing| thing.layer()).filter(|_| found.len() < LONGEST);
        let next = next.ok_or_else(|| format!("the layers below: {} is not there", parent.0))?;
        let entry = next.entry.as_ref().zip(next.cache_id.as_ref());
        let (entry, cache_id) = entry.ok_or_else(|| format!("the layers below: {} is damaged", parent.0))?;
        found.push((entry.join(RECORD), is_from_directory(cache_id)));
        above = next;
    }
    found.reverse();
    Ok(found)
}
