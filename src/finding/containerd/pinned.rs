//! `rmi -f ID` with containerd's store: record and blobs go, and the unpacked layers stay under the containers.
//!
//! A snapshot goes only when all containers above it have gone, so those with the same containers are one finding.

use std::collections::{BTreeMap, BTreeSet};

use super::{alive, in_use, name_of, removal};
use crate::docker::stored::Stored;
use crate::finding::words::{self, count, list, shown, size};
use crate::finding::{Case, Finding, Remedy, Rule};
use crate::inventory::facts::{Container, in_namespace};
use crate::terms::{Key, Kind, LinkKind, short_id};

pub(in crate::finding) const STOPPED: Rule =
    Rule { class: "layers-pinned-by-stopped-container", relies_on: super::ALL, check: |case| check(case, false) };
pub(in crate::finding) const RUNNING: Rule =
    Rule { class: "layers-pinned-by-running-container", relies_on: super::ALL, check: |case| check(case, true) };

fn check(case: &Case<'_>, running: bool) -> Vec<Finding> {
    let class = if running { RUNNING.class } else { STOPPED.class };
    let mut findings = Vec::new();
    for stored in in_use(case) {
        for ((containers, cached), snapshots) in by_containers(case, stored) {
            let runs = !alive(case, containers.iter().copied()).is_empty();
            if runs == running {
                findings.push(finding(case, stored, class, &containers, cached, &snapshots));
            }
        }
    }
    findings
}

type Groups<'a> = BTreeMap<(BTreeSet<&'a Key>, bool), Vec<&'a Key>>;

/// The snapshots under containers whose image is gone that no image needs: by their containers, and whether the build
/// cache holds them too.
fn by_containers<'a>(case: &Case<'a>, stored: &Stored<'a>) -> Groups<'a> {
    let needed = reached(case, stored.images.values().flat_map(|image| image.tags.iter().copied().chain([image.key])));
    let records = case.inventory.of_kind(Kind::CacheRecord).filter(|(key, _)| key.root == stored.root);
    let cached = reached(case, records.map(|(key, _)| key));
    let mut holders: BTreeMap<&Key, BTreeSet<&Key>> = BTreeMap::new();
    let containers = case.inventory.of_kind(Kind::Container).filter(|(key, _)| key.root == stored.root);
    let of_images: BTreeSet<&Key> = stored.images.values().flat_map(|image| image.containers.iter().copied()).collect();
    for (container, _) in containers.filter(|(key, _)| !of_images.contains(key)) {
        let own = [container.id.to_string(), format!("{}-init", container.id)];
        for (snapshot, facts) in stored.chain_of(&container.id).into_iter().filter(|(key, _)| !needed.contains(key)) {
            if !own.contains(&facts.name) {
                holders.entry(snapshot).or_default().insert(container);
            }
        }
    }
    let mut groups = Groups::new();
    for (snapshot, containers) in holders {
        groups.entry((containers, cached.contains(snapshot))).or_default().push(snapshot);
    }
    groups
}

/// The snapshots that some things lead to.
fn reached<'a>(case: &Case<'a>, from: impl Iterator<Item = &'a Key>) -> BTreeSet<&'a Key> {
    let reach = case.graph.reach_from(from.filter_map(|key| case.graph.node(key)), &[]);
    let keys = case.graph.keys().filter(|(node, key)| key.kind == Kind::Snapshot && reach.get(*node) == Some(&true));
    keys.map(|(_, key)| key).collect()
}

fn finding<'a>(
    case: &Case<'a>,
    stored: &Stored<'a>,
    class: &'static str,
    containers: &BTreeSet<&'a Key>,
    cached: bool,
    snapshots: &[&'a Key],
) -> Finding {
    let base = case.finding(class, &case.owners_of(snapshots.iter().copied()));
    let one = containers.len() == 1;
    let names = list(containers.iter().map(|key| name_of(case, key)));
    let facts = |key: &&Key| case.inventory.get(key).and_then(|thing| thing.container());
    let from: BTreeSet<String> = containers.iter().filter_map(facts).map(created_from).collect();
    let cause = format!(
        "{names} {} created from {}, removed by its ID since: {} ({}) that no image needs {} until {}{}.",
        words::was(containers.len()),
        list(from),
        count(snapshots.len(), "unpacked layer", "unpacked layers"),
        size(base.on_disk_bytes),
        if snapshots.len() == 1 { "stays" } else { "stay" },
        if one { "it is removed" } else { "all of them are removed" },
        if cached { "; the build cache holds them too, so that both must go" } else { "" },
    );
    let mut commands = removal(case, containers);
    if cached {
        commands.push("docker builder prune".to_owned());
    }
    let mut note = String::new();
    if !one {
        note.push_str("Nothing is freed before the last of these containers is gone. ");
    }
    note.push_str("What the containers wrote, and their logs, go with them. To keep it, use `docker export` first: the image is gone.");
    let leases = containers.iter().flat_map(|key| case.evidence(key, LinkKind::HoldsLease));
    let parents = snapshots.iter().flat_map(|key| case.graph.holders(key)).map(|(_, edge)| edge.evidence);
    let evidence: BTreeSet<String> = leases.chain(parents).map(ToString::to_string).collect();
    let mut objects: Vec<Key> = snapshots.iter().chain(containers).map(|key| (*key).clone()).collect();
    objects.extend(containers.iter().filter_map(|key| lost_image(stored, facts(key)?)).collect::<BTreeSet<_>>());
    Finding { objects, cause, evidence: evidence.into_iter().collect(), remedy: Remedy { commands, note }, ..base }
}

fn lost_image(stored: &Stored<'_>, facts: &Container) -> Option<Key> {
    let id = in_namespace(&stored.namespace, facts.image.as_ref()?.as_str());
    Some(Key { root: stored.home.clone(), store: "containerd".into(), kind: Kind::Image, id: id.into() })
}

fn created_from(facts: &Container) -> String {
    let typed = shown(&facts.image_as_typed);
    let Some(image) = &facts.image else { return typed };
    let short = short_id(image.as_str());
    if typed.is_empty() || image.as_str().contains(&facts.image_as_typed) {
        return format!("image {short}");
    }
    format!("{typed} (image {short})")
}
