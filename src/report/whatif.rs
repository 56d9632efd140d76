//! What a sequence of removals would do: the contract, made from the prediction.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::build::{engine, problems, roots};
use super::contract::{Engine, Problem, Root, SCHEMA_VERSION};
use super::{Analysis, no_df};
use crate::docker::View;
use crate::plan::{self, Action, Case, Freed, Zone};
use crate::terms::Place;

/// `deadweight what-if ACTION… --format json`
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WhatIf {
    pub schema_version: u32,
    pub as_of: String,
    pub roots: Vec<Root>,
    pub engine: Engine,
    /// The image store that the engine works with.
    pub store: String,
    /// One after the other: each finds what those before it left.
    pub steps: Vec<WhatIfStep>,
    pub together: Together,
    /// What the engine's next start removes before anything is asked of it; in no step.
    pub by_a_start: Vec<String>,
    /// What containerd's next collection takes whatever is asked; in no step.
    pub also_at_next_collection: Vec<String>,
    /// Nothing that could not be read took links or bytes with it.
    pub complete: bool,
    pub problems: Vec<Problem>,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WhatIfStep {
    /// As typed.
    pub action: String,
    /// As it would be run, `docker` first.
    pub argv: Vec<String>,
    /// `removed`, `untagged` (names went, and nothing else), `partly`, `nothing`, `refused`
    pub outcome: String,
    /// What Docker says: of a refusal why, in the engine's words.
    pub message: Option<String>,
    /// What Docker does not say: data that goes with volumes, what stays behind.
    pub notes: Vec<String>,
    /// Allocated bytes of what goes: what `du` counts in `removes`.
    pub on_disk_bytes: u64,
    pub apparent_bytes: u64,
    pub inodes: u64,
    /// What Docker prints as reclaimed; null if it prints nothing.
    pub docker_reports_bytes: Option<i64>,
    /// The topmost paths that go. Databases and directories that only shrink are not promised.
    pub removes: Vec<String>,
}

/// All steps as one.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Together {
    pub on_disk_bytes: u64,
    pub apparent_bytes: u64,
    pub inodes: u64,
    pub removes: Vec<String>,
}

/// What these actions would do; or why that cannot be told.
pub fn what_if(analysis: &Analysis<'_>, actions: &[Action]) -> Result<WhatIf, String> {
    let zone = zone(analysis);
    let case = case(analysis, &zone)?;
    let prediction = plan::predict(&case, actions);
    Ok(WhatIf {
        schema_version: SCHEMA_VERSION,
        as_of: analysis.reading.options.now.to_string(),
        roots: roots(analysis),
        engine: engine(analysis),
        store: case.view.store().1.to_owned(),
        steps: prediction.steps.iter().map(step).collect(),
        together: together(&prediction),
        by_a_start: paths(&prediction.by_a_start),
        also_at_next_collection: paths(&prediction.at_next_collection),
        complete: analysis.reading.is_complete(),
        problems: problems(analysis),
    })
}

/// What predictions are made from; or why none can be made.
pub(super) fn case<'c>(analysis: &'c Analysis<'_>, zone: &'c Zone) -> Result<Case<'c>, String> {
    let reading = analysis.reading;
    if analysis.engine.selected.is_open() {
        return Err(no_df(analysis));
    }
    let active = |view: &View<'_, '_>| analysis.engine.active.is(view.store().0, view.store().1);
    let (Some(view), Some(df)) = (analysis.views().find(active), analysis.df.as_ref()) else {
        return Err(no_df(analysis));
    };
    Ok(Case {
        inventory: &reading.inventory,
        graph: &analysis.graph,
        owners: &reading.owners,
        ledger: &reading.ledger,
        disk: &reading.disk,
        problems: &reading.problems,
        view,
        df,
        live_since: reading.live_since,
        now: reading.options.now,
        zone,
    })
}

pub(super) fn together(prediction: &plan::Prediction) -> Together {
    Together {
        on_disk_bytes: prediction.freed.allocated,
        apparent_bytes: prediction.freed.apparent,
        inodes: prediction.freed.inodes,
        removes: paths(&prediction.removes),
    }
}

/// Dates without a zone are in the daemon's: on this machine ours, else we take them for UTC.
pub(super) fn zone(analysis: &Analysis<'_>) -> Zone {
    let options = &analysis.reading.options;
    let here = options.root.is_none() && options.host.is_none();
    Zone(if here { jiff::tz::TimeZone::system() } else { jiff::tz::TimeZone::UTC })
}

pub(super) fn step(step: &plan::Step) -> WhatIfStep {
    let Freed { allocated, apparent, inodes, doubts } = &step.freed;
    WhatIfStep {
        action: step.action.text.clone(),
        argv: step.action.argv.clone(),
        outcome: step.outcome.name().to_owned(),
        message: (!step.says.is_empty()).then(|| step.says.join("\n")),
        notes: step.notes.iter().chain(doubts).cloned().collect(),
        on_disk_bytes: *allocated,
        apparent_bytes: *apparent,
        inodes: *inodes,
        docker_reports_bytes: step.reports,
        removes: paths(&step.removes),
    }
}

pub(super) fn paths(places: &BTreeSet<Place>) -> Vec<String> {
    places.iter().map(ToString::to_string).collect()
}
