//! Containers whose removal failed or was interrupted, and that the engine still knows.

use super::words::{self, size};
use super::{Case, Finding, Remedy, Rule, pinned};

const CLASS: &str = "dead-container";

pub(super) const RULE: Rule = Rule { class: CLASS, relies_on: &[], check };

fn check(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for seen in case.in_use() {
        let dead = seen.containers.iter().filter(|(_, it)| matches!(it.facts.state.word(), "dead" | "removing"));
        for (key, it) in dead {
            let base = case.finding(CLASS, &case.owners_of(std::iter::once(*key).chain(it.mount)));
            let cause = format!(
                "The removal of container {} failed or was interrupted: it is marked as {} and still has {}.",
                words::shown(&words::container(seen, key)),
                if it.facts.state.dead { "dead" } else { "being removed" },
                size(base.on_disk_bytes),
            );
            let goes = pinned::goes_with(case, seen, std::iter::once(*key));
            let note = format!("{goes} `docker container prune` removes dead containers too; no restart does.");
            findings.push(Finding {
                objects: std::iter::once(*key).chain(it.mount).cloned().collect(),
                cause,
                evidence: vec![case.file_of(key, "config.v2.json")],
                remedy: Remedy {
                    commands: vec![words::command("docker rm -f", &[words::container_argument(seen, key)])],
                    note,
                },
                // of one that is marked as being removed the removal may be under way
                youngest: case.live_since.filter(|_| !it.facts.state.dead),
                ..base
            });
        }
    }
    findings
}
