//! The walk alone, for measuring it: weighs directories, each name in `overlay2/` an owner of its own.
//!
//!     weigh [-j THREADS] [-s] ROOT…     -s: one line only

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

use deadweight::disk::{Disk, OpenError, Tree, raise_file_limit};
use deadweight::terms::Place;
use deadweight::usage::{Claims, Extent, Weight, default_threads, measure};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut roots: Vec<PathBuf> = Vec::new();
    let (mut threads, mut brief) = (default_threads(), false);
    let mut args = std::env::args_os().skip(1);
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("-j") => threads = args.next().and_then(|n| n.to_str()?.parse().ok()).ok_or("-j takes a number")?,
            Some("-s") => brief = true,
            _ => roots.push(arg.into()),
        }
    }
    raise_file_limit();
    let trees = roots.iter().enumerate().map(|(n, path)| Tree::open(&format!("root{n}"), path));
    let disk = Disk::new(trees.collect::<Result<Vec<Tree>, OpenError>>()?)?;
    let mut owners: BTreeMap<Place, u32> = BTreeMap::new();
    let mut claims = Claims::new();
    for tree in disk.trees() {
        let top = Place::tree(tree.name());
        let mut own = |at: Place| {
            let next = u32::try_from(owners.len()).unwrap_or(u32::MAX);
            claims.claim(&at, Extent::Tree, *owners.entry(at.clone()).or_insert(next));
        };
        own(top.clone());
        if let Ok(layers) = disk.dir(&top.join("overlay2")) {
            layers.entries().for_each(|(name, _)| own(layers.place().join(name)));
        }
    }
    let ledger = measure(&disk, &claims, owners.len(), 0, threads, &|_, _| ());
    let mut out = std::io::stdout().lock();
    let mut line = |w: &Weight, name: &dyn std::fmt::Display| {
        writeln!(out, "{:>14} {:>14} {:>9} {:>12} {name}", w.allocated, w.apparent, w.inodes, w.shared)
    };
    if !brief {
        for (at, owner) in &owners {
            line(ledger.owners.get(*owner as usize).unwrap_or(&ledger.unclaimed), at)?;
        }
    }
    line(&ledger.total, &"total")?;
    for problem in &ledger.problems {
        writeln!(out, "{}: {}", problem.at, problem.cause)?;
    }
    Ok(())
}
