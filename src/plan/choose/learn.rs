//! Which units free what together: everything that goes with all units is asked for again with each of them left out. What
//! then stays needs that unit.
//!
//! What stays with none of them left out is freed by any of several. It is laid to the unit that takes it first, so that the
//! model never promises more than the prediction does.

use std::collections::{BTreeMap, BTreeSet};

use super::exact::{Atom, Model};
use super::oracle::{Oracle, Taken, covers, gone};
use crate::terms::Place;

/// What was learnt, and how much of it any of several units frees.
pub(super) struct Learnt {
    pub(super) model: Model,
    pub(super) either: u64,
}

pub(super) fn model(oracle: &Oracle<'_, '_>) -> Learnt {
    let count = oracle.units.len();
    let all = oracle.run_apart(&(0..count).collect::<Vec<_>>());
    let whole = gone(&all);
    let mut members: BTreeMap<&Place, Vec<usize>> = whole.iter().map(|at| (at, Vec::new())).collect();
    for left_out in 0..count {
        let without = gone(&oracle.run((0..count).filter(|unit| *unit != left_out)));
        for (at, members) in &mut members {
            if !covers(&without, at) {
                members.push(left_out);
            }
        }
    }
    let mut groups: BTreeMap<Vec<usize>, BTreeSet<Place>> = BTreeMap::new();
    let mut either: BTreeSet<Place> = BTreeSet::new();
    for (at, mut members) in members {
        if members.is_empty() {
            let takes = |taken: &&Taken| taken.step.removes.iter().any(|gone| gone.starts_with(at));
            members.extend(all.iter().find(takes).map(|taken| taken.unit));
            either.insert(at.clone());
        }
        groups.entry(members).or_default().insert(at.clone());
    }
    let atoms = groups.into_iter().map(|(members, places)| Atom { members, bytes: oracle.weigh(&places) });
    let units = oracle.units.iter().map(|unit| (unit.class, unit.points)).collect();
    let model = Model { units, atoms: atoms.filter(|atom| atom.bytes > 0).collect() };
    Learnt { model, either: oracle.weigh(&either) }
}
