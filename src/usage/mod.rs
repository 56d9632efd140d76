//! F5: what everything weighs. One parallel walk over all trees of a disk; each inode is charged to one owner.
//!
//! Who owns which place, and which subtrees are measured besides, is said beforehand ([`Claims`]); the walk looks a name
//! up only in directories on the way to a claim, and below the last claim it adds numbers and does nothing else.
//!
//! The law: what the owners are charged, and what nobody claimed, is together what `du -sc` prints for the trees, mount
//! points excluded.

mod chart;
mod claims;
mod ledger;
mod links;
mod sums;
#[cfg(test)]
mod tests;
mod trail;
mod walk;

pub use crate::inventory::Extent;
pub use claims::{Claims, MeterIx, OwnerIx};
pub use ledger::{Ledger, Measure, Weight};

use crate::disk::Disk;
use crate::terms::Place;

/// How many threads read a disk best. A cold walk waits for one metadata block after another, so that only many reads
/// under way shorten it; a warm one loses nothing by them.
pub fn default_threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores.saturating_mul(8).clamp(16, 64)
}

/// Walks every tree of the disk once, and settles who is charged for what.
///
/// Owners are numbered from 0 to `owners`, the number being their precedence: an inode that several of them link to is
/// charged to the smallest. Meters are numbered from 0 to `meters`. The result does not depend on `threads`.
///
/// `progress` is called from any thread, once for each directory or so, with the inodes and allocated bytes that came in
/// since (not with totals).
pub fn measure(
    disk: &Disk,
    claims: &Claims,
    owners: usize,
    meters: usize,
    threads: usize,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Ledger {
    let chart = chart::Chart::of(claims, disk);
    let walked = walk::walk(disk, &chart, &walk::trees(disk), threads, progress);
    ledger::settle(walked, &chart, owners, meters)
}

/// The same of some directories only, none of which lies in another; of so many owners and meters.
pub fn measure_below(
    disk: &Disk,
    tops: &[Place],
    claims: &Claims,
    (owners, meters): (usize, usize),
    threads: usize,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Ledger {
    let chart = chart::Chart::of(claims, disk);
    let walked = walk::walk(disk, &chart, tops, threads, progress);
    let mut ledger = ledger::settle(walked, &chart, owners, meters);
    ledger.mounts.retain(|(at, _)| tops.iter().any(|top| at.starts_with(top)));
    ledger
}
