//! Leases that have expired: what they keep is kept for nobody.

use super::words::{count, list, size};
use super::{Case, Finding, Remedy, Rule};
use crate::inventory::facts::Lease;
use crate::terms::{Key, Kind, LinkKind};

const CLASS: &str = "stale-lease";

pub(super) const RULE: Rule =
    Rule { class: CLASS, relies_on: &[LinkKind::HoldsLease, LinkKind::Leases, LinkKind::Remembers], check };

fn check(case: &Case<'_>) -> Vec<Finding> {
    let leases = case.inventory.of_kind(Kind::Lease).filter_map(|(key, thing)| Some((key, thing.lease()?)));
    let stale: Vec<(&Key, &Lease)> = leases
        .filter(|(_, lease)| lease.expires.is_some_and(|at| at < case.now))
        .filter(|(key, _)| !case.graph.holders(key).any(|(_, edge)| is_wanted(edge.kind)))
        .collect();
    let mut roots: Vec<&str> = stale.iter().map(|(key, _)| &*key.root).collect();
    roots.dedup();
    let of = |root: &str| stale.iter().filter(|(key, _)| *key.root == *root).copied().collect::<Vec<_>>();
    // what others need, too, is not kept for nobody
    roots.into_iter().map(|root| finding(case, &of(root))).filter(|finding| finding.inodes > 0).collect()
}

/// A record or a build of the past goes by itself, expired or not.
fn is_wanted(kind: LinkKind) -> bool {
    matches!(kind, LinkKind::HoldsLease | LinkKind::Remembers)
}

fn finding(case: &Case<'_>, stale: &[(&Key, &Lease)]) -> Finding {
    let freed = case.freed_with(stale.iter().map(|(key, _)| *key));
    let base = case.finding(CLASS, &case.owners_of(freed));
    let one = stale.len() == 1;
    let cause = format!(
        "{} ({}) {} expired, and {} {} kept for nobody until the engine collects.",
        count(stale.len(), "lease", "leases"),
        list(stale.iter().map(|(_, lease)| lease.id.as_str())),
        if one { "has" } else { "have" },
        size(base.on_disk_bytes),
        if one { "is" } else { "are" },
    );
    let evidence = stale.iter().map(|(key, lease)| {
        let file = case.evidence(key, LinkKind::Leases).next();
        let file = file.map_or_else(|| format!("{}/buildkit/containerdmeta.db", key.root), ToString::to_string);
        let expires = lease.expires.map_or_else(String::new, |at| at.to_string());
        format!("{file}: {} expired {expires}", key.id)
    });
    let note = "No Docker command removes a lease. The engine does, with what only it keeps, when it next collects: after a build, a prune \
                or a restart.";
    Finding {
        objects: stale.iter().map(|(key, _)| (*key).clone()).collect(),
        cause,
        evidence: evidence.collect(),
        remedy: Remedy { commands: Vec::new(), note: note.to_owned() },
        ..base
    }
}
