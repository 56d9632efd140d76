//! Containers of containerd's store that do not run: their read-write and init snapshots, files and logs.

use super::{arguments, in_use, name_of};
use crate::docker::stored::Stored;
use crate::finding::words::{self, count, list, size};
use crate::finding::{Case, Finding, Remedy, Rule};
use crate::inventory::OwnerKind;
use crate::terms::Key;

/// That it is stopped is said by its own file, which parsed.
pub(in crate::finding) const RULE: Rule = Rule { class: "stopped-container", relies_on: &[], check };

fn check(case: &Case<'_>) -> Vec<Finding> {
    in_use(case).filter_map(|stored| finding(case, stored)).collect()
}

/// The two snapshots of a container.
pub(super) fn own_snapshots<'a>(stored: &Stored<'a>, container: &str) -> Vec<&'a Key> {
    let names = [container.to_owned(), format!("{container}-init")];
    names.iter().filter_map(|name| stored.snapshot(name)).map(|(key, _)| key).collect()
}

fn finding<'a>(case: &Case<'a>, stored: &Stored<'a>) -> Option<Finding> {
    let stopped: Vec<&Key> = stored
        .sound
        .iter()
        .filter(|(key, facts)| matches!(facts.state.word(), "exited" | "created") && stored.snapshot(&key.id).is_some())
        .map(|(key, _)| *key)
        .collect();
    if stopped.is_empty() {
        return None;
    }
    let things = stopped.iter().flat_map(|key| std::iter::once(*key).chain(own_snapshots(stored, &key.id)));
    // what a build left in the chain of an image is not the container's
    let own = case.owners_of(things).into_iter().filter(|(_, owner)| owner.key.kind != OwnerKind::Snapshot);
    let base = case.finding(RULE.class, &own.collect::<Vec<_>>());
    let cause = format!(
        "{} {} not run: {} of read-write layers, init layers, own files and logs ({}).",
        count(stopped.len(), "container", "containers"),
        if stopped.len() == 1 { "does" } else { "do" },
        size(base.on_disk_bytes),
        list(arguments(case, stopped.iter().copied())),
    );
    let said = |key: &&Key| {
        let word = stored.sound.get(key).map_or("", |facts| facts.state.word());
        format!("{}: {word}", case.file_of(key, "config.v2.json"))
    };
    let note = "What they wrote goes with them. `docker container prune` removes all that are stopped; an image whose name is gone stays, and \
                goes with `docker image prune` afterwards.";
    debug_assert!(stopped.iter().all(|key| !name_of(case, key).is_empty()));
    Some(Finding {
        evidence: stopped.iter().map(said).collect(),
        objects: stopped.iter().map(|key| (*key).clone()).collect(),
        cause,
        remedy: Remedy {
            commands: words::commands("docker rm", &arguments(case, stopped.iter().copied())),
            note: note.to_owned(),
        },
        ..base
    })
}
