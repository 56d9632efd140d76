//! Build cache as `docker system df` and `docker builder prune` see it on a graph driver: which records load, which of
//! them are listed, with which numbers, and which of them a prune takes.

mod loaded;
mod prune;
mod size;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::seen::Seen;
use super::sizes::{Size, Sizes};
use crate::inventory::facts::{CacheRecord, CacheSnapshot};
use crate::terms::{Key, Kind};
pub use prune::prunable;

/// The store that keeps BuildKit's records of graph drivers.
const STORE: &str = "buildkit";

/// One row of build cache. Its order among others is that of its ID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheRow {
    pub key: Key,
    pub id: String,
    pub parents: Vec<String>,
    pub record_type: String,
    pub description: String,
    /// No build runs while we look: false.
    pub in_use: bool,
    /// Its layer, or that of a record above it, is in a loaded image.
    pub shared: bool,
    pub size: Size,
    /// Without one the engine prints year 1.
    pub created_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub usage_count: i64,
    /// A base layer: its row says 0 B whatever it holds.
    pub blob_only: bool,
}

/// The rows, by ID. buildkit cache/manager.go: DiskUsage.
pub fn rows(seen: &Seen<'_>, sizes: &Sizes<'_>) -> Vec<CacheRow> {
    let cache = Cache::of(seen);
    let records = loaded::loaded(&cache);
    // of a pair the mutable half is listed, under its own ID
    let twins: BTreeMap<&str, &CacheRecord> =
        records.values().filter_map(|record| Some((record.pair?, record.facts))).collect();
    let mut rows: Vec<CacheRow> = records
        .iter()
        .filter(|(_, record)| record.pair.is_none())
        .map(|(id, record)| {
            let size = size::of(&cache, record.facts, twins.get(id).copied(), sizes);
            row(cache.key(id), record.facts, size)
        })
        .collect();
    share(&cache, &mut rows);
    rows
}

fn row(key: Key, facts: &CacheRecord, size: Size) -> CacheRow {
    CacheRow {
        id: key.id.to_string(),
        key,
        parents: facts.parents.clone(),
        record_type: facts.record_type.clone(),
        description: facts.description.clone(),
        in_use: false,
        shared: false,
        size,
        created_at: facts.created_at,
        last_used_at: facts.last_used_at,
        usage_count: facts.usage_count.unwrap_or(0),
        blob_only: facts.blob_only,
    }
}

/// moby builder/builder-next/imagerefchecker/checker.go: a record whose layer is part of a loaded image is shared;
/// buildkit cache/manager.go markShared: and so are the records below it.
fn share(cache: &Cache<'_>, rows: &mut [CacheRow]) {
    let needed = cache.seen.needed_by_images();
    let in_image = |row: &CacheRow| {
        let chain = cache.snapshots.get(row.id.as_str()).and_then(|snapshot| snapshot.chain.as_ref());
        chain.and_then(|chain| cache.seen.layer(chain)).is_some_and(|(layer, _)| needed.contains(layer))
    };
    let mut todo: Vec<String> = rows.iter().filter(|row| in_image(row)).map(|row| row.id.clone()).collect();
    let mut shared: BTreeSet<String> = BTreeSet::new();
    while let Some(id) = todo.pop() {
        if let Ok(at) = rows.binary_search_by(|row| row.id.as_str().cmp(&id))
            && shared.insert(id)
        {
            todo.extend(rows.get(at).into_iter().flat_map(|row| row.parents.iter().cloned()));
        }
    }
    for row in rows {
        row.shared = shared.contains(&row.id);
    }
}

/// The records and snapshots of a root.
struct Cache<'a> {
    seen: &'a Seen<'a>,
    records: BTreeMap<&'a str, &'a CacheRecord>,
    snapshots: BTreeMap<&'a str, &'a CacheSnapshot>,
}

impl<'a> Cache<'a> {
    fn of(seen: &'a Seen<'a>) -> Self {
        let ours = |key: &Key| key.root == seen.root && *key.store == *STORE;
        let things = |kind| seen.inventory.of_kind(kind).filter(|(key, _)| ours(key));
        Self {
            seen,
            records: things(Kind::CacheRecord)
                .filter_map(|(key, thing)| Some((&*key.id, thing.cache_record()?)))
                .collect(),
            snapshots: things(Kind::CacheSnapshot)
                .filter_map(|(key, thing)| Some((&*key.id, thing.cache_snapshot()?)))
                .collect(),
        }
    }

    fn key(&self, id: &str) -> Key {
        Key { root: self.seen.root.clone(), store: STORE.into(), kind: Kind::CacheRecord, id: id.into() }
    }
}
