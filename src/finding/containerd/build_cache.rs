//! BuildKit's records in containerd's store: their snapshots and blobs hang on leases that are called after them.

use std::collections::{BTreeMap, BTreeSet};

use super::{in_use, is_data};
use crate::docker::stored::Stored;
use crate::finding::words::{count, list, size};
use crate::finding::{Case, Finding, Remedy, Rule};
use crate::inventory::facts::CacheRecord;
use crate::terms::{Key, Kind, LinkKind};

pub(in crate::finding) const RULE: Rule = Rule { class: "build-cache", relies_on: super::ALL, check };

fn check(case: &Case<'_>) -> Vec<Finding> {
    in_use(case).filter_map(|stored| finding(case, stored)).collect()
}

fn finding<'a>(case: &Case<'a>, stored: &Stored<'a>) -> Option<Finding> {
    let worker = format!("containerd-{}", stored.store);
    let all = case.inventory.of_kind(Kind::CacheRecord);
    let of_it = all.filter(|(key, _)| key.root == stored.root && *key.store == *worker);
    let records: Vec<(&Key, &CacheRecord)> =
        of_it.filter_map(|(key, thing)| Some((key, thing.cache_record()?))).collect();
    if records.is_empty() {
        return None;
    }
    let freed: BTreeSet<&Key> =
        case.freed_with(records.iter().map(|(key, _)| *key)).into_iter().filter(is_data).collect();
    let base = case.finding(RULE.class, &case.owners_of(freed));
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    records.iter().for_each(|(_, record)| *kinds.entry(&record.record_type).or_default() += 1);
    let mut kinds: Vec<(usize, &str)> = kinds.into_iter().map(|(kind, number)| (number, kind)).collect();
    kinds.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    let cause = format!(
        "The build cache has {} ({}): {} that no image and no container needs.",
        count(records.len(), "record", "records"),
        list(kinds.iter().map(|(number, kind)| format!("{number} {kind}"))),
        size(base.on_disk_bytes),
    );
    let note = "It takes every record that no build is using; the next builds start anew. Without `-a` those that are shared with images stay, and \
                BuildKit's own. What Docker reports as reclaimed counts what images hold as well.";
    let files: BTreeSet<String> =
        records.iter().flat_map(|(key, _)| case.evidence(key, LinkKind::HoldsLease)).map(ToString::to_string).collect();
    Some(Finding {
        objects: records.iter().map(|(key, _)| (*key).clone()).collect(),
        cause,
        evidence: files.into_iter().collect(),
        remedy: Remedy { commands: vec!["docker builder prune -a".to_owned()], note: note.to_owned() },
        ..base
    })
}
