//! BuildKit inside the engine: cache records, their snapshots, leases and content.
//!
//! ```text
//! buildkit/
//!     snapshots.db         snapshot key -> driver directory or layer        graph drivers, 18.06+     (snapshots.rs)
//!     metadata_v2.db       the cache records                                graph drivers, 20.10+     (records.rs)
//!     metadata.db          the same before 20.10; copied once, and left behind
//!     containerdmeta.db    leases and content, by namespace                 graph drivers, 20.10+     (leases.rs)
//!     content/             blobs/sha256/<hex>, ingest/<hex>/                graph drivers             (content.rs)
//!     history.db, history_c8d.db    past builds, of graph drivers and of containerd's store           (history.rs)
//!     cache.db             what the solver remembers; not synced, so it may be torn after a power cut
//!     <name>.db.<25 characters>.bak   a database that could not be opened and was set aside
//!     executor/ net/ proxy/           scratch of running build steps
//!     containerd-<snapshotter>/       metadata_v2.db, workerid, cachemounts/: records of containerd's image store
//!     runc-<snapshotter>/             of a buildkitd alone: the same, with containerdmeta.db, content/, snapshots/
//! ```

mod content;
mod files;
mod history;
mod homes;
mod leases;
mod records;
mod snapshots;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use files::Database;
use homes::Homes;
use leases::Leases;
use records::Records;
use snapshots::Snapshots;

use super::{Site, containerd};
use crate::disk::{Dir, FileKind};
use crate::inventory::Inventory;
use crate::inventory::facts::{CacheRecord, CacheSnapshot, Lease};
use crate::terms::{CacheId, LinkKind, Lost, Place};

/// The store's name in keys.
const STORE: &str = "buildkit";
/// The namespace of BuildKit's own leases and blobs in `containerdmeta.db`, and of those of past builds.
const NAMESPACE: &str = "buildkit";
const HISTORY_NAMESPACE: &str = "buildkit_history";

pub(super) fn survey(site: &Site<'_>) -> Inventory {
    let mut inv = Inventory::default();
    if alone(site, &mut inv) {
        return inv;
    }
    let homes = Homes::find(site);
    let everything = Lost::Links([snapshots::LOST, records::LOST, leases::LOST].concat());
    match site.dir(&mut inv, &site.at(STORE), everything) {
        Some(dir) => engine(site, &mut inv, &homes, &dir),
        None => missing(site, &mut inv, &homes, None),
    }
    inv
}

/// The whole of `buildkit/`.
fn engine(site: &Site<'_>, inv: &mut Inventory, homes: &Homes<'_>, dir: &Dir<'_>) {
    files::claim(site, inv, dir, STORE);
    files::clues(site, inv, dir);
    missing(site, inv, homes, Some(dir));
    files::SOLVER.read(site, inv, dir);

    let at = dir.place().join(files::LEASES.name);
    let leases = files::LEASES.read(site, inv, dir).map(|tree| leases::parse(inv, &at, &tree)).unwrap_or_default();
    leases::enter(site, inv, &at, &leases);
    content::survey(site, inv, &leases, &at);
    let remembered = format!("{HISTORY_NAMESPACE}/ref_");
    if !files::HISTORY.is_in(dir) && leases.leases.keys().any(|id| id.starts_with(&remembered)) {
        let at = dir.place().join(files::HISTORY.name);
        let cause = "not there, and containerdmeta.db has leases of past builds";
        inv.problem("missing-database", &at, files::HISTORY.lost(), cause);
    }
    for history in [files::HISTORY, files::HISTORY_C8D] {
        if let Some(tree) = history.read(site, inv, dir) {
            history::enter(site, inv, &dir.place().join(history.name), &tree, &leases);
        }
    }

    let at = dir.place().join(files::SNAPSHOTS.name);
    let tree = files::SNAPSHOTS.read(site, inv, dir);
    let snapshots = tree.map(|tree| snapshots::parse(inv, &at, &tree)).unwrap_or_default();
    snapshots::enter(site, inv, homes, &at, &snapshots);

    let (at, records) = records_of(site, inv, dir);
    records::enter(site, inv, STORE, &at, &records);
    // of a pair Docker lists the mutable half, with the size of the other
    let sized = records.values().filter(|record| record.size.is_some());
    let sized: BTreeSet<&str> = sized.filter_map(|record| record.equal_mutable.as_deref()).collect();
    for (name, record) in &records {
        holds(site, inv, &at, name, record, &snapshots, &leases);
        if !sized.contains(name.as_str()) {
            meter(inv, homes, record, &snapshots);
        }
    }
    if workers(site, inv, dir) && !files::SOLVER.is_in(dir) {
        no_solver(inv, dir);
    }
}

/// Every BuildKit opens it at its start, beside the records of its workers.
fn no_solver(inv: &mut Inventory, dir: &Dir<'_>) {
    let at = dir.place().join(files::SOLVER.name);
    let cause = "not there, and the records of a worker are here: none of them will be found by a build again";
    inv.problem("missing-database", &at, files::SOLVER.lost(), cause);
}

/// The records: of the newer file if both are there.
fn records_of(site: &Site<'_>, inv: &mut Inventory, dir: &Dir<'_>) -> (Place, Records) {
    let database = if files::RECORDS.is_in(dir) { files::RECORDS } else { files::OLD_RECORDS };
    let at = dir.place().join(database.name);
    let records = database.read(site, inv, dir).map(|tree| records::parse(inv, &at, &tree)).unwrap_or_default();
    (at, records)
}

/// What a record keeps.
fn holds(
    site: &Site<'_>,
    inv: &mut Inventory,
    at: &Place,
    name: &str,
    record: &CacheRecord,
    snapshots: &Snapshots,
    leases: &Leases,
) {
    let key = records::key(site, STORE, name);
    // While it is paired its data is in the other half's snapshot, and it has none of its own. A bucket with the
    // record's own name may say which layer it stands for.
    let paired = record.equal_mutable.is_some() && !snapshots.contains_key(&record.snapshot);
    if !paired {
        inv.link(&key, LinkKind::Caches, snapshots::key(site, &record.snapshot), at);
    }
    if record.snapshot != name && snapshots.contains_key(name) {
        inv.link(&key, LinkKind::Caches, snapshots::key(site, name), at);
    }
    // buildkit cache/manager.go: a lease is called after its record; those of its blobs' variants after both
    for lease in [format!("{NAMESPACE}/{name}"), format!("{NAMESPACE}/{name}{}", Lease::VARIANTS)] {
        if leases.leases.contains_key(&lease) {
            inv.link(&key, LinkKind::HoldsLease, leases::key(site, &lease), at);
        }
    }
    // a blob that was never fetched is in no database
    if let Some(blob) = record.blob.as_ref().filter(|blob| leases.blobs.contains_key(blob)) {
        inv.link(&key, LinkKind::Content, leases::blob_key(site, blob.as_str()), at);
    }
}

/// Has a record's files weighed if no file says what Docker would print for them.
fn meter(inv: &mut Inventory, homes: &Homes<'_>, record: &CacheRecord, snapshots: &Snapshots) {
    if record.size.is_some() || record.blob_only || record.deleted {
        return;
    }
    let unsized_one = |snapshot: &&CacheSnapshot| snapshot.size.is_none() && snapshot.chain.is_none();
    let Some(snapshot) = snapshots.get(&record.snapshot).filter(unsized_one) else { return };
    let directory = snapshot.committed_as.as_deref().unwrap_or(&record.snapshot);
    for content in CacheId::parse(directory).iter().flat_map(|id| homes.contents(id)) {
        inv.meter(content);
    }
}

/// `containerd-<snapshotter>/`: the records whose snapshots and blobs containerd keeps. `runc-<snapshotter>/`: those of
/// a buildkitd without a containerd, which keeps them itself. Whether there are any.
fn workers(site: &Site<'_>, inv: &mut Inventory, above: &Dir<'_>) -> bool {
    let mut found = false;
    for (name, _) in above.entries().filter(|(_, kind)| *kind == FileKind::Dir) {
        let Some(store) = std::str::from_utf8(name).ok().filter(|name| is_worker(name)) else { continue };
        let Some(dir) = site.dir(inv, &above.place().join(name), files::RECORDS.lost()) else { continue };
        files::claim(site, inv, &dir, &format!("{STORE}/{store}"));
        found |= files::RECORDS.is_in(&dir);
        if dir.kind(files::RECORDS.name.as_bytes()).is_some() {
            files::worker_id(inv, &dir);
            let (at, records) = records_of(site, inv, &dir);
            records::enter(site, inv, store, &at, &records);
        } else if dir.kind(b"workerid").is_some() {
            // buildkit worker/containerd/containerd.go: a worker opens it when it starts
            let at = dir.place().join(files::RECORDS.name);
            let cause = "not there, and a worker that kept its records in it was";
            inv.problem("missing-database", &at, files::RECORDS.lost(), cause);
        }
        containerd::worker(site, inv, &dir, store);
    }
    found
}

fn is_worker(name: &str) -> bool {
    name.starts_with("containerd-") || name.starts_with("runc-")
}

/// A root that is a buildkitd's state directory, and no engine's.
// buildkit cmd/buildkitd/main.go: its root holds a directory for each worker
fn alone(site: &Site<'_>, inv: &mut Inventory) -> bool {
    let Ok(top) = site.top() else { return false };
    let has_worker = top.entries().any(|(name, kind)| {
        let own = name.starts_with(b"runc-") || name.starts_with(b"containerd-");
        own && kind == FileKind::Dir && site.disk.stat(&top.place().join(name).join(files::RECORDS.name)).is_ok()
    });
    if has_worker {
        files::claim_in(site, inv, &top, STORE);
        files::SOLVER.read(site, inv, &top);
        if let Some(tree) = files::HISTORY.read(site, inv, &top) {
            history::enter(site, inv, &top.place().join(files::HISTORY.name), &tree, &Leases::default());
        }
        workers(site, inv, &top);
        if !files::SOLVER.is_in(&top) {
            no_solver(inv, &top);
        }
    }
    has_worker
}

/// Databases that must be there, since their siblings or what they describe are.
fn missing(site: &Site<'_>, inv: &mut Inventory, homes: &Homes<'_>, dir: Option<&Dir<'_>>) {
    let has = |database: &Database| dir.is_some_and(|dir| database.is_in(dir));
    let top = site.at(STORE);
    let mut expected: Vec<(Database, &str)> = Vec::new();
    // moby daemon/builder-next/controller.go: an engine opens all of these when it starts
    if [files::SNAPSHOTS, files::RECORDS, files::LEASES].iter().any(has) {
        expected
            .extend([files::SNAPSHOTS, files::SOLVER].map(|d| (d, "the other databases of the build cache are here")));
        // before 20.10 there were no leases, and the records were in metadata.db
        if has(&files::RECORDS) || has(&files::LEASES) || !has(&files::OLD_RECORDS) {
            expected.extend(
                [files::RECORDS, files::LEASES].map(|d| (d, "the other databases of the build cache are here")),
            );
        }
    } else if homes.has_build_directories(inv) {
        expected.push((files::SNAPSHOTS, "a graph driver has directories of build cache"));
    }
    for (database, because) in expected.into_iter().filter(|(database, _)| !has(database)) {
        inv.problem("missing-database", &top.join(database.name), database.lost(), format!("not there, and {because}"));
    }
}
