//! Build cache in parts, by when it was used last: `builder prune` takes what was not used for some time, so that each part
//! goes with all that are older.

use jiff::Timestamp;

use super::super::action::Action;
use super::harm::{Class, by_age};
use super::units::{Tier, Unit};
use crate::docker::cache::CacheRow;
use crate::docker::units::human_duration;

/// Between two parts there is time enough for a prune that starts a little late to take the same.
const APART: i64 = 120;
/// How many parts there are at most.
const MOST: usize = 24;
const HOUR: i64 = 3600;

/// One unit a part, oldest first; nothing that was used at the limit or after it.
pub(super) fn tiers(rows: &[CacheRow], now: Timestamp, limit: Option<Timestamp>) -> Vec<Unit> {
    let mut rows: Vec<&CacheRow> = rows.iter().filter(|row| !row.in_use).collect();
    // a record without a date goes with every prune
    if limit.is_some_and(|limit| limit == Timestamp::MIN) {
        return Vec::new();
    }
    rows.sort_by(|a, b| (a.last_used_at, &a.id).cmp(&(b.last_used_at, &b.id)));
    let age = |row: &CacheRow| row.last_used_at.map(|at| now.duration_since(at).as_secs());
    let mut parts: Vec<(Vec<&CacheRow>, Option<i64>)> = Vec::new();
    let mut part: Vec<&CacheRow> = Vec::new();
    let every = rows.len().div_ceil(MOST).max(1);
    for (number, row) in rows.iter().enumerate() {
        if limit.is_some_and(|limit| row.last_used_at.is_some_and(|at| at >= limit)) {
            break;
        }
        part.push(row);
        let next = rows.get(number.saturating_add(1)).copied();
        let end = match (age(row), next.map(age)) {
            (_, None) => Some(None),
            (Some(own), Some(Some(next))) => between(own, next).map(Some),
            _ => None,
        };
        let last = next.is_none_or(|next| limit.is_some_and(|limit| next.last_used_at.is_some_and(|at| at >= limit)));
        if let Some(end) = end
            && (part.len() >= every || last)
        {
            parts.push((std::mem::take(&mut part), end));
        }
    }
    parts.into_iter().filter_map(|(rows, end)| unit(&rows, end, now)).collect()
}

/// A duration that takes what is as old as the first and not what is as old as the second; whole hours if they do.
fn between(old: i64, young: i64) -> Option<i64> {
    let gap = old.saturating_sub(young);
    let hours = old.div_euclid(HOUR).saturating_mul(HOUR);
    match () {
        () if gap < APART || old <= 0 => None,
        () if hours.saturating_sub(young) >= APART && hours > 0 => Some(hours),
        () => Some(old),
    }
}

fn unit(rows: &[&CacheRow], end: Option<i64>, now: Timestamp) -> Option<Unit> {
    let first = rows.first()?;
    let filter = end.map(|seconds| match seconds.rem_euclid(HOUR) {
        0 => format!("until={}h", seconds.div_euclid(HOUR)),
        _ => format!("until={seconds}s"),
    });
    let mut words = vec!["builder", "prune", "-a", "-f"];
    words.extend(filter.iter().flat_map(|filter| ["--filter", filter.as_str()]));
    let points = rows.iter().map(|row| by_age(row.last_used_at, now)).sum();
    let which = match end {
        Some(seconds) => format!("not used for {}", human_duration(seconds).to_lowercase()),
        None => "whenever used".to_owned(),
    };
    let tier = Tier { records: rows.len(), which };
    Some(Unit {
        key: first.key.clone(),
        name: String::new(),
        class: Class::Cache,
        points,
        why: why(tier.records, &tier.which),
        action: Action::of(&words)?,
        tier: Some(tier),
    })
}

pub(super) fn why(records: usize, which: &str) -> String {
    let number = if records == 1 { "1 record".to_owned() } else { format!("{records} records") };
    format!("{number} of build cache {which}; builds that would use them start anew")
}
