//! Which owners' content enters one of the four sizes of `docker system df`, by whatever measure. A row of 0 B counts for
//! nothing: what stands behind it is hidden.

mod graph;
mod stored;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::View;
use super::df::DiskUsage;
use super::sizes::Sizes;
use crate::inventory::{OwnerKey, OwnerKind, Owners};
use crate::terms::Key;

/// The owners that Docker counts, of all that lie on the disk.
pub fn counted<'s, 'a: 's>(
    view: impl Into<View<'s, 'a>>,
    sizes: &Sizes<'_>,
    df: &DiskUsage<'_>,
    owners: &Owners,
) -> BTreeSet<OwnerKey> {
    let mut found = match view.into() {
        View::GraphDriver(seen) => graph::counted(seen, df, owners),
        View::Containerd(stored) => stored::counted(stored, sizes, df, owners),
    };
    let volumes = df.volumes.iter().filter(|row| row.size > 0);
    found.extend(volumes.map(|row| owner(row.key, OwnerKind::Volume)));
    found
}

fn owner(thing: &Key, kind: OwnerKind) -> OwnerKey {
    OwnerKey { root: thing.root.clone(), store: thing.store.clone(), kind, id: thing.id.clone() }
}
