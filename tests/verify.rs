//! Contents: every layer of every undamaged root is what it was, and what was planted in others is found. `changes/` changes them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use common::corpus;
use deadweight::disk::{Disk, Tree};
use deadweight::inventory::Inventory;
use deadweight::report::{Options, Reading};
use deadweight::usage::Ledger;
use deadweight::verify::{self, Orders, Outcome, Part, Verdict, What};

fn disk(dir: &Path) -> Disk {
    let trees = ["docker", "containerd"].into_iter().filter(|name| dir.join(name).is_dir());
    Disk::new(trees.map(|name| Tree::open(name, &dir.join(name)).unwrap())).unwrap()
}

fn verdicts_with(dir: &Path, threads: usize) -> Vec<Verdict> {
    let disk = disk(dir);
    let inventory = deadweight::store::survey(&disk);
    let subjects = verify::subjects(&inventory);
    verify::run(&disk, subjects, Orders { threads, until: None }, &|_, _| ())
}

fn verdicts(dir: &Path) -> Vec<Verdict> {
    verdicts_with(dir, 4)
}

/// What everything weighs: walked, or by those who checked the contents; and how many they were.
fn ledger(dir: &Path, by_contents: bool) -> (Ledger, usize) {
    let place = |name: &str| Some(dir.join(name)).filter(|path| path.is_dir());
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let options = Options { root: place("docker"), containerd_root: place("containerd"), ..Options::at(now) };
    let mut known = 0;
    let first = |disk: &Disk, inventory: &Inventory| {
        let orders = Orders { threads: 4, until: None };
        let subjects = if by_contents { verify::subjects(inventory) } else { Vec::new() };
        let verdicts = verify::run(disk, subjects, orders, &|_, _| ());
        let weighed: Vec<_> = verdicts.into_iter().filter_map(|it| Some((it.at, it.weighed?))).collect();
        known = weighed.len();
        weighed
    };
    (Reading::after(options, first, &|_, _| ()).unwrap().ledger, known)
}

#[test]
fn who_checks_contents_weighs_the_same_as_the_walk() {
    let mut known = 0;
    let recordings = corpus::recordings("").into_iter().map(|recording| recording.unpacked());
    for dir in recordings.chain(common::names().iter().map(|name| common::fixture(name))) {
        let (by_contents, layers) = ledger(&dir, true);
        assert_eq!(by_contents, ledger(&dir, false).0, "{}", dir.display());
        known += layers;
    }
    assert!(known > 20 || !is_root(), "{known}");
}

/// Everything that is not intact, in words.
fn complaints(verdicts: &[Verdict]) -> Vec<String> {
    let mut found = Vec::new();
    let wrong = |verdict: &&Verdict| verdict.outcome() != Outcome::Intact && !verdict.by_design;
    for verdict in verdicts.iter().filter(wrong) {
        found.extend(verdict.differences.iter().map(|d| format!("{} {}: {}", d.at, d.what.name(), d.detail)));
        found.extend(verdict.unchecked.iter().map(|why| format!("{}: {why}", verdict.key)));
    }
    found
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Roots in which nothing was damaged on purpose, and nobody was killed.
fn sound(name: &str) -> bool {
    !name.contains("crash")
}

#[test]
fn every_layer_of_every_undamaged_root_is_what_it_was() {
    if !is_root() {
        return eprintln!("skipped: owners, devices and overlay's own attributes are unpacked by root only");
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for recording in corpus::recordings("").into_iter().filter(|recording| sound(&recording.name)) {
        let verdicts = verdicts(&recording.unpacked());
        assert_eq!(complaints(&verdicts), Vec::<String>::new(), "{recording}");
        for verdict in &verdicts {
            *counts.entry(verdict.key.kind.name()).or_default() += 1;
        }
    }
    for name in common::names().into_iter().filter(|name| !["crashed", "remains"].contains(&name.as_str())) {
        let verdicts = verdicts(&common::fixture(&name));
        let mut complaints = complaints(&verdicts);
        // drivers that copy pass over them
        complaints.retain(|said| name != "odd-links-vfs" || !said.ends_with("files that aufs kept for itself"));
        assert_eq!(complaints, Vec::<String>::new(), "{name}");
        assert!(!verdicts.is_empty(), "{name}: nothing was checked");
    }
    eprintln!("intact: {counts:?}");
}

#[test]
fn what_was_planted_is_found_and_named() {
    for recording in corpus::recordings("crash-planted") {
        let planted: serde_json::Value = serde_json::from_str(&recording.truth("planted.json")).unwrap();
        let verdicts = verdicts(&recording.unpacked());
        let found: BTreeSet<String> = verdicts
            .iter()
            .flat_map(|verdict| &verdict.differences)
            .filter(|difference| difference.what == What::Content)
            .map(|difference| difference.at.to_string())
            .collect();
        let flipped = planted.as_array().unwrap().iter().filter(|planted| {
            let kind = planted["kind"].as_str().unwrap();
            kind == "bitflip-layer-file" || kind == "bitflip-layer-blob"
        });
        let flipped: BTreeSet<String> = flipped.map(|planted| planted["path"].as_str().unwrap().to_owned()).collect();
        assert!(!flipped.is_empty());
        assert!(flipped.is_subset(&found), "{recording}: {flipped:?} is not all of {found:?}");
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let dir = common::fixture("shared-base");
    let said = |threads| format!("{:?}", verdicts_with(&dir, threads));
    assert_eq!(said(1), said(16));
}

#[test]
fn every_subject_is_in_one_part_of_so_many() {
    let disk = disk(&common::fixture("shared-base"));
    let subjects = verify::subjects(&deadweight::store::survey(&disk));
    for subject in &subjects {
        let parts = (1..=5).filter(|number| Part { number: *number, of: 5 }.has(subject)).count();
        assert_eq!(parts, 1, "{}", subject.key);
    }
}
