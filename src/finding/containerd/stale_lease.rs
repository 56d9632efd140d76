//! Leases that are called after something that is not there: a container whose directory is gone, a cache record, an image.
//! Nothing renews or drops them; what they keep stays for ever.

use std::collections::BTreeSet;

use super::is_data;
use crate::finding::words::{count, shown, size};
use crate::finding::{Case, Finding, Remedy, Rule};
use crate::inventory::facts::Lease;
use crate::terms::{Digest, Key, Kind, LinkKind, Place};

pub(in crate::finding) const RULE: Rule = Rule {
    class: "stale-lease",
    relies_on: &[
        LinkKind::Names,
        LinkKind::Target,
        LinkKind::GcRef,
        LinkKind::Leases,
        LinkKind::SnapshotParent,
        LinkKind::StoredIn,
        LinkKind::HoldsLease,
        LinkKind::ReadWrite,
    ],
    check,
};

/// What the lease was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    Container,
    Record,
    Image,
}

fn check(case: &Case<'_>) -> Vec<Finding> {
    let leases = case.inventory.of_kind(Kind::Lease).filter(|(key, _)| &*key.store == "containerd");
    let mut findings = Vec::new();
    for (key, lease) in leases.filter_map(|(key, thing)| Some((key, thing.lease()?))) {
        let owned = case.graph.holders(key).any(|(_, edge)| edge.kind == LinkKind::HoldsLease);
        let Some(what) = owner(lease).filter(|_| !owned) else { continue };
        findings.push(finding(case, key, lease, what));
    }
    findings
}

/// By what a lease is called after.
// moby daemon/containerd/image_snapshot.go, daemon/images/store.go; buildkit cache/manager.go
fn owner(lease: &Lease) -> Option<For> {
    let of_engine = lease.namespace == "moby" || lease.namespace.starts_with("moby-");
    let record = lease.id.strip_suffix("-variants").unwrap_or(&lease.id);
    let is_record = record.len() == 25 && record.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
    if !of_engine || lease.expires.is_some() || lease.namespace.ends_with("_history") {
        None
    } else if Digest::from_hex(&lease.id).is_some() {
        Some(For::Container)
    } else if lease.id.starts_with("moby-image-") {
        Some(For::Image)
    } else {
        is_record.then_some(For::Record)
    }
}

fn finding(case: &Case<'_>, key: &Key, lease: &Lease, what: For) -> Finding {
    let freed: BTreeSet<&Key> = case.freed_with([key]).into_iter().filter(is_data).collect();
    let base = case.finding(RULE.class, &case.owners_of(freed.iter().copied()));
    let snapshots = freed.iter().filter(|key| key.kind == Kind::Snapshot).count();
    let of = match what {
        For::Container => "container",
        For::Record => "build-cache record",
        For::Image => "image",
    };
    let cause = format!(
        "There is no {of} {} any more, but the lease of this name keeps {} and {}: {} that no Docker command frees.",
        shown(lease.id.get(..12).unwrap_or(&lease.id)),
        count(snapshots, "snapshot", "snapshots"),
        count(freed.len().saturating_sub(snapshots), "blob", "blobs"),
        size(base.on_disk_bytes),
    );
    let database = case.evidence(key, LinkKind::Leases).next();
    let said = |at: &Place| format!("{at}: lease {} of namespace {}", shown(&lease.id), shown(&lease.namespace));
    let mut evidence: Vec<String> = database.map(said).into_iter().collect();
    let roots = || case.inventory.roots.iter().filter(|root| &*root.name != "containerd");
    if what == For::Container {
        evidence.extend(
            roots().map(|root| format!("{}: no such directory", root.place.join("containers").join(&*lease.id))),
        );
    }
    let note = format!(
        "No Docker command removes the lease, and no restart. containerd's own tool does: `ctr --namespace {} leases rm {}`; the next \
         collection then takes what it kept.",
        shown(&lease.namespace),
        shown(&lease.id)
    );
    // a root without a directory of containers tells nothing about containers
    let listed = |at: Place| case.inventory.scaffolds.iter().any(|scaffold| scaffold.at == at);
    let blind = what == For::Container && !roots().any(|root| listed(root.place.join("containers")));
    Finding {
        objects: std::iter::once(key).chain(freed).cloned().collect(),
        cause,
        evidence,
        remedy: Remedy { commands: Vec::new(), note },
        youngest: lease.created_at.map(|at| (at.as_second(), 0)).or(case.live_since),
        doubt: blind
            .then(|| "no directory of containers was found, so that it is not known which there are".to_owned()),
        ..base
    }
}
