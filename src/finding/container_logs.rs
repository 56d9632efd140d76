//! What containers wrote to their output. No Docker command counts it.

use std::collections::BTreeMap;

use super::words::{self, count, list, size};
use super::{Case, Finding, Remedy, Rule, Severity};
use crate::inventory::facts::Container;
use crate::inventory::{Owner, OwnerKind};
use crate::terms::{Key, Kind, Place};

const CLASS: &str = "container-logs";

pub(super) const RULE: Rule = Rule { class: CLASS, relies_on: &[], check };

/// Whether anything ends the growth of a container's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Limit {
    No,
    Unknown,
    Yes,
}

/// A container with its log.
struct Log<'a> {
    key: &'a Key,
    facts: &'a Container,
    owner: (usize, &'a Owner),
}

fn check(case: &Case<'_>) -> Vec<Finding> {
    let mut groups: BTreeMap<(&str, Limit), Vec<Log<'_>>> = BTreeMap::new();
    for log in logs(case) {
        groups.entry((&log.key.root, limit(log.facts))).or_default().push(log);
    }
    let mut findings: Vec<Finding> = groups.iter().map(|((_, limit), logs)| finding(case, *limit, logs)).collect();
    findings.extend(groups.values().flatten().filter_map(|log| strays(case, log)));
    findings
}

/// Logs that weigh something, of containers that are not in a store that the engine left behind.
fn logs<'a>(case: &Case<'a>) -> impl Iterator<Item = Log<'a>> {
    let case = *case;
    let containers = case.inventory.of_kind(Kind::Container);
    containers.filter(move |(key, _)| !case.is_stranded(&key.root, &key.store)).filter_map(move |(key, thing)| {
        let facts = thing.container()?;
        let owner = case.owners.of_thing(key).find(|(_, owner)| owner.key.kind == OwnerKind::ContainerLogs)?;
        let weighs = case.ledger.owners.get(owner.0).is_some_and(|weight| weight.allocated > 0);
        weighs.then_some(Log { key, facts, owner })
    })
}

/// `json-file` grows for ever unless told otherwise; `local`, and the cache beside remote drivers, are limited.
// moby daemon/logger/local/config.go: 20 MB, 5 files
fn limit(facts: &Container) -> Limit {
    match facts.log_driver.as_str() {
        "" => Limit::Unknown,
        _ if facts.log_only_grows() => Limit::No,
        _ => Limit::Yes,
    }
}

fn finding(case: &Case<'_>, limit: Limit, logs: &[Log<'_>]) -> Finding {
    let owners: Vec<_> = logs.iter().map(|log| log.owner).collect();
    let base = case.finding(CLASS, &owners);
    let weight = |log: &Log<'_>| case.weigh(&[log.owner]).bytes;
    let mut biggest: Vec<&Log<'_>> = logs.iter().collect();
    biggest.sort_by_key(|log| (std::cmp::Reverse(weight(log)), log.key));
    let named = biggest.iter().map(|log| format!("{} {}", name(log), size(weight(log))));
    let one = logs.len() == 1;
    let which = match limit {
        Limit::No => {
            if one {
                " has no size limit and"
            } else {
                " have no size limit and"
            }
        }
        Limit::Unknown => ", of which no options are known,",
        Limit::Yes => ", limited in size,",
    };
    let cause = format!(
        "The {} of {} ({}){which} {} counted by no Docker command: {}.",
        if one { "log" } else { "logs" },
        count(logs.len(), "container", "containers"),
        list(named),
        if one { "is" } else { "are" },
        size(base.on_disk_bytes),
    );
    Finding {
        severity: if limit == Limit::Yes { Severity::Info } else { base.severity },
        objects: biggest.iter().map(|log| log.key.clone()).collect(),
        cause,
        evidence: biggest.iter().map(|log| evidence(case, log)).collect(),
        remedy: Remedy { commands: Vec::new(), note: note(limit) },
        ..base
    }
}

fn note(limit: Limit) -> String {
    let frees = "No Docker command shortens a log; `docker rm` takes it along with its container.";
    match limit {
        Limit::Unknown => frees.to_owned(),
        // moby daemon/logger/loggerutils/logfile.go: rotate opens the new file without O_APPEND
        Limit::Yes => format!(
            "{frees} Its driver rotates it. Do not empty it while its container runs: a driver that has rotated goes on where it was, and \
             `docker logs` cannot read past the gap."
        ),
        Limit::No => format!(
            "{frees} To limit logs, set \"log-opts\": {{\"max-size\": \"10m\", \"max-file\": \"3\"}} in daemon.json, or use `docker run \
             --log-opt max-size=10m --log-opt max-file=3`: it holds for containers made from then on. What is there can be emptied where it \
             lies: `truncate -s 0` on the file, which the json-file driver bears as long as the log has no limit."
        ),
    }
}

fn name(log: &Log<'_>) -> String {
    if log.facts.name.is_empty() { crate::terms::short_id(&log.key.id).to_owned() } else { log.facts.name.clone() }
}

fn evidence(case: &Case<'_>, log: &Log<'_>) -> String {
    let at = case.file_of(log.key, "hostconfig.json");
    let option = |name: &str| {
        let value = log.facts.log_options.get(name).map(|value| words::shown(value));
        value.map_or_else(|| format!("{name} not set"), |value| format!("{name}={value}"))
    };
    match log.facts.log_driver.as_str() {
        "" => format!("{at}: which log driver it has is not known"),
        driver => format!("{at}: log driver {}, {}, {}", words::shown(driver), option("max-size"), option("max-file")),
    }
}

/// Rotations that the container's options do not allow for: written under others, and never touched again.
fn strays(case: &Case<'_>, log: &Log<'_>) -> Option<Finding> {
    let allowed = match limit(log.facts) {
        Limit::No | Limit::Unknown => 1,
        Limit::Yes => log.facts.log_options.get("max-file").and_then(|files| files.parse::<u64>().ok()).unwrap_or(1),
    };
    let is_stray =
        |at: &&Place| log.facts.log_driver == "json-file" && rotation(at).is_some_and(|number| number >= allowed);
    let places: Vec<Place> = log.owner.1.lots.iter().map(|(at, _)| at).filter(is_stray).cloned().collect();
    let measured: Vec<_> = places.iter().filter_map(|at| case.measures.get(at)).collect();
    let bytes = measured.iter().fold(0_u64, |sum, measure| sum.saturating_add(measure.allocated));
    let inodes = measured.iter().fold(0_u64, |sum, measure| sum.saturating_add(measure.inodes));
    let first = places.first()?;
    let cause = format!(
        "{} of {} ({}) {} rotated away under other log options than the container has now: nothing will ever remove {}.",
        count(places.len(), "log file", "log files"),
        words::shown(&name(log)),
        size(bytes),
        words::was(places.len()),
        words::it(places.len()),
    );
    let note = "No Docker command frees it but `docker rm`, which takes all logs of the container along.".to_owned();
    Some(Finding {
        severity: Severity::of_bytes(bytes),
        objects: vec![log.key.clone()],
        on_disk_bytes: bytes,
        inodes,
        evidence: vec![evidence(case, log), first.to_string()],
        paths: places,
        cause,
        remedy: Remedy { commands: Vec::new(), note },
        ..case.finding(CLASS, &[])
    })
}

/// The number of a rotated file: `<id>-json.log.2`, `<id>-json.log.2.gz`.
fn rotation(at: &Place) -> Option<u64> {
    let name = std::str::from_utf8(at.name()).ok()?;
    let (_, number) = name.split_once("-json.log.")?;
    number.strip_suffix(".gz").unwrap_or(number).parse().ok()
}
