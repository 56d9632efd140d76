//! `docker builder prune`: which records of the build cache go, and in which order; whatever store is behind them.
//! buildkit cache/manager.go: prune, pruneOnce.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Case;
use super::action::{Filters, Limits, Moment};
use super::images::{CacheManner, Pruned, Record};
use crate::docker::cache::CacheRow;
use crate::docker::sizes::Size;

/// The first version whose records, once it has loaded them from the disk, count it as a use of the one below when they go.
// buildkit v0.10 cache/manager.go: parentsOf hands its own options on as one, so that NoUpdateLastUsed among them is not seen
const COUNTS_A_REMOVAL: (u32, u32, u32) = (23, 0, 0);

/// The records that are left, and what the engine has written into them since.
#[derive(Clone, Debug)]
pub(super) struct Rows<'a> {
    rows: BTreeMap<&'a str, &'a CacheRow>,
    /// How many records stand on this one that will count their removal as a use of it; with the last of them it was used.
    counting: BTreeMap<&'a str, usize>,
    counts: Counts,
    now: Timestamp,
}

/// Which records count their removal as a use of those below.
#[derive(Clone, Copy, Debug)]
enum Counts {
    None,
    /// Those that the engine found when it was started; on one that is not at work, all.
    Before(Option<Timestamp>),
}

impl Counts {
    fn of(case: &Case<'_>) -> Self {
        if case.view.version() < COUNTS_A_REMOVAL {
            return Self::None;
        }
        // a start at an unknown time is none: what then is said to go is the least that goes
        let since = case.live_since.filter(|since| *since != (0, 0));
        Self::Before(since.and_then(|(at, nanos)| Timestamp::new(at, i32::try_from(nanos).ok()?).ok()))
    }

    fn has(self, row: &CacheRow) -> bool {
        match self {
            Self::None => false,
            Self::Before(None) => true,
            Self::Before(Some(start)) => row.created_at.is_none_or(|created| created < start),
        }
    }
}

impl<'a> Rows<'a> {
    pub(super) fn of(case: &Case<'a>) -> Self {
        let df = case.df;
        let rows: BTreeMap<&str, &CacheRow> = df.cache.iter().map(|row| (row.id.as_str(), row)).collect();
        let counts = Counts::of(case);
        let mut counting: BTreeMap<&str, usize> = BTreeMap::new();
        for parent in rows.values().filter(|row| counts.has(row)).flat_map(|row| &row.parents) {
            let count = counting.entry(parent).or_default();
            *count = count.saturating_add(1);
        }
        Self { rows, counting, counts, now: case.now }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &'a CacheRow> {
        self.rows.values().copied()
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.rows.contains_key(id)
    }

    // buildkit cache/refs.go: immutableRef.updateLastUsedNow
    fn was_used(&self, row: &CacheRow) -> bool {
        self.counting.get(row.id.as_str()) == Some(&0)
    }

    fn last_used_at(&self, row: &CacheRow) -> Option<Timestamp> {
        if self.was_used(row) { Some(self.now) } else { row.last_used_at }
    }

    fn usage_count(&self, row: &CacheRow) -> i64 {
        row.usage_count.saturating_add(i64::from(self.was_used(row)))
    }

    fn remove(&mut self, row: &'a CacheRow) {
        self.rows.remove(row.id.as_str());
        for parent in row.parents.iter().filter(|_| self.counts.has(row)) {
            if let Some(count) = self.counting.get_mut(parent.as_str()) {
                *count = count.saturating_sub(1);
            }
        }
    }

    /// What the records take that no image shares.
    fn total(&self, in_image: &dyn Fn(&CacheRow) -> bool) -> i64 {
        let mut shared: BTreeSet<&str> = BTreeSet::new();
        let mut todo: Vec<&str> = self.iter().filter(|row| in_image(row)).map(|row| row.id.as_str()).collect();
        while let Some(id) = todo.pop() {
            if shared.insert(id) {
                todo.extend(self.rows.get(id).into_iter().flat_map(|row| &row.parents).map(String::as_str));
            }
        }
        let own = self.iter().filter(|row| !shared.contains(row.id.as_str()));
        own.fold(0, |sum, row| sum.saturating_add(row.size.value()))
    }
}

/// What may go now: what is wanted, and nothing stands on.
struct Free<'a, 'w> {
    wants: &'w dyn Fn(&CacheRow, &Rows<'a>) -> bool,
    free: BTreeMap<&'a str, &'a CacheRow>,
    /// How many records stand on each.
    standing: BTreeMap<&'a str, usize>,
}

impl<'a, 'w> Free<'a, 'w> {
    fn of(rows: &Rows<'a>, wants: &'w dyn Fn(&CacheRow, &Rows<'a>) -> bool) -> Self {
        let mut standing: BTreeMap<&str, usize> = BTreeMap::new();
        for parent in rows.iter().flat_map(|row| &row.parents) {
            let count = standing.entry(parent).or_default();
            *count = count.saturating_add(1);
        }
        let free = rows.iter().filter(|row| !standing.contains_key(row.id.as_str()) && wants(row, rows));
        Self { wants, free: free.map(|row| (row.id.as_str(), row)).collect(), standing }
    }

    /// All of them, or the one that goes first.
    fn round(&mut self, one: Option<&Rows<'_>>) -> Vec<&'a CacheRow> {
        let mut round: Vec<&CacheRow> = self.free.values().copied().collect();
        if let Some(rows) = one {
            in_order(&mut round, rows);
            round.truncate(1);
        }
        round.iter().for_each(|row| _ = self.free.remove(row.id.as_str()));
        round
    }

    /// One is gone: what it stood on may be free now.
    fn remove(&mut self, row: &'a CacheRow, left: &Rows<'a>) {
        for parent in &row.parents {
            let Some(count) = self.standing.get_mut(parent.as_str()) else { continue };
            *count = count.saturating_sub(1);
            if let Some(row) = left.rows.get(parent.as_str()).filter(|row| *count == 0 && (self.wants)(row, left)) {
                self.free.insert(&row.id, row);
            }
        }
    }
}

/// Takes from the records those that go: first what nothing stands on, then what only that stood on.
pub(super) fn prune(
    case: &Case<'_>,
    manner: CacheManner<'_>,
    rows: &mut Rows<'_>,
    in_image: &dyn Fn(&CacheRow) -> bool,
) -> Result<Pruned, String> {
    let wanted = Wanted::of(case, manner)?;
    let mut pruned = Pruned::default();
    let mut keep = Keep::of(manner.limits, || rows.total(in_image))?;
    let wants =
        |row: &CacheRow, rows: &Rows<'_>| !row.in_use && wanted.takes(row, rows.last_used_at(row), || in_image(row));
    let mut free = Free::of(rows, &wants);
    while keep.wants_more() {
        let round = free.round(keep.one_by_one().then_some(&*rows));
        if round.is_empty() {
            break;
        }
        for row in round {
            rows.remove(row);
            free.remove(row, rows);
            keep.left = keep.left.saturating_sub(row.size.value());
            pruned.reclaimed = pruned.reclaimed.saturating_add(row.size.value());
            pruned.records.push(Record::Deleted(row.id.clone()));
            if let Size::Unknown(why) = &row.size {
                let doubt = format!("the size that the engine gives for cache record {} is not known: {why}", row.id);
                pruned.notes.push(doubt);
            }
        }
    }
    let spared = rows.iter().filter(|row| wanted.is_old(row.last_used_at) && !wanted.is_old(rows.last_used_at(row)));
    let spared = spared.count();
    if spared > 0 {
        pruned.notes.push(format!(
            "{spared} of the records that stay were last used before that: the engine counts the removal of what stood on them as a use"
        ));
    }
    Ok(pruned)
}

/// Which records a prune asks for.
struct Wanted<'f> {
    all: bool,
    filters: &'f Filters,
    /// Records used after this stay.
    before: Option<Timestamp>,
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

    fn is_old(&self, last_used_at: Option<Timestamp>) -> bool {
        self.before.is_none_or(|before| last_used_at.is_none_or(|used| used <= before))
    }

    fn takes(&self, row: &CacheRow, last_used_at: Option<Timestamp>, shared: impl Fn() -> bool) -> bool {
        let kept = || matches!(row.record_type.as_str(), "internal" | "frontend") || shared();
        if !self.is_old(last_used_at) || (!self.all && kept()) {
            return false;
        }
        let is = |field: &str, own: &dyn Fn(&str) -> bool| self.filters.get(field).all(own);
        let truth = |own: bool| move |wanted: &str| wanted.is_empty() || (wanted == "true") == own;
        // `id` is a pattern for the engine; as people use it, a part of the ID
        is("id", &|wanted| row.id.contains(wanted))
            && is("type", &|wanted| row.record_type == wanted)
            && is("description", &|wanted| row.description == wanted)
            && is("shared", &|wanted| truth(shared())(wanted))
            && is("private", &|wanted| truth(!shared())(wanted))
    }
}

/// Up to 23.0 a duration was all that was understood.
// moby builder/builder-next/builder.go toBuildkitPruneInfo (24.0)
fn time(case: &Case<'_>, text: &str) -> Result<Timestamp, String> {
    let moment = Moment::parse(text, case.zone);
    match moment {
        Some(Moment::At(_)) if case.view.version() < (24, 0, 0) => None,
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
    fn of(limits: Limits, total: impl FnOnce() -> i64) -> Result<Self, String> {
        if limits.min_free > 0 {
            return Err("unknown, because --min-free-space depends on what else is on the disk".to_owned());
        }
        let bytes = i64::try_from(limits.max_used.max(limits.reserved)).unwrap_or(i64::MAX);
        Ok(Self { bytes, left: if limits.any() { total() } else { 0 } })
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
fn in_order(rows: &mut [&CacheRow], known: &Rows<'_>) {
    rows.sort_by_key(|row| known.last_used_at(row));
    let mut used = 1.0;
    let mut latest = None;
    let mut by_time: BTreeMap<&str, f64> = BTreeMap::new();
    for row in rows.iter() {
        let used_at = known.last_used_at(row);
        if used_at.is_some() && used_at > latest {
            latest = used_at;
            used += 1.0;
        }
        by_time.insert(&row.id, used);
    }
    rows.sort_by_key(|row| known.usage_count(row));
    let mut counts = 1.0;
    let mut count = 0;
    let mut rank: BTreeMap<String, f64> = BTreeMap::new();
    for row in rows.iter() {
        if known.usage_count(row) != count {
            count = known.usage_count(row);
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
