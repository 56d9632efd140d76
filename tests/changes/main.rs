//! Whatever is changed in a layer is found, in that layer alone, and named. Each layer and each snapshot of a root gets a change of
//! its own at once, of some kind, to a file of some kind; the root is checked; and all is put back.
//!
//! The fixtures are always tried. Recorded roots are tried where they are at hand (`DEADWEIGHT_CORPUS`), with one round each; `DEADWEIGHT_LIVE=full` tries every kind of change on every kind of file of every layer of all of them,
//! `DEADWEIGHT_SEED` chooses other files, and `DEADWEIGHT_ROOT` some roots only.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::indexing_slicing)]

mod change;
#[path = "../common/mod.rs"]
mod common;
mod files;
mod root;
#[path = "../common/run.rs"]
mod run;

use std::collections::BTreeMap;
use std::path::Path;

use common::corpus;
use root::{Root, Tried};

/// Numbers that look like chance (splitmix64).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end.max(1) as u64).unwrap()
    }
}

fn seed() -> u64 {
    std::env::var("DEADWEIGHT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

fn full() -> bool {
    std::env::var("DEADWEIGHT_LIVE").is_ok_and(|word| word == "full")
}

fn is_root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        println!("skipped: only root can change owners and make devices");
    }
    root
}

/// Tries so many rounds on each root; says what was tried, and fails with all that was not found.
fn campaign<'r>(roots: impl Iterator<Item = (String, &'r Path)>, rounds: usize) -> BTreeMap<String, usize> {
    let (mut tried, mut missed) = (Tried::default(), Vec::new());
    for (name, dir) in roots {
        let mut dice = Dice(seed());
        let mut root = Root::copy(&name, dir, &mut dice);
        let before = tried.total();
        for round in 0..rounds.min(root.rounds()) {
            missed.extend(root.round(round, &mut tried));
        }
        missed.extend(root.settle());
        println!("{name}: {} changes in {} layers", tried.total() - before, root.layers());
    }
    println!("DEADWEIGHT_SEED={}: {tried}", seed());
    assert!(missed.is_empty(), "DEADWEIGHT_SEED={}: {} missed\n{}", seed(), missed.len(), missed.join("\n"));
    tried.by_change
}

/// Neither damaged on purpose nor in the middle of something, nor with entries that lead to a file under another name; `DEADWEIGHT_ROOT` leaves out all others.
fn sound(name: &str) -> bool {
    let wanted = std::env::var("DEADWEIGHT_ROOT").unwrap_or_default();
    !name.contains("crash") && !name.contains("remains") && !name.contains("odd-links") && name.contains(&wanted)
}

#[test]
fn whatever_is_changed_in_a_layer_of_a_fixture_is_found_and_named() {
    if !is_root() {
        return;
    }
    let names: Vec<String> = common::names().into_iter().filter(|name| sound(name)).collect();
    let roots: Vec<_> = names.iter().map(|name| (name.clone(), common::fixture(name))).collect();
    let rounds = if full() { usize::MAX } else { 9 };
    let tried = campaign(roots.iter().map(|(name, dir)| (name.clone(), dir.as_path())), rounds);
    let all = std::env::var("DEADWEIGHT_ROOT").is_err();
    assert!(!all || tried.len() == change::CHANGES.len(), "a kind of change was never tried: {tried:?}");
}

#[test]
fn whatever_is_changed_in_a_layer_of_a_recorded_root_is_found_and_named() {
    if !is_root() {
        return;
    }
    let recordings = corpus::recordings("").into_iter().filter(|it| sound(&it.name));
    let roots = recordings.map(|recording| (recording.name.clone(), recording.unpacked()));
    let roots: Vec<_> = roots.filter(|(_, dir)| dir.join("docker").is_dir()).collect();
    let rounds = if full() { usize::MAX } else { 1 };
    campaign(roots.iter().map(|(name, dir)| (name.clone(), dir.as_path())), rounds);
}
