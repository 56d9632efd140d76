//! BuildKit's records, and what it remembers of past builds.

use std::collections::{BTreeMap, BTreeSet};

use super::words::{count, size};
use super::{Case, Finding, Remedy, Rule};
use crate::docker::builds::is_known;
use crate::docker::seen::Seen;
use crate::inventory::facts::CacheRecord;
use crate::inventory::{Entity, StoreKind};
use crate::terms::{ChainId, Digest, Key, Kind, LinkKind};

const CLASS: &str = "build-cache";

pub(super) const RULE: Rule = Rule {
    class: CLASS,
    relies_on: &[
        LinkKind::Caches,
        LinkKind::RecordParent,
        LinkKind::SharesLayer,
        LinkKind::Leases,
        LinkKind::HoldsLease,
        LinkKind::TopLayer,
        LinkKind::StandsOn,
        LinkKind::Parent,
        LinkKind::StoredIn,
    ],
    check,
};

/// What keeps the blobs of past builds besides.
pub(super) const HISTORY: Rule = Rule {
    class: CLASS,
    relies_on: &[
        LinkKind::Remembers,
        LinkKind::Leases,
        LinkKind::Content,
        LinkKind::GcRef,
        LinkKind::Target,
        LinkKind::SnapshotParent,
    ],
    check: history,
};

fn check(case: &Case<'_>) -> Vec<Finding> {
    case.in_use().filter_map(|seen| records(case, seen)).collect()
}

/// The records of a root's build cache, those that are on their way out excepted.
pub(super) fn of_root<'a>(case: &Case<'a>, root: &str) -> Vec<(&'a Key, &'a CacheRecord)> {
    let records =
        case.inventory.of_kind(Kind::CacheRecord).filter(|(key, _)| *key.root == *root && *key.store == *"buildkit");
    let records = records.filter_map(|(key, thing)| Some((key, thing.cache_record()?)));
    records.filter(|(_, record)| !record.deleted).collect()
}

/// The layer that a record's own snapshot is.
pub(super) fn layer_of<'a>(case: &Case<'a>, seen: &Seen<'a>, record: &Key) -> Option<&'a Key> {
    let snapshots = case.graph.targets(record, LinkKind::Caches).filter(|key| key.kind == Kind::CacheSnapshot);
    let chain = |key: &Key| {
        let facts = case.inventory.get(key)?.cache_snapshot()?;
        facts.chain.clone().or_else(|| Digest::parse(&key.id).map(ChainId))
    };
    snapshots.filter_map(chain).find_map(|chain| seen.layer(&chain)).map(|(key, _)| key)
}

/// The records that Docker calls shared: their layer is an image's, or that of a record built on them is.
// buildkit cache/manager.go markShared
fn shared<'a>(case: &Case<'a>, seen: &Seen<'a>, records: &[(&'a Key, &CacheRecord)]) -> BTreeSet<&'a Key> {
    let needed = seen.needed_by_images();
    let is_shared = |key: &Key| layer_of(case, seen, key).is_some_and(|layer| needed.contains(layer));
    let mut shared: BTreeSet<&Key> = records.iter().map(|(key, _)| *key).filter(|key| is_shared(key)).collect();
    let mut todo: Vec<&Key> = shared.iter().copied().collect();
    while let Some(key) = todo.pop() {
        todo.extend(case.graph.targets(key, LinkKind::RecordParent).filter(|parent| shared.insert(parent)));
    }
    shared
}

fn records<'a>(case: &Case<'a>, seen: &Seen<'a>) -> Option<Finding> {
    let records = of_root(case, &seen.root);
    if records.is_empty() {
        return None;
    }
    let freed = case.freed_with(records.iter().map(|(key, _)| *key));
    // directories that lie in a store which the engine left behind are that store's
    let owners: Vec<_> = case.owners_of(freed).into_iter().filter(|(_, owner)| !in_stranded(case, owner)).collect();
    let base = case.finding(CLASS, &owners);
    let shared = shared(case, seen, &records);
    let needs_all = |(key, record): &(&Key, &CacheRecord)| {
        shared.contains(key) || matches!(record.record_type.as_str(), "internal" | "frontend")
    };
    let with_all = records.iter().filter(|record| needs_all(record)).count();
    let kinds = kinds(&records);
    let cause = format!(
        "The build cache has {} ({kinds}), {} shared with images: {} that no image and no container needs.",
        count(records.len(), "record", "records"),
        match shared.len() {
            0 => "none".to_owned(),
            n => format!("{n} of them"),
        },
        size(base.on_disk_bytes),
    );
    let (command, what) = match with_all {
        0 => ("docker builder prune", String::new()),
        n => (
            "docker builder prune -a",
            format!(" Without `-a` it leaves {n} of them: those shared with images, and BuildKit's own."),
        ),
    };
    let note = format!(
        "It takes every record that no build is using; the next builds start anew.{what} What Docker reports as reclaimed counts shared \
         layers too, and the layers under records of 0 B not at all."
    );
    Some(Finding {
        objects: records.iter().map(|(key, _)| (*key).clone()).collect(),
        cause,
        evidence: evidence(case, &records),
        remedy: Remedy { commands: vec![command.to_owned()], note },
        ..base
    })
}

fn in_stranded(case: &Case<'_>, owner: &crate::inventory::Owner) -> bool {
    let stores = case.inventory.stores.iter().filter(|store| owner.path.starts_with(&store.home));
    stores.into_iter().any(|store| case.is_stranded(&store.root, &store.name))
}

/// How many of each type, the most frequent first.
fn kinds(records: &[(&Key, &CacheRecord)]) -> String {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, record) in records {
        *kinds.entry(&record.record_type).or_default() += 1;
    }
    let mut kinds: Vec<(usize, &str)> = kinds.into_iter().map(|(kind, number)| (number, kind)).collect();
    kinds.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    super::words::list(kinds.iter().map(|(number, kind)| format!("{number} {kind}")))
}

fn evidence(case: &Case<'_>, records: &[(&Key, &CacheRecord)]) -> Vec<String> {
    let kinds = [LinkKind::Caches, LinkKind::RecordParent, LinkKind::HoldsLease];
    let files = records.iter().flat_map(|(key, _)| kinds.into_iter().flat_map(|kind| case.evidence(key, kind)));
    let snapshots = records.iter().flat_map(|(key, _)| case.graph.targets(key, LinkKind::Caches));
    let of_snapshots = snapshots.flat_map(|key| {
        [LinkKind::StoredIn, LinkKind::SharesLayer].into_iter().flat_map(|kind| case.evidence(key, kind))
    });
    let files: BTreeSet<String> = files.chain(of_snapshots).map(ToString::to_string).collect();
    files.into_iter().collect()
}

/// Past builds are no cache: no prune takes them. What they left in a store that the engine no longer uses is told with that.
// buildkit solver/llbsolver/history.go
fn history(case: &Case<'_>) -> Vec<Finding> {
    let mut roots: BTreeMap<&str, (Vec<&Key>, Vec<&Key>)> = BTreeMap::new();
    for (key, thing) in case.inventory.of_kind(Kind::BuildHistory).filter(|(key, _)| *key.store == *"buildkit") {
        let (known, forgotten) = roots.entry(&key.root).or_default();
        let list = if is_remembered(case, key, thing) { known } else { forgotten };
        list.push(key);
    }
    let found = roots.into_values().flat_map(|(known, forgotten)| {
        let known = past(case, known, &|number, mass| Finding {
            cause: format!("BuildKit remembers {number} with their logs and attestations, counted by no Docker command: {mass}."),
            remedy: Remedy { commands: vec!["docker buildx history rm --all".to_owned()], note: REMEMBERED.to_owned() },
            ..case.finding(CLASS, &[])
        });
        let forgotten = past(case, forgotten, &|number, mass| Finding {
            cause: format!(
                "{number} with their logs and attestations are in a list that the engine does not read: {mass} that no Docker command shows."
            ),
            remedy: Remedy { commands: Vec::new(), note: FORGOTTEN.to_owned() },
            ..case.finding(CLASS, &[])
        });
        [known, forgotten]
    });
    found.flatten().collect()
}

const REMEMBERED: &str = "It is no cache: `docker builder prune` and `docker system prune` leave it. The command needs a recent buildx; by \
                          itself BuildKit keeps a limited number for a limited time.";
const FORGOTTEN: &str = "No Docker command removes them. An engine has a list for containerd's store and one for graph drivers, up to Docker \
                         27.3 one for both, and reads the one that belongs to the store it uses; one that reads this list removes them \
                         with `docker buildx history rm --all`.";

/// Whether the engine of that root reads the list that a past build is in. Of an engine without a store nothing is said.
fn is_remembered(case: &Case<'_>, key: &Key, thing: &Entity) -> bool {
    let Some(kind) = case.active.kind.filter(|_| !case.is_left_over(&key.root)) else { return true };
    thing.past_build().is_none_or(|build| is_known(build, kind, case.version))
}

/// What some past builds left; none if nothing lies there any more.
fn past(case: &Case<'_>, builds: Vec<&Key>, says: &dyn Fn(String, String) -> Finding) -> Option<Finding> {
    let freed = case.freed_with(builds.iter().copied()).into_iter().filter(|key| !is_in_unused_containerd(case, key));
    let base = case.finding(CLASS, &case.owners_of(freed));
    if base.inodes == 0 {
        return None;
    }
    let said = says(count(builds.len(), "past build", "past builds"), size(base.on_disk_bytes));
    let evidence: BTreeSet<String> =
        builds.iter().flat_map(|key| case.evidence(key, LinkKind::Remembers)).map(ToString::to_string).collect();
    Some(Finding {
        objects: builds.into_iter().cloned().collect(),
        cause: said.cause,
        evidence: evidence.into_iter().collect(),
        remedy: said.remedy,
        ..base
    })
}

fn is_in_unused_containerd(case: &Case<'_>, key: &Key) -> bool {
    let stores = case.inventory.stores.iter().filter(|store| store.kind == StoreKind::Containerd);
    let mut unused = stores.filter(|store| case.is_stranded(&store.root, &store.name));
    *key.store != *"buildkit" && unused.any(|store| store.root == key.root)
}
