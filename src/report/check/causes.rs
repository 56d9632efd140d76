//! From problems to causes: what is only there because of something else stands below it.

use std::collections::{BTreeMap, BTreeSet};

use super::contract::{Cause, Consequence};
use super::repair::{self, is_damage};
use super::victims::{self, Reach};
use crate::explain::Ground;
use crate::report::Analysis;
use crate::report::build::object;
use crate::terms::{Key, Kind, Link, Place, Problem};

/// The same thing is wrong, whoever says so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Root {
    /// A thing that others name, and that is not there.
    Absent(Key),
    /// A thing whose own files are damaged.
    Thing(Key),
    /// A file that is nobody's in particular.
    File(Place),
}

struct Fault<'a> {
    problem: &'a Problem,
    root: Root,
    things: BTreeSet<Key>,
}

/// Every cause, the smallest repair first.
pub(super) fn of(analysis: &Analysis<'_>, wanted: &dyn Fn(&BTreeSet<Key>, &Place) -> bool) -> Vec<Cause> {
    let ground = Ground::of(&analysis.reading.inventory, &analysis.reading.owners);
    let dangling = dangling(analysis);
    let mut groups: BTreeMap<Root, Vec<Fault<'_>>> = BTreeMap::new();
    for problem in analysis.reading.problems.iter().filter(|problem| is_damage(problem)) {
        let fault = fault(analysis, &ground, &dangling, problem);
        if wanted(&fault.things, &problem.at) {
            groups.entry(fault.root.clone()).or_default().push(fault);
        }
    }
    fold_lowers(analysis, &mut groups);
    groups.into_iter().filter_map(|(root, faults)| cause(analysis, &root, &faults)).collect()
}

/// A layer that is not there is missed by the layer above it, and by the `lower` file of every directory further up.
fn fold_lowers<'a>(analysis: &Analysis<'a>, groups: &mut BTreeMap<Root, Vec<Fault<'a>>>) {
    let above = |faults: &[Fault<'_>]| victims::above(analysis, faults.iter().flat_map(|fault| &fault.things));
    let of_a_lower = |faults: &[Fault<'_>]| faults.iter().all(|fault| fault.problem.code == "lower-missing-link");
    let absent = |root: &Root| matches!(root, Root::Absent(key) if key.kind == Kind::Layer);
    let missing: Vec<(Root, BTreeSet<Key>)> =
        groups.iter().filter(|(root, _)| absent(root)).map(|(root, faults)| (root.clone(), above(faults))).collect();
    let lowers: Vec<Root> = groups
        .iter()
        .filter(|(root, faults)| !absent(root) && of_a_lower(faults))
        .map(|(root, _)| root.clone())
        .collect();
    for root in lowers.into_iter().filter(|_| !missing.is_empty()) {
        let stand = groups.get(&root).map(|faults| above(faults)).unwrap_or_default();
        let Some((into, _)) = missing.iter().find(|(_, stands)| !stands.is_disjoint(&stand)) else { continue };
        let faults = groups.remove(&root).unwrap_or_default();
        groups
            .entry(into.clone())
            .or_default()
            .extend(faults.into_iter().map(|fault| Fault { things: BTreeSet::new(), ..fault }));
    }
}

/// References to what is not there, by the file that says so.
fn dangling<'a>(analysis: &Analysis<'a>) -> BTreeMap<Place, Vec<&'a Link>> {
    let inventory = &analysis.reading.inventory;
    let mut found: BTreeMap<Place, Vec<&Link>> = BTreeMap::new();
    for link in inventory.links.iter().filter(|link| inventory.get(&link.to).is_none()) {
        found.entry(link.evidence.place()).or_default().push(link);
    }
    found
}

fn fault<'a>(
    analysis: &Analysis<'a>,
    ground: &Ground<'a>,
    dangling: &BTreeMap<Place, Vec<&'a Link>>,
    problem: &'a Problem,
) -> Fault<'a> {
    let named = |key: &Key| problem.cause.contains(key.id.strip_prefix("sha256:").unwrap_or(&key.id));
    let links: Vec<&&Link> = dangling.get(&problem.at).into_iter().flatten().filter(|link| named(&link.to)).collect();
    if let Some(first) = links.first() {
        let mut things: BTreeSet<Key> =
            links.iter().filter(|link| link.to == first.to).map(|link| link.from.clone()).collect();
        // a file may name it for several
        let by_name: BTreeSet<Key> = things.iter().filter(|key| named(key)).cloned().collect();
        if !by_name.is_empty() {
            things = by_name;
        }
        // a directory is the data of one thing, and that is what is damaged
        let root = match (things.first(), first.to.kind) {
            (Some(thing), Kind::DriverDirectory) if things.len() == 1 => Root::Thing(thing.clone()),
            _ => Root::Absent(first.to.clone()),
        };
        return Fault { problem, root, things };
    }
    // a database speaks of many things: the one whose name it gives
    let spoken_of: BTreeSet<Key> = match ground.thing(&problem.at) {
        Some(key) if key.kind != Kind::Database => BTreeSet::from([key.clone()]),
        _ => spoken_of(analysis, problem),
    };
    let root = match (spoken_of.first(), spoken_of.len()) {
        (Some(key), 1) => Root::Thing(key.clone()),
        _ => Root::File(problem.at.clone()),
    };
    Fault { problem, root, things: spoken_of }
}

fn spoken_of(analysis: &Analysis<'_>, problem: &Problem) -> BTreeSet<Key> {
    const KINDS: &[Kind] = &[Kind::Blob, Kind::Snapshot, Kind::Tag, Kind::Volume, Kind::Container];
    let named = |key: &Key| {
        let id = key.id.rsplit('/').next().unwrap_or(&key.id);
        let id = id.strip_prefix("sha256:").unwrap_or(id);
        // what is missing is not on anybody's ground, and has its name all the same
        id.len() >= 8 && (problem.cause.contains(id) || problem.at.name() == id.as_bytes())
    };
    let inventory = &analysis.reading.inventory;
    KINDS
        .iter()
        .flat_map(|kind| inventory.of_kind(*kind))
        .map(|(key, _)| key)
        .filter(|key| named(key))
        .cloned()
        .collect()
}

fn cause(analysis: &Analysis<'_>, root: &Root, faults: &[Fault<'_>]) -> Option<Cause> {
    let reach = faults.iter().map(|fault| repair::reach(fault.problem)).min().unwrap_or(Reach::Nothing);
    // what has no thing of its own was put here for the sake of another
    let worst =
        faults.iter().min_by_key(|fault| (fault.things.is_empty(), repair::reach(fault.problem), &fault.problem.at))?;
    let things: BTreeSet<Key> = faults.iter().flat_map(|fault| fault.things.iter().cloned()).collect();
    let rest = faults.iter().filter(|fault| !std::ptr::eq(*fault, worst)).map(|fault| Consequence {
        code: fault.problem.code.to_owned(),
        path: fault.problem.at.to_string(),
        cause: fault.problem.cause.clone(),
    });
    let (path, said) = match root {
        Root::Absent(key) if faults.len() > 1 => {
            (worst.problem.at.to_string(), format!("{} {} is not there, and is needed", key.kind, key.id))
        }
        _ => (worst.problem.at.to_string(), worst.problem.cause.clone()),
    };
    let mut consequences: Vec<Consequence> = rest.collect();
    consequences.sort();
    Some(Cause {
        class: "damaged-metadata".to_owned(),
        code: worst.problem.code.to_owned(),
        path,
        cause: said,
        objects: things.iter().map(|key| object(analysis, key)).collect(),
        consequences,
        victims: victims::of(analysis, &things, reach),
        repair: repair::words(worst.problem, things.first()).to_owned(),
        repair_bytes: repair::bytes(analysis, &things),
    })
}
