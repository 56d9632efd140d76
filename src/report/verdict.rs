//! The verdict: what fills the disk, how much of it Docker does not show, the one thing to do first.

use std::collections::BTreeMap;

use super::Analysis;
use super::contract::Totals;
use crate::docker::units::human_bytes as human;
use crate::finding::{Confidence, Finding};
use crate::inventory::OwnerKind;
use crate::usage::Weight;

pub(super) fn of(analysis: &Analysis<'_>, totals: &Totals) -> Vec<String> {
    let mut says = vec![hidden(totals), fills(analysis, totals)];
    says.extend(differs(analysis, totals));
    says.push(super::elsewhere::doubt(analysis).unwrap_or_else(|| first(analysis)));
    says
}

fn hidden(totals: &Totals) -> String {
    format!(
        "{} on disk; `docker system df` adds up to {}; {} ({}) is in none of its totals.",
        human(totals.on_disk_bytes),
        human(totals.docker_says_bytes),
        human(totals.hidden_bytes),
        percent(totals.hidden_bytes, totals.on_disk_bytes),
    )
}

/// The three biggest kinds of owners.
fn fills(analysis: &Analysis<'_>, totals: &Totals) -> String {
    let mut kinds: Vec<(u64, &str)> =
        by_kind(analysis, |weight| weight.allocated).into_iter().map(|(kind, bytes)| (bytes, words(kind))).collect();
    kinds.sort_by(|a, b| b.cmp(a));
    let named: Vec<String> = kinds
        .iter()
        .take(3)
        .filter(|(bytes, _)| *bytes > 0)
        .map(|(bytes, kind)| format!("{kind} {} ({})", human(*bytes), percent(*bytes, totals.on_disk_bytes)))
        .collect();
    if named.is_empty() { "Nothing lies here.".to_owned() } else { format!("What fills it: {}.", named.join(", ")) }
}

/// What the owners of each kind weigh, bytes or inodes.
fn by_kind(analysis: &Analysis<'_>, of: fn(&Weight) -> u64) -> BTreeMap<OwnerKind, u64> {
    let mut kinds = BTreeMap::new();
    for (number, owner) in analysis.reading.owners.iter() {
        *kinds.entry(owner.key.kind).or_insert(0) += analysis.reading.ledger.owners.get(number).map_or(0, of);
    }
    kinds
}

/// Why the numbers differ, where they do.
fn differs(analysis: &Analysis<'_>, totals: &Totals) -> Option<String> {
    let kinds = by_kind(analysis, |weight| weight.allocated);
    let of = |kind| kinds.get(&kind).copied().unwrap_or(0);
    let counted_apparent: u64 = analysis
        .reading
        .owners
        .iter()
        .filter(|(_, owner)| analysis.counted.contains(&owner.key))
        .filter_map(|(number, _)| analysis.reading.ledger.owners.get(number))
        .map(|weight| weight.apparent)
        .sum();
    let full_copies = analysis.seen.iter().any(|seen| matches!(&*seen.store, "vfs" | "btrfs"));
    let mut hidden = [
        (hidden_layers(analysis), "layers that no image shows"),
        (of(OwnerKind::ContainerLogs), "container logs"),
        (of(OwnerKind::InitLayer), "init layers"),
    ];
    hidden.sort_by(|a, b| b.cmp(a));
    let shown = hidden.iter().filter(|(bytes, _)| *bytes > 0);
    let mut why: Vec<String> = shown.map(|(bytes, what)| format!("{what} ({})", human(*bytes))).collect();
    if full_copies {
        why.push("every layer is a full copy, of which Docker counts what it adds".to_owned());
    }
    if analysis.seen.iter().any(|seen| &*seen.store == "btrfs") {
        why.push("extents that snapshots share, charged to each of them as `du` does".to_owned());
    }
    if counted_apparent > totals.docker_df_bytes.saturating_mul(2) {
        why.push("sparse files, which Docker counts at their length".to_owned());
    }
    if totals.docker_says_bytes > totals.on_disk_bytes {
        why.push("rows that overlap".to_owned());
    }
    (!why.is_empty()).then(|| format!("They differ because of {}.", why.join(", ")))
}

/// Layers that enter no SIZE total: held by containers, by rows of 0 B, or by nothing.
fn hidden_layers(analysis: &Analysis<'_>) -> u64 {
    let layers = analysis.reading.owners.iter().filter(|(_, owner)| owner.key.kind == OwnerKind::Layer);
    let hidden = layers.filter(|(_, owner)| !analysis.counted.contains(&owner.key));
    hidden.filter_map(|(number, _)| analysis.reading.ledger.owners.get(number)).map(|weight| weight.allocated).sum()
}

/// What is offered first, the least harm before the most: leftovers of removed images, then caches, then what somebody may
/// still want. Volumes are never offered.
const HARM: &[&[&str]] = &[
    &["layers-pinned-by-stopped-container", "dangling-image", "untagged-image-pinned-by-container"],
    &["build-cache", "zero-size-cache-record"],
    &["stopped-container", "dead-container"],
    &["unused-image"],
];

/// The biggest certain finding of the least harm that a command frees, if it is worth a command.
fn first(analysis: &Analysis<'_>) -> String {
    let worth = analysis.reading.ledger.total.allocated / 100;
    let offered = |finding: &&Finding| {
        finding.confidence == Confidence::Certain
            && !finding.remedy.commands.is_empty()
            && finding.on_disk_bytes > worth.max(1)
    };
    let of = |classes: &&[&str]| analysis.findings.iter().filter(offered).find(|f| classes.contains(&f.class));
    match HARM.iter().find_map(of) {
        Some(finding) => {
            let commands: Vec<String> = finding.remedy.commands.iter().map(|command| format!("`{command}`")).collect();
            format!("First: {} ({}, {}).", commands.join(", then "), human(finding.on_disk_bytes), finding.class)
        }
        None => "No Docker command frees much here without losing data.".to_owned(),
    }
}

/// A kind of owner, for people.
pub(super) fn words(kind: OwnerKind) -> &'static str {
    match kind {
        OwnerKind::Layer => "image layers",
        OwnerKind::RwLayer => "containers' read-write layers",
        OwnerKind::InitLayer => "containers' init layers",
        OwnerKind::ContainerMetadata => "container metadata",
        OwnerKind::ContainerLogs => "container logs",
        OwnerKind::Checkpoint => "checkpoints",
        OwnerKind::Volume => "volumes",
        OwnerKind::CacheRecord => "build cache",
        OwnerKind::Snapshot => "snapshots",
        OwnerKind::Blob => "content blobs",
        OwnerKind::Ingest => "unfinished downloads",
        OwnerKind::ImageMetadata => "image metadata",
        OwnerKind::Database => "databases",
        OwnerKind::Plugin => "plugins",
        OwnerKind::Swarm => "swarm state",
        OwnerKind::Network => "network state",
        OwnerKind::Temporary => "temporary files",
        OwnerKind::Store => "other stores",
        OwnerKind::Scaffold => "the engine's own directories",
        OwnerKind::Unclaimed => "what nothing claims",
    }
}

/// Whole percent; `<1%` for what rounds to nothing.
pub(super) fn percent(part: u64, whole: u64) -> String {
    match (u128::from(part) * 100).checked_div(u128::from(whole)) {
        None => "0%".to_owned(),
        Some(0) if part > 0 => "<1%".to_owned(),
        Some(p) => format!("{p}%"),
    }
}
