//! What has changed since a daemon went to work is judged apart from what has lain there before: the one may be in the
//! making, the other is not.

use super::Case;

/// The old ones and the young ones; without a daemon all are old. A group without members is left out.
pub(super) fn apart<T>(case: &Case<'_>, all: Vec<T>, age: impl Fn(&T) -> Option<(i64, u32)>) -> Vec<Vec<T>> {
    let is_young = |one: &T| case.live_since.is_some_and(|since| age(one).is_some_and(|at| at >= since));
    let (young, old): (Vec<T>, Vec<T>) = all.into_iter().partition(is_young);
    [old, young].into_iter().filter(|group| !group.is_empty()).collect()
}

/// For what has no time of its own: on a live root it may be in the making.
pub(super) const UNKNOWN: (i64, u32) = (i64::MAX, u32::MAX);
