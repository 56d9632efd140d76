//! Which removals free enough with the least harm. Only sets are asked of the prediction, never sums of single removals: what
//! two images share goes with both of them or not at all.
//!
//! ```text
//! harm.rs     what harm is        keep.rs    what is not to be touched
//! units.rs    what may go         tiers.rs   build cache in parts
//! oracle.rs   what a set does
//! learn.rs    which units free what together; exact.rs the least harmful set of them, proven: hosts of some hundred units
//! cut.rs      larger hosts: a good set, and how much better another could be
//! ```

mod cut;
mod exact;
mod harm;
mod keep;
mod learn;
mod oracle;
#[cfg(test)]
mod tests;
mod tiers;
mod units;

use std::collections::BTreeSet;

use super::{Action, Case, Outcome, Prediction, predict};
pub use harm::{Class, Harm};
pub use keep::Keep;
use oracle::Oracle;
pub use units::{Kept, Unit};

/// Up to so many units it is learnt which of them free what together.
const LEARNT: usize = 200;
/// How often what cannot be removed as thought is left out.
const ROUNDS: usize = 4;

/// What was chosen, and how good that is.
#[derive(Clone, Debug)]
pub struct Choice {
    pub target: u64,
    /// What goes, in order, with what happens at each step.
    pub steps: Vec<Unit>,
    pub prediction: Prediction,
    /// Enough is freed.
    pub reached: bool,
    /// What all that may be removed would free.
    pub at_most: u64,
    pub harm: Harm,
    /// No set that frees enough has less harm than this.
    pub at_least: Harm,
    pub kept: Vec<Kept>,
    /// What may go, but is refused or not certain: with what the engine would say.
    pub withheld: Vec<(Unit, String)>,
}

/// The least harmful removals that free so much. If nothing does, all that may go.
pub fn choose(case: &Case<'_>, target: u64, rules: &[Keep]) -> Choice {
    let units::Units { list, kept } = units::units(case, rules);
    let (units, withheld) = sound(case, list);
    let oracle = Oracle::of(case, &units);
    let at_most = oracle.freed(0..units.len());
    let reached = at_most >= target;
    let (chosen, at_least) = match (target, reached) {
        (0, _) => (BTreeSet::new(), Harm::default()),
        (_, true) => best(&oracle, target),
        (_, false) => ((0..units.len()).collect(), Harm::default()),
    };
    let harm = chosen.iter().filter_map(|unit| units.get(*unit)).map(Unit::harm).fold(Harm::default(), Harm::plus);
    let steps = steps(&oracle, &chosen);
    let actions: Vec<Action> = steps.iter().map(|unit| unit.action.clone()).collect();
    let prediction = predict(case, &actions);
    let at_least = if reached { at_least.min(harm) } else { harm };
    Choice {
        target,
        steps,
        reached: prediction.freed.allocated >= target,
        prediction,
        at_most,
        harm,
        at_least,
        kept,
        withheld,
    }
}

/// Units that go as a whole when everything goes; and why others do not.
fn sound(case: &Case<'_>, mut units: Vec<Unit>) -> (Vec<Unit>, Vec<(Unit, String)>) {
    let mut withheld = Vec::new();
    for _ in 0..ROUNDS {
        let oracle = Oracle::of(case, &units);
        let taken = oracle.run_apart(&(0..units.len()).collect::<Vec<_>>());
        let fails = |taken: &&oracle::Taken| match taken.step.outcome {
            Outcome::Removed => false,
            // what it held may go with another only: containerd's images share what they have
            Outcome::Untagged if taken.step.says.iter().any(|line| line.starts_with("Deleted: ")) => false,
            // its records hold nothing of their own, or go with younger ones
            Outcome::Untagged | Outcome::Nothing => !units.get(taken.unit).is_some_and(Unit::is_tier),
            Outcome::Partly | Outcome::Refused => true,
        };
        let failed: Vec<(usize, String)> =
            taken.iter().filter(fails).map(|taken| (taken.unit, taken.step.says.join("; "))).collect();
        if failed.is_empty() {
            break;
        }
        let numbers: BTreeSet<usize> = failed.iter().map(|(unit, _)| *unit).collect();
        withheld.extend(failed.into_iter().filter_map(|(unit, says)| Some((units.get(unit)?.clone(), says))));
        let left = units.into_iter().enumerate().filter(|(number, _)| !numbers.contains(number));
        units = left.map(|(_, unit)| unit).collect();
    }
    (units, withheld)
}

fn best(oracle: &Oracle<'_, '_>, target: u64) -> (BTreeSet<usize>, Harm) {
    let everything = || (0..oracle.units.len()).collect::<BTreeSet<usize>>();
    if oracle.units.len() <= LEARNT {
        let learnt = learn::model(oracle);
        if let Some(least) = exact::least(&learnt.model, target) {
            let chosen: BTreeSet<usize> =
                least.chosen.iter().enumerate().filter(|(_, is)| **is).map(|(unit, _)| unit).collect();
            if oracle.freed(chosen.iter().copied()) >= target {
                // what any of several units frees is no promise of the model's, and may come cheaper
                let at_least = match learnt.either {
                    0 => least.at_least,
                    either => exact::floor(&learnt.model, target.saturating_sub(either)),
                };
                return (chosen, at_least);
            }
        }
    }
    let found = cut::cut(oracle, target);
    let at_least = found.as_ref().map_or_else(Harm::default, |cut| cut.at_least);
    let chosen = found.map(|cut| cut.chosen).filter(|chosen| oracle.freed(chosen.iter().copied()) >= target);
    (cut::trimmed(oracle, chosen.unwrap_or_else(everything), target), at_least)
}

/// The units whose actions are run. A part of the build cache tells of all that go with it.
fn steps(oracle: &Oracle<'_, '_>, chosen: &BTreeSet<usize>) -> Vec<Unit> {
    let tiers: Vec<&Unit> =
        chosen.iter().filter_map(|unit| oracle.units.get(*unit)).filter(|unit| unit.is_tier()).collect();
    let points = tiers.iter().map(|unit| unit.points).sum();
    let records = tiers.iter().filter_map(|unit| unit.tier.as_ref()).map(|tier| tier.records).sum();
    let whole = |unit: &Unit| match &unit.tier {
        Some(tier) => Unit { points, why: tiers::why(records, &tier.which), ..unit.clone() },
        None => unit.clone(),
    };
    let run = oracle.run_of(chosen.iter().copied());
    run.into_iter().filter_map(|unit| oracle.units.get(unit)).map(whole).collect()
}
