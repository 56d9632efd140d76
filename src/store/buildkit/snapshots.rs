//! `snapshots.db`: which driver directory or layer a snapshot is.
//!
//! ```text
//! <K>/            parent [size] [iscommitted]          driver directory K was made; iscommitted: it is N's now
//! <N>/            committed = K [chainid] [size]       snapshot N, whose data is driver directory K
//! sha256:<chain>/                                      a handle on a layer
//! <record>/       chainid                              the record stands for a layer
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr as _;

use super::homes::Homes;
use super::{STORE, Site};
use crate::format::bolt::{Bucket, Tree};
use crate::inventory::facts::CacheSnapshot;
use crate::inventory::{Entity, Inventory};
use crate::terms::{CacheId, ChainId, Digest, Key, Kind, LinkKind, Lost, Place, Printable};

/// What goes with this database.
pub(super) const LOST: &[LinkKind] = &[LinkKind::StoredIn, LinkKind::SharesLayer, LinkKind::SnapshotParent];

pub(super) type Snapshots = BTreeMap<String, CacheSnapshot>;

/// Reads every bucket.
pub(super) fn parse(inv: &mut Inventory, at: &Place, tree: &Tree) -> Snapshots {
    let mut found = Snapshots::new();
    for (name, bucket) in tree.root().buckets() {
        match text(name).filter(|name| CacheId::parse(name).is_some()) {
            Some(name) => {
                let snapshot = one(inv, at, name, bucket);
                found.insert(name.to_owned(), snapshot);
            }
            None => bad(inv, at, name, "is no name of a snapshot"),
        }
    }
    found
}

fn one(inv: &mut Inventory, at: &Place, name: &str, bucket: Bucket<'_>) -> CacheSnapshot {
    let mut value = |key: &str, what: &str| -> Option<String> {
        let value = bucket.get(key.as_bytes())?;
        if text(value).is_none() {
            bad(inv, at, name.as_bytes(), what);
        }
        text(value).map(str::to_owned)
    };
    let parent = value("parent", "has a parent that is no text");
    let committed_as = value("committed", "is committed as what is no text");
    let chain = value("chainid", "has a chain ID that is no text");
    let size = value("size", "has a size that is no text");
    if let Some(id) = committed_as.as_deref().filter(|id| CacheId::parse(id).is_none()) {
        bad(inv, at, name.as_bytes(), &format!("is committed as {}, which is no directory", Printable(id.as_bytes())));
    }
    let is_digest = |text: &String| Digest::parse(text).map(ChainId);
    if let Some(chain) = chain.as_ref().filter(|chain| is_digest(chain).is_none()) {
        bad(inv, at, name.as_bytes(), &format!("has the chain ID {}", Printable(chain.as_bytes())));
    }
    CacheSnapshot {
        prepared: bucket.get(b"parent").is_some(),
        parent: parent.filter(|parent| !parent.is_empty()),
        committed_as: committed_as.filter(|id| CacheId::parse(id).is_some()),
        is_committed: bucket.get(b"iscommitted").is_some(),
        chain: chain.as_ref().and_then(is_digest).or_else(|| Digest::parse(name).map(ChainId)),
        // a size that is no number is one that the engine does not know either
        size: size.and_then(|size| u64::from_str(&size).ok()),
    }
}

fn bad(inv: &mut Inventory, at: &Place, name: &[u8], what: &str) {
    inv.problem("bad-snapshot", at, Lost::Links(LOST.to_vec()), format!("snapshot {} {what}", Printable(name)));
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// Puts the snapshots into the table, with what they stand for.
pub(super) fn enter(site: &Site<'_>, inv: &mut Inventory, homes: &Homes<'_>, at: &Place, snapshots: &Snapshots) {
    let taken: BTreeSet<&str> = snapshots.values().filter_map(|s| s.committed_as.as_deref()).collect();
    for (name, snapshot) in snapshots {
        let key = key(site, name);
        inv.add(key.clone(), Entity::new(snapshot.clone()));
        let own = snapshot.prepared && !(snapshot.is_committed && taken.contains(name.as_str()));
        for id in snapshot.committed_as.as_deref().into_iter().chain(own.then_some(name.as_str())) {
            stored_in(inv, homes, at, &key, id);
        }
        if let Some(made) = snapshot.committed_as.as_deref().filter(|made| snapshots.contains_key(*made)) {
            // the bucket that the directory was made under; its parent is this snapshot's
            inv.link(&key, LinkKind::StoredIn, self::key(site, made), at);
        }
        for layer in snapshot.chain.iter().flat_map(|chain| homes.layer(chain)) {
            inv.link(&key, LinkKind::SharesLayer, layer, at);
        }
        if let Some(parent) = &snapshot.parent {
            below(site, inv, homes, at, &key, parent, snapshots);
        }
    }
}

fn stored_in(inv: &mut Inventory, homes: &Homes<'_>, at: &Place, key: &Key, id: &str) {
    let Some(directory) = CacheId::parse(id) else { return };
    let found = homes.directory(&directory);
    if found.is_empty() {
        let cause = format!("driver directory {} of snapshot {} is in no driver's home", id, key.id);
        inv.problem("missing-driver-directory", at, Lost::Nothing, cause);
    }
    for directory in found {
        inv.link(key, LinkKind::StoredIn, directory, at);
    }
}

/// A parent is a snapshot, or a layer that nobody took a handle on.
fn below(
    site: &Site<'_>,
    inv: &mut Inventory,
    homes: &Homes<'_>,
    at: &Place,
    snapshot: &Key,
    parent: &str,
    known: &Snapshots,
) {
    match Digest::parse(parent).map(ChainId) {
        Some(chain) if !known.contains_key(parent) => {
            for layer in homes.layer(&chain) {
                inv.link(snapshot, LinkKind::SharesLayer, layer, at);
            }
        }
        _ => inv.link(snapshot, LinkKind::SnapshotParent, key(site, parent), at),
    }
}

pub(super) fn key(site: &Site<'_>, name: &str) -> Key {
    site.root.key(STORE, Kind::CacheSnapshot, name)
}
