//! What the findings say of recorded roots: each class where it is shown, nothing false where all is sound, and bytes that are
//! there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "common/run.rs"]
mod run;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use common::corpus;
use serde_json::Value;

/// The findings of one class.
fn of_class<'r>(report: &'r Value, class: &str) -> Vec<&'r Value> {
    report["findings"].as_array().unwrap().iter().filter(|finding| finding["class"] == class).collect()
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// The names of a finding's objects of one kind.
fn names(finding: &Value, kind: &str) -> Vec<String> {
    let objects = finding["objects"].as_array().unwrap().iter().filter(|object| object["kind"] == kind);
    let mut names: Vec<String> = objects.map(|object| object["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// `du` of the paths of a finding, which begin with the root's name.
fn weigh(dir: &Path, finding: &Value) -> (u64, u64) {
    let paths: Vec<_> = texts(&finding["paths"]).iter().map(|path| dir.join(path)).collect();
    let (bytes, _, inodes) = run::weigh(&paths.iter().map(AsRef::as_ref).collect::<Vec<_>>());
    (bytes, inodes)
}

const ABSENT: &[&str] = &["orphan-driver-directory", "unreferenced-layer"];

#[test]
fn each_class_is_found_where_a_fixture_says_that_it_shows_it() {
    let known: BTreeSet<&str> = deadweight::finding::RULES.iter().map(|rule| rule.class).collect();
    for name in common::names() {
        let report = run::report(&common::fixture(&name));
        let classes = common::about(&name, "classes").unwrap();
        let shown: Vec<&str> = classes.split('"').skip(1).step_by(2).filter(|class| known.contains(class)).collect();
        // what a store that is not read in detail pins is told by the classes of that store
        let stores = common::about(&name, "driver").unwrap();
        for class in shown.into_iter().filter(|_| !stores.contains("overlayfs")) {
            assert!(!of_class(&report, class).is_empty(), "{name} shows no {class}");
        }
    }
}

#[test]
fn a_sound_fixture_has_no_orphan_and_no_damage() {
    for name in common::names().into_iter().filter(|name| common::about(name, "planted").is_none()) {
        let report = run::report(&common::fixture(&name));
        for class in ABSENT.iter().chain(&["damaged-metadata", "half-removed-container", "foreign-file"]) {
            assert!(of_class(&report, class).is_empty(), "{name}: {:#?}", of_class(&report, class));
        }
        assert_eq!(report["withheld"], serde_json::json!([]), "{name}");
    }
}

#[test]
fn every_finding_says_why_and_weighs_what_its_paths_weigh() {
    for name in common::names() {
        let dir = common::fixture(&name);
        for finding in run::report(&dir)["findings"].as_array().unwrap() {
            let class = finding["class"].as_str().unwrap();
            assert!(finding["cause"].as_str().unwrap().ends_with('.'), "{name}: {finding:#}");
            assert!(finding["remedy"]["note"].as_str().unwrap().ends_with('.'), "{name}: {finding:#}");
            assert!(!finding["evidence"].as_array().unwrap().is_empty(), "{name}: {finding:#}");
            assert!(finding["confidence"] != "unknown" || finding["remedy"]["commands"] == serde_json::json!([]));
            // of a damaged file its thing is weighed; a leftover, a container may have lost files to others
            if !["damaged-metadata", "stale-lease", "container-logs"].contains(&class) {
                let said = (finding["on_disk_bytes"].as_u64().unwrap(), finding["inodes"].as_u64().unwrap());
                assert!(
                    weigh_owned(&dir, &name, finding) == said,
                    "{name}: {finding:#} weighs {:?}",
                    weigh(&dir, finding)
                );
            }
        }
    }
}

/// What lies at the paths and belongs to no other owner: a temporary file inside a container's directory is its own.
fn weigh_owned(dir: &Path, name: &str, finding: &Value) -> (u64, u64) {
    let (mut bytes, mut inodes) = weigh(dir, finding);
    let report = run::report(&common::fixture(name));
    let paths = texts(&finding["paths"]);
    for owner in report["owners"].as_array().unwrap().iter().filter(|owner| owner["kind"] == "temporary") {
        let at = owner["path"].as_str().unwrap();
        if paths.iter().any(|path| at.starts_with(&format!("{path}/"))) {
            bytes -= owner["on_disk_bytes"].as_u64().unwrap();
            inodes -= owner["inodes"].as_u64().unwrap();
        }
    }
    (bytes, inodes)
}

/// Which containers pin layers, by name, with whether the build cache does too.
fn pinned(report: &Value) -> Vec<(Vec<String>, bool)> {
    let found = of_class(report, "layers-pinned-by-stopped-container");
    let cached = |finding: &Value| finding["cause"].as_str().unwrap().contains("build-cache record holds it too");
    let mut sets: Vec<_> = found.iter().map(|finding| (names(finding, "container"), cached(finding))).collect();
    sets.sort();
    sets
}

#[test]
fn removal_by_force_is_told_by_the_containers_that_keep_the_layers() {
    let dir = common::fixture("forced-rmi");
    let report = run::report(&dir);
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        pinned(&report),
        [
            (set(&["import-1"]), false),
            (set(&["nightly-1"]), true),
            (set(&["report-april"]), false),
            (set(&["worker-1", "worker-2"]), false),
        ]
    );
    for finding in of_class(&report, "layers-pinned-by-stopped-container") {
        let weight = (finding["on_disk_bytes"].as_u64().unwrap(), finding["inodes"].as_u64().unwrap());
        assert_eq!(weigh(&dir, finding), weight);
        let images = finding["objects"].as_array().unwrap().iter().filter(|object| object["kind"] == "image");
        assert_eq!(images.count(), 1, "the lost image is named");
    }
    let dangling = of_class(&report, "dangling-image");
    assert!(dangling.iter().any(|finding| names(finding, "container") == ["web-1"]), "{dangling:#?}");
}

#[test]
fn recorded_forced_removals_name_the_same_containers_with_every_graph_driver() {
    for recording in corpus::recordings("/forced-rmi").into_iter().filter(|it| !it.name.contains("containerd")) {
        let dir = recording.unpacked();
        let report = run::report(&dir);
        let sets: Vec<(String, bool)> =
            pinned(&report).into_iter().map(|(names, cached)| (names.join(" "), cached)).collect();
        let expected = [("b1", true), ("g1", false), ("p1 p2", false), ("s1", false)];
        assert_eq!(sets, expected.map(|(names, cached)| (names.to_owned(), cached)), "{recording}");
        for finding in of_class(&report, "layers-pinned-by-stopped-container") {
            assert_eq!(weigh(&dir, finding).0, finding["on_disk_bytes"], "{recording}");
        }
    }
}

#[test]
fn recorded_roots_without_damage_have_no_orphan() {
    let sound = |name: &str| !name.contains("crash") && !name.contains("buildkit");
    for recording in corpus::recordings("").into_iter().filter(|it| sound(&it.name)) {
        let report = run::report(&recording.unpacked());
        for class in ABSENT {
            assert!(of_class(&report, class).is_empty(), "{recording}: {:#?}", of_class(&report, class));
        }
    }
}

/// The class of each planted kind; the longest beginning counts.
const PLANTED: &[(&str, &str)] = &[
    ("tmp-", "interrupted-leftover"),
    ("write-set", "interrupted-leftover"),
    ("layerdb-removing", "interrupted-leftover"),
    ("overlay2-removing", "interrupted-leftover"),
    ("dangling-l-link", "interrupted-leftover"),
    ("stray-log", "container-logs"),
    ("container-dir-no-config", "half-removed-container"),
    ("mount-no-container", "half-removed-container"),
    ("container-no-mount", "half-removed-container"),
    ("volume-dir-", "unreferenced-volume"),
    ("old-driver-tree", "stranded-store"),
    ("orphan-overlay2", "orphan-driver-directory"),
    ("layerdb-no-image", "unreferenced-layer"),
    ("truncated-config", "damaged-metadata"),
    ("layerdb-no-data", "damaged-metadata"),
    ("repo-missing-image", "damaged-metadata"),
    ("image-missing-layer", "damaged-metadata"),
    ("metadata-no-image", "damaged-metadata"),
    ("bitflip-image-config", "damaged-metadata"),
    ("foreign-file", "foreign-file"),
];

#[test]
fn what_was_planted_is_found_in_its_class_and_nothing_else_is_an_orphan() {
    for recording in corpus::recordings("/crash-planted").into_iter().filter(|it| !it.name.contains("containerd")) {
        let report = run::report(&recording.unpacked());
        let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for thing in serde_json::from_str::<Vec<Value>>(&recording.truth("planted.json")).unwrap() {
            let (kind, path) = (thing["kind"].as_str().unwrap(), thing["path"].as_str().unwrap());
            let Some((_, class)) = PLANTED.iter().find(|(begins, _)| kind.starts_with(begins)) else {
                assert!(kind.starts_with("bitflip-layer"), "{kind} has no class");
                continue;
            };
            let within = |inner: &str, outer: &str| inner == outer || inner.starts_with(&format!("{outer}/"));
            let found = of_class(&report, class)
                .iter()
                .any(|finding| texts(&finding["paths"]).iter().any(|at| within(path, at) || within(at, path)));
            assert!(found, "{recording}: {kind} at {path} is in no {class}");
            places.entry(class).or_default().push(path.to_owned());
        }
        for class in ABSENT {
            for at in of_class(&report, class).iter().flat_map(|finding| texts(&finding["paths"])) {
                let link = at.contains("/l/");
                assert!(link || places[class].contains(&at), "{recording}: {at} is no {class}");
            }
        }
        for finding in
            report["findings"].as_array().unwrap().iter().filter(|finding| finding["confidence"] == "unknown")
        {
            assert!(texts(&finding["remedy"]["commands"]).is_empty());
            let because = report["withheld"].as_array().unwrap().iter().any(|held| held["class"] == finding["class"]);
            assert!(because, "{recording}: {finding:#}");
        }
    }
}
