//! What stands behind a record with a graph driver: `snapshots.db` leads from it to a layer or a directory.

use std::collections::BTreeMap;

use super::CacheRow;
use crate::docker::seen::Seen;
use crate::docker::sizes::{Size, Sizes};
use crate::inventory::facts::CacheSnapshot;
use crate::terms::{CacheId, ChainId, Digest, Key, Kind};

/// The store that keeps BuildKit's records of graph drivers.
pub(super) const STORE: &str = "buildkit";

pub(super) struct Graph<'s, 'a> {
    seen: &'s Seen<'a>,
    snapshots: BTreeMap<&'a str, &'a CacheSnapshot>,
}

impl<'s, 'a> Graph<'s, 'a> {
    pub(super) fn of(seen: &'s Seen<'a>) -> Self {
        let ours = |key: &Key| key.root == seen.root && *key.store == *STORE;
        let all = seen.inventory.of_kind(Kind::CacheSnapshot).filter(|(key, _)| ours(key));
        let snapshots = all.filter_map(|(key, thing)| Some((&*key.id, thing.cache_snapshot()?))).collect();
        Self { seen, snapshots }
    }

    /// Records whose layer is part of a loaded image.
    // moby builder/builder-next/imagerefchecker/checker.go
    pub(super) fn in_images(&self, rows: &[CacheRow]) -> Vec<String> {
        let needed = self.seen.needed_by_images();
        let in_image = |row: &&CacheRow| {
            let chain = self.snapshots.get(row.id.as_str()).and_then(|snapshot| snapshot.chain.as_ref());
            chain.and_then(|chain| self.seen.layer(chain)).is_some_and(|(layer, _)| needed.contains(layer))
        };
        rows.iter().filter(in_image).map(|row| row.id.clone()).collect()
    }

    /// moby builder/builder-next/adapters/snapshot/snapshot.go: Stat.
    pub(super) fn has_snapshot(&self, key: &str) -> bool {
        // a database that could not be read says nothing of any snapshot
        if self.snapshots.is_empty() || Digest::parse(key).is_some() {
            return true;
        }
        self.snapshots.get(key).is_some_and(|snapshot| {
            let bucket = snapshot.committed_as.as_deref().unwrap_or(key);
            snapshot.chain.is_some() || self.snapshots.contains_key(bucket)
        })
    }

    /// moby builder/builder-next/adapters/snapshot/snapshot.go: Usage.
    pub(super) fn usage(&self, key: &str, sizes: &Sizes<'_>) -> Size {
        let snapshot = self.snapshots.get(key);
        let chain = Digest::parse(key).map(ChainId).or_else(|| snapshot?.chain.clone());
        let layer = chain.map(|chain| self.seen.layer(&chain).and_then(|(_, layer)| layer.size));
        match (layer, snapshot) {
            (Some(Some(size)), _) => Size::Known(size),
            (Some(None), _) => Size::Fails("its layer is not loaded".to_owned()),
            // what is not found counts nothing
            (None, None) => Size::Known(0),
            (None, Some(snapshot)) => snapshot.size.map_or_else(|| self.walked(key, snapshot, sizes), Size::Known),
        }
    }

    fn walked(&self, key: &str, snapshot: &CacheSnapshot, sizes: &Sizes<'_>) -> Size {
        let directory = snapshot.committed_as.as_deref().unwrap_or(key);
        let parent = self.snapshots.get(directory).and_then(|made| made.parent.as_deref());
        let parent = parent.and_then(|parent| self.directory_of(parent));
        match CacheId::parse(directory) {
            Some(directory) => sizes.diff(self.seen, &directory, parent.as_ref()),
            None => Size::Fails("its name is no directory's".to_owned()),
        }
    }

    /// The driver directory of a snapshot or layer.
    fn directory_of(&self, key: &str) -> Option<CacheId> {
        match Digest::parse(key) {
            Some(chain) => self.seen.layer(&ChainId(chain)).and_then(|(_, layer)| layer.cache_id.clone()),
            None => {
                let made = self.snapshots.get(key).and_then(|snapshot| snapshot.committed_as.as_deref());
                CacheId::parse(made.unwrap_or(key))
            }
        }
    }

    /// A blob of the record, if BuildKit has it.
    pub(super) fn content(&self, digest: &Digest) -> u64 {
        let key =
            Key { root: self.seen.root.clone(), store: STORE.into(), kind: Kind::Blob, id: digest.as_str().into() };
        let blob = self.seen.inventory.get(&key).and_then(|thing| thing.blob());
        blob.and_then(|blob| blob.recorded.get("buildkit")).copied().unwrap_or(0)
    }
}
