//! What sets of units do, asked of the prediction: the only one who knows what goes with a set.

use std::cell::Cell;
use std::collections::BTreeSet;

use super::super::gone::{above, topmost};
use super::super::{Action, Case, Outcome, Scale, Step, follow};
use super::units::Unit;
use crate::terms::Place;

#[derive(Debug)]
pub(super) struct Oracle<'o, 'a> {
    case: &'o Case<'a>,
    pub(super) units: &'o [Unit],
    scale: Scale<'o>,
    /// How often the prediction was asked.
    pub(super) asked: Cell<usize>,
}

/// A unit with what happens at its step.
pub(super) struct Taken {
    pub(super) unit: usize,
    pub(super) step: Step,
}

impl<'o, 'a> Oracle<'o, 'a> {
    pub(super) fn of(case: &'o Case<'a>, units: &'o [Unit]) -> Self {
        Self { case, units, scale: Scale::of(case.owners, case.ledger, case.disk), asked: Cell::new(0) }
    }

    /// The units of a set whose actions are run, in order. Of the build cache's parts the last that goes with all older ones.
    pub(super) fn run_of(&self, order: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let order: Vec<usize> = order.into_iter().collect();
        let chosen: BTreeSet<usize> = order.iter().copied().collect();
        let tiers = self.units.iter().enumerate().filter(|(_, unit)| unit.is_tier()).map(|(number, _)| number);
        let whole: BTreeSet<usize> = tiers.take_while(|tier| chosen.contains(tier)).collect();
        let last = whole.last().copied();
        let is_tier = |unit: usize| self.units.get(unit).is_some_and(Unit::is_tier);
        order.into_iter().filter(|unit| !is_tier(*unit) || Some(*unit) == last).collect()
    }

    /// Runs the units of a set, in the order given.
    pub(super) fn run(&self, order: impl IntoIterator<Item = usize>) -> Vec<Taken> {
        let run = self.run_of(order);
        let actions: Vec<&Action> = run.iter().filter_map(|unit| Some(&self.units.get(*unit)?.action)).collect();
        let steps = self.follow(actions);
        run.into_iter().zip(steps).map(|(unit, step)| Taken { unit, step }).collect()
    }

    /// Every part of the build cache on its own, one after the other.
    pub(super) fn run_apart(&self, order: &[usize]) -> Vec<Taken> {
        let actions = order.iter().filter_map(|unit| Some(&self.units.get(*unit)?.action));
        let steps = self.follow(actions);
        order.iter().zip(steps).map(|(unit, step)| Taken { unit: *unit, step }).collect()
    }

    fn follow<'s>(&self, actions: impl IntoIterator<Item = &'s Action>) -> Vec<Step> {
        self.asked.set(self.asked.get().saturating_add(1));
        follow(self.case, actions)
    }

    pub(super) fn weigh(&self, places: &BTreeSet<Place>) -> u64 {
        self.scale.weigh(places).allocated
    }

    /// What a set frees.
    pub(super) fn freed(&self, order: impl IntoIterator<Item = usize>) -> u64 {
        self.weigh(&gone(&self.run(order)))
    }
}

/// The topmost places of all steps.
pub(super) fn gone(taken: &[Taken]) -> BTreeSet<Place> {
    topmost(taken.iter().flat_map(|taken| taken.step.removes.iter().cloned()))
}

/// Whether a place goes, by itself or with one above it.
pub(super) fn covers(gone: &BTreeSet<Place>, at: &Place) -> bool {
    gone.contains(at) || above(at).any(|above| gone.contains(&above))
}

pub(super) fn is_removed(taken: &Taken) -> bool {
    taken.step.outcome == Outcome::Removed
}
