//! What was seen, added up.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use super::chart::AccountIx;
use crate::disk::Sum;

/// One account's sum, added to by all threads: once a directory, so that nobody waits, and no thread needs a table of
/// its own as long as there are accounts.
#[derive(Debug, Default)]
struct Cell {
    allocated: AtomicU64,
    apparent: AtomicU64,
    inodes: AtomicU64,
    files: AtomicU64,
    symlinks: AtomicU64,
    unreadable: AtomicBool,
}

#[derive(Debug)]
pub(super) struct Sums(Vec<Cell>);

impl Sums {
    pub(super) fn new(accounts: usize) -> Self {
        Self(std::iter::repeat_with(Cell::default).take(accounts).collect())
    }

    pub(super) fn add(&self, to: AccountIx, sum: &Sum) {
        if let Some(cell) = self.0.get(to as usize) {
            put(&cell.allocated, sum.allocated);
            put(&cell.apparent, sum.apparent);
            put(&cell.inodes, sum.inodes);
            put(&cell.files, sum.files);
            put(&cell.symlinks, sum.symlinks);
        }
    }

    /// Something that counts for this account could not be read.
    pub(super) fn mark_unreadable(&self, account: AccountIx) {
        if let Some(cell) = self.0.get(account as usize) {
            cell.unreadable.store(true, Relaxed);
        }
    }

    /// The sums, and whether anything is missing from them; in the order of the accounts.
    pub(super) fn finish(self) -> impl Iterator<Item = (Sum, bool)> {
        self.0.into_iter().map(|cell| {
            let sum = Sum {
                allocated: cell.allocated.into_inner(),
                apparent: cell.apparent.into_inner(),
                inodes: cell.inodes.into_inner(),
                files: cell.files.into_inner(),
                symlinks: cell.symlinks.into_inner(),
            };
            (sum, cell.unreadable.into_inner())
        })
    }
}

fn put(cell: &AtomicU64, by: u64) {
    if by > 0 {
        let _ = cell.fetch_update(Relaxed, Relaxed, |now| Some(now.saturating_add(by)));
    }
}
