//! Build cache as `docker system df` and `docker builder prune` see it: which records load, which of them are listed,
//! with which numbers, and which of them a prune takes. What stands behind a record is a layer or a directory of a graph
//! driver (graph.rs), or a snapshot and a blob of containerd's store (stored.rs).

mod graph;
mod loaded;
mod prune;
mod stored;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::View;
use super::sizes::{Size, Sizes};
use super::stored::{Stored, Usages};
use crate::inventory::facts::CacheRecord;
use crate::terms::{Digest, Key, Kind};
pub use prune::prunable;
pub use stored::Shares;
pub(super) use stored::variants;

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
    /// Its layer, or that of a record above it, is in an image.
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
pub fn rows<'s, 'a: 's>(view: impl Into<View<'s, 'a>>, sizes: &Sizes<'_>) -> Vec<CacheRow> {
    let cache = Cache::of(view.into());
    let records = loaded::loaded(&cache);
    // of a pair the mutable half is listed, under its own ID
    let twins: BTreeMap<&str, &CacheRecord> =
        records.values().filter_map(|record| Some((record.pair?, record.facts))).collect();
    let mut rows: Vec<CacheRow> = records
        .iter()
        .filter(|(_, record)| record.pair.is_none())
        .map(|(id, record)| {
            let size = cache.size(record.facts, twins.get(id).copied(), sizes);
            row(cache.key(id), record.facts, size)
        })
        .collect();
    share(&cache, &mut rows);
    rows
}

/// Records that do not load: at its start the engine gives up their leases. buildkit cache/manager.go: init.
pub fn unloaded<'s, 'a: 's>(view: impl Into<View<'s, 'a>>) -> Vec<String> {
    let cache = Cache::of(view.into());
    let records = loaded::loaded(&cache);
    cache.records.keys().filter(|id| !records.contains_key(*id)).map(|id| (*id).to_owned()).collect()
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

/// buildkit cache/manager.go markShared: a record whose layers an image has is shared, and so are those below it.
fn share(cache: &Cache<'_, '_>, rows: &mut [CacheRow]) {
    let in_image = match &cache.behind {
        Behind::GraphDriver(behind) => behind.in_images(rows),
        Behind::Containerd(stored) => stored::in_images(stored, cache, rows),
    };
    let mut todo: Vec<String> = in_image;
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

/// The records of a store, and what stands behind them.
struct Cache<'s, 'a> {
    /// The engine's root.
    root: Arc<str>,
    /// The store that keeps the records.
    store: Arc<str>,
    records: BTreeMap<&'a str, &'a CacheRecord>,
    behind: Behind<'s, 'a>,
}

enum Behind<'s, 'a> {
    GraphDriver(graph::Graph<'s, 'a>),
    Containerd(&'s Stored<'a>),
}

impl<'s, 'a> Cache<'s, 'a> {
    fn of(view: View<'s, 'a>) -> Self {
        let (store, behind) = match view {
            View::GraphDriver(seen) => (graph::STORE.to_owned(), Behind::GraphDriver(graph::Graph::of(seen))),
            // buildkit worker/containerd/containerd.go: the worker is called after the snapshotter
            View::Containerd(stored) => (format!("containerd-{}", stored.store), Behind::Containerd(stored)),
        };
        let ours = |key: &Key| *key.root == *view.root() && *key.store == *store;
        let records = view.inventory().of_kind(Kind::CacheRecord).filter(|(key, _)| ours(key));
        let records = records.filter_map(|(key, thing)| Some((&*key.id, thing.cache_record()?))).collect();
        Self { root: view.root().into(), store: store.into(), records, behind }
    }

    fn key(&self, id: &str) -> Key {
        Key { root: self.root.clone(), store: self.store.clone(), kind: Kind::CacheRecord, id: id.into() }
    }

    /// The size of a row: of a record, and of the committed record that is paired with it, if one is.
    // buildkit cache/refs.go: size
    fn size(&self, record: &CacheRecord, twin: Option<&CacheRecord>, sizes: &Sizes<'_>) -> Size {
        let asked = twin.unwrap_or(record);
        if let Some(recorded) = record.size.or(asked.size) {
            return Size::Known(recorded);
        }
        let blob = asked.blob.as_ref().map_or(0, |blob| self.content(blob));
        if asked.blob_only {
            return Size::Known(blob);
        }
        // a pair's data is the mutable half's
        match self.usage(&record.snapshot, sizes) {
            Size::Known(files) => Size::Known(files.saturating_add(blob)),
            other => other,
        }
    }

    fn content(&self, blob: &Digest) -> u64 {
        match &self.behind {
            Behind::GraphDriver(graph) => graph.content(blob),
            Behind::Containerd(stored) => stored::content(stored, blob.as_str()),
        }
    }

    fn usage(&self, snapshot: &str, sizes: &Sizes<'_>) -> Size {
        match &self.behind {
            Behind::GraphDriver(graph) => graph.usage(snapshot, sizes),
            // what is not found counts nothing
            Behind::Containerd(stored) => Usages { stored, sizes }.of(snapshot).unwrap_or(Size::Known(0)),
        }
    }

    fn has_snapshot(&self, key: &str) -> bool {
        match &self.behind {
            Behind::GraphDriver(graph) => graph.has_snapshot(key),
            // a database that could not be read says nothing of any snapshot
            Behind::Containerd(stored) => stored.snapshots.is_empty() || stored.snapshots.contains_key(key),
        }
    }
}
