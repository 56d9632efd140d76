//! The files of `buildkit/`, each by its name: who owns it, and what of it is read.

use crate::disk::{Dir, FileKind, Unreadable};
use crate::format::bolt::Tree;
use crate::inventory::facts::Leftover;
use crate::inventory::{Clue, Entity, Inventory, Keeps, OwnerKind};
use crate::terms::{Kind, LinkKind, Lost, Place, Printable};

use super::homes::is_build_id;
use super::{STORE, Site, history, leases, records, snapshots};
use crate::store::bolt_file;

/// A database: its name, its top buckets, and what goes with it.
pub(super) struct Database {
    pub(super) name: &'static str,
    buckets: &'static [&'static str],
    pub(super) lost: &'static [LinkKind],
}

pub(super) const SNAPSHOTS: Database = Database { name: "snapshots.db", buckets: &[], lost: snapshots::LOST };
pub(super) const RECORDS: Database =
    Database { name: "metadata_v2.db", buckets: &["_main", "_index", "_external"], lost: records::LOST };
pub(super) const OLD_RECORDS: Database = Database { name: "metadata.db", ..RECORDS };
pub(super) const LEASES: Database = Database { name: "containerdmeta.db", buckets: &["v1"], lost: leases::LOST };
pub(super) const HISTORY: Database =
    Database { name: "history.db", buckets: &["_records", "_version"], lost: history::LOST };
pub(super) const HISTORY_C8D: Database = Database { name: "history_c8d.db", ..HISTORY };
/// It names cache records, and keeps none of them.
pub(super) const SOLVER: Database =
    Database { name: "cache.db", buckets: &["_result", "_links", "_byresult", "_backlinks"], lost: &[] };

const DATABASES: &[Database] = &[SNAPSHOTS, RECORDS, OLD_RECORDS, LEASES, HISTORY, HISTORY_C8D, SOLVER];

/// What running steps and the worker leave, and may be made anew at any time.
const SCRATCH: &[&str] = &["executor", "net", "proxy", "cachemounts"];

impl Database {
    pub(super) fn is_in(&self, dir: &Dir<'_>) -> bool {
        dir.kind(self.name.as_bytes()).is_some()
    }

    pub(super) fn lost(&self) -> Lost {
        if self.lost.is_empty() { Lost::Nothing } else { Lost::Links(self.lost.to_vec()) }
    }

    /// Reads it, if it lies in this directory and is what its name says.
    pub(super) fn read(&self, site: &Site<'_>, inv: &mut Inventory, dir: &Dir<'_>) -> Option<Tree> {
        if !self.is_in(dir) {
            return None;
        }
        let at = dir.place().join(self.name);
        let tree = bolt_file::read(site, inv, &at, &self.lost())?;
        let stranger = tree.root().iter().map(|(name, _)| name.to_owned()).find(|name| !self.knows(name));
        match stranger {
            None => Some(tree),
            Some(name) => {
                let cause = format!("its bucket {} belongs to another database", Printable(&name));
                inv.problem("swapped-database", &at, self.lost(), cause);
                None
            }
        }
    }

    /// Whether a top bucket may be called so. Those of `snapshots.db` are snapshots.
    fn knows(&self, bucket: &[u8]) -> bool {
        let of = |database: &Database| database.buckets.iter().any(|known| known.as_bytes() == bucket);
        if self.buckets.is_empty() { !DATABASES.iter().any(of) } else { of(self) }
    }
}

/// Claims a directory of BuildKit with the files in it that BuildKit writes.
pub(super) fn claim(site: &Site<'_>, inv: &mut Inventory, dir: &Dir<'_>, inside: &str) {
    inv.scaffold(site.root, STORE, dir);
    claim_in(site, inv, dir, inside);
}

/// The files alone, of a directory that is claimed already.
pub(super) fn claim_in(site: &Site<'_>, inv: &mut Inventory, dir: &Dir<'_>, inside: &str) {
    for (name, kind) in dir.entries() {
        let Ok(name) = std::str::from_utf8(name) else { continue };
        let at = dir.place().join(name);
        let id = format!("{inside}/{name}");
        let is_database = |database: &Database| database.name == name;
        if kind == FileKind::File && DATABASES.iter().any(is_database) {
            let thing = Entity::default().named(name).kept(Keeps::Engine).tree(at, OwnerKind::Database);
            inv.add(site.root.key(STORE, Kind::Database, id), thing);
        } else if kind == FileKind::File && set_aside(name) {
            let what = Leftover { what: Leftover::SET_ASIDE, cleaned_by: "nothing", by_itself: false };
            let id = at.to_string();
            inv.add(site.root.key(STORE, Kind::Leftover, id), Entity::new(what).tree(at, OwnerKind::Temporary));
        } else if kind == FileKind::Dir && SCRATCH.contains(&name) {
            scratch(site, inv, at, id, OwnerKind::Temporary);
        } else if kind == FileKind::File && matches!(name, "workerid" | "buildkitd.lock") {
            scratch(site, inv, at, id, OwnerKind::Scaffold);
        }
    }
}

fn scratch(site: &Site<'_>, inv: &mut Inventory, at: Place, id: String, owner: OwnerKind) {
    inv.add(site.root.key(STORE, Kind::Scaffold, id), Entity::default().kept(Keeps::Engine).tree(at, owner));
}

/// The name that results of builds have a worker by: with another one none of them is found any more.
// buildkit worker/base/worker.go: ID
pub(super) fn worker_id(inv: &mut Inventory, dir: &Dir<'_>) {
    let at = dir.place().join("workerid");
    let read = match dir.read(b"workerid") {
        Err(Unreadable::Missing) => {
            let cause = "missing: the worker takes a new ID, under which no cached result is found";
            return inv.problem("missing-file", &at, Lost::Nothing, cause);
        }
        Err(cause) => Err(cause.to_string()),
        Ok(bytes) if is_build_id(bytes.trim_ascii()) => Ok(()),
        Ok(_) => Err("this is no ID of a worker".to_owned()),
    };
    inv.note("damaged-file", &at, Lost::Nothing, read);
}

/// buildkit util/db/boltutil/safe.go: `<name>.<25 characters>.bak`
fn set_aside(name: &str) -> bool {
    let parts = name.strip_suffix(".bak").and_then(|rest| rest.rsplit_once('.'));
    parts.is_some_and(|(_, id)| is_build_id(id.as_bytes()))
}

/// What shows which engine was here.
pub(super) fn clues(site: &Site<'_>, inv: &mut Inventory, dir: &Dir<'_>) {
    let traces = [
        ("snapshots.db", (18, 6, 0), "BuildKit came with 18.06"),
        ("metadata_v2.db", (20, 10, 0), "buildkit/metadata_v2.db is written since 20.10"),
        ("containerdmeta.db", (20, 10, 0), "buildkit/containerdmeta.db is written since 20.10"),
        ("history.db", (24, 0, 0), "buildkit/history.db is written since 24.0"),
        ("history_c8d.db", (27, 4, 0), "buildkit/history_c8d.db is written since 27.4"),
        ("proxy", (29, 6, 0), "buildkit/proxy is made since 29.6"),
    ];
    for (name, version, because) in traces.into_iter().filter(|(name, ..)| dir.kind(name.as_bytes()).is_some()) {
        inv.clues.push(Clue {
            root: site.root.name.clone(),
            at_least: Some(version),
            below: None,
            written: dir.stat(name.as_bytes()).map_or((0, 0), |stat| stat.mtime),
            evidence: dir.place().join(name),
            because: because.to_owned(),
        });
    }
}
