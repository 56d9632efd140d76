//! Inodes with more than one link. Each is counted once; whom it is charged to can only be said when all its links were
//! seen. One whose links all lie in one account is charged at once and forgotten, so that this table holds what several
//! share, and what has links elsewhere.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::chart::AccountIx;
use crate::disk::Mass;

const SHARDS: usize = 64;

/// One inode, and who links to it.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) mass: Mass,
    links_seen: u32,
    first: AccountIx,
    others: Vec<AccountIx>,
}

impl Shared {
    pub(super) fn accounts(&self) -> impl Iterator<Item = AccountIx> {
        std::iter::once(self.first).chain(self.others.iter().copied())
    }

    /// Some of its links are in none of the trees.
    pub(super) fn is_linked_outside(&self) -> bool {
        self.links_seen < self.mass.nlink
    }
}

type Shard = HashMap<(u64, u64), Shared>;

#[derive(Debug)]
pub(super) struct Links([Mutex<Shard>; SHARDS]);

impl Links {
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }

    /// One more link to an inode. True if it was the last one, and all were in this account: it is to be charged there.
    pub(super) fn see(&self, mass: &Mass, account: AccountIx) -> bool {
        let Some(mut shard) = self.shard(mass.ino) else { return false };
        match shard.entry((mass.dev, mass.ino)) {
            Entry::Vacant(slot) => {
                slot.insert(Shared { mass: *mass, links_seen: 1, first: account, others: Vec::new() });
                false
            }
            Entry::Occupied(mut slot) => {
                let known = slot.get_mut();
                known.links_seen = known.links_seen.saturating_add(1);
                if known.first != account && !known.others.contains(&account) {
                    known.others.push(account);
                }
                let done = known.others.is_empty() && !known.is_linked_outside();
                if done {
                    slot.remove();
                }
                done
            }
        }
    }

    fn shard(&self, ino: u64) -> Option<MutexGuard<'_, Shard>> {
        let number = usize::try_from(ino % SHARDS as u64).ok()?;
        Some(self.0.get(number)?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is left.
    pub(super) fn finish(self) -> impl Iterator<Item = Shared> {
        self.0.into_iter().flat_map(|shard| shard.into_inner().unwrap_or_else(PoisonError::into_inner).into_values())
    }
}
