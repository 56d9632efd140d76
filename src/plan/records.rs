//! `docker builder prune`: which records of the build cache go, and in which order; whatever store is behind them.
//! buildkit cache/manager.go: prune, pruneOnce.

use std::collections::{BTreeMap, BTreeSet};

use super::Case;
use super::action::{Filters, Limits, Moment};
use super::images::{CacheManner, Pruned, Record};
use crate::docker::cache::CacheRow;
use crate::docker::sizes::Size;

type Rows<'a> = BTreeMap<&'a str, &'a CacheRow>;

/// Takes from the records those that go: first what nothing stands on, then what only that stood on.
pub(super) fn prune(
    case: &Case<'_>,
    manner: CacheManner<'_>,
    rows: &mut Rows<'_>,
    in_image: &dyn Fn(&CacheRow) -> bool,
) -> Result<Pruned, String> {
    let wanted = Wanted::of(case, manner)?;
    let mut pruned = Pruned::default();
    let mut keep = Keep::of(manner.limits, || total(rows, in_image))?;
    while keep.wants_more() {
        let mut round = round(rows, &wanted, in_image);
        if round.is_empty() {
            break;
        }
        if keep.one_by_one() {
            in_order(&mut round);
            round.truncate(1);
        }
        for row in round {
            rows.remove(row.id.as_str());
            keep.left = keep.left.saturating_sub(row.size.value());
            pruned.reclaimed = pruned.reclaimed.saturating_add(row.size.value());
            pruned.records.push(Record::Deleted(row.id.clone()));
            if let Size::Unknown(why) = &row.size {
                let doubt = format!("the size that the engine gives for cache record {} is not known: {why}", row.id);
                pruned.doubts.push(doubt);
            }
        }
    }
    Ok(pruned)
}

/// What may go now.
fn round<'a>(rows: &Rows<'a>, wanted: &Wanted<'_>, in_image: &dyn Fn(&CacheRow) -> bool) -> Vec<&'a CacheRow> {
    let parents: BTreeSet<&str> = rows.values().flat_map(|row| &row.parents).map(String::as_str).collect();
    let free = rows.values().filter(|row| !row.in_use && !parents.contains(row.id.as_str()));
    free.filter(|row| wanted.takes(row, || in_image(row))).copied().collect()
}

/// What the records take that no image shares.
fn total(rows: &Rows<'_>, in_image: &dyn Fn(&CacheRow) -> bool) -> i64 {
    let mut shared: BTreeSet<&str> = BTreeSet::new();
    let mut todo: Vec<&str> = rows.values().filter(|row| in_image(row)).map(|row| row.id.as_str()).collect();
    while let Some(id) = todo.pop() {
        if shared.insert(id) {
            todo.extend(rows.get(id).into_iter().flat_map(|row| &row.parents).map(String::as_str));
        }
    }
    let own = rows.values().filter(|row| !shared.contains(row.id.as_str()));
    own.fold(0, |sum, row| sum.saturating_add(row.size.value()))
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
