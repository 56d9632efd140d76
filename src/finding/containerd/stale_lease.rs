//! Leases that are called after something that is not there: a container whose directory is gone, a cache record, an image.
//! Nothing renews or drops them; what they keep stays for ever.

use std::collections::BTreeSet;

use super::is_data;
use crate::finding::words::{count, shown, size};
use crate::finding::{Case, Finding, Remedy, Rule};
use crate::inventory::StoreKind;
use crate::inventory::facts::Lease;
use crate::terms::{Digest, Evidence, Key, Kind, LinkKind, Place, short_id};

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
        let finding = finding(case, key, lease, what);
        // a lease that keeps nothing by itself is no more than a few bytes of a database
        if finding.inodes > 0 || what == For::Container {
            findings.push(finding);
        }
    }
    findings
}

/// By what a lease is called after.
// moby daemon/containerd/image_snapshot.go, daemon/images/store.go; buildkit cache/manager.go
fn owner(lease: &Lease) -> Option<For> {
    if !lease.is_of_engine() || lease.expires.is_some() || lease.namespace.ends_with("_history") {
        None
    } else if Digest::from_hex(&lease.id).is_some() {
        Some(For::Container)
    } else if lease.id.starts_with(Lease::OF_IMAGE) {
        Some(For::Image)
    } else {
        lease.is_of_record().then_some(For::Record)
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
    let said = |at: &Evidence| format!("{at}: lease {} of namespace {}", shown(&lease.id), shown(&lease.namespace));
    let mut evidence: Vec<String> = database.map(said).into_iter().collect();
    let roots = || case.inventory.engine_roots();
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
    let blind = blind(case, what);
    Finding {
        objects: std::iter::once(key).chain(freed).cloned().collect(),
        cause,
        evidence,
        remedy: Remedy { commands: Vec::new(), note },
        youngest: lease.created_at.map(|at| (at.as_second(), 0)).or(case.live_since),
        doubt: blind
            .map(|lacking| format!("no {lacking} was found, so that it is not known which there are"))
            .or_else(|| misnamed(case, what)),
        ..base
    }
}

/// What is not there to tell which owners there are: a root without a directory of containers tells nothing about them.
fn blind(case: &Case<'_>, what: For) -> Option<&'static str> {
    let inventory = case.inventory;
    match what {
        For::Container => {
            let listed = |at: Place| inventory.scaffolds.iter().any(|scaffold| scaffold.at == at);
            let known = inventory.engine_roots().any(|root| listed(root.place.join("containers")));
            (!known).then_some("directory of containers")
        }
        // buildkit/containerd-<snapshotter>/metadata_v2.db
        For::Record => {
            let of_worker = |key: &Key| key.id.contains("containerd-") && key.id.ends_with("metadata_v2.db");
            let known = inventory.of_kind(Kind::Database).any(|(key, _)| of_worker(key));
            (!known).then_some("database of the build cache")
        }
        For::Image => {
            let known = inventory.stores.iter().any(|store| store.kind == StoreKind::GraphDriver);
            (!known).then_some("image store of a graph driver")
        }
    }
}

/// Something of the kind that has lost its own lease: the name of one of the two may be damaged.
fn misnamed(case: &Case<'_>, what: For) -> Option<String> {
    let inventory = case.inventory;
    let in_containerd = |driver: &str| {
        let mut stores = inventory.stores.iter().filter(|store| store.kind == StoreKind::Containerd);
        stores.any(|store| *store.name == *driver)
    };
    let kind = match what {
        For::Container => Kind::Container,
        For::Record => Kind::CacheRecord,
        For::Image => return None,
    };
    let mut all = inventory.of_kind(kind).filter(|(key, thing)| match thing.container() {
        Some(facts) => in_containerd(&facts.driver),
        None => key.store.starts_with("containerd-"),
    });
    let (key, _) = all.find(|(key, _)| case.graph.targets(key, LinkKind::HoldsLease).next().is_none())?;
    Some(format!("{} {} has no lease: the name of one of the two may be damaged", key.kind, short_id(&key.id)))
}
