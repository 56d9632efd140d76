//! Build-cache records that Docker shows as 0 B and that keep all layers of an image which is gone.

use std::collections::{BTreeMap, BTreeSet};

use super::words::{count, list, size};
use super::{Case, Finding, Remedy, Rule, build_cache, pinned};
use crate::docker::seen::Seen;
use crate::inventory::facts::CacheRecord;
use crate::terms::{Key, LinkKind, short_id};

const CLASS: &str = "zero-size-cache-record";

pub(super) const RULE: Rule = Rule { class: CLASS, relies_on: pinned::HOLDING_LAYERS, check };

fn check(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for seen in case.in_use() {
        for (records, layers) in hidden(case, seen) {
            findings.push(finding(case, seen, &records, &layers));
        }
    }
    findings
}

/// The layers that only the build cache holds and that no row of more than 0 B stands for, by the records that hold them.
fn hidden<'a>(case: &Case<'a>, seen: &Seen<'a>) -> BTreeMap<BTreeSet<&'a Key>, Vec<&'a Key>> {
    let only_cached = pinned::Holders { cached: true, ..pinned::Holders::default() };
    let layers: BTreeSet<&Key> =
        pinned::by_holders(seen).remove(&only_cached).unwrap_or_default().into_iter().collect();
    let mut holders: BTreeMap<&Key, BTreeSet<&Key>> = BTreeMap::new();
    let mut shown: BTreeSet<&Key> = BTreeSet::new();
    for (record, facts) in build_cache::of_root(case, &seen.root) {
        let Some(top) = build_cache::layer_of(case, seen, record) else { continue };
        if !is_zero(facts) {
            shown.insert(top);
            continue;
        }
        let chain = seen.layers.get(top).and_then(|layer| layer.chain.as_ref());
        for (layer, _) in
            chain.into_iter().flat_map(|chain| seen.chain_of(chain)).filter(|(layer, _)| layers.contains(layer))
        {
            holders.entry(layer).or_default().insert(record);
        }
    }
    let mut groups: BTreeMap<BTreeSet<&Key>, Vec<&Key>> = BTreeMap::new();
    for (layer, records) in holders.into_iter().filter(|(layer, _)| !shown.contains(layer)) {
        groups.entry(records).or_default().push(layer);
    }
    groups
}

/// Of a record that stands for a base image only the blob counts, and there is none.
// buildkit cache/refs.go size
fn is_zero(record: &CacheRecord) -> bool {
    record.blob_only || record.size == Some(0)
}

fn finding(case: &Case<'_>, seen: &Seen<'_>, records: &BTreeSet<&Key>, layers: &[&Key]) -> Finding {
    let base = case.finding(CLASS, &case.owners_of(layers.iter().copied()));
    let one = records.len() == 1;
    let cause = format!(
        "{} ({}), shown by Docker as 0 B, {} {} that no image and no container needs: {}.",
        count(records.len(), "build-cache record", "build-cache records"),
        list(records.iter().map(|key| short_id(&key.id))),
        if one { "keeps" } else { "keep" },
        count(layers.len(), "layer", "layers"),
        size(base.on_disk_bytes),
    );
    let note = "`docker builder prune` takes every cache record that no build is using, and these with them; it reports 0 B for them.";
    let entry = |layer: &&Key| seen.layers.get(*layer).and_then(|facts| facts.entry.as_ref()).map(ToString::to_string);
    let mut evidence: BTreeSet<String> =
        records.iter().flat_map(|key| case.evidence(key, LinkKind::Caches)).map(ToString::to_string).collect();
    evidence.extend(layers.iter().filter_map(entry));
    Finding {
        objects: records.iter().chain(layers).map(|key| (*key).clone()).collect(),
        cause,
        evidence: evidence.into_iter().collect(),
        remedy: Remedy { commands: vec!["docker builder prune".to_owned()], note: note.to_owned() },
        ..base
    }
}
