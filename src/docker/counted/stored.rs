//! What containerd's store keeps: snapshots and blobs, of whatever the sums are made of.

use std::collections::BTreeSet;

use crate::docker::cache::{self, CacheRow};
use crate::docker::df::{self, DiskUsage};
use crate::docker::sizes::Sizes;
use crate::docker::stored::{Stored, Usages};
use crate::inventory::{OwnerKey, Owners};
use crate::terms::Key;

pub(super) fn counted(
    stored: &Stored<'_>,
    sizes: &Sizes<'_>,
    df: &DiskUsage<'_>,
    owners: &Owners,
) -> BTreeSet<OwnerKey> {
    let usages = Usages { stored, sizes };
    let mut things: BTreeSet<&Key> = BTreeSet::new();
    let mut snapshots: BTreeSet<&str> = df::snapshots_in_sum(stored);
    let rows = df.cache.iter().filter(|row| df.counts(row) && row.size.value() > 0);
    for row in rows {
        let (snapshot, blobs) = behind(stored, row);
        snapshots.extend(snapshot);
        things.extend(blobs.into_iter().filter_map(|digest| Some(stored.blobs.get(digest)?.0)));
    }
    let containers = df.containers.iter().filter(|row| row.size_rw > 0);
    things.extend(containers.filter_map(|row| row.container.mount));
    // what is of 0 B enters no sum
    let weighs = |name: &&str| usages.of(name).is_some_and(|size| size.value() > 0);
    let weighing = snapshots.into_iter().filter(weighs);
    things.extend(weighing.filter_map(|name| Some(stored.snapshots.get(name)?.0)));
    let blobs = df::blobs_in_sum(stored);
    things.extend(blobs.iter().filter(|(_, size)| **size > 0).filter_map(|(at, _)| Some(stored.blobs.get(*at)?.0)));
    things.into_iter().flat_map(|thing| owners.of_thing(thing)).map(|(_, owner)| owner.key.clone()).collect()
}

/// What a row of build cache sizes: its own snapshot, and its blob with the variants of that.
fn behind<'s>(stored: &'s Stored<'_>, row: &CacheRow) -> (Option<&'s str>, Vec<&'s str>) {
    let record = stored.inventory.get(&row.key).and_then(|thing| thing.cache_record());
    let Some(record) = record else { return (None, Vec::new()) };
    let snapshot = stored.snapshots.get_key_value(record.snapshot.as_str()).map(|(name, _)| *name);
    let blobs = record.blob.as_ref().map(|blob| cache::variants(stored, blob.as_str())).unwrap_or_default();
    // of a base layer the row tells the blob alone
    (snapshot.filter(|_| !row.blob_only), blobs.into_iter().map(|(digest, _)| digest).collect())
}
