//! Somebody else works with the same containerd: Kubernetes, nerdctl, `ctr`. What is theirs, Docker neither shows nor frees.

use std::collections::BTreeSet;

use super::containerd::METADATA;
use super::words::{self, list, shown, size};
use super::{Case, Finding, Remedy, Rule, Severity};
use crate::inventory::facts::Namespace;
use crate::terms::{Key, Kind};

const CLASS: &str = "foreign-namespace";

pub(super) const RULE: Rule = Rule { class: CLASS, relies_on: METADATA, check };

fn check(case: &Case<'_>) -> Vec<Finding> {
    let all = case.inventory.of_kind(Kind::Namespace).filter(|(key, _)| &*key.store == "containerd");
    let foreign = all.filter_map(|(key, thing)| Some((key, thing.namespace().filter(|it| !it.of_engine)?)));
    foreign.filter(|(_, it)| holds_anything(it)).map(|(key, facts)| finding(case, key, facts)).collect()
}

fn holds_anything(it: &Namespace) -> bool {
    it.images + it.containers + it.snapshots + it.blobs + it.leases + it.ingests > 0
}

/// Its snapshots, its ingests, and the blobs that no other namespace has.
fn things<'a>(case: &Case<'a>, namespace: &Key) -> BTreeSet<&'a Key> {
    let in_it = |key: &Key| key.root == namespace.root;
    let inventory = case.inventory;
    let name = &*namespace.id;
    let snapshots =
        inventory.of_kind(Kind::Snapshot).filter(|(_, it)| it.snapshot().is_some_and(|s| s.namespace == name));
    let ingests = inventory
        .of_kind(Kind::Ingest)
        .filter(|(_, it)| it.ingest().is_some_and(|i| i.namespace.as_deref() == Some(name)));
    let blobs = inventory.of_kind(Kind::Blob).filter(|(key, it)| {
        let entries = it.blob().map(|blob| &blob.entries);
        key.store == namespace.store && entries.is_some_and(|entries| entries.len() == 1 && entries.contains_key(name))
    });
    snapshots.chain(ingests).chain(blobs).map(|(key, _)| key).filter(|key| in_it(key)).collect()
}

fn finding(case: &Case<'_>, key: &Key, facts: &Namespace) -> Finding {
    let base = case.finding(CLASS, &case.owners_of(things(case, key)));
    let holds = words::counts([
        (facts.images, "image", "images"),
        (facts.containers, "container", "containers"),
        (facts.snapshots, "snapshot", "snapshots"),
        (facts.blobs, "blob", "blobs"),
    ]);
    let name = shown(&key.id);
    let cause = format!(
        "Namespace {name} of the same containerd is not Docker's ({}): {} that no Docker command shows.",
        if holds.is_empty() { "it holds leases only".to_owned() } else { list(holds) },
        size(base.on_disk_bytes),
    );
    let note = format!(
        "No Docker command frees it. {}. Blobs that Docker has as well are not counted here.",
        tool(&key.id).unwrap_or_else(|| format!("Its owner's tools do, or `ctr --namespace {name}`"))
    );
    Finding {
        severity: base.severity.max(Severity::Low),
        objects: vec![key.clone()],
        cause,
        evidence: vec![format!("{}: v1/{name} in containerd's meta.db", key.root)],
        remedy: Remedy { commands: Vec::new(), note },
        ..base
    }
}

/// Whose namespace it is, by its usual name.
fn tool(name: &str) -> Option<String> {
    let text = match name {
        "k8s.io" => "It is that of Kubernetes: `crictl rmi --prune` removes its unused images",
        "default" => "It is that of `ctr` and nerdctl: `nerdctl system prune` or `ctr images rm` work on it",
        "buildkit" | "buildkit_history" => {
            "It is that of a buildkitd with a containerd worker: `buildctl prune` works on it"
        }
        _ => return None,
    };
    Some(text.to_owned())
}
