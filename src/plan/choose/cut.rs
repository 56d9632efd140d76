//! Large hosts: an order of removals is cut where it has freed enough. What the last that goes frees is laid to it, so an order
//! that puts what frees much for its points first cuts short; each order shows what a better one is.
//!
//! What each step frees in one order bounds what any set can free: a thing that goes only with several units was laid to one
//! of them, so no set frees more than the sum over its units. From that follows how many points any plan must cost.

use std::collections::BTreeSet;

use super::harm::{Class, Harm};
use super::oracle::{Oracle, gone};

/// How often an order is bettered.
const ROUNDS: usize = 8;

pub(super) struct Cut {
    pub(super) chosen: BTreeSet<usize>,
    pub(super) at_least: Harm,
}

/// A set that frees enough; none if not even all units do.
pub(super) fn cut(oracle: &Oracle<'_, '_>, target: u64) -> Option<Cut> {
    let all: Vec<usize> = (0..oracle.units.len()).collect();
    let gains = gains(oracle, &all);
    let end = reaching(&gains, target)?;
    let class = gains.get(end)?.0;
    let class = oracle.units.get(class)?.class;
    let mut search = Greedy { oracle, target, floor: 0 };
    let lesser: Vec<usize> = all.iter().copied().filter(|unit| search.class(*unit) < class).collect();
    let own: Vec<usize> = all.iter().copied().filter(|unit| search.class(*unit) == class).collect();
    let (own, floor) = search.better(&lesser, own, class);
    let mut kept: Vec<usize> = own;
    for class in Class::ALL.into_iter().rev().filter(|lesser| *lesser < class) {
        let below: Vec<usize> = lesser.iter().copied().filter(|unit| search.class(*unit) < class).collect();
        let units: Vec<usize> = lesser.iter().copied().filter(|unit| search.class(*unit) == class).collect();
        let base: Vec<usize> = below.into_iter().chain(kept.iter().copied()).collect();
        let (units, _) = search.better(&base, units, class);
        kept.extend(units);
    }
    Some(Cut { chosen: kept.into_iter().collect(), at_least: Harm::of(class, floor) })
}

/// Units with what each frees in this order.
fn gains(oracle: &Oracle<'_, '_>, order: &[usize]) -> Vec<(usize, u64)> {
    oracle.run_apart(order).iter().map(|taken| (taken.unit, oracle.weigh(&taken.step.removes))).collect()
}

/// The position at which enough is freed.
fn reaching(gains: &[(usize, u64)], target: u64) -> Option<usize> {
    let sums = gains.iter().scan(0_u64, |sum, (_, gain)| {
        *sum = sum.saturating_add(*gain);
        Some(*sum)
    });
    sums.into_iter().position(|sum| sum >= target)
}

struct Greedy<'g, 'o, 'a> {
    oracle: &'g Oracle<'o, 'a>,
    target: u64,
    floor: u64,
}

impl Greedy<'_, '_, '_> {
    fn class(&self, unit: usize) -> Class {
        self.oracle.units.get(unit).map_or(Class::Leftover, |unit| unit.class)
    }

    fn points(&self, units: &[usize]) -> u64 {
        units.iter().filter_map(|unit| self.oracle.units.get(*unit)).map(|unit| unit.points).sum()
    }

    /// The units of one class that are needed beside others that go anyway; and the fewest points that any plan needs there.
    fn better(&mut self, base: &[usize], units: Vec<usize>, class: Class) -> (Vec<usize>, u64) {
        self.floor = 0;
        let mut best = units.clone();
        let mut order = units;
        for _ in 0..ROUNDS {
            let line: Vec<usize> = base.iter().chain(&order).copied().collect();
            let gains = gains(self.oracle, &line);
            self.floor = self.floor.max(self.needed(&gains, class));
            let Some(end) = reaching(&gains, self.target) else { break };
            let cut: Vec<usize> = line.iter().take(end.saturating_add(1)).skip(base.len()).copied().collect();
            let shorter = self.points(&cut) < self.points(&best);
            if shorter {
                best = cut;
            }
            // parts of the build cache go oldest first, and no other way
            if class == Class::Cache {
                break;
            }
            let mut next: Vec<(usize, u64)> = gains.into_iter().skip(base.len()).collect();
            let worth = |(unit, gain): &(usize, u64)| gain / self.points(&[*unit]).max(1);
            next.sort_by(|a, b| worth(b).cmp(&worth(a)).then(a.0.cmp(&b.0)));
            let next: Vec<usize> = next.into_iter().map(|(unit, _)| unit).collect();
            if next == order {
                break;
            }
            order = next;
        }
        (best, self.floor)
    }

    /// With all that is in lesser classes, the fewest points whose gains could be enough. Only an order that holds all of a
    /// class tells.
    fn needed(&self, gains: &[(usize, u64)], class: Class) -> u64 {
        let whole = self.oracle.units.iter().filter(|unit| unit.class <= class).count();
        if gains.len() < whole {
            return 0;
        }
        let base: u64 = gains.iter().filter(|(unit, _)| self.class(*unit) < class).map(|(_, gain)| *gain).sum();
        let mut need = u128::from(self.target.saturating_sub(base));
        let own = gains.iter().filter(|(unit, _)| self.class(*unit) == class);
        let mut offers: Vec<(u128, u128)> =
            own.map(|(unit, gain)| (u128::from(*gain), u128::from(self.points(&[*unit]).max(1)))).collect();
        offers.sort_by(|(a, p), (b, q)| (b * p).cmp(&(a * q)));
        let mut points = 0_u128;
        for (gain, cost) in offers {
            if need == 0 {
                break;
            }
            let part = if gain >= need { (need * cost).div_ceil(gain.max(1)) } else { cost };
            points = points.saturating_add(part);
            need = need.saturating_sub(gain);
        }
        u64::try_from(points).unwrap_or(u64::MAX)
    }
}

/// Leaves out of a set what nothing is lost by, or what only loses a name.
pub(super) fn trimmed(oracle: &Oracle<'_, '_>, mut chosen: BTreeSet<usize>, target: u64) -> BTreeSet<usize> {
    // each is a prediction of its own
    let most = (40_000 / oracle.units.len().max(1)).clamp(4, 64);
    let taken = oracle.run(chosen.iter().copied());
    let idle: BTreeSet<usize> =
        taken.iter().filter(|taken| !super::oracle::is_removed(taken)).map(|taken| taken.unit).collect();
    let without: BTreeSet<usize> = chosen.difference(&idle).copied().collect();
    if oracle.freed(without.iter().copied()) >= target {
        chosen = without;
    }
    let mut worst: Vec<usize> = chosen.iter().copied().collect();
    worst.sort_by_key(|unit| std::cmp::Reverse(oracle.units.get(*unit).map(super::Unit::harm)));
    for unit in worst.into_iter().take(most) {
        let without = chosen.iter().copied().filter(|other| *other != unit);
        if oracle.weigh(&gone(&oracle.run(without))) >= target {
            chosen.remove(&unit);
        }
    }
    chosen
}
