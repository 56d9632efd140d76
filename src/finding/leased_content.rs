//! containerd's image store: what an operation's lease keeps, and nothing else.

use super::containerd::{METADATA, is_data};
use super::words::{self, count, list, shown, size};
use super::{Case, Finding, Remedy, Rule};
use crate::inventory::facts::Lease;
use crate::terms::{Digest, Key, Kind, LinkKind};

const CLASS: &str = "leased-content";

/// That no container, cache record or past build has the lease.
const RELIES_ON: &[LinkKind] = &[
    LinkKind::Names,
    LinkKind::Target,
    LinkKind::GcRef,
    LinkKind::Leases,
    LinkKind::SnapshotParent,
    LinkKind::HoldsLease,
    LinkKind::Remembers,
    LinkKind::ReadWrite,
];

pub(super) const RULE: Rule = Rule { class: CLASS, relies_on: RELIES_ON, check };

fn check(case: &Case<'_>) -> Vec<Finding> {
    debug_assert!(METADATA.contains(&LinkKind::Leases));
    let leases = case.inventory.of_kind(Kind::Lease).filter_map(|(key, thing)| Some((key, thing.lease()?)));
    let pending: Vec<(&Key, &Lease)> = leases
        .filter(|(key, lease)| is_of_operation(key, lease) && lease.expires.is_none_or(|at| at >= case.now))
        .filter(|(key, _)| !case.graph.holders(key).any(|(_, edge)| is_owner(edge.kind)))
        .collect();
    let mut roots: Vec<&str> = pending.iter().map(|(key, _)| &*key.root).collect();
    roots.dedup();
    let of = |root: &str| pending.iter().filter(|(key, _)| *key.root == *root).copied().collect::<Vec<_>>();
    roots.into_iter().filter_map(|root| finding(case, &of(root))).collect()
}

/// Not called after a container, a record or an image: such a one is stale where its owner is gone.
fn is_of_operation(key: &Key, lease: &Lease) -> bool {
    let of_engine = &*key.store == "containerd" && lease.is_of_engine();
    let is_owned = Digest::from_hex(&lease.id).is_some()
        || lease.id.starts_with(Lease::OF_IMAGE)
        || lease.is_flat()
        || lease.id.ends_with(Lease::VARIANTS);
    of_engine && !is_owned
}

fn is_owner(kind: LinkKind) -> bool {
    matches!(kind, LinkKind::HoldsLease | LinkKind::Remembers)
}

fn finding<'a>(case: &Case<'a>, pending: &[(&'a Key, &Lease)]) -> Option<Finding> {
    let freed: Vec<&Key> = case.freed_with(pending.iter().map(|(key, _)| *key)).into_iter().filter(is_data).collect();
    if freed.is_empty() {
        return None;
    }
    let base = case.finding(CLASS, &case.owners_of(freed.iter().copied()));
    let one = pending.len() == 1;
    let cause = format!(
        "{} ({}) of {} {} something that nothing else needs: {}. An operation is under way, was cancelled, or was killed.",
        count(pending.len(), "lease", "leases"),
        list(pending.iter().map(|(_, lease)| shown(&lease.id))),
        if one { "a pull, a build or an import" } else { "pulls, builds or imports" },
        if one { "keeps" } else { "keep" },
        size(base.on_disk_bytes),
    );
    // moby daemon/containerd/image_prune.go: leases with this label go with any `docker image prune`, since 27.4
    let prunable = pending.iter().filter(|(_, lease)| lease.labels.contains_key("moby/prune.images")).count();
    let commands: Vec<String> = if prunable == pending.len() && case.version >= (27, 4, 0) {
        vec!["docker image prune".to_owned()]
    } else {
        Vec::new()
    };
    let last = pending.iter().filter_map(|(_, lease)| lease.expires).max();
    let mut note = match (commands.is_empty(), prunable) {
        (false, _) => {
            "It removes the leases of pulls and loads, and every untagged image that no container uses.".to_owned()
        }
        (true, 0) => "No Docker command removes these leases.".to_owned(),
        (true, n) => {
            format!("`docker image prune` of Docker 27.4 and later removes {n} of them; no command the others.")
        }
    };
    if let Some(last) = last {
        note.push_str(&format!(
            " They expire by {last}; what they keep goes with the next removal of anything after that."
        ));
    }
    let evidence = pending.iter().flat_map(|(key, lease)| {
        let expires = lease.expires.map_or_else(|| "has no date".to_owned(), |at| format!("expires {at}"));
        case.evidence(key, LinkKind::Leases).take(1).map(move |at| format!("{at}: {} {expires}", words::shown(&key.id)))
    });
    Some(Finding {
        objects: pending.iter().map(|(key, _)| (*key).clone()).collect(),
        cause,
        evidence: evidence.collect(),
        remedy: Remedy { commands, note },
        youngest: case.live_since,
        ..base
    })
}
