//! Containers that do not run: their read-write and init layers, files and logs.

use super::words::{self, count, list, size};
use super::{Case, Finding, Remedy, Rule, pinned};
use crate::docker::seen::ContainerSeen;
use crate::terms::Key;

const CLASS: &str = "stopped-container";

/// That it is stopped is said by its own file, which parsed.
pub(super) const RULE: Rule = Rule { class: CLASS, relies_on: &[], check };

fn check(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for seen in case.in_use() {
        let stopped: Vec<(&Key, _)> = seen
            .containers
            .iter()
            .filter(|(_, it)| matches!(it.facts.state.word(), "exited" | "created") && it.mount.is_some())
            .map(|(key, it)| (*key, it))
            .collect();
        if stopped.is_empty() {
            continue;
        }
        let things = stopped.iter().flat_map(|(key, it)| std::iter::once(*key).chain(it.mount));
        let base = case.finding(CLASS, &case.owners_of(things));
        let mut names: Vec<String> = stopped.iter().map(|(key, _)| words::container(seen, key)).collect();
        names.sort();
        let never_ran = stopped.iter().filter(|(_, it)| it.facts.state.word() == "created").count();
        let cause = format!(
            "{} {} not run{}: {} of read-write layers, init layers, own files and logs ({}).",
            count(stopped.len(), "container", "containers"),
            if stopped.len() == 1 { "does" } else { "do" },
            if never_ran > 0 { format!(", {never_ran} of which never did") } else { String::new() },
            size(base.on_disk_bytes),
            list(&names),
        );
        let mut arguments: Vec<String> = stopped.iter().map(|(key, _)| words::container_argument(seen, key)).collect();
        arguments.sort();
        let note = format!(
            "{} `docker container prune` removes all that are stopped. Both count only the read-write layers as reclaimed.",
            pinned::goes_with(case, seen, stopped.iter().map(|(key, _)| *key))
        );
        let said = |(key, it): &(&Key, &ContainerSeen<'_>)| {
            format!("{}: {}", case.file_of(key, "config.v2.json"), it.facts.state.word())
        };
        findings.push(Finding {
            objects: stopped.iter().map(|(key, _)| (*key).clone()).collect(),
            cause,
            evidence: stopped.iter().map(said).collect(),
            remedy: Remedy { commands: words::commands("docker rm", &arguments), note },
            ..base
        });
    }
    findings
}
