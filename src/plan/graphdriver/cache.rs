//! BuildKit's cache in front of a graph driver: records, the leases that keep their snapshots, and what goes with these.
//!
//! A lease that goes takes the snapshots it names along, whoever else names them: moby
//! builder/builder-next/adapters/snapshot/leasemanager.go counts no references. A snapshot that is a layer drops the
//! cache's one handle on that layer; any other is a directory of the driver.

use std::collections::{BTreeMap, BTreeSet};

use super::images::Known;
use super::layers::{Layers, drop_directory};
use crate::docker::cache::CacheRow;
use crate::docker::sizes::Size;
use crate::inventory::facts::CacheSnapshot;
use crate::plan::Case;
use crate::plan::action::{Filters, Limits, Moment};
use crate::plan::gone::Gone;
use crate::plan::images::{CacheManner, Pruned, Record};
use crate::terms::{CacheId, ChainId, Digest, Key, Kind, LinkKind};

/// BuildKit's namespace in its own database.
pub(super) const NAMESPACE: &str = "buildkit";
/// What the name of the lease ends in that keeps other compressions of a record's blob.
pub(super) const VARIANTS: &str = "-variants";
const STORE: &str = "buildkit";
/// A lease of an operation: it does not outlive the engine. moby builder/builder-next/controller.go
const TEMPORARY: &str = "buildkit/lease.temporary";

#[derive(Debug)]
pub(super) struct Cache<'a> {
    case: &'a Case<'a>,
    rows: BTreeMap<&'a str, &'a CacheRow>,
    snapshots: BTreeMap<&'a str, &'a CacheSnapshot>,
    /// Buckets of the database that are still there.
    buckets: BTreeSet<&'a str>,
    /// The snapshots that each lease names.
    leases: BTreeMap<String, Vec<&'a str>>,
    /// Layers that the cache has a handle on.
    handles: BTreeSet<ChainId>,
}

impl<'a> Cache<'a> {
    pub(super) fn of(case: &'a Case<'a>, layers: &mut Layers<'a>) -> Self {
        let ours = |key: &Key| key.root == case.seen.root && *key.store == *STORE;
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
        let rows = case.df.cache.iter().map(|row| (row.id.as_str(), row)).collect();
        let buckets = snapshots.keys().copied().collect();
        let mut cache = Self { case, rows, snapshots, buckets, leases, handles: BTreeSet::new() };
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
        let key = |kind, id: &str| Key { root: self.case.seen.root.clone(), store: STORE.into(), kind, id: id.into() };
        let lease = |id: &str| self.case.inventory.get(&key(Kind::Lease, id)).and_then(|thing| thing.lease());
        let record =
            |id: &str| self.case.inventory.get(&key(Kind::CacheRecord, id)).and_then(|thing| thing.cache_record());
        let ends = |id: &&String| {
            let of_record = id.strip_prefix(NAMESPACE).and_then(|rest| rest.strip_prefix('/'));
            lease(id).is_some_and(|lease| lease.labels.contains_key(TEMPORARY))
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
                    drop_directory(self.case.seen, &id, gone);
                }
            }
            Some(_) | None => {}
        }
    }

    /// buildkit cache/manager.go: prune, pruneOnce. First what nothing stands on, then what only that stood on.
    pub(super) fn prune(
        &mut self,
        manner: CacheManner<'_>,
        images: &Known<'a>,
        layers: &mut Layers<'a>,
        gone: &mut Gone<'_>,
    ) -> Result<Pruned, String> {
        let wanted = Wanted::of(self.case, manner)?;
        let mut pruned = Pruned::default();
        let mut keep = Keep::of(manner.limits, self.total(images))?;
        while keep.wants_more() {
            let mut round = self.round(&wanted, images);
            if round.is_empty() {
                break;
            }
            if keep.one_by_one() {
                in_order(&mut round);
                round.truncate(1);
            }
            for row in round {
                self.rows.remove(row.id.as_str());
                keep.left = keep.left.saturating_sub(row.size.value());
                pruned.reclaimed = pruned.reclaimed.saturating_add(row.size.value());
                pruned.records.push(Record::Deleted(row.id.clone()));
                if let Size::Unknown(why) = &row.size {
                    pruned.doubts.push(format!(
                        "the size that the engine gives for cache record {} is not known: {why}",
                        row.id
                    ));
                }
                self.drop_lease(&format!("{NAMESPACE}/{}", row.id), layers, gone);
                self.drop_lease(&format!("{NAMESPACE}/{}{VARIANTS}", row.id), layers, gone);
            }
        }
        Ok(pruned)
    }

    /// What may go now.
    fn round(&self, wanted: &Wanted<'_>, images: &Known<'a>) -> Vec<&'a CacheRow> {
        let parents: BTreeSet<&str> = self.rows.values().flat_map(|row| &row.parents).map(String::as_str).collect();
        let chains = images.chains();
        let rows = self.rows.values().filter(|row| !row.in_use && !parents.contains(row.id.as_str()));
        rows.filter(|row| wanted.takes(row, || self.is_shared(row, &chains))).copied().collect()
    }

    /// moby builder/builder-next/imagerefchecker/checker.go: its layer is part of an image.
    fn is_shared(&self, row: &CacheRow, chains: &BTreeSet<&ChainId>) -> bool {
        let chain = self.snapshots.get(row.id.as_str()).and_then(|snapshot| snapshot.chain.as_ref());
        chain.is_some_and(|chain| chains.contains(chain))
    }

    /// What the records take that no image shares.
    fn total(&self, images: &Known<'a>) -> i64 {
        let chains = images.chains();
        let mut shared: BTreeSet<&str> = BTreeSet::new();
        let mut todo: Vec<&str> =
            self.rows.values().filter(|row| self.is_shared(row, &chains)).map(|row| row.id.as_str()).collect();
        while let Some(id) = todo.pop() {
            if shared.insert(id) {
                todo.extend(self.rows.get(id).into_iter().flat_map(|row| &row.parents).map(String::as_str));
            }
        }
        let own = self.rows.values().filter(|row| !shared.contains(row.id.as_str()));
        own.fold(0, |sum, row| sum.saturating_add(row.size.value()))
    }
}

/// Which records a prune asks for.
struct Wanted<'f> {
    all: bool,
    filters: &'f Filters,
    /// Records used after this stay.
    before: Option<jiff::Timestamp>,
}

impl<'f> Wanted<'f> {
    // moby builder/builder-next/builder.go toBuildkitPruneInfo
    fn of(case: &Case<'_>, manner: CacheManner<'f>) -> Result<Self, String> {
        let CacheManner { all, filters, .. } = manner;
        const FIELDS: &[&str] = &["id", "type", "description", "shared", "private"];
        let known = ["until", "unused-for", "label", "label!", "inuse", "parent"];
        filters.accepted(&[known.as_slice(), FIELDS].concat())?;
        if filters.has("inuse") || filters.has("parent") {
            return Err("unknown, because the filters inuse and parent are not predicted".to_owned());
        }
        if let Some(field) = FIELDS.iter().find(|field| filters.get(field).count() > 1) {
            return Err(format!("filters expect only one value: {field}"));
        }
        let times: Vec<&str> = filters.get("until").chain(filters.get("unused-for")).collect();
        let before = match times.as_slice() {
            [] => None,
            [one] => Some(time(case, one)?),
            _ => return Err("filters expect only one value".to_owned()),
        };
        Ok(Self { all, filters, before })
    }

    fn takes(&self, row: &CacheRow, shared: impl Fn() -> bool) -> bool {
        let kept = || matches!(row.record_type.as_str(), "internal" | "frontend") || shared();
        let recent = self.before.is_some_and(|before| row.last_used_at.is_some_and(|used| used > before));
        if recent || (!self.all && kept()) {
            return false;
        }
        let is = |field: &str, own: &dyn Fn(&str) -> bool| self.filters.get(field).all(own);
        let truth = |own: bool| move |wanted: &str| wanted.is_empty() || (wanted == "true") == own;
        // `id` is a pattern for the engine; as people use it, a part of the ID
        is("id", &|wanted| row.id.contains(wanted))
            && is("type", &|wanted| row.record_type == wanted)
            && is("description", &|wanted| row.description == wanted)
            && is("shared", &truth(shared()))
            && is("private", &truth(!shared()))
    }
}

/// Up to 23.0 a duration was all that was understood.
// moby builder/builder-next/builder.go toBuildkitPruneInfo (24.0)
fn time(case: &Case<'_>, text: &str) -> Result<jiff::Timestamp, String> {
    let moment = Moment::parse(text, case.zone);
    match moment {
        Some(Moment::At(_)) if case.seen.version < (24, 0, 0) => None,
        moment => moment.and_then(|moment| moment.at(case.now)),
    }
    .ok_or_else(|| format!("\"until\" filter expects a duration (e.g., '24h') or a timestamp: {text:?}"))
}

/// How much is to be left. buildkit cache/manager.go calculateKeepBytes
struct Keep {
    bytes: i64,
    left: i64,
}

impl Keep {
    fn of(limits: Limits, total: i64) -> Result<Self, String> {
        if limits.min_free > 0 {
            return Err("unknown, because --min-free-space depends on what else is on the disk".to_owned());
        }
        let bytes = i64::try_from(limits.max_used.max(limits.reserved)).unwrap_or(i64::MAX);
        Ok(Self { bytes, left: total })
    }

    fn one_by_one(&self) -> bool {
        self.bytes != 0
    }

    fn wants_more(&self) -> bool {
        self.bytes == 0 || self.left >= self.bytes
    }
}

/// What was used long ago and seldom goes first. buildkit cache/manager.go sortDeleteRecords
#[allow(clippy::cast_precision_loss)] // as BuildKit does
fn in_order(rows: &mut [&CacheRow]) {
    rows.sort_by_key(|row| row.last_used_at);
    let mut used = 1.0;
    let mut latest = None;
    let mut by_time: BTreeMap<&str, f64> = BTreeMap::new();
    for row in rows.iter() {
        if row.last_used_at.is_some() && row.last_used_at > latest {
            latest = row.last_used_at;
            used += 1.0;
        }
        by_time.insert(&row.id, used);
    }
    rows.sort_by_key(|row| row.usage_count);
    let mut counts = 1.0;
    let mut count = 0;
    let mut rank: BTreeMap<String, f64> = BTreeMap::new();
    for row in rows.iter() {
        if row.usage_count != count {
            count = row.usage_count;
            counts += 1.0;
        }
        rank.insert(row.id.clone(), counts);
    }
    let of = |row: &CacheRow| {
        by_time.get(row.id.as_str()).map_or(0.0, |at| at / used) + rank.get(&row.id).map_or(0.0, |at| at / counts)
    };
    let mut keyed: Vec<(f64, &CacheRow)> = rows.iter().map(|row| (of(row), *row)).collect();
    keyed.sort_by(|(a, one), (b, other)| a.total_cmp(b).then_with(|| one.id.cmp(&other.id)));
    for (slot, (_, row)) in rows.iter_mut().zip(keyed) {
        *slot = row;
    }
}
