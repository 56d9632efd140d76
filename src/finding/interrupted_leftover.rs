//! What an operation left that did not come to its end.

use std::collections::BTreeMap;

use super::words::{count, shown, size};
use super::{Case, Finding, Remedy, Rule, age};
use crate::inventory::facts::Leftover;
use crate::terms::{Key, Kind, LinkKind};

const CLASS: &str = "interrupted-leftover";

/// What it is, is said by its name and its place.
pub(super) const RULE: Rule = Rule { class: CLASS, relies_on: &[], check };

type Group<'a> = Vec<(&'a Key, &'a Leftover)>;

fn check(case: &Case<'_>) -> Vec<Finding> {
    let mut groups: BTreeMap<(&str, &str, &str), Group<'_>> = BTreeMap::new();
    let leftovers = case.inventory.of_kind(Kind::Leftover).filter(|(key, _)| !case.is_stranded(&key.root, &key.store));
    for (key, facts) in leftovers.filter_map(|(key, thing)| Some((key, thing.leftover()?))) {
        groups.entry((&key.root, facts.what, facts.cleaned_by)).or_default().push((key, facts));
    }
    groups.into_values().filter_map(|group| finding(case, &group)).collect()
}

fn finding(case: &Case<'_>, group: &[(&Key, &Leftover)]) -> Option<Finding> {
    let (first, facts) = group.first()?;
    let keys = || group.iter().map(|(key, _)| *key);
    let base = case.finding(CLASS, &case.owners_of(keys()));
    let place = |key: &&Key| case.place_of(key).map_or_else(|| key.id.to_string(), ToString::to_string);
    let number = count(group.len(), "thing", "things");
    let what = facts.what;
    let cause = match group.len() {
        1 => format!(
            "An operation that did not end left a {what} ({}): {}.",
            shown(&place(first)),
            size(base.on_disk_bytes)
        ),
        _ => format!(
            "Operations that did not end left {number} of this kind: {what}, {} in all.",
            size(base.on_disk_bytes)
        ),
    };
    let note = match facts.cleaned_by {
        never if never.starts_with("no") => "No Docker command frees it, and no restart.".to_owned(),
        by => format!("No Docker command is made for it. What frees it: {by}."),
    };
    let directories = group.iter().flat_map(|(key, _)| {
        let links = case.inventory.links.iter();
        links.filter(move |link| link.from == **key && link.kind == LinkKind::Interrupted).map(|link| &link.evidence)
    });
    let mut evidence: Vec<String> = keys().map(|key| place(&key)).collect();
    evidence.extend(directories.map(ToString::to_string));
    evidence.dedup();
    Some(Finding {
        objects: keys().cloned().collect(),
        cause,
        evidence,
        remedy: Remedy { commands: Vec::new(), note },
        youngest: Some(age::UNKNOWN),
        ..base
    })
}
