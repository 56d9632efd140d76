//! Files that cannot be read, do not parse, or contradict others. Nothing is ever advised to be removed for it.

use std::collections::{BTreeMap, HashMap};

use super::words::{self, count};
use super::{Case, Finding, Remedy, Rule, Severity};
use crate::inventory::{Owner, OwnerKind};
use crate::terms::{Key, Kind, LinkKind, Lost, Place, Problem};

const CLASS: &str = "damaged-metadata";

pub(super) const RULE: Rule = Rule { class: CLASS, relies_on: &[], check };

/// Problems that are no damage: how we read the disk and where we stop, what a daemon does meanwhile, and what has a class of its own.
const NOT_DAMAGE: &[&str] = &[
    "internal",
    "changing-database",
    "link-times-may-move",
    "not-read-in-detail",
    "container-without-mount",
    "nested-in-layers",
    "nested-too-deep",
    "too-many-nested",
];

/// Whether a problem is damage.
pub fn is_damage(problem: &Problem) -> bool {
    !NOT_DAMAGE.contains(&problem.code)
}

fn check(case: &Case<'_>) -> Vec<Finding> {
    let mut files: BTreeMap<&Place, Vec<&Problem>> = BTreeMap::new();
    for problem in case.inventory.problems.iter().filter(|problem| is_damage(problem)) {
        files.entry(&problem.at).or_default().push(problem);
    }
    if files.is_empty() {
        return Vec::new();
    }
    let lands = Lands::of(case);
    files.into_iter().map(|(at, problems)| finding(case, &lands, at, &problems)).collect()
}

fn finding(case: &Case<'_>, lands: &Lands<'_>, at: &Place, problems: &[&Problem]) -> Finding {
    let owner = lands.owner_of(at);
    // a container that does not load takes its read-write layer along
    let things: Vec<&Key> = owner.iter().flat_map(|(_, owner)| with_layer(case, &owner.thing)).collect();
    let base = match owner {
        Some((_, owner)) if owner.thing.kind == Kind::Container => case.finding(CLASS, &case.owners_of(things)),
        _ => case.finding(CLASS, owner.as_slice()),
    };
    let said = words::list(problems.iter().map(|problem| problem.cause.as_str()));
    let lost: Vec<&str> = problems
        .iter()
        .filter_map(|problem| match &problem.lost {
            Lost::Links(kinds) => Some(kinds.iter().map(|kind| kind.name())),
            Lost::Nothing | Lost::Bytes => None,
        })
        .flatten()
        .collect();
    let takes = if lost.is_empty() { "" } else { "; what it would refer to is not known" };
    let note = match lost.len() {
        0 => "No Docker command repairs it. No reference is lost with it.".to_owned(),
        n => format!(
            "No Docker command repairs it. Other findings that rest on it are \"unknown\" and have no command ({}: {}).",
            count(n, "kind of reference", "kinds of references"),
            words::list(distinct(&lost)),
        ),
    };
    let severity = if lost.is_empty() { Severity::Low } else { Severity::Medium };
    Finding {
        severity,
        objects: owner.iter().map(|(_, owner)| owner.thing.clone()).collect::<Vec<Key>>(),
        paths: vec![at.clone()],
        cause: format!("{at} is damaged: {said}{takes}."),
        evidence: vec![at.to_string()],
        remedy: Remedy { commands: Vec::new(), note },
        ..base
    }
}

fn with_layer<'k, 'a: 'k>(case: &Case<'a>, thing: &'k Key) -> Vec<&'k Key> {
    let mounts = case.graph.targets(thing, LinkKind::ReadWrite);
    std::iter::once(thing).chain(mounts.filter(|mount| !case.is_stranded(&mount.root, &mount.store))).collect()
}

fn distinct<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let mut names = names.to_vec();
    names.sort_unstable();
    names.dedup();
    names
}

/// Whose bytes a file is: what is an engine's own directory says nothing about whom the damage concerns.
struct Lands<'a> {
    owners: HashMap<&'a [u8], (usize, &'a Owner)>,
}

impl<'a> Lands<'a> {
    fn of(case: &Case<'a>) -> Self {
        let mut owners = HashMap::new();
        let own = |owner: &Owner| owner.thing.kind != Kind::Scaffold && owner.key.kind != OwnerKind::Scaffold;
        for (number, owner) in case.owners.iter().filter(|(_, owner)| own(owner)) {
            for (lot, _) in &owner.lots {
                // the first owner in order
                owners.entry(lot.as_bytes()).or_insert((number, owner));
            }
        }
        Self { owners }
    }

    /// The owner that claims it, or the nearest place above.
    fn owner_of<'p>(&self, at: &'p Place) -> Option<(usize, &'a Owner)> {
        let above = |path: &&'p [u8]| path.get(..path.iter().rposition(|b| *b == b'/')?);
        std::iter::successors(Some(at.as_bytes()), above).find_map(|path| self.owners.get(path).copied())
    }
}
