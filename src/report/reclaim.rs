//! Carrying removals out: what they rely on, whether that still holds, and the account of what was done.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::build::{engine, roots};
use super::contract::{Engine, Root, SCHEMA_VERSION};
use super::whatif::{case, paths, step, zone};
use super::{Analysis, WhatIfStep};
use crate::disk::FileKind;
use crate::plan::{self, Action, Case, Outcome, Verb};
use crate::terms::{Kind, Place};

/// What an engine must say of itself to be the one of this disk.
#[derive(Clone, Debug)]
pub struct Identity {
    pub root: Place,
    pub driver: String,
    /// Of the file `engine-id`; none before 23.0.
    pub engine_id: Option<String>,
    pub containers: BTreeSet<String>,
    pub images: BTreeSet<String>,
}

pub fn identity(analysis: &Analysis<'_>) -> Identity {
    let reading = analysis.reading;
    let name = analysis.engine.root();
    let root = reading.inventory.roots.iter().find(|root| &*root.name == name);
    let root = root.map_or_else(|| Place::tree("docker"), |root| root.place.clone());
    let text = reading.disk.read(&root.join("engine-id")).ok();
    let engine_id = text.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned()).filter(|id| !id.is_empty());
    let view = analysis.views().find(|view| analysis.engine.active.is(view.store().0, view.store().1));
    let containers = view.iter().flat_map(|view| view.containers().keys()).map(|key| key.id.to_string()).collect();
    let seen = analysis.seen.iter().filter(|seen| analysis.engine.active.is(&seen.root, &seen.store));
    Identity {
        root,
        driver: analysis.engine.active.store.as_ref().map(|(_, store)| store.clone()).unwrap_or_default(),
        engine_id,
        containers,
        images: seen.flat_map(|seen| seen.images.keys()).map(|key| key.id.to_string()).collect(),
    }
}

/// What some removals are expected to do, and what that rests on.
#[derive(Clone, Debug)]
pub struct Promise {
    pub prediction: plan::Prediction,
    /// Things that the removals concern, each with what matters of it.
    relied: BTreeMap<String, String>,
    /// Whether a build seems to be at work.
    pub building: bool,
    /// `du` of everything that was read.
    pub on_disk_bytes: u64,
}

/// What these removals would do now; or why that cannot be told.
pub fn promise(analysis: &Analysis<'_>, actions: &[Action]) -> Result<Promise, String> {
    let zone = zone(analysis);
    let case = case(analysis, &zone)?;
    let prediction = plan::predict(&case, actions);
    Ok(Promise {
        relied: relied(&case, actions, &prediction),
        prediction,
        building: building(&case),
        on_disk_bytes: analysis.reading.ledger.total.allocated,
    })
}

fn relied(case: &Case<'_>, actions: &[Action], prediction: &plan::Prediction) -> BTreeMap<String, String> {
    let mut relied = BTreeMap::new();
    let time = |at: Option<jiff::Timestamp>| at.map_or_else(|| "never".to_owned(), |at| at.to_string());
    let goes = |key: &crate::terms::Key| {
        let lots = case.inventory.get(key).map(|thing| thing.lots.as_slice()).unwrap_or_default();
        lots.iter().any(|lot| prediction.removes.iter().any(|gone| lot.at.starts_with(gone)))
    };
    for row in case.df.containers.iter().filter(|row| goes(row.key)) {
        let state = &row.container.facts.state;
        let (began, ended) = (time(state.started_at), time(state.finished_at));
        let says = format!("{} (started {began}, ended {ended})", state.word());
        relied.insert(format!("container {}", row.container.facts.name), says);
    }
    for row in case.df.images.iter().filter(|row| goes(row.key)) {
        relied.insert(format!("image {}", row.id), names(row));
    }
    for row in case.df.volumes.iter().filter(|row| goes(row.key)) {
        relied.insert(
            format!("volume {}", row.key.id),
            format!("used by {} containers, {} bytes", row.references(), row.size),
        );
    }
    let cache = |action: &Action| matches!(action.verb, Verb::PruneCache { .. } | Verb::PruneSystem { .. });
    if actions.iter().any(cache) {
        for row in &case.df.cache {
            relied.insert(
                format!("cache record {}", row.id),
                format!("used {} times (last: {})", row.usage_count, time(row.last_used_at)),
            );
        }
    }
    relied
}

fn names(row: &crate::docker::df::ImageRow<'_>) -> String {
    let names: Vec<&str> = row.tags.iter().chain(&row.digests).map(String::as_str).collect();
    if names.is_empty() { "untagged".to_owned() } else { format!("named {}", names.join(", ")) }
}

/// A lease that an operation holds, or a step that is executed.
fn building(case: &Case<'_>) -> bool {
    let held =
        |lease: &crate::inventory::facts::Lease| lease.is_temporary() && lease.expires.is_none_or(|at| at >= case.now);
    // in containerd's store those of builds that are done stay for a while
    let leases = case.inventory.of_kind(Kind::Lease).filter(|(key, _)| *key.store == *"buildkit");
    let leases = leases.filter_map(|(_, thing)| thing.lease());
    case.live_since.is_some_and(|since| leases.into_iter().any(held) || executes(case, since))
}

/// buildkit executor/runcexecutor: a directory for each step while it runs.
fn executes(case: &Case<'_>, started: (i64, u32)) -> bool {
    let Some(root) = case.inventory.roots.iter().find(|root| *root.name == *case.view.root()) else { return false };
    let Ok(dir) = case.disk.dir(&root.place.join("buildkit/executor")) else { return false };
    let young = |name: &[u8]| dir.stat(name).is_ok_and(|stat| stat.kind == FileKind::Dir && stat.mtime >= started);
    dir.entries().any(|(name, kind)| kind == FileKind::Dir && young(name))
}

/// Steps that would not do what they are for.
pub fn refused(promise: &Promise) -> Vec<String> {
    let bad = |step: &&plan::Step| matches!(step.outcome, Outcome::Refused | Outcome::Partly);
    let steps = promise.prediction.steps.iter().filter(bad);
    steps.map(|step| format!("docker {}: {}", step.action.text, step.says.join("; "))).collect()
}

/// What has changed of that which the removals rely on, in words.
pub fn changes(before: &Promise, after: &Promise) -> Vec<String> {
    let mut found = Vec::new();
    if after.building {
        found.push("a build is running".to_owned());
    }
    for (thing, was) in &before.relied {
        if let Some(is) = after.relied.get(thing).filter(|is| *is != was) {
            found.push(format!("{thing} was {was}, and is {is}"));
        }
    }
    for (was, is) in before.prediction.steps.iter().zip(&after.prediction.steps) {
        let action = &was.action.text;
        if was.outcome != is.outcome {
            let says = is.says.join("; ");
            found.push(format!(
                "docker {action}: would now be {} instead of {} ({says})",
                is.outcome.name(),
                was.outcome.name()
            ));
        } else if was.removes != is.removes {
            found.push(format!("docker {action}: would now remove other paths"));
        } else if was.freed.allocated != is.freed.allocated {
            let (was, is) = (was.freed.allocated, is.freed.allocated);
            found.push(format!("docker {action}: would now free {is} bytes instead of {was}"));
        }
    }
    let news = after.relied.keys().filter(|thing| !before.relied.contains_key(*thing));
    found.extend(news.map(|thing| format!("{thing} is new")));
    let gone = before.relied.keys().filter(|thing| !after.relied.contains_key(*thing));
    found.extend(gone.map(|thing| format!("{thing} would not go now")));
    found
}

/// What became of one step.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    pub argv: Vec<String>,
    pub status: Option<i32>,
    /// What the CLI said, or why it said nothing.
    pub message: String,
    pub seconds: f64,
    /// What was promised to go and is still there.
    pub still_there: BTreeSet<Place>,
    /// What was to go only later, and is gone.
    pub gone_early: BTreeSet<Place>,
    /// It did what was promised.
    pub as_promised: bool,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    Done,
    /// Nothing was run.
    NotBegun(String),
    /// After a step that did not do what was promised.
    Surprised(String),
    /// Somebody wished so.
    Interrupted,
}

/// `deadweight reclaim --format json`
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Reclaim {
    pub schema_version: u32,
    pub as_of: String,
    pub roots: Vec<Root>,
    pub engine: Engine,
    /// `done`, `not-begun`, `surprised` (a step did not do what was promised), `interrupted`
    pub ended: String,
    /// Why it went no further.
    pub because: Option<String>,
    pub steps: Vec<ReclaimStep>,
    /// What all steps together were to free.
    pub promised_bytes: u64,
    /// What of that is gone.
    pub freed_bytes: u64,
    /// `du` of everything that was read, before and after; others write there, too. Null if nothing was run.
    pub on_disk_before: Option<u64>,
    pub on_disk_after: Option<u64>,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ReclaimStep {
    #[serde(flatten)]
    pub promised: WhatIfStep,
    /// As it was run, or would have been; the program first.
    pub run: Vec<String>,
    /// `done`, `surprised`, `not-run`
    pub state: String,
    pub exit_status: Option<i32>,
    pub said: String,
    pub seconds: f64,
    pub freed_bytes: u64,
    /// Promised to go, and still there.
    pub still_there: Vec<String>,
    /// Promised to a later step, and gone already.
    pub gone_early: Vec<String>,
}

/// The account; `argvs` are the commands as they would be run, `weigh` what places weighed before.
pub fn account(
    analysis: &Analysis<'_>,
    promise: &Promise,
    argvs: &[Vec<String>],
    ran: &[Ran],
    ended: &Ended,
    after: Option<u64>,
) -> Reclaim {
    let reading = analysis.reading;
    let scale = plan::Scale::of(&reading.owners, &reading.ledger, &reading.disk);
    // what is there no more cannot be walked: whole owners are weighed by the ledger, and the rest was weighed when promised
    let freed = |step: &plan::Step, ran: &Ran| match ran.still_there.is_empty() {
        true => step.freed.allocated,
        false => step.freed.allocated.saturating_sub(scale.weigh(&ran.still_there).allocated),
    };
    let steps: Vec<ReclaimStep> = promise
        .prediction
        .steps
        .iter()
        .enumerate()
        .map(|(number, predicted)| {
            let done = ran.get(number);
            let planned = argvs.get(number).cloned().unwrap_or_default();
            ReclaimStep {
                promised: step(predicted),
                run: done.map_or(planned, |done| done.argv.clone()),
                state: done.map_or("not-run", |done| if done.as_promised { "done" } else { "surprised" }).to_owned(),
                exit_status: done.and_then(|done| done.status),
                said: done.map(|done| done.message.clone()).unwrap_or_default(),
                seconds: done.map_or(0.0, |done| done.seconds),
                freed_bytes: done.map_or(0, |done| freed(predicted, done)),
                still_there: done.map(|done| paths(&done.still_there)).unwrap_or_default(),
                gone_early: done.map(|done| paths(&done.gone_early)).unwrap_or_default(),
            }
        })
        .collect();
    let (word, because) = match ended {
        Ended::Done => ("done", None),
        Ended::NotBegun(because) => ("not-begun", Some(because.clone())),
        Ended::Surprised(because) => ("surprised", Some(because.clone())),
        Ended::Interrupted => ("interrupted", Some("it was interrupted".to_owned())),
    };
    Reclaim {
        schema_version: SCHEMA_VERSION,
        as_of: reading.options.now.to_string(),
        roots: roots(analysis),
        engine: engine(analysis),
        ended: word.to_owned(),
        because,
        promised_bytes: promise.prediction.freed.allocated,
        freed_bytes: steps.iter().map(|step| step.freed_bytes).fold(0, u64::saturating_add),
        on_disk_before: after.map(|_| promise.on_disk_bytes),
        on_disk_after: after,
        steps,
    }
}
