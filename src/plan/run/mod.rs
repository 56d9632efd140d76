//! The commands: each asks the engine for something, and tells what became of it.

mod caches;
mod containers;
mod images;
mod others;
mod system;
mod volumes;

use jiff::Timestamp;

use super::action::{Action, Filters, Moment, Verb};
use super::doubt;
use super::host::Host;
use super::images::Refusal;
use super::weigh::Scale;
use super::{Case, Outcome, Step};
pub(super) use volumes::note as volume_note;

/// What a command did, as far as places do not tell it.
#[derive(Debug, Default)]
struct Done {
    /// Some of what was asked for is gone, or has lost a name.
    changed: bool,
    says: Vec<String>,
    refused: Vec<String>,
    notes: Vec<String>,
    reports: Option<i64>,
}

impl Done {
    fn refused(message: impl Into<String>) -> Self {
        Self { refused: vec![message.into()], ..Self::default() }
    }

    fn refuse(&mut self, refusal: Refusal, forced: bool) {
        // docker/cli: with --force, what is not there is no failure
        let list = if forced && refusal.not_found { &mut self.says } else { &mut self.refused };
        list.push(refusal.message);
    }
}

/// Runs one action; without a scale, what goes is not weighed.
pub(super) fn step(host: &mut Host<'_>, scale: Option<&Scale<'_>>, action: &Action) -> Step {
    let done = match doubt::about(host.case, &action.verb) {
        Some(because) => Done::refused(format!("unknown, because {because}")),
        None => run(host, &action.verb),
    };
    host.images.settle(&mut host.gone);
    let removes = host.gone.since();
    let freed = scale.map(|scale| scale.weigh(&removes)).unwrap_or_default();
    let outcome = match (removes.is_empty(), done.changed, done.refused.is_empty()) {
        (_, false, false) => Outcome::Refused,
        (_, true, false) => Outcome::Partly,
        (false, _, true) => Outcome::Removed,
        (true, true, true) => Outcome::Untagged,
        (true, false, true) => Outcome::Nothing,
    };
    let reports = done.reports.filter(|_| outcome != Outcome::Refused);
    let says = done.says.into_iter().chain(done.refused).collect();
    Step { action: action.clone(), outcome, says, notes: done.notes, reports, removes, freed }
}

fn run(host: &mut Host<'_>, verb: &Verb) -> Done {
    match verb {
        Verb::RemoveContainers { link: true, .. } => others::link(),
        Verb::RemoveContainers { names, force, volumes, .. } => containers::remove(host, names, *force, *volumes),
        Verb::RemoveImages { names, force, no_prune, platforms } => {
            images::remove(host, names, *force, !*no_prune, platforms)
        }
        Verb::PruneImages { all, filters } => images::prune(host, *all, filters),
        Verb::PruneContainers { filters } => containers::prune(host, filters),
        Verb::RemoveVolumes { names, force } => volumes::remove(host, names, *force),
        Verb::PruneVolumes { all, filters } => volumes::prune(host, *all, filters),
        Verb::PruneCache { all, filters, limits } => caches::builder_prune(host, *all, filters, *limits),
        Verb::PruneSystem { all, volumes, filters } => system::prune(host, *all, *volumes, filters),
        Verb::RemoveHistory { refs, all } => caches::remove_history(host, refs, *all),
        Verb::RemoveCheckpoint { container, name, dir } => others::checkpoint(host, container, name, dir.as_deref()),
        Verb::RemovePlugins { names, force } => others::plugins(host, names, *force),
    }
}

/// The time that a filter `until` means.
// moby daemon/prune.go getUntilFromPruneFilters
pub(super) fn until(case: &Case<'_>, filters: &Filters) -> Result<Option<Timestamp>, String> {
    let mut given = filters.get("until");
    let Some(text) = given.next() else { return Ok(None) };
    if given.next().is_some() {
        return Err("more than one until filter specified".to_owned());
    }
    let moment = Moment::parse(text, case.zone).and_then(|moment| moment.at(case.now));
    moment.map(Some).ok_or_else(|| format!("failed to parse value as time or duration: {text:?}"))
}
