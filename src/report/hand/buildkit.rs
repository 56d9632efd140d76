//! BuildKit's files that go with a half of the engine's data that is not in use. Without its layers the records of one are
//! worse than none: a build that meets one fails until the cache is pruned.
//!
//! ```text
//! buildkit/snapshots.db metadata_v2.db containerdmeta.db content/     with graph drivers, one for all of them
//! buildkit/containerd-<snapshotter>/                                  with containerd's store
//! buildkit/history.db history_c8d.db                                  one for both, until each has its own
//! buildkit/cache.db                                                   of both: what has no record is dropped at the next start
//! ```
// moby builder/builder-next/controller.go: newGraphDriverController, newSnapshotterController

use super::Analysis;
use crate::docker::stored::Stored;
use crate::inventory::StoreKind;
use crate::terms::{Key, Kind, Place};

/// What records layers of a graph driver.
const OF_DRIVERS: &[&str] = &["snapshots.db", "metadata_v2.db", "containerdmeta.db", "content"];
const HISTORY: &str = "history.db";
/// Past builds with containerd's store.
const HISTORY_C8D: &str = "history_c8d.db";

/// Of a graph driver that is not in use: nothing where another may still have records there.
pub(super) fn of_driver(analysis: &Analysis<'_>, store: &Key) -> Vec<Place> {
    let layers = || analysis.reading.inventory.of_kind(Kind::Layer).filter(|(key, _)| key.root == store.root);
    let is_alone = layers().next().is_some() && layers().all(|(key, _)| key.store == store.store);
    if !is_alone || analysis.engine.active.kind != Some(StoreKind::Containerd) {
        return Vec::new();
    }
    let has_own = !there(analysis, &store.root, [HISTORY_C8D]).is_empty();
    there(analysis, &store.root, OF_DRIVERS.iter().copied().chain(has_own.then_some(HISTORY)))
}

/// Of containerd's store with one snapshotter.
pub(super) fn of_worker(analysis: &Analysis<'_>, view: &Stored<'_>) -> Vec<Place> {
    let worker = format!("containerd-{}", view.store);
    there(analysis, &view.root, [worker.as_str(), HISTORY_C8D])
}

fn there<'n>(analysis: &Analysis<'_>, root: &str, names: impl IntoIterator<Item = &'n str>) -> Vec<Place> {
    let root = analysis.reading.inventory.roots.iter().find(|it| *it.name == *root);
    let Some(home) = root.map(|root| root.place.join("buildkit")) else { return Vec::new() };
    names.into_iter().map(|name| home.join(name)).filter(|at| analysis.reading.disk.stat(at).is_ok()).collect()
}
