//! What the engine's own files say of containerd's things: a container's lease, its image; a cache record's lease; a past
//! build's. The engine's root and containerd's are read apart, so this looks at both when all is read.

use std::collections::BTreeMap;

use crate::inventory::facts::{CacheRecord, Lease, in_namespace};
use crate::inventory::{Inventory, Root, StoreKind, is_remapped};
use crate::terms::{Key, Kind, Link, LinkKind, Lost, Place};

/// Adds the links between the two.
pub(in crate::store) fn join(inv: &mut Inventory) {
    let leases = Leases::of(inv);
    let mut links: Vec<Link> = Vec::new();
    containers(inv, &leases, &mut links);
    images(inv, &leases, &mut links);
    records(inv, &leases, &mut links);
    history(inv, &leases, &mut links);
    inv.links.extend(links);
    forgotten_builds(inv);
}

/// An engine that has no list of past builds any more. It opens one at its start, beside the records of its worker.
// moby daemon/internal/builder-next/controller.go; up to 27.3 it has the name that it has with a graph driver
fn forgotten_builds(inv: &mut Inventory) {
    let has = |root: &Root, is: &dyn Fn(&str) -> bool| {
        let mut databases = inv.of_kind(Kind::Database).filter(|(key, _)| key.root == root.name);
        databases.any(|(key, _)| key.id.strip_prefix("buildkit/").is_some_and(is))
    };
    let works = |root: &&Root| has(root, &|name| name.starts_with("containerd-") && name.ends_with("/metadata_v2.db"));
    let lacking = |root: &&Root| !has(root, &|name| matches!(name, "history_c8d.db" | "history.db"));
    let roots = inv.engine_roots().filter(works).filter(lacking);
    let missing: Vec<Place> = roots.map(|root| root.place.join("buildkit/history_c8d.db")).collect();
    for at in missing {
        let cause = "not there, and the records of a worker with containerd are: past builds are not known";
        inv.problem("missing-database", &at, Lost::Links(vec![LinkKind::Remembers]), cause);
    }
}

/// containerd's leases by their own ID. IDs are random, so that a name stands for one thing in whatever namespace.
struct Leases<'a>(BTreeMap<&'a str, Vec<(&'a Key, &'a Lease)>>);

impl<'a> Leases<'a> {
    fn of(inv: &'a Inventory) -> Self {
        let mut by_id: BTreeMap<&str, Vec<(&Key, &Lease)>> = BTreeMap::new();
        // the engine's own BuildKit database has leases too, and links them itself
        for (key, thing) in inv.of_kind(Kind::Lease).filter(|(key, _)| &*key.store != "buildkit") {
            if let Some(lease) = thing.lease() {
                by_id.entry(&lease.id).or_default().push((key, lease));
            }
        }
        Self(by_id)
    }

    fn called(&self, id: &str) -> &[(&'a Key, &'a Lease)] {
        self.0.get(id).map(Vec::as_slice).unwrap_or_default()
    }
}

fn link(from: &Key, kind: LinkKind, to: &Key, evidence: &Place) -> Link {
    Link { from: from.clone(), kind, to: to.clone(), evidence: evidence.into() }
}

/// A container holds the lease of its ID, and runs from an image of the namespace that the lease is in.
// moby daemon/containerd/image_snapshot.go: CreateSnapshot
fn containers(inv: &Inventory, leases: &Leases<'_>, links: &mut Vec<Link>) {
    for (key, thing) in inv.of_kind(Kind::Container) {
        let Some(at) = thing.lots.first().map(|lot| lot.at.join("config.v2.json")) else { continue };
        for (lease, _) in leases.called(&key.id) {
            links.push(link(key, LinkKind::HoldsLease, lease, &at));
        }
        let Some(facts) = thing.container() else { continue };
        let Some(image) = &facts.image else { continue };
        for namespace in namespaces_of(inv, key, facts.driver.as_str(), leases) {
            let scoped = in_namespace(namespace.1, image.as_str());
            let to = Key {
                root: namespace.0.root.clone(),
                store: "containerd".into(),
                kind: Kind::Image,
                id: scoped.into(),
            };
            links.push(link(key, LinkKind::RunsFrom, &to, &at));
        }
    }
}

/// An image of a graph driver that was pulled holds the lease that keeps its manifest.
// moby daemon/images/store.go: imageKey
fn images(inv: &Inventory, leases: &Leases<'_>, links: &mut Vec<Link>) {
    for (key, thing) in inv.of_kind(Kind::Image).filter(|(_, thing)| thing.image().is_some()) {
        let Some(at) = thing.lots.first().map(|lot| &lot.at) else { continue };
        let called = leases.called(&format!("{}{}", Lease::OF_IMAGE, key.id)).iter();
        links.extend(called.map(|(lease, _)| link(key, LinkKind::HoldsLease, lease, at)));
    }
}

/// Where a container's image is: in the namespace of its lease, else in the one its engine uses with this snapshotter.
fn namespaces_of<'a>(
    inv: &'a Inventory,
    container: &Key,
    driver: &str,
    leases: &Leases<'a>,
) -> Vec<(&'a Key, &'a str)> {
    let held = leases.called(&container.id);
    if !held.is_empty() {
        return held.iter().map(|(key, lease)| (*key, lease.namespace.as_str())).collect();
    }
    // moby daemon/daemon_unix.go: RemapContainerdNamespaces
    let own = match container.root.rsplit_once('/') {
        Some((_, ids)) if is_remapped(ids.as_bytes()) => format!("moby-{ids}"),
        _ => "moby".to_owned(),
    };
    let of_driver = |key: &Key| {
        let mut stores = inv.stores.iter().filter(|store| store.kind == StoreKind::Containerd);
        stores.any(|store| store.root == key.root && &*store.name == driver)
    };
    let named = inv.of_kind(Kind::Namespace).filter(|(key, _)| *key.id == own && of_driver(key));
    named.map(|(key, _)| (key, &*key.id)).collect()
}

/// A cache record holds its leases, and of what they list the blob and the snapshot that it names itself.
// buildkit cache/manager.go: the lease is called after the record, that of the variants of its blob after both
fn records(inv: &Inventory, leases: &Leases<'_>, links: &mut Vec<Link>) {
    let in_containerd = |key: &Key| key.store.starts_with("containerd-") || key.store.starts_with("runc-");
    let mut listed: BTreeMap<&Key, Vec<&Key>> = BTreeMap::new();
    for link in inv.links.iter().filter(|link| link.kind == LinkKind::Leases) {
        listed.entry(&link.from).or_default().push(&link.to);
    }
    for (key, thing) in inv.of_kind(Kind::CacheRecord).filter(|(key, _)| in_containerd(key)) {
        let Some(record) = thing.cache_record() else { continue };
        let Some(evidence) = database_of(inv, key) else { continue };
        for id in [key.id.to_string(), format!("{}{}", key.id, Lease::VARIANTS)] {
            for (lease, _) in leases.called(&id).iter().filter(|(lease, _)| is_reachable(key, lease)) {
                links.push(link(key, LinkKind::HoldsLease, lease, &evidence));
                for target in listed.get(lease).into_iter().flatten() {
                    links.extend(named_by(record, target).map(|kind| link(key, kind, target, &evidence)));
                }
            }
        }
    }
}

fn named_by(record: &CacheRecord, target: &Key) -> Option<LinkKind> {
    let name = target.id.rsplit('/').next().unwrap_or_default();
    match target.kind {
        Kind::Snapshot if name == record.snapshot => Some(LinkKind::Caches),
        Kind::Blob if record.blob.as_ref().is_some_and(|blob| blob.as_str() == name) => Some(LinkKind::Content),
        _ => None,
    }
}

/// A buildkitd's records have their leases in the worker's own database; the engine's in containerd's.
fn is_reachable(record: &Key, lease: &Key) -> bool {
    if record.store.starts_with("runc-") {
        record.root == lease.root && record.store == lease.store
    } else {
        &*lease.store == "containerd"
    }
}

/// The database of the record's worker.
fn database_of(inv: &Inventory, record: &Key) -> Option<Place> {
    database(inv, record, &format!("/{}/metadata_v2.db", record.store))
}

/// A database of the same root, by the end of its path.
fn database(inv: &Inventory, like: &Key, end: &str) -> Option<Place> {
    let databases = inv.of_kind(Kind::Database).filter(|(key, _)| key.root == like.root);
    let mut places = databases.flat_map(|(_, thing)| thing.lots.first()).map(|lot| &lot.at);
    places.find(|at| at.as_bytes().ends_with(end.as_bytes())).cloned()
}

/// A past build's blobs hang on lease `ref_<build>`, whichever list it is in: up to 27.3 an engine has one for both kinds of store.
// buildkit solver/llbsolver/history.go; moby builder/builder-next/controller.go: openHistoryDB
fn history(inv: &Inventory, leases: &Leases<'_>, links: &mut Vec<Link>) {
    let builds = inv.of_kind(Kind::BuildHistory).filter_map(|(key, thing)| Some((key, thing.past_build()?)));
    for (key, build) in builds {
        let called = leases.called(&format!("ref_{}", key.id)).iter();
        let called = called.filter(|(_, facts)| facts.namespace.ends_with("_history"));
        links.extend(called.map(|(lease, _)| link(key, LinkKind::Remembers, lease, &build.list)));
    }
}
