//! The size of a row. buildkit cache/refs.go: size.

use super::Cache;
use crate::docker::sizes::{Size, Sizes};
use crate::inventory::facts::{CacheRecord, CacheSnapshot};
use crate::terms::{CacheId, ChainId, Digest, Key, Kind};

/// Of a record, and of the committed record that is paired with it, if one is.
pub(super) fn of(cache: &Cache<'_>, record: &CacheRecord, twin: Option<&CacheRecord>, sizes: &Sizes<'_>) -> Size {
    let asked = twin.unwrap_or(record);
    if let Some(recorded) = record.size.or(asked.size) {
        return Size::Known(recorded);
    }
    let blob = asked.blob.as_ref().map_or(0, |blob| content(cache, blob));
    // a pair's data is the mutable half's
    match usage(cache, &record.snapshot, sizes) {
        _ if asked.blob_only => Size::Known(blob),
        Size::Known(files) => Size::Known(files.saturating_add(blob)),
        other => other,
    }
}

/// moby builder/builder-next/adapters/snapshot/snapshot.go: Usage.
fn usage(cache: &Cache<'_>, key: &str, sizes: &Sizes<'_>) -> Size {
    let snapshot = cache.snapshots.get(key);
    let chain = Digest::parse(key).map(ChainId).or_else(|| snapshot?.chain.clone());
    let layer = chain.map(|chain| cache.seen.layer(&chain).and_then(|(_, layer)| layer.size));
    match (layer, snapshot) {
        (Some(Some(size)), _) => Size::Known(size),
        (Some(None), _) => Size::Fails("its layer is not loaded".to_owned()),
        // what is not found counts nothing
        (None, None) => Size::Known(0),
        (None, Some(snapshot)) => snapshot.size.map_or_else(|| walked(cache, key, snapshot, sizes), Size::Known),
    }
}

fn walked(cache: &Cache<'_>, key: &str, snapshot: &CacheSnapshot, sizes: &Sizes<'_>) -> Size {
    let directory = snapshot.committed_as.as_deref().unwrap_or(key);
    let parent = cache.snapshots.get(directory).and_then(|made| made.parent.as_deref());
    let parent = parent.and_then(|parent| directory_of(cache, parent));
    match CacheId::parse(directory) {
        Some(directory) => sizes.diff(cache.seen, &directory, parent.as_ref()),
        None => Size::Fails("its name is no directory's".to_owned()),
    }
}

/// The driver directory of a snapshot or layer.
fn directory_of(cache: &Cache<'_>, key: &str) -> Option<CacheId> {
    match Digest::parse(key) {
        Some(chain) => cache.seen.layer(&ChainId(chain)).and_then(|(_, layer)| layer.cache_id.clone()),
        None => {
            let made = cache.snapshots.get(key).and_then(|snapshot| snapshot.committed_as.as_deref());
            CacheId::parse(made.unwrap_or(key))
        }
    }
}

/// A blob of the record, if BuildKit has it.
fn content(cache: &Cache<'_>, digest: &Digest) -> u64 {
    let key = Key { kind: Kind::Blob, id: digest.as_str().into(), ..cache.key("") };
    let blob = cache.seen.inventory.get(&key).and_then(|thing| thing.blob());
    blob.and_then(|blob| blob.recorded.get("buildkit")).copied().unwrap_or(0)
}
