//! What the recordings tell of the engine that wrote them: its version, its root, its store; and that nothing is wrong
//! where nothing is.

#![allow(clippy::unwrap_used)]

mod common;

use deadweight::disk::{Disk, Tree};
use deadweight::docker::{DaemonConfig, EngineVersion, active, infer, selected_root};
use deadweight::inventory::Inventory;
use deadweight::store;
use deadweight::terms::Lost;

fn survey(name: &str) -> Inventory {
    let dir = common::fixture(name);
    let trees = ["containerd", "docker"].into_iter().filter(|tree| dir.join(tree).is_dir());
    store::survey(&Disk::new(trees.map(|tree| Tree::open(tree, &dir.join(tree)).unwrap())).unwrap())
}

fn about(name: &str, key: &str) -> Option<String> {
    common::about(name, key).map(|text| text.trim_matches('"').to_owned())
}

/// The versions from which on `df` answers otherwise.
const BORDERS: [(u32, u32, u32); 12] = [
    (20, 10, 0),
    (23, 0, 0),
    (24, 0, 0),
    (25, 0, 0),
    (26, 0, 0),
    (27, 2, 0),
    (28, 0, 1),
    (28, 2, 0),
    (29, 0, 0),
    (29, 4, 0),
    (29, 5, 0),
    (29, 6, 0),
];

fn class(version: EngineVersion) -> usize {
    BORDERS.iter().filter(|border| **border <= version.triple()).count()
}

#[test]
fn the_engine_of_every_recording_is_told_by_its_traces() {
    for name in common::names() {
        let inventory = survey(&name);
        let truth = EngineVersion::parse(&about(&name, "engine").unwrap()).unwrap();
        let told = infer(&inventory, selected_root(&inventory, &DaemonConfig::default()).root.as_deref());
        assert_eq!(class(told.version), class(truth), "{name}: {told:#?}");
        assert!(told.at_least.is_some_and(|low| low <= truth), "{name}: {told:#?}");
        assert!(told.below.is_none_or(|high| truth < high), "{name}: {told:#?}");
    }
}

#[test]
fn the_store_of_every_recording_is_told_without_its_daemon_json() {
    for name in common::names() {
        let inventory = survey(&name);
        let truth = about(&name, "driver_afterwards").or_else(|| about(&name, "driver")).unwrap();
        let unknown = DaemonConfig::default();
        let root = selected_root(&inventory, &unknown).root.unwrap();
        let version = infer(&inventory, Some(&root)).version;
        let told = active(&inventory, &unknown, version, &root);
        assert_eq!(told.store.as_ref().map(|(_, store)| store), Some(&truth), "{name}: {told:#?}");
        assert!(!told.asserted && !told.reasons.is_empty(), "{name}");
    }
}

#[test]
fn nothing_is_wrong_with_a_recording_that_nobody_damaged() {
    for name in common::names().into_iter().filter(|name| name != "crashed") {
        let problems = survey(&name).problems;
        let wrong: Vec<_> = problems.iter().filter(|problem| problem.code != "not-read-in-detail").collect();
        assert!(wrong.is_empty(), "{name}: {wrong:#?}");
        assert!(problems.iter().all(|problem| problem.lost == Lost::Nothing), "{name}");
    }
}
