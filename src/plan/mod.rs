//! F8: what to ask the engine, and what it would do. Nothing is run here.
//!
//! ```text
//! action/        what was typed, as a value
//! host.rs        the engine's containers and volumes while actions run on them, one after the other
//! images.rs      what an image store does for them
//! graphdriver/   the image store of graph drivers, with BuildKit's cache beside it
//! containerd/    containerd's image store, with BuildKit's cache in it
//! records.rs     which records of the build cache a prune takes
//! run/           one file for each command: the engine's decisions
//! collector.rs   containerd's garbage collection
//! gone.rs        the places that go          weigh.rs   what is in them
//! doubt.rs       what was not seen, and therefore cannot be promised
//! choose/        which removals free enough with the least harm
//! ```
//!
//! An engine at work holds in memory what its files said when it started, or what it did since; both are the same on a
//! healthy disk. One that is not at work is thought to be started first.

mod action;
mod builds;
mod choose;
mod collector;
mod containerd;
mod doubt;
mod gone;
mod graphdriver;
mod host;
mod images;
mod records;
mod run;
#[cfg(test)]
mod tests;
mod weigh;

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::disk::Disk;
use crate::docker::View;
use crate::docker::df::DiskUsage;
use crate::graph::Graph;
use crate::inventory::{Inventory, Owners};
use crate::terms::{Kind, Place, Problem};
use crate::usage::Ledger;
pub use action::{Action, BadAction, Filters, Limits, Moment, Verb, Zone};
pub use choose::{Choice, Class, Harm, Keep, Kept, Unit, choose};
pub use weigh::{Freed, Scale};

/// What a prediction is made from.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    pub inventory: &'a Inventory,
    /// With every lease a root, whatever its date.
    pub graph: &'a Graph<'a>,
    pub owners: &'a Owners,
    pub ledger: &'a Ledger,
    pub disk: &'a Disk,
    /// Of the survey and of the walk.
    pub problems: &'a [Problem],
    /// The active store as the engine would load it, and its numbers.
    pub view: View<'a, 'a>,
    pub df: &'a DiskUsage<'a>,
    /// When the daemon that is at work on the root was started.
    pub live_since: Option<(i64, u32)>,
    pub now: Timestamp,
    /// The daemon's time zone, for dates that name none.
    pub zone: &'a Zone,
}

/// What became of what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Removed,
    /// Names went, and nothing else.
    Untagged,
    /// Some of it; the rest was refused.
    Partly,
    /// There was nothing to remove.
    Nothing,
    Refused,
}

impl Outcome {
    pub fn name(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Untagged => "untagged",
            Self::Partly => "partly",
            Self::Nothing => "nothing",
            Self::Refused => "refused",
        }
    }
}

/// One action, done.
#[derive(Clone, Debug)]
pub struct Step {
    pub action: Action,
    pub outcome: Outcome,
    /// What Docker says, a line each.
    pub says: Vec<String>,
    /// What Docker does not say.
    pub notes: Vec<String>,
    /// The figure that Docker prints as reclaimed; none for commands that print none.
    pub reports: Option<i64>,
    /// The topmost places that go.
    pub removes: BTreeSet<Place>,
    pub freed: Freed,
}

/// All actions, one after the other.
#[derive(Clone, Debug)]
pub struct Prediction {
    pub steps: Vec<Step>,
    /// The topmost places that go with all of them, and what that frees.
    pub removes: BTreeSet<Place>,
    pub freed: Freed,
    /// What the engine's next start removes before anything is asked of it; in no step.
    pub by_a_start: BTreeSet<Place>,
    /// What containerd's next collection takes whatever is asked; in no step.
    pub at_next_collection: BTreeSet<Place>,
}

/// What these actions would do, one after the other.
pub fn predict(case: &Case<'_>, actions: &[Action]) -> Prediction {
    let scale = Scale::of(case.owners, case.ledger, case.disk);
    let (mut host, by_a_start) = started(case);
    let mut steps: Vec<Step> = actions.iter().map(|action| run::step(&mut host, Some(&scale), action)).collect();
    steps.first_mut().into_iter().for_each(|first| first.notes.extend(being_written(case)));
    let removes = gone::topmost(steps.iter().flat_map(|step| step.removes.iter().cloned()));
    Prediction { freed: scale.weigh(&removes), removes, steps, by_a_start, at_next_collection: host.collected() }
}

/// Blobs that somebody writes come and go by themselves: an unfinished one is there until it is committed or given up.
// buildkit solver/llbsolver/solver.go: the trace of a build is written three seconds after its end
fn being_written(case: &Case<'_>) -> Option<String> {
    let ingests = case.inventory.of_kind(Kind::Ingest).filter_map(|(_, thing)| thing.ingest());
    let count = ingests.filter(|ingest| ingest.at.is_some()).count();
    let what = match count {
        1 => "1 blob is being written, or was left so: its unfinished file".to_owned(),
        many => format!("{many} blobs are being written, or were left so: their unfinished files"),
    };
    let note = format!("{what} may go at any time, and what is written then is in no number");
    (count > 0 && case.live_since.is_some()).then_some(note)
}

/// The same as far as outcomes and places tell, with nothing weighed.
fn follow<'s>(case: &Case<'_>, actions: impl IntoIterator<Item = &'s Action>) -> Vec<Step> {
    let (mut host, _) = started(case);
    actions.into_iter().map(|action| run::step(&mut host, None, action)).collect()
}

/// The engine, and what its start removed.
fn started<'a>(case: &'a Case<'a>) -> (host::Host<'a>, BTreeSet<Place>) {
    let images: Box<dyn images::Images + 'a> = match case.view {
        View::GraphDriver(seen) => Box::new(graphdriver::GraphDriver::of(case, seen)),
        View::Containerd(stored) => Box::new(containerd::Containerd::of(case, stored)),
    };
    let mut host = host::Host::of(case, images);
    let by_a_start = host.start();
    (host, by_a_start)
}
