//! Directories in a driver's home that no layer, read-write layer or cache snapshot names.

use std::collections::BTreeSet;

use super::words::{self, count, list, size};
use super::{Case, Finding, Remedy, Rule, age, half_removed_container, unowned};
use crate::docker::seen::Seen;
use crate::terms::{Key, LinkKind};

const CLASS: &str = "orphan-driver-directory";

/// What names a directory; and by what a snapshot, a layer or a mount would be known.
pub(super) const RULE: Rule =
    Rule { class: CLASS, relies_on: &[LinkKind::StoredIn, LinkKind::InitLayer, LinkKind::Interrupted], check };

fn check(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for seen in case.in_use() {
        let store = case.inventory.stores.iter().find(|info| info.root == seen.root && info.name == seen.store);
        if store.is_none_or(|info| !info.read_in_full) {
            continue;
        }
        let of_containers: BTreeSet<&Key> =
            half_removed_container::pairs(case, seen).iter().flat_map(|pair| [pair.rw, pair.init]).collect();
        let directories = unowned::directories(case, seen);
        let orphans: Vec<&Key> = directories.into_keys().filter(|key| !of_containers.contains(key)).collect();
        for orphans in age::apart(case, orphans, |key| case.youngest([*key])) {
            findings.push(finding(case, seen, &orphans));
        }
    }
    findings
}

fn finding(case: &Case<'_>, seen: &Seen<'_>, orphans: &[&Key]) -> Finding {
    let base = case.finding(CLASS, &case.owners_of(orphans.iter().copied()));
    let cause = format!(
        "{} of {} ({}) {} named by no layer, container or cache record: {} that no Docker command shows. An engine was killed, or a \
         removal failed.",
        count(orphans.len(), "directory", "directories"),
        seen.store,
        list(orphans.iter().map(|key| words::short_directory(&key.id))),
        if orphans.len() == 1 { "is" } else { "are" },
        size(base.on_disk_bytes),
    );
    let note = "No Docker command frees it, and no restart. Nothing refers to it, so with the engine stopped it can be removed by hand, \
                together with the link in `l/` that leads to it.";
    let places = orphans.iter().filter_map(|key| case.place_of(key)).map(ToString::to_string);
    let databases = ["layerdb/sha256", "layerdb/mounts"]
        .into_iter()
        .map(|part| format!("{}/image/{}/{part}: none of its entries names it", seen.root, seen.store));
    let buildkit = format!("{}/buildkit/snapshots.db: no snapshot is stored in it", seen.root);
    Finding {
        objects: orphans.iter().map(|key| (*key).clone()).collect(),
        cause,
        evidence: places.chain(databases).chain([buildkit]).collect(),
        remedy: Remedy { commands: Vec::new(), note: note.to_owned() },
        youngest: case.youngest(orphans.iter().copied()),
        ..base
    }
}
