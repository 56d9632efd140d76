//! Directories and files of containerd's stores that no metadata names. They go when a collection takes something of the
//! same store; on an idle host they stay.

use std::collections::{BTreeMap, BTreeSet};

use crate::docker::mark::{Fate, Marked};
use crate::finding::words::{count, list, shown, size};
use crate::finding::{Case, Finding, Remedy, Rule, age};
use crate::inventory::StoreKind;
use crate::inventory::facts::sweeps;
use crate::terms::{Key, Kind, short_id};

pub(in crate::finding) const RULE: Rule = Rule { class: "orphan-driver-directory", relies_on: super::METADATA, check };

fn check(case: &Case<'_>) -> Vec<Finding> {
    if !case.inventory.stores.iter().any(|store| store.kind == StoreKind::Containerd)
        && case.inventory.of_kind(Kind::Namespace).next().is_none()
    {
        return Vec::new();
    }
    let mut groups: BTreeMap<(&str, &str, Kind), Vec<&Key>> = BTreeMap::new();
    for key in unowned(case) {
        groups.entry((&key.root, &key.store, key.kind)).or_default().push(key);
    }
    let mut findings = Vec::new();
    for orphans in groups.into_values() {
        for orphans in age::apart(case, orphans, |key| changed(case, key)) {
            findings.push(finding(case, &orphans));
        }
    }
    findings
}

fn unowned<'a>(case: &Case<'a>) -> Vec<&'a Key> {
    let marked = Marked::of(case.inventory, case.graph, case.now);
    let in_full = |key: &Key| {
        let stores = case.inventory.stores.iter().filter(|store| store.kind == StoreKind::Containerd);
        stores.filter(|store| store.read_in_full).any(|store| store.root == key.root && store.name == key.store)
    };
    let expected: BTreeSet<&str> =
        case.inventory.of_kind(Kind::Ingest).filter_map(|(_, it)| it.ingest()?.expected.as_deref()).collect();
    let all = case.inventory.entities.keys();
    let is_stranded = |key: &Key| case.is_stranded(&key.root, &key.store);
    let is_orphan = |key: &&Key| match key.kind {
        Kind::DriverDirectory => in_full(key) && !is_stranded(key),
        Kind::Snapshot => marked.fate(key) == Some(&Fate::Unowned) && !is_stranded(key),
        // containerd core/metadata/content.go garbageCollect: what an ingest was to become is spared
        Kind::Blob => marked.fate(key) == Some(&Fate::Unowned) && !expected.contains(&*key.id),
        _ => false,
    };
    all.filter(is_orphan).filter(|key| case.place_of(key).is_some()).collect()
}

/// An entry whose file is not there and that records the length of this one: its digest may have been damaged.
fn misnamed(case: &Case<'_>, orphan: &Key) -> Option<String> {
    let (number, _) = case.owners.of_thing(orphan).next()?;
    let length = case.ledger.owners.get(number)?.apparent;
    let mut blobs =
        case.inventory.of_kind(Kind::Blob).filter(|(key, _)| key.root == orphan.root && key.store == orphan.store);
    let (entry, _) = blobs.find(|(key, thing)| {
        let records = thing.blob().filter(|blob| blob.at.is_none());
        key.kind == orphan.kind
            && records.is_some_and(|blob| blob.recorded.values().any(|recorded| *recorded == length))
    })?;
    let (orphan, entry) = (short_id(&orphan.id), short_id(&entry.id));
    Some(format!(
        "blob {orphan} is as long as {entry}, which has an entry and no file: one of the names may be damaged"
    ))
}

/// When it last changed; of what has no time of its own that is known nothing is said while a daemon works.
fn changed(case: &Case<'_>, key: &Key) -> Option<(i64, u32)> {
    case.youngest([key]).or(case.live_since)
}

fn finding(case: &Case<'_>, orphans: &[&Key]) -> Finding {
    let base = case.finding(RULE.class, &case.owners_of(orphans.iter().copied()));
    let kind = orphans.first().map_or(Kind::DriverDirectory, |key| key.kind);
    let (one, many, by) = match kind {
        Kind::Blob => ("blob", "blobs", "by any namespace"),
        Kind::Snapshot => ("snapshot of the snapshotter", "snapshots of the snapshotter", "by any namespace"),
        _ => ("snapshot directory", "snapshot directories", "by the snapshotter's own database"),
    };
    let name = |key: &&Key| if kind == Kind::Blob { short_id(&key.id).to_owned() } else { shown(&key.id) };
    let cause = format!(
        "{} ({}) {} not named {by}: {} that no Docker command shows. containerd was killed, or somebody put it there.",
        count(orphans.len(), one, many),
        list(orphans.iter().map(name)),
        if orphans.len() == 1 { "is" } else { "are" },
        size(base.on_disk_bytes),
    );
    let stays = kind == Kind::DriverDirectory && orphans.iter().any(|key| !sweeps(&key.store));
    let note = if stays {
        "No Docker command is made for it, and containerd does not look for it with this snapshotter: it stays."
            .to_owned()
    } else {
        format!(
            "No Docker command is made for it. containerd takes it with the next collection that removes a {} for another reason; on an \
             idle host it stays.",
            if kind == Kind::Blob { "blob" } else { "snapshot" }
        )
    };
    let evidence = orphans.iter().filter_map(|key| case.place_of(key)).map(|at| format!("{at}: {by} not named"));
    Finding {
        objects: orphans.iter().map(|key| (*key).clone()).collect(),
        cause,
        evidence: evidence.collect(),
        remedy: Remedy { commands: Vec::new(), note },
        youngest: orphans.iter().filter_map(|key| changed(case, key)).max(),
        doubt: orphans.iter().find_map(|key| misnamed(case, key)),
        ..base
    }
}
