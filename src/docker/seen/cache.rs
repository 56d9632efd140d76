//! Which layers the build cache holds.

use std::collections::{BTreeMap, BTreeSet};

use super::Seen;
use crate::terms::{ChainId, Digest, Key, Kind, LinkKind};

/// moby builder/builder-next/adapters/snapshot/leasemanager.go: at its start the engine takes a handle on the layer of
/// every snapshot that a lease names. Records are followed too: their lease may be in a database that could not be read.
pub(super) fn held_chains(seen: &Seen<'_>) -> BTreeSet<ChainId> {
    let mut next: BTreeMap<&Key, Vec<&Key>> = BTreeMap::new();
    for link in seen.inventory.links.iter().filter(|link| leads_to_snapshots(link.kind)) {
        next.entry(&link.from).or_default().push(&link.to);
    }
    let starts = seen.of_root(Kind::Lease).chain(seen.of_root(Kind::CacheRecord)).map(|(key, _)| key);
    let mut todo: Vec<&Key> = starts.collect();
    let mut met: BTreeSet<&Key> = todo.iter().copied().collect();
    while let Some(key) = todo.pop() {
        for to in next.get(key).into_iter().flatten() {
            if met.insert(to) {
                todo.push(to);
            }
        }
    }
    met.into_iter().filter_map(|key| chain_of(seen, key)).collect()
}

fn leads_to_snapshots(kind: LinkKind) -> bool {
    use LinkKind::{Caches, HoldsLease, Leases, RecordParent, SnapshotParent};
    matches!(kind, Caches | HoldsLease | Leases | RecordParent | SnapshotParent)
}

/// The layer that a snapshot is: `chainid` of its bucket, or its very key.
fn chain_of(seen: &Seen<'_>, key: &Key) -> Option<ChainId> {
    if key.kind != Kind::CacheSnapshot {
        return None;
    }
    let facts = seen.inventory.get(key).and_then(|thing| thing.cache_snapshot());
    facts.and_then(|snapshot| snapshot.chain.clone()).or_else(|| Digest::parse(&key.id).map(ChainId))
}
