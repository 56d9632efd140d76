//! containerd's store, or one of its snapshotters, that the engine no longer uses: after its feature was turned off, or
//! after a change of the driver. Images, blobs and snapshots are complete, and hidden.

use std::collections::BTreeSet;

use crate::finding::stranded_store::volumes_only_there;
use crate::finding::words::{count, list, size};
use crate::finding::{Case, Confidence, Finding, Remedy, Rule};
use crate::inventory::{Owner, StoreInfo, StoreKind};
use crate::terms::{Key, Kind, Place};

/// Which store is in use is told by `daemon.json`, and by what the containers say.
pub(in crate::finding) const RULE: Rule = Rule { class: "stranded-store", relies_on: &[], check };

fn check(case: &Case<'_>) -> Vec<Finding> {
    let stranded: Vec<&StoreInfo> = case
        .inventory
        .stores
        .iter()
        .filter(|store| store.kind == StoreKind::Containerd && case.is_stranded(&store.root, &store.name))
        .collect();
    stranded.iter().filter_map(|store| finding(case, store, is_alone(case, store))).collect()
}

/// Whether nobody uses this containerd for anything else: then all of it is left over.
fn is_alone(case: &Case<'_>, store: &StoreInfo) -> bool {
    let others = case.inventory.stores.iter().filter(|it| it.kind == StoreKind::Containerd && it.root == store.root);
    let foreign = case.inventory.of_kind(Kind::Namespace).filter(|(key, _)| key.root == store.root);
    others.filter(|it| it.populated).count() == 1
        && !foreign.filter_map(|(_, thing)| thing.namespace()).any(|it| !it.of_engine)
}

fn owners<'a>(case: &Case<'a>, store: &StoreInfo, home: &Place) -> Vec<(usize, &'a Owner)> {
    let worker = format!("containerd-{}", store.name);
    let of_worker = |owner: &Owner| owner.path.components().any(|part| part == worker.as_bytes());
    case.owners.iter().filter(|(_, owner)| owner.path.starts_with(home) || of_worker(owner)).collect()
}

fn finding(case: &Case<'_>, store: &StoreInfo, alone: bool) -> Option<Finding> {
    let top = store.home.parent().filter(|_| alone).unwrap_or_else(|| store.home.clone());
    let base = case.finding(RULE.class, &owners(case, store, &top));
    if base.inodes == 0 {
        return None;
    }
    let view = super::lived_in(case).find(|it| it.home == store.root && it.store == store.name);
    let images: Vec<&Key> = view.iter().flat_map(|it| it.images.values().map(|image| image.key)).collect();
    let containers: Vec<&Key> = view.iter().flat_map(|it| it.sound.keys().copied()).collect();
    let snapshots = view.map_or(0, |it| it.snapshots.len());
    let holds: Vec<String> = [
        (images.len(), "image", "images"),
        (containers.len(), "container", "containers"),
        (snapshots, "snapshot", "snapshots"),
    ]
    .into_iter()
    .filter(|(number, ..)| *number > 0)
    .map(|(number, one, many)| count(number, one, many))
    .collect();
    let in_use = case.active.store.as_ref().map_or_else(|| "another store".to_owned(), |(_, name)| name.clone());
    let cause = format!(
        "The engine uses {in_use}; what it kept in containerd with {} before{} is still there, shown by no Docker command: {}.",
        store.name,
        if holds.is_empty() { String::new() } else { format!(" with {}", list(holds)) },
        size(base.on_disk_bytes),
    );
    let mut objects =
        vec![Key { root: store.root.clone(), store: store.name.clone(), kind: Kind::Store, id: store.name.clone() }];
    objects.extend(containers.iter().chain(&images).map(|key| (*key).clone()));
    let mut evidence = vec![store.home.to_string()];
    evidence.extend(case.active.reasons.iter().map(|reason| format!("{in_use} is in use: {reason}")));
    Some(Finding {
        // a guess about the driver must not cost anybody their data
        confidence: if case.active.asserted { Confidence::Certain } else { Confidence::Likely },
        objects,
        paths: vec![top],
        cause,
        evidence,
        remedy: Remedy { commands: Vec::new(), note: note(case, store, &containers, alone) },
        ..base
    })
}

fn note(case: &Case<'_>, store: &StoreInfo, containers: &[&Key], alone: bool) -> String {
    let mut note = format!(
        "No Docker command frees it. With `\"features\": {{\"containerd-snapshotter\": true}}` and \"storage-driver\": \"{}\" in daemon.json the \
         engine uses it again, and `docker image prune`, `docker rm` and `docker save` work on what it holds.",
        store.name
    );
    if alone {
        note.push_str(" Nobody else has anything in this containerd.");
    } else {
        note.push_str(" Blobs are shared with what else this containerd keeps, and are not in the number.");
    }
    let volumes: BTreeSet<&Key> = volumes_only_there(case, containers);
    if !volumes.is_empty() {
        note.push_str(&format!(
            " Only its containers use {} ({}): Docker takes {} for unused, so that `docker volume prune` may remove them.",
            count(volumes.len(), "volume", "volumes"),
            list(volumes.iter().map(|key| &*key.id)),
            if volumes.len() == 1 { "it" } else { "them" },
        ));
    }
    note
}
