//! BuildKit's cache in front of a graph driver: records, the leases that keep their snapshots, and what goes with these.
//!
//! A lease that goes takes the snapshots it names along, whoever else names them: moby
//! builder/builder-next/adapters/snapshot/leasemanager.go counts no references. A snapshot that is a layer drops the
//! cache's one handle on that layer; any other is a directory of the driver.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use super::images::Known;
use super::layers::{Layers, drop_directory};
use crate::docker::cache::CacheRow;
use crate::docker::seen::Seen;
use crate::inventory::facts::{CacheSnapshot, Lease};
use crate::plan::Case;
use crate::plan::gone::Gone;
use crate::plan::images::{CacheManner, Pruned, Record};
use crate::plan::records::{self, Rows};
use crate::terms::{CacheId, ChainId, Digest, Key, Kind, LinkKind};

/// BuildKit's namespace in its own database.
pub(super) const NAMESPACE: &str = "buildkit";
const STORE: &str = "buildkit";

#[derive(Debug)]
pub(super) struct Cache<'a> {
    case: &'a Case<'a>,
    seen: &'a Seen<'a>,
    rows: Rows<'a>,
    snapshots: BTreeMap<&'a str, &'a CacheSnapshot>,
    /// Buckets of the database that are still there.
    buckets: BTreeSet<&'a str>,
    /// The snapshots that each lease names.
    leases: BTreeMap<String, Vec<&'a str>>,
    /// Layers that the cache has a handle on.
    handles: BTreeSet<ChainId>,
}

impl<'a> Cache<'a> {
    pub(super) fn of(case: &'a Case<'a>, seen: &'a Seen<'a>, layers: &mut Layers<'a>) -> Self {
        let ours = |key: &Key| key.root == seen.root && *key.store == *STORE;
        let snapshots: BTreeMap<&str, &CacheSnapshot> = case
            .inventory
            .of_kind(Kind::CacheSnapshot)
            .filter(|(key, _)| ours(key))
            .filter_map(|(key, thing)| Some((&*key.id, thing.cache_snapshot()?)))
            .collect();
        let mut leases: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for link in case.inventory.links.iter().filter(|link| link.kind == LinkKind::Leases && ours(&link.from)) {
            if link.to.kind == Kind::CacheSnapshot {
                leases.entry(link.from.id.to_string()).or_default().push(&link.to.id);
            }
        }
        let rows = Rows::of(case);
        let buckets = snapshots.keys().copied().collect();
        let mut cache = Self { case, seen, rows, snapshots, buckets, leases, handles: BTreeSet::new() };
        let named: Vec<ChainId> = cache.leases.values().flatten().filter_map(|key| cache.chain_of(key)).collect();
        for chain in named {
            // one handle on a layer, however many snapshots it is
            if layers.has(&chain) && cache.handles.insert(chain.clone()) {
                layers.retain(&chain);
            }
        }
        cache
    }

    /// The layer that a snapshot is.
    fn chain_of(&self, key: &str) -> Option<ChainId> {
        Digest::parse(key).map(ChainId).or_else(|| self.snapshots.get(key)?.chain.clone())
    }

    /// Leases that a start of the engine drops: those of operations, and those of records whose removal was begun.
    pub(super) fn unfinished(&self) -> Vec<String> {
        let key = |kind, id: &str| Key { root: self.seen.root.clone(), store: STORE.into(), kind, id: id.into() };
        let lease = |id: &str| self.case.inventory.get(&key(Kind::Lease, id)).and_then(|thing| thing.lease());
        let record =
            |id: &str| self.case.inventory.get(&key(Kind::CacheRecord, id)).and_then(|thing| thing.cache_record());
        let ends = |id: &&String| {
            let of_record = id.strip_prefix(NAMESPACE).and_then(|rest| rest.strip_prefix('/'));
            lease(id).is_some_and(Lease::is_temporary)
                || of_record.and_then(record).is_some_and(|record| record.deleted)
        };
        self.leases.keys().filter(ends).cloned().collect()
    }

    pub(super) fn drop_lease(&mut self, id: &str, layers: &mut Layers<'a>, gone: &mut Gone<'_>) {
        for key in self.leases.remove(id).unwrap_or_default() {
            self.drop_snapshot(key, layers, gone);
        }
    }

    // moby builder/builder-next/adapters/snapshot/snapshot.go remove
    fn drop_snapshot(&mut self, key: &'a str, layers: &mut Layers<'a>, gone: &mut Gone<'_>) {
        let facts = self.snapshots.get(key).copied();
        let chain = self.chain_of(key);
        if chain.as_ref().is_some_and(|chain| !layers.has(chain)) {
            return;
        }
        let there = self.buckets.contains(key);
        // its data belongs to the snapshot that it was committed as
        if there && facts.is_some_and(|facts| facts.is_committed) {
            return;
        }
        let made = facts.and_then(|facts| facts.committed_as.as_deref()).unwrap_or(key);
        if there {
            self.buckets.remove(key);
            self.buckets.remove(made);
        }
        match chain {
            Some(chain) if self.handles.remove(&chain) => _ = layers.release(&chain, gone),
            None if there => {
                if let Some(id) = CacheId::parse(made) {
                    drop_directory(self.seen, &id, gone);
                }
            }
            Some(_) | None => {}
        }
    }

    pub(super) fn prune(
        &mut self,
        manner: CacheManner<'_>,
        images: &Known<'a>,
        layers: &mut Layers<'a>,
        gone: &mut Gone<'_>,
    ) -> Result<Pruned, String> {
        let chains = OnceCell::new();
        let snapshots = &self.snapshots;
        // moby builder/builder-next/imagerefchecker/checker.go: its layer is part of an image
        let in_image = |row: &CacheRow| {
            let chain = snapshots.get(row.id.as_str()).and_then(|snapshot| snapshot.chain.as_ref());
            chain.is_some_and(|chain| chains.get_or_init(|| images.chains()).contains(chain))
        };
        let pruned = records::prune(self.case, manner, &mut self.rows, &in_image)?;
        for record in &pruned.records {
            if let Record::Deleted(id) = record {
                self.drop_lease(&format!("{NAMESPACE}/{id}"), layers, gone);
                self.drop_lease(&format!("{NAMESPACE}/{id}{}", Lease::VARIANTS), layers, gone);
            }
        }
        Ok(pruned)
    }
}
