//! What lies in an engine's directory and was written by no engine.

use std::collections::BTreeMap;

use super::words::{count, list, size};
use super::{Case, Finding, Remedy, Rule};
use crate::terms::{Key, Kind};

const CLASS: &str = "foreign-file";

/// Every name in an engine's own directory is known or is a stranger.
pub(super) const RULE: Rule = Rule { class: CLASS, relies_on: &[], check };

fn check(case: &Case<'_>) -> Vec<Finding> {
    let mut roots: BTreeMap<&str, Vec<(&Key, bool)>> = BTreeMap::new();
    let strangers = case.inventory.of_kind(Kind::File).filter(|(key, _)| !case.is_stranded(&key.root, &key.store));
    for (key, facts) in strangers.filter_map(|(key, thing)| Some((key, thing.foreign()?))) {
        roots.entry(&key.root).or_default().push((key, facts.more_like_it));
    }
    roots.into_values().map(|strangers| finding(case, &strangers)).collect()
}

fn finding(case: &Case<'_>, strangers: &[(&Key, bool)]) -> Finding {
    let keys = || strangers.iter().map(|(key, _)| *key);
    let base = case.finding(CLASS, &case.owners_of(keys()));
    let more = strangers.iter().filter(|(_, more)| *more).count();
    let cause = format!(
        "No engine wrote {}{} in its directories ({}): {} that nobody there knows.",
        count(strangers.len().saturating_sub(more), "file or directory", "files or directories"),
        if more > 0 { " and more like them" } else { "" },
        list(keys().map(|key| &*key.id)),
        size(base.on_disk_bytes),
    );
    let note = "No Docker command touches it. Whoever put it there has to say whether it is wanted: a core dump, a backup, a file of an \
                engine that this program does not know.";
    Finding {
        objects: keys().cloned().collect(),
        cause,
        evidence: base.paths.iter().map(ToString::to_string).collect(),
        remedy: Remedy { commands: Vec::new(), note: note.to_owned() },
        ..base
    }
}
