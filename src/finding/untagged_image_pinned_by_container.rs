//! containerd's image store: an image lost its name while a container was there, and stays as `<none>`; a prune passes it
//! over as long as the container exists.

use std::collections::BTreeSet;

use super::containerd::{self, freed_besides, in_use, name_of};
use super::words::{self, count, list, shown, size};
use super::{Case, Finding, Remedy, Rule};
use crate::docker::stored::{ImageStored, Stored};
use crate::terms::{Key, LinkKind, short_id};

const CLASS: &str = "untagged-image-pinned-by-container";

pub(super) const RULE: Rule = Rule { class: CLASS, relies_on: containerd::ALL, check };

fn check(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for stored in in_use(case) {
        for image in stored.images.values() {
            // moby daemon/containerd/image_prune.go: filterImagesUsedByContainers
            if !image.is_tagged() && !image.containers.is_empty() {
                findings.push(finding(case, stored, image));
            }
        }
    }
    findings
}

fn finding<'a>(case: &Case<'a>, stored: &Stored<'a>, image: &ImageStored<'a>) -> Finding {
    let containers: Vec<&Key> = image.containers.iter().copied().collect();
    let all: Vec<&Key> = containers.iter().copied().chain([image.key]).collect();
    let freed = freed_besides(case, &all, &containers);
    let base = case.finding(CLASS, &case.owners_of(freed.iter().copied()));
    let names = list(containers.iter().map(|key| name_of(case, key)));
    let typed: BTreeSet<String> = containers.iter().filter_map(|key| typed(case, key)).collect();
    let from = if typed.is_empty() { String::new() } else { format!(" ({})", list(typed)) };
    let one = containers.len() == 1;
    let cause = format!(
        "Image {}{from} has lost its name, and stays as <none> because {} ({names}) {} created from it: {} that `docker image prune` passes \
         over.",
        short_id(&image.facts.target),
        count(containers.len(), "container", "containers"),
        words::was(containers.len()),
        size(base.on_disk_bytes),
    );
    let mut commands = containerd::removal(case, &image.containers);
    commands.push(words::command("docker image rm", &[containerd::image_argument(stored, &image.facts.target)]));
    let mut note = format!(
        "Removing the {} alone frees nothing of it: the image stays until it is removed too, or pruned. `docker tag {} NAME` gives it a name \
         again instead.",
        if one { "container" } else { "containers" },
        short_id(&image.facts.target)
    );
    if !image.children.is_empty() {
        note.push_str(" Other images were built on it and keep what they share with it.");
    }
    let record = image.facts.records.first().map_or_else(String::new, |record| shown(&record.name));
    let mut evidence: Vec<String> = case
        .evidence(image.key, LinkKind::Target)
        .map(|at| format!("{at}: the only record of it is {record}"))
        .collect();
    evidence.extend(containers.iter().flat_map(|key| case.evidence(key, LinkKind::RunsFrom)).map(ToString::to_string));
    Finding {
        objects: std::iter::once(image.key).chain(containers.iter().copied()).cloned().collect(),
        cause,
        evidence,
        remedy: Remedy { commands, note },
        ..base
    }
}

/// What the user typed when the container was made.
fn typed(case: &Case<'_>, container: &Key) -> Option<String> {
    let facts = case.inventory.get(container)?.container()?;
    let typed = facts.image_as_typed.as_str();
    let is_id = facts.image.as_ref().is_some_and(|image| image.as_str().contains(typed));
    (!is_id).then(|| shown(typed))
}
