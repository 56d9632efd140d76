//! The least harmful set that frees enough: branch and bound over what units free together.
//!
//! An atom is what goes when, and only when, all of its members go. A set frees the atoms that it covers, so that a layer that
//! three images share counts for all three or not at all. Units are decided from the greatest harm down, each first left
//! out. A branch ends where even all that is undecided would not free enough, or where what must still be taken from the
//! class at hand costs more than the best set so far: each atom's bytes are dealt out among its undecided members of that
//! class, which never makes a set look worth less than it is, and the best units are then taken as if they could be cut.

use super::harm::{Class, Harm};

/// What is freed by all of its members together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Atom {
    pub(super) members: Vec<usize>,
    pub(super) bytes: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    /// Class and points of each unit.
    pub(super) units: Vec<(Class, u64)>,
    pub(super) atoms: Vec<Atom>,
}

/// The best set that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Least {
    pub(super) chosen: Vec<bool>,
    pub(super) harm: Harm,
    /// No set that frees enough has less harm than this.
    pub(super) at_least: Harm,
}

/// How much is tried before the best so far has to do.
const EFFORT: usize = 40_000_000;
const FEWEST_NODES: usize = 300;

/// None if not even all units free enough.
pub(super) fn least(model: &Model, target: u64) -> Option<Least> {
    let mut search = Search::of(model, target);
    if search.possible < target {
        return None;
    }
    let floor = search.floor();
    search.decide(0);
    let best = search.best?;
    let at_least = if search.nodes_left > 0 { best.1 } else { floor.min(best.1) };
    Some(Least { chosen: best.0, harm: best.1, at_least })
}

/// No set that frees so much has less harm than this.
pub(super) fn floor(model: &Model, target: u64) -> Harm {
    Search::of(model, target).floor()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    In,
    Out,
}

struct Search<'m> {
    model: &'m Model,
    target: u64,
    /// Units from the greatest harm down, those worth least first.
    order: Vec<usize>,
    of_unit: Vec<Vec<usize>>,
    states: Vec<State>,
    /// Of each atom: members that are out, members that are not in.
    out: Vec<usize>,
    missing: Vec<usize>,
    /// Bytes of atoms without a member that is out; of those whose members are all in.
    possible: u64,
    reached: u64,
    cost: Harm,
    best: Option<(Vec<bool>, Harm)>,
    nodes_left: usize,
}

impl<'m> Search<'m> {
    fn of(model: &'m Model, target: u64) -> Self {
        let count = model.units.len();
        let mut of_unit = vec![Vec::new(); count];
        for (number, atom) in model.atoms.iter().enumerate() {
            for member in &atom.members {
                of_unit.get_mut(*member).into_iter().for_each(|atoms: &mut Vec<usize>| atoms.push(number));
            }
        }
        let incidence: usize = model.atoms.iter().map(|atom| atom.members.len() + 1).sum();
        let mut search = Self {
            model,
            target,
            order: Vec::new(),
            of_unit,
            states: vec![State::Open; count],
            out: vec![0; model.atoms.len()],
            missing: model.atoms.iter().map(|atom| atom.members.len()).collect(),
            possible: model.atoms.iter().fold(0, |sum, atom| sum.saturating_add(atom.bytes)),
            reached: model.atoms.iter().filter(|atom| atom.members.is_empty()).map(|atom| atom.bytes).sum(),
            cost: Harm::default(),
            best: None,
            nodes_left: (EFFORT / (incidence + count + 1)).max(FEWEST_NODES),
        };
        let worth = search.shares(|_| true);
        let mut order: Vec<usize> = (0..count).collect();
        let rank = |unit: &usize| {
            let (class, points) = model.units.get(*unit).copied().unwrap_or((Class::Leftover, 0));
            let worth = worth.get(*unit).copied().unwrap_or(0);
            (std::cmp::Reverse(class), worth / u128::from(points.max(1)), *unit)
        };
        order.sort_by_key(rank);
        search.order = order;
        search
    }

    fn unit(&self, unit: usize) -> (Class, u64) {
        self.model.units.get(unit).copied().unwrap_or((Class::Leftover, 0))
    }

    fn is(&self, unit: usize, state: State) -> bool {
        self.states.get(unit) == Some(&state)
    }

    /// Each living atom's bytes, dealt out among those of its undecided members that are asked for.
    fn shares(&self, asked: impl Fn(usize) -> bool) -> Vec<u128> {
        let mut shares = vec![0; self.model.units.len()];
        for (atom, _) in self.model.atoms.iter().zip(&self.out).filter(|(_, out)| **out == 0) {
            let takes = |unit: &&usize| self.is(**unit, State::Open) && asked(**unit);
            let count = atom.members.iter().filter(takes).count() as u64;
            // rounded up, so that no share is too small
            let share = u128::from(atom.bytes.div_ceil(count.max(1)));
            for unit in atom.members.iter().filter(takes) {
                shares.get_mut(*unit).into_iter().for_each(|sum: &mut u128| *sum = sum.saturating_add(share));
            }
        }
        shares
    }

    /// The fewest points that must still be taken from a class, all of the lesser ones being taken.
    fn bound(&self, class: Class) -> u64 {
        let asked = |unit: usize| self.unit(unit).0 == class;
        let shares = self.shares(asked);
        let touched = |atom: &Atom| atom.members.iter().any(|unit| asked(*unit) && self.is(*unit, State::Open));
        let living = self.model.atoms.iter().zip(&self.out).filter(|(_, out)| **out == 0).map(|(atom, _)| atom);
        let without = living.filter(|atom| !touched(atom)).fold(0_u64, |sum, atom| sum.saturating_add(atom.bytes));
        let mut need = u128::from(self.target.saturating_sub(without));
        let open = (0..shares.len()).filter(|unit| asked(*unit) && self.is(*unit, State::Open));
        let mut offers: Vec<(u128, u64)> =
            open.filter_map(|unit| Some((*shares.get(unit)?, self.unit(unit).1.max(1)))).collect();
        offers.sort_by(|(a, p), (b, q)| (b * u128::from(*p)).cmp(&(a * u128::from(*q))));
        let mut points = 0_u64;
        for (share, cost) in offers {
            if need == 0 {
                break;
            }
            if share >= need {
                // a part of this unit would do
                let part = (need * u128::from(cost)).div_ceil(share.max(1));
                return points.saturating_add(u64::try_from(part).unwrap_or(cost));
            }
            need -= share;
            points = points.saturating_add(cost);
        }
        points
    }

    /// A bound for the whole, from the greatest class that cannot be done without.
    fn floor(&mut self) -> Harm {
        let mut floor = Harm::default();
        let mut left_out = Vec::new();
        for class in Class::ALL.into_iter().rev() {
            let points = self.bound(class);
            if points > 0 {
                floor = Harm::of(class, points);
                break;
            }
            let units: Vec<usize> = (0..self.states.len()).filter(|unit| self.unit(*unit).0 == class).collect();
            units.iter().for_each(|unit| self.leave_out(*unit));
            left_out.extend(units);
            if self.possible < self.target {
                floor = Harm::of(class, 1);
                break;
            }
        }
        left_out.into_iter().rev().for_each(|unit| self.undo_out(unit));
        floor
    }

    fn decide(&mut self, depth: usize) {
        if self.nodes_left == 0 && self.best.is_some() {
            return;
        }
        self.nodes_left = self.nodes_left.saturating_sub(1);
        let best = self.best.as_ref().map(|(_, harm)| *harm);
        if self.reached >= self.target {
            if best.is_none_or(|best| self.cost < best) {
                let chosen = self.states.iter().map(|state| *state == State::In).collect();
                self.best = Some((chosen, self.cost));
            }
            return;
        }
        let Some(unit) = self.order.get(depth).copied() else { return };
        let (class, points) = self.unit(unit);
        if let Some(best) = best {
            let low = self.cost.plus(Harm::of(class, self.bound(class)));
            if low >= best {
                return;
            }
        }
        self.leave_out(unit);
        if self.possible >= self.target {
            self.decide(depth + 1);
        }
        self.undo_out(unit);
        let before = self.cost;
        self.cost = before.plus(Harm::of(class, points));
        self.take_in(unit);
        self.decide(depth + 1);
        self.undo_in(unit);
        self.cost = before;
    }

    fn atoms_of(&self, unit: usize) -> Vec<(usize, u64)> {
        let numbers = self.of_unit.get(unit).into_iter().flatten();
        numbers.filter_map(|number| Some((*number, self.model.atoms.get(*number)?.bytes))).collect()
    }

    fn set(&mut self, unit: usize, state: State) {
        self.states.get_mut(unit).into_iter().for_each(|slot| *slot = state);
    }

    fn leave_out(&mut self, unit: usize) {
        self.set(unit, State::Out);
        for (number, bytes) in self.atoms_of(unit) {
            let Some(out) = self.out.get_mut(number) else { continue };
            if *out == 0 {
                self.possible = self.possible.saturating_sub(bytes);
            }
            *out += 1;
        }
    }

    fn undo_out(&mut self, unit: usize) {
        self.set(unit, State::Open);
        for (number, bytes) in self.atoms_of(unit) {
            let Some(out) = self.out.get_mut(number) else { continue };
            *out = out.saturating_sub(1);
            if *out == 0 {
                self.possible = self.possible.saturating_add(bytes);
            }
        }
    }

    fn take_in(&mut self, unit: usize) {
        self.set(unit, State::In);
        for (number, bytes) in self.atoms_of(unit) {
            let Some(missing) = self.missing.get_mut(number) else { continue };
            *missing = missing.saturating_sub(1);
            if *missing == 0 {
                self.reached = self.reached.saturating_add(bytes);
            }
        }
    }

    fn undo_in(&mut self, unit: usize) {
        self.set(unit, State::Open);
        for (number, bytes) in self.atoms_of(unit) {
            let Some(missing) = self.missing.get_mut(number) else { continue };
            if *missing == 0 {
                self.reached = self.reached.saturating_sub(bytes);
            }
            *missing += 1;
        }
    }
}
