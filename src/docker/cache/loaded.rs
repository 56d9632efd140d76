//! The records that the engine loads at its start. buildkit cache/manager.go: init, getRecord.

use std::collections::{BTreeMap, BTreeSet};

use super::Cache;
use crate::inventory::facts::CacheRecord;

/// A record that loads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loaded<'a> {
    pub(super) facts: &'a CacheRecord,
    /// The mutable half that holds its data, if that loads too.
    pub(super) pair: Option<&'a str>,
}

/// How a record fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Loads,
    /// There is no such record, or it was being removed.
    Gone,
    Fails,
}

/// One record in judgement, and how many of what it needs have been judged.
type Step<'a> = (&'a str, usize);

pub(super) fn loaded<'a>(cache: &Cache<'_, 'a>) -> BTreeMap<&'a str, Loaded<'a>> {
    let mut fates: BTreeMap<&str, Fate> = BTreeMap::new();
    for id in cache.records.keys() {
        judge(cache, id, &mut fates);
    }
    let loads = |id: &&str| fates.get(id) == Some(&Fate::Loads);
    let pair = |facts: &'a CacheRecord| facts.equal_mutable.as_deref().filter(|half| loads(half));
    let all = cache.records.iter().filter(|(id, _)| loads(id));
    all.map(|(id, facts)| (*id, Loaded { facts, pair: pair(facts) })).collect()
}

/// Judges a record after all that it needs, without recursion: parents come from the disk.
fn judge<'a>(cache: &Cache<'_, 'a>, id: &'a str, fates: &mut BTreeMap<&'a str, Fate>) {
    let mut path: Vec<Step<'a>> = vec![(id, 0)];
    let mut open: BTreeSet<&str> = BTreeSet::new();
    while let Some((id, next)) = path.pop() {
        if fates.contains_key(id) {
            continue;
        }
        let Some(record) = cache.records.get(id) else {
            fates.insert(id, Fate::Gone);
            continue;
        };
        open.insert(id);
        match needs(record).nth(next) {
            None => {
                let fate = fate(cache, id, record, fates);
                fates.insert(id, fate);
            }
            Some(needed) if fates.contains_key(needed) => path.push((id, next.saturating_add(1))),
            // a cycle: the engine would hang in it
            Some(needed) if open.contains(needed) => {
                fates.insert(id, Fate::Fails);
            }
            Some(needed) => path.extend([(id, next.saturating_add(1)), (needed, 0)]),
        }
    }
}

fn needs(record: &CacheRecord) -> impl Iterator<Item = &str> {
    record.parents.iter().chain(&record.equal_mutable).map(String::as_str)
}

/// What it needs has been judged.
fn fate(cache: &Cache<'_, '_>, id: &str, record: &CacheRecord, fates: &BTreeMap<&str, Fate>) -> Fate {
    let of = |id: &str| fates.get(id).copied().unwrap_or(Fate::Gone);
    if record.parents.iter().any(|parent| of(parent) != Fate::Loads) {
        return Fate::Fails;
    }
    match record.equal_mutable.as_deref().map(of) {
        Some(Fate::Loads) => return Fate::Loads,
        Some(Fate::Fails) => return Fate::Fails,
        // a crash while it was made independent of its mutable half: it stays if it has a snapshot of its own
        Some(Fate::Gone) if !cache.has_snapshot(&record.snapshot) => return Fate::Gone,
        Some(Fate::Gone) | None => {}
    }
    match record {
        CacheRecord { deleted: true, .. } => Fate::Gone,
        CacheRecord { committed: false, .. } if !cache.has_snapshot(id) => Fate::Fails,
        _ => Fate::Loads,
    }
}
