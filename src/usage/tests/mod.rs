//! The walk, compared with others that do the same slowly.

mod apart;
mod kernel;
mod laws;
mod rules;

use std::collections::BTreeSet;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;

use super::*;
use crate::disk::{Disk, Tree};
use crate::terms::{Lost, Place};

fn top() -> Place {
    Place::tree("docker")
}

fn disk(path: &Path) -> Disk {
    Disk::new([Tree::open("docker", path).unwrap()]).unwrap()
}

fn write(path: impl AsRef<Path>, len: usize) {
    let path = path.as_ref();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, vec![b'x'; len]).unwrap();
}

/// Everything to owner 0, measured by meter 0.
fn whole(disk: &Disk, threads: usize) -> Ledger {
    let mut claims = Claims::new();
    for tree in disk.trees() {
        claims.claim(&Place::tree(tree.name()), Extent::Tree, 0);
        claims.meter(&Place::tree(tree.name()), 0);
    }
    measure(disk, &claims, 1, 1, threads, &|_, _| ())
}

/// What `walkdir` sees: allocated, apparent, inodes, and Go's `directory.Size`.
fn oracle(paths: &[&Path]) -> (u64, u64, u64, u64) {
    let mut seen = BTreeSet::new();
    let (mut allocated, mut apparent, mut walked) = (0, 0, 0);
    for entry in paths.iter().flat_map(walkdir::WalkDir::new) {
        let meta = entry.unwrap().metadata().unwrap();
        if seen.insert((meta.dev(), meta.ino())) {
            allocated += meta.blocks() * 512;
            apparent += meta.len();
            walked += if meta.is_dir() { 0 } else { meta.len() };
        }
    }
    (allocated, apparent, seen.len() as u64, walked)
}

fn du(paths: &[&Path], more: &[&str]) -> Option<u64> {
    let out = std::process::Command::new("du").args(["-sc", "--block-size=1"]).args(more).args(paths).output();
    let Ok(out) = out else {
        eprintln!("skipped: there is no du");
        return None;
    };
    String::from_utf8(out.stdout).unwrap().lines().last()?.split('\t').next()?.parse().ok()
}

/// The walk agrees with both, by owner and by meter.
fn agrees(path: &Path) -> Ledger {
    let ledger = whole(&disk(path), 4);
    let (allocated, apparent, inodes, walked) = oracle(&[path]);
    assert_eq!(ledger.total, Weight { allocated, apparent, inodes, shared: 0 });
    assert_eq!(ledger.owners, [ledger.total]);
    let meter = ledger.meters[0];
    assert_eq!((meter.walked, meter.allocated, meter.inodes), (walked, allocated, inodes));
    assert_eq!(du(&[path], &[]).unwrap_or(allocated), allocated);
    assert_eq!(ledger.problems, []);
    ledger
}
