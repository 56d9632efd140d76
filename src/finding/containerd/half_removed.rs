//! Containers of containerd's store whose snapshot or lease is gone: the engine lists them, and cannot start or size them.

use super::{in_use, name_of};
use crate::docker::stored::Stored;
use crate::finding::words::{self, shown, size};
use crate::finding::{Case, Finding, Remedy, Rule};
use crate::terms::{Key, LinkKind};

pub(in crate::finding) const RULE: Rule = Rule {
    class: "half-removed-container",
    relies_on: &[LinkKind::Leases, LinkKind::HoldsLease, LinkKind::SnapshotParent, LinkKind::StoredIn],
    check,
};

fn check(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for stored in in_use(case) {
        let containers = stored.sound.keys().filter(|key| !key.id.is_empty());
        findings.extend(containers.filter_map(|key| finding(case, stored, key)));
    }
    findings
}

fn finding(case: &Case<'_>, stored: &Stored<'_>, key: &Key) -> Option<Finding> {
    let snapshot = stored.snapshot(&key.id);
    let has_lease = case.graph.targets(key, LinkKind::HoldsLease).next().is_some();
    let (what, frees) = match (snapshot, has_lease) {
        (None, _) => ("has lost its read-write snapshot", true),
        (Some(_), false) => ("has lost its lease, so that the next collection takes what it wrote", false),
        (Some(_), true) => return None,
    };
    let base = case.finding(RULE.class, &case.owners_of([key].into_iter().chain(snapshot.map(|(key, _)| key))));
    let name = shown(&name_of(case, key));
    let cause = format!("Container {name} {what}: {}.", size(base.on_disk_bytes));
    let argument = super::arguments(case, [key]);
    let (commands, note) = if frees {
        (
            vec![words::command("docker rm", &argument)],
            "It removes what is left: the container's own files and logs. Until then `docker ps --size` and `docker system df` fail altogether.".to_owned(),
        )
    } else {
        let keep = "To keep what it wrote, start containerd only after a copy of its snapshot directory was made: nothing else holds it.";
        (Vec::new(), format!("No Docker command makes the lease anew. {keep}"))
    };
    Some(Finding {
        objects: std::iter::once(key).chain(snapshot.map(|(key, _)| key)).cloned().collect(),
        cause,
        evidence: vec![
            case.file_of(key, "config.v2.json"),
            format!(
                "{}: no {} of this name in namespace {}",
                stored.home,
                if frees { "snapshot" } else { "lease" },
                stored.namespace
            ),
        ],
        remedy: Remedy { commands, note },
        youngest: case.live_since,
        ..base
    })
}
