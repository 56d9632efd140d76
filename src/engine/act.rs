//! Runs the steps of a plan, one after the other, and looks after each whether what was promised is gone, and nothing else
//! that was to stay for now. The first surprise ends it; so does an interruption, between two steps.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::command::Docker;
use crate::disk::{Disk, Unreadable};
use crate::plan::{Prediction, Step};
use crate::report::{Ended, Ran};
use crate::terms::Place;

/// What is needed to act.
#[derive(Debug)]
pub struct Act<'a> {
    pub docker: &'a Docker,
    pub disk: &'a Disk,
    /// How long one command may take.
    pub limit: Duration,
    /// Set by whoever wants it to end.
    pub stop: Arc<AtomicBool>,
}

/// Hears of a step by its number and its command, before it is run and after. An error ends it all.
pub type Tell<'t> = dyn FnMut(usize, &[String], Option<&Ran>) -> Result<(), String> + 't;

/// How long the engine may take for what it removes after it has answered.
const AFTERWARDS: Duration = Duration::from_secs(15);
const NAP: Duration = Duration::from_millis(50);

/// Runs all steps; `tell` hears of each before and after.
pub fn act(act: &Act<'_>, prediction: &Prediction, tell: &mut Tell<'_>) -> (Vec<Ran>, Ended) {
    let mut done: Vec<Ran> = Vec::new();
    for (number, step) in prediction.steps.iter().enumerate() {
        if act.stop.load(Ordering::Relaxed) {
            return (done, Ended::Interrupted);
        }
        let later: Vec<&BTreeSet<Place>> = prediction.steps.iter().skip(number + 1).map(|step| &step.removes).collect();
        let words = step.action.unasked();
        let argv = act.docker.argv(&words);
        if let Err(cause) = tell(number, &argv, None) {
            return (done, Ended::Surprised(cause));
        }
        let (ran, surprise) = one(act, step, &words, &later);
        let told = tell(number, &argv, Some(&ran));
        done.push(ran);
        if let Some(surprise) = surprise.or(told.err()) {
            return (done, Ended::Surprised(surprise));
        }
    }
    (done, Ended::Done)
}

fn one(act: &Act<'_>, step: &Step, words: &[String], later: &[&BTreeSet<Place>]) -> (Ran, Option<String>) {
    let said = act.docker.run(words, act.limit);
    let argv = act.docker.argv(words);
    let failed = match &said {
        Err(failure) => Some(failure.to_string()),
        Ok(said) if said.status != Some(0) => {
            Some(format!("`{}` ended with {}: {}", act.docker.line(words), said.ended(), said.message()))
        }
        Ok(_) => None,
    };
    // a failure is no reason to wait, but one to look
    let patience = if failed.is_some() { Duration::ZERO } else { AFTERWARDS.min(act.limit) };
    let still_there = wait_for(act.disk, &step.removes, patience);
    let gone_early: BTreeSet<Place> =
        later.iter().flat_map(|places| places.iter()).filter(|at| is_gone(act.disk, at)).cloned().collect();
    let surprise = match (failed, still_there.first(), gone_early.first()) {
        (Some(failed), _, _) => Some(failed),
        (None, Some(at), _) => Some(format!(
            "`{}` succeeded, and {} of {} paths that it was to remove are still there, such as {at}",
            act.docker.line(words),
            still_there.len(),
            step.removes.len()
        )),
        (None, None, Some(at)) => Some(format!("{at} is gone, which was to go with a later step only")),
        (None, None, None) => None,
    };
    let ran = Ran {
        argv,
        status: said.as_ref().ok().and_then(|said| said.status),
        message: said.as_ref().map_or_else(ToString::to_string, super::command::Said::message),
        seconds: said.map_or(0.0, |said| said.took.as_secs_f64()),
        still_there,
        gone_early,
        as_promised: surprise.is_none(),
    };
    (ran, surprise)
}

fn is_gone(disk: &Disk, at: &Place) -> bool {
    disk.stat(at).err() == Some(Unreadable::Missing)
}

/// What is still there when time is up.
fn wait_for(disk: &Disk, places: &BTreeSet<Place>, patience: Duration) -> BTreeSet<Place> {
    let start = Instant::now();
    loop {
        let left: BTreeSet<Place> = places.iter().filter(|at| !is_gone(disk, at)).cloned().collect();
        if left.is_empty() || start.elapsed() >= patience {
            return left;
        }
        std::thread::sleep(NAP);
    }
}
