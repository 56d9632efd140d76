//! What containerd's own tool removes while containerd is at work.
//!
//! ```text
//! ctr --namespace NS leases rm --sync ID                     what it alone kept goes with the collection that is waited for
//! ctr --namespace NS snapshots --snapshotter SN prepare X    and rm X: the collection then looks for strays of SN
//! ctr --namespace NS images rm NAME…                         a stranded store: first its images, then its leases
//! ```

use std::collections::BTreeSet;

use super::{Analysis, buildkit, quoted, topmost};
use crate::docker::stored::Stored;
use crate::finding::Finding;
use crate::inventory::facts::Lease;
use crate::inventory::{StoreInfo, StoreKind};
use crate::terms::{Digest, Key, Kind, Place};

/// How many names one command is given.
const NAMES: usize = 50;

/// The beginning of each command. The one that dockerd started listens in the engine's own directory.
fn ctr(analysis: &Analysis<'_>, root: &str, namespace: &str) -> Option<String> {
    let alone = analysis.reading.inventory.is_containerds(root);
    let address = if alone { "" } else { "--address /var/run/docker/containerd/containerd.sock " };
    Some(format!("ctr {address}--namespace {}", quoted(namespace)?))
}

/// containerd cmd/ctr: leases rm.
pub(super) fn release(analysis: &Analysis<'_>, finding: &Finding) -> Vec<String> {
    let first = finding.objects.first();
    let command = first.and_then(|key| {
        let lease = analysis.reading.inventory.get(key)?.lease()?;
        Some(format!("{} leases rm --sync {}", ctr(analysis, &key.root, &lease.namespace)?, quoted(&lease.id)?))
    });
    command.into_iter().collect()
}

/// A snapshot that comes and goes.
// containerd core/metadata/snapshot.go: Remove marks the snapshotter; db.go GarbageCollect then has it look for what has no name
pub(super) fn sweep(analysis: &Analysis<'_>, finding: &Finding) -> Vec<String> {
    const NAME: &str = "deadweight-sweep";
    let Some(key) = finding.objects.first() else { return Vec::new() };
    let engines = analysis.stored.iter().find(|stored| stored.home == key.root && stored.asked);
    let namespace = engines.map_or("moby", |stored| stored.namespace.as_str());
    let begin = ctr(analysis, &key.root, namespace)
        .and_then(|ctr| Some(format!("{ctr} snapshots --snapshotter {}", quoted(&key.store)?)));
    let commands = begin.map(|begin| ["prepare", "rm"].map(|verb| format!("{begin} {verb} {NAME}")).to_vec());
    commands.unwrap_or_default()
}

/// containerd's half that an engine with a graph driver left behind: the commands that take its images and leases, and what
/// the engine keeps of it in its own root. None where that is not all there is to it.
pub(super) fn stranded<'a>(analysis: &Analysis<'a>, store: &Key) -> Option<(Vec<String>, BTreeSet<Place>)> {
    let inventory = &analysis.reading.inventory;
    let in_containerd = |it: &&StoreInfo| it.kind == StoreKind::Containerd && it.root == store.root && it.populated;
    let mut populated = inventory.stores.iter().filter(in_containerd);
    let is_only = populated.next().is_some_and(|it| it.name == store.store) && populated.next().is_none();
    let uses_driver = analysis.engine.active.kind == Some(StoreKind::GraphDriver);
    if store.kind != Kind::Store || !is_only || !uses_driver {
        return None;
    }
    let of_it = |it: &&Stored<'a>| it.home == store.root && it.store == store.store && it.asked;
    let view = analysis.stored.iter().find(of_it)?;
    let (images, leases) = (images(view), leases(analysis, view));
    let mut commands = Vec::new();
    let begin = ctr(analysis, &store.root, &view.namespace)?;
    for names in images.chunks(NAMES) {
        commands.push(format!("{begin} images rm {}", joined(names)?));
    }
    for (namespace, ids) in &leases {
        let begin = ctr(analysis, &store.root, namespace)?;
        for ids in ids.chunks(NAMES) {
            commands.push(format!("{begin} leases rm --sync {}", joined(ids)?));
        }
    }
    Some((commands, places(analysis, view)))
}

fn joined(names: &[String]) -> Option<String> {
    Some(names.iter().map(|name| quoted(name)).collect::<Option<Vec<String>>>()?.join(" "))
}

fn images(view: &Stored<'_>) -> Vec<String> {
    let records = view.images.values().flat_map(|image| image.facts.records.iter());
    records.map(|record| record.name.clone()).collect()
}

/// By namespace: of containers, of records of the build cache, and of past builds. Those of a graph driver's images, and of
/// what is being pulled, are not among them.
// moby daemon/images/store.go; buildkit cache/manager.go, solver/llbsolver/history.go
fn leases(analysis: &Analysis<'_>, view: &Stored<'_>) -> Vec<(String, Vec<String>)> {
    let history = format!("{}_history", view.namespace);
    let all = analysis.reading.inventory.of_kind(Kind::Lease).filter(|(key, _)| key.root == view.home);
    let lasting: Vec<&Lease> =
        all.filter_map(|(_, thing)| thing.lease()).filter(|lease| lease.expires.is_none()).collect();
    let of = |namespace: &str, is: &dyn Fn(&Lease) -> bool| {
        let ids = lasting.iter().filter(|lease| lease.namespace == namespace && is(lease));
        (namespace.to_owned(), ids.map(|lease| lease.id.clone()).collect::<Vec<String>>())
    };
    let is_engines = |lease: &Lease| Digest::from_hex(&lease.id).is_some() || lease.is_of_record();
    let both = [of(&view.namespace, &is_engines), of(&history, &|lease| lease.id.starts_with("ref_"))];
    both.into_iter().filter(|(_, ids)| !ids.is_empty()).collect()
}

/// What the engine has of it beside containerd: its containers, and BuildKit's databases of that worker.
fn places(analysis: &Analysis<'_>, view: &Stored<'_>) -> BTreeSet<Place> {
    let containers = view.sound.keys().filter_map(|key| analysis.reading.inventory.get(key));
    let containers = containers.flat_map(|thing| thing.lots.iter().map(|lot| lot.at.clone()));
    topmost(containers.chain(buildkit::of_worker(analysis, view)).collect())
}
