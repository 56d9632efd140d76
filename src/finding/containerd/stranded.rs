//! containerd's store, or one of its snapshotters, that the engine no longer uses: after its feature was turned off, or
//! after a change of the driver. Images, blobs and snapshots are complete, and hidden.

use crate::finding::stranded_store::{Held, volumes_only_there};
use crate::finding::{Case, Finding, Remedy, Rule};
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
    let layers = (view.map_or(0, |it| it.snapshots.len()), "snapshot", "snapshots");
    let remedy = Remedy { commands: Vec::new(), note: note(case, store, &containers, alone) };
    let kept = format!("in containerd with {}", store.name);
    let base = Finding { paths: vec![top], ..base };
    Some(Held { images, containers, layers }.stranded(case, store, &kept, remedy, base))
}

fn note(case: &Case<'_>, store: &StoreInfo, containers: &[&Key], alone: bool) -> String {
    let again = format!(
        "No Docker command frees it. With `\"features\": {{\"containerd-snapshotter\": true}}` and \"storage-driver\": \"{}\" in daemon.json the \
         engine uses it again, and `docker image prune`, `docker rm` and `docker save` work on what it holds.",
        store.name
    );
    let beside = if alone {
        "Nobody else has anything in this containerd."
    } else {
        "Blobs are shared with what else this containerd keeps, and are not in the number."
    };
    [again, beside.to_owned()].into_iter().chain(volumes_only_there(case, containers)).collect::<Vec<_>>().join(" ")
}
