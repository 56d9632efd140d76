//! containerd's image store on recorded data roots: everything that `ctr` listed is found, the bytes add up to `du`, and
//! the marks are those of containerd's own collector.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use common::corpus::{self, Recording};
use deadweight::disk::{Disk, Tree};
use std::process::Command;

use deadweight::docker::mark::{Fate, Marked};
use deadweight::graph::Graph;
use deadweight::inventory::{Entity, Inventory, OwnerKind, Owners};
use deadweight::terms::{Key, Kind, LinkKind};
use deadweight::usage::{Claims, Ledger, measure};

fn disk(root: &Path) -> Disk {
    let trees = ["docker", "containerd"].into_iter().filter(|name| root.join(name).is_dir());
    Disk::new(trees.map(|name| Tree::open(name, &root.join(name)).unwrap())).unwrap()
}

/// What everything weighs.
fn weigh(disk: &Disk, inv: &Inventory, owners: &Owners) -> Ledger {
    let mut claims = Claims::new();
    for (number, owner) in owners.iter() {
        let number = u32::try_from(number).unwrap();
        owner.lots.iter().for_each(|(at, extent)| claims.claim(at, *extent, number));
        owner.rest_of.iter().for_each(|at| claims.rest(at, number));
    }
    for (number, at) in (0u32..).zip(&inv.meters) {
        claims.meter(at, number);
    }
    assert_eq!(claims.collisions(), [], "two owners of one place");
    measure(disk, &claims, owners.len(), inv.meters.len(), 4, &|_, _| ())
}

fn du(root: &Path) -> u64 {
    let tops = ["docker", "containerd"].into_iter().map(|name| root.join(name)).filter(|at| at.is_dir());
    let out = Command::new("du").args(["-sc", "--block-size=1"]).args(tops).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    text.lines().last().unwrap().split_whitespace().next().unwrap().parse().unwrap()
}

/// The recordings of an engine with the containerd store, each as `ctr` saw it: after the restart, where one was made.
fn recordings() -> Vec<Recording> {
    let mut found = corpus::of_containerd();
    found.retain(|it| rows(&it.truth("ctr/snapshots.txt")).next().is_some());
    found.iter_mut().for_each(|it| it.prefer("root-after-restart.tar.zst"));
    found
}

/// Rows of a table, cut into words.
fn rows(table: &str) -> impl Iterator<Item = Vec<&str>> {
    table.lines().skip(1).map(|line| line.split_whitespace().collect())
}

/// The first words of a recorded table.
fn truth(it: &Recording, file: &str) -> BTreeSet<String> {
    let table = it.truth(file);
    // what `ctr` logs of an image whose size it cannot tell stands below the table
    rows(&table).filter_map(|row| Some((*row.first()?).to_owned()).filter(|word| !word.starts_with("time="))).collect()
}

#[test]
fn every_object_that_ctr_lists_is_found_and_no_other() {
    for it in recordings() {
        let inv = deadweight::store::survey(&disk(&it.unpacked()));
        let images = inv.of_kind(Kind::Image).filter_map(|(_, thing)| thing.stored_image());
        let images = images.filter(|image| image.namespace == "moby").flat_map(|image| &image.records);
        let images: BTreeSet<String> = images.map(|record| record.name.clone()).collect();
        assert_eq!(images, truth(&it, "ctr/images.txt"), "{it}: images");
        let in_moby = |thing: &Entity| thing.blob().is_some_and(|b| b.entries.contains_key("moby"));
        let blobs = inv.of_kind(Kind::Blob).filter(|(_, thing)| in_moby(thing));
        let blobs: BTreeSet<String> = blobs.map(|(key, _)| key.id.to_string()).collect();
        assert_eq!(blobs, truth(&it, "ctr/content.txt"), "{it}: blobs");
        let leases = inv.of_kind(Kind::Lease).filter_map(|(_, thing)| thing.lease());
        let leases: BTreeSet<String> = leases.filter(|l| l.namespace == "moby").map(|l| l.id.clone()).collect();
        assert_eq!(leases, truth(&it, "ctr/leases.txt"), "{it}: leases");
        assert_eq!(snapshots(&inv), recorded_snapshots(&it), "{it}: snapshots");
    }
}

/// Kind and parent, by name.
fn snapshots(inv: &Inventory) -> BTreeMap<String, String> {
    let all = inv.of_kind(Kind::Snapshot).filter_map(|(_, thing)| thing.snapshot());
    let listed = all.filter(|snapshot| snapshot.namespace == "moby" && snapshot.snapshotter == "overlayfs");
    let kind = |it: &deadweight::inventory::facts::Snapshot| it.backend.as_ref().map(|backend| backend.kind);
    listed.map(|it| (it.name.clone(), format!("{:?} {}", kind(it), it.parent.as_deref().unwrap_or_default()))).collect()
}

fn recorded_snapshots(it: &Recording) -> BTreeMap<String, String> {
    let table = it.truth("ctr/snapshots.txt");
    let row = |row: Vec<&str>| {
        let parent = if row.len() == 3 { row[1] } else { "" };
        (row[0].to_owned(), format!("Some({}) {parent}", row[row.len() - 1]))
    };
    rows(&table).map(row).collect()
}

#[test]
fn owners_add_up_to_du_and_nothing_of_containerd_is_unclaimed() {
    for it in recordings() {
        let (root, disk) = (it.unpacked(), disk(&it.unpacked()));
        let inv = deadweight::store::survey(&disk);
        let owners = Owners::of(&inv);
        let ledger = weigh(&disk, &inv, &owners);
        let charged: u64 = ledger.owners.iter().map(|weight| weight.allocated).sum();
        assert_eq!((charged, ledger.unclaimed.allocated), (du(&root), 0), "{it}");
        let kinds = [OwnerKind::Unclaimed, OwnerKind::Temporary];
        let strange = owners.iter().filter(|(number, owner)| {
            kinds.contains(&owner.key.kind)
                && of_containerd(&owner.path.to_string())
                && ledger.owners[*number].inodes > 0
        });
        let strange: BTreeSet<String> = strange.map(|(_, owner)| owner.path.to_string()).collect();
        if it.truth("kills.json").is_empty() {
            let kinds = ["tmpmount", "task-dir", "snapshot-temp", "snapshot-removing", "orphan-snapshot"];
            assert_eq!(strange, planted(&it, &kinds), "{it}");
        }
    }
}

/// The paths of planted things of these kinds that the restart left.
fn planted(it: &Recording, kinds: &[&str]) -> BTreeSet<String> {
    let text = it.truth("planted_after_restart.json");
    let all: serde_json::Value = serde_json::from_str(if text.is_empty() { "[]" } else { &text }).unwrap();
    let all = all.as_array().unwrap().iter().filter(|one| kinds.contains(&one["kind"].as_str().unwrap()));
    all.filter(|one| one["after_restart"] != 0).map(|one| one["path"].as_str().unwrap().to_owned()).collect()
}

/// What nothing but leases with a past date or of a build that is over keeps: any removal may take it along.
fn passing(inv: &Inventory, graph: &Graph<'_>) -> BTreeSet<String> {
    let temporary = |thing: &Entity| thing.lease().is_some_and(|it| it.labels.contains_key("buildkit/lease.temporary"));
    let gone: Vec<_> =
        inv.entities.iter().filter(|(_, thing)| temporary(thing)).filter_map(|(key, _)| graph.node(key)).collect();
    let left = graph.reach(&gone);
    (0..graph.len()).filter(|node| !left[*node]).flat_map(|node| places(inv, graph.key(node).unwrap())).collect()
}

/// Where the bytes of a thing of containerd lie.
fn places(inv: &Inventory, key: &Key) -> Vec<String> {
    let lots = inv.get(key).map(|thing| thing.lots.as_slice()).unwrap_or_default();
    lots.iter().map(|lot| lot.at.to_string()).filter(|at| of_containerd(at)).collect()
}

/// Below containerd's root, which lies in the engine's where the engine supervises it.
fn of_containerd(at: &str) -> bool {
    at.starts_with("containerd/") || at.contains("/containerd/daemon/")
}

#[test]
fn what_docker_removed_is_what_the_marks_foretold() {
    let mut compared = 0;
    for it in corpus::of_containerd() {
        let inv = deadweight::store::survey(&disk(&it.unpacked()));
        let graph = Graph::at(&inv, it.later());
        let passing = passing(&inv, &graph);
        let text = it.truth("freed.json");
        let Ok(freed) = serde_json::from_str::<serde_json::Value>(&text) else { continue };
        for op in freed["ops"].as_array().unwrap() {
            let words: Vec<&str> = op["cmd"].as_str().unwrap().split_whitespace().collect();
            let Some(gone) = removal(&inv, &words).filter(|_| op["rc"] == 0) else { continue };
            let gone: Vec<_> = gone.iter().map(|key| graph.node(key).unwrap()).collect();
            let foretold =
                graph.freed_without(&gone).into_iter().flat_map(|node| places(&inv, graph.key(node).unwrap()));
            let foretold: BTreeSet<String> = foretold.filter(|at| !passing.contains(at)).collect();
            let removed = op["removed"].as_array().unwrap().iter().map(|one| one[0].as_str().unwrap().to_owned());
            let removed = removed.filter(|at| of_containerd(at) && !passing.contains(at));
            let removed: BTreeSet<String> = removed.collect();
            assert_eq!(foretold, removed, "{it}: {words:?}");
            compared += 1;
        }
    }
    let freed = corpus::of_containerd().iter().any(|it| !it.truth("freed.json").is_empty());
    assert!(compared > 0 || !freed);
    eprintln!("{compared} removals compared");
}

/// What a command removes by itself: containers; a name; or an ID with all its names, and the untagged images that it was
/// built on, whether others were built on them or not, unless a container uses them.
// moby daemon/containerd/image_delete.go: deleteAll
fn removal(inv: &Inventory, words: &[&str]) -> Option<Vec<Key>> {
    let container = |name: &&str| {
        let found = inv.of_kind(Kind::Container).find(|(_, thing)| thing.name == **name);
        found.map(|(key, _)| key.clone())
    };
    let to = |key: &Key, kind: LinkKind| -> Vec<Key> {
        inv.links.iter().filter(|link| link.to == *key && link.kind == kind).map(|link| link.from.clone()).collect()
    };
    match words {
        ["docker", "rm", "-v", names @ ..] | ["docker", "rm", names @ ..] => names.iter().map(container).collect(),
        ["docker", "rmi", name] => {
            let (tag, image) = match inv.of_kind(Kind::Tag).find(|(key, _)| *key.id == **name) {
                Some((tag, _)) => (Some(tag.clone()), inv.links.iter().find(|link| link.from == *tag)?.to.clone()),
                None => (None, inv.of_kind(Kind::Image).find(|(key, _)| *key.id == **name)?.0.clone()),
            };
            let tags = to(&image, LinkKind::Names);
            if tag.is_some() && (tags.len() > 1 || !to(&image, LinkKind::BuiltOn).is_empty()) {
                return Some(vec![tag?]);
            }
            let parent = |key: &Key| {
                let links = inv.links.iter().find(|link| link.from == *key && link.kind == LinkKind::BuiltOn);
                let parent = links.map(|link| link.to.clone()).filter(|parent| inv.get(parent).is_some());
                parent.filter(|it| to(it, LinkKind::Names).is_empty() && to(it, LinkKind::RunsFrom).is_empty())
            };
            Some(tags.into_iter().chain(std::iter::successors(Some(image), parent)).collect())
        }
        _ => None,
    }
}

/// The engine collects when it starts: 100 ms after containerd, and when BuildKit drops the leases of builds that are over.
#[test]
fn what_a_restart_collected_was_not_marked_and_what_was_marked_stayed() {
    for before in corpus::of_containerd().into_iter().filter(|it| it.name.contains("/crash")) {
        let mut after = before.clone();
        after.prefer("root-after-restart.tar.zst");
        let (was, is) = (disk(&before.unpacked()), disk(&after.unpacked()));
        let (was, is) = (deadweight::store::survey(&was), deadweight::store::survey(&is));
        let graph = Graph::of(&was);
        let restarted = before.json("info.json")["SystemTime"].as_str().unwrap().parse().unwrap();
        let marked = Marked::of(&was, &graph, restarted);
        let passing = passing(&was, &graph);
        let mut fates: BTreeMap<&str, usize> = BTreeMap::new();
        for (key, fate) in marked.iter().filter(|(key, _)| was.get(key).is_some()) {
            let stayed = is.get(key).is_some();
            let is_passing = places(&was, key).iter().any(|at| passing.contains(at)) || key.kind == Kind::Lease;
            let word = match fate {
                Fate::Unowned => "unowned",
                Fate::Collectable => "collectable",
                _ if is_passing => "passing",
                _ => "live",
            };
            *fates.entry(word).or_default() += 1;
            let dangling = word == "live" && !stayed;
            assert!(!dangling, "{before}: {key} was marked, and is gone");
            assert!(word != "collectable" || !stayed, "{before}: {key} was not marked, and stayed");
        }
        assert!(fates["live"] > 20, "{fates:?}");
        eprintln!("{before}: {fates:?}");
    }
}

/// What the command says of a root, judged on the day of the recordings.
fn report(root: &Path) -> serde_json::Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deadweight"));
    command.args(["report", "--format", "json", "--now", "2026-11-21T05:00:00Z", "--root"]).arg(root.join("docker"));
    if root.join("containerd").is_dir() {
        command.arg("--containerd-root").arg(root.join("containerd"));
    }
    let out = command.output().unwrap();
    serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&out.stderr)))
}

fn findings<'r>(report: &'r serde_json::Value, class: &str) -> Vec<&'r serde_json::Value> {
    report["findings"].as_array().unwrap().iter().filter(|it| it["class"] == class).collect()
}

/// Every place and object that the findings of a class name.
fn named(report: &serde_json::Value, class: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for finding in findings(report, class) {
        named.extend(finding["paths"].as_array().unwrap().iter().map(|at| at.as_str().unwrap().to_owned()));
        named.extend(finding["objects"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()));
    }
    named
}

/// The tables of planted things: kind, and the class that it belongs to.
const CLASSES: &[(&str, &str)] = &[
    ("orphan-snapshot", "orphan-driver-directory"),
    ("orphan-blob", "orphan-driver-directory"),
    ("snapshot-temp", "interrupted-leftover"),
    ("snapshot-removing", "interrupted-leftover"),
    ("ingest", "interrupted-leftover"),
    ("tmpmount", "interrupted-leftover"),
    ("task-dir", "interrupted-leftover"),
    ("missing-blob", "damaged-metadata"),
    ("bitflip-image-config", "damaged-metadata"),
];

#[test]
fn each_planted_thing_is_found_in_its_class_and_nothing_else_is_an_orphan() {
    // what kills leave by chance nobody wrote down
    let told = |it: &Recording| !it.name.contains("/crash") || !it.truth("planted.json").is_empty();
    for it in corpus::of_containerd().into_iter().filter(told) {
        let planted = it.truth("planted.json");
        let planted: serde_json::Value =
            serde_json::from_str(if planted.is_empty() { "[]" } else { &planted }).unwrap();
        let report = report(&it.unpacked());
        for (kind, class) in CLASSES {
            let wanted = planted.as_array().unwrap().iter().filter(|one| one["kind"] == *kind);
            for path in wanted.map(|one| one["path"].as_str().unwrap()) {
                assert!(named(&report, class).contains(path), "{it}: {path} is no {class}");
            }
        }
        let count = |kind: &str| planted.as_array().unwrap().iter().filter(|one| one["kind"] == kind).count();
        let orphans = findings(&report, "orphan-driver-directory");
        assert_eq!(orphans.len(), count("orphan-snapshot") + count("orphan-blob"), "{it}");
        // leases of containers that are gone; those that have expired are called otherwise
        let leases = named(&report, "stale-lease");
        let of_containers: Vec<_> =
            leases.iter().filter_map(|id| id.strip_prefix("moby/")).filter(|id| id.len() == 64).collect();
        let gone = planted.as_array().unwrap().iter().filter(|one| one["kind"] == "snapshot-no-container");
        let gone: Vec<&str> = gone.map(|one| one["path"].as_str().unwrap().rsplit('/').next().unwrap()).collect();
        assert_eq!(of_containers, gone, "{it}");
    }
}

#[test]
fn recorded_fixtures_show_the_classes_they_are_recorded_for() {
    for name in ["containerd", "containerd-remains"] {
        let report = report(&common::fixture(name));
        let found: BTreeSet<&str> =
            report["findings"].as_array().unwrap().iter().map(|it| it["class"].as_str().unwrap()).collect();
        let claimed = common::about(name, "classes").unwrap();
        for class in claimed.trim_matches(['[', ']']).split(", ").map(|class| class.trim_matches('"')) {
            assert!(found.contains(class), "{name} does not show {class}: {found:?}");
        }
        assert_eq!(report["totals"]["on_disk_bytes"], du(&common::fixture(name)), "{name}");
    }
}

#[test]
fn removal_by_name_and_by_id_leave_different_things_and_each_says_what_frees_it() {
    let report = report(&common::fixture("containerd"));
    let said = |class: &str| -> BTreeSet<(String, String)> {
        let one = |it: &&serde_json::Value| {
            let commands = it["remedy"]["commands"].as_array().unwrap();
            let first = commands[0].as_str().unwrap().to_owned();
            let last = commands[commands.len() - 1].as_str().unwrap();
            (first, last.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
        };
        findings(&report, class).iter().map(one).collect()
    };
    let pair = |first: &str, last: &str| (first.to_owned(), last.to_owned());
    let by_name = said("untagged-image-pinned-by-container");
    assert_eq!(by_name, [pair("docker rm by-name-1", "docker image rm")].into());
    let by_id = said("layers-pinned-by-stopped-container");
    assert_eq!(
        by_id,
        [pair("docker rm by-id-1", "docker rm by-id-1"), pair("docker rm pair-1 pair-2", "docker rm pair-1")].into()
    );
}

/// Up to 27.3 an engine keeps one list of past builds for both kinds of store, and a later one never looks at it again.
#[test]
fn past_builds_are_found_in_the_list_of_an_older_engine_and_forgotten_by_a_later_one() {
    let root = common::fresh("containerd");
    let lists = root.path().join("docker/buildkit");
    let ask = |engine: &str, args: &[&str]| -> serde_json::Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deadweight"));
        command.args(args).args(["--format", "json", "--engine", engine, "--now", "2026-11-21T05:00:00Z", "--root"]);
        command.arg(root.path().join("docker")).arg("--containerd-root").arg(root.path().join("containerd"));
        serde_json::from_slice(&command.output().unwrap().stdout).unwrap()
    };
    let history = |engine: &str| -> Vec<(u64, usize, bool)> {
        let report = ask(engine, &["report"]);
        let of_builds =
            findings(&report, "build-cache").into_iter().filter(|it| it["objects"][0]["kind"] == "build-history");
        let told = of_builds.map(|it| {
            let (builds, commands) = (it["objects"].as_array().unwrap(), it["remedy"]["commands"].as_array().unwrap());
            (it["on_disk_bytes"].as_u64().unwrap(), builds.len(), commands.is_empty())
        });
        told.collect()
    };
    let removed = |engine: &str| ask(engine, &["what-if", "buildx history rm --all"])["together"]["removes"].clone();
    let (known, goes) = (history("28.5.2"), removed("28.5.2"));
    assert!(matches!(known[..], [(bytes, builds, false)] if bytes > 0 && builds > 0), "{known:?}");
    std::fs::rename(lists.join("history_c8d.db"), lists.join("history.db")).unwrap();
    assert_eq!((history("27.3.1"), removed("27.3.1")), (known.clone(), goes.clone()));
    let forgotten = history("28.5.2");
    assert_eq!(forgotten, [(known[0].0, known[0].1, true)]);
    assert_eq!(removed("28.5.2"), serde_json::json!([]));
    assert_ne!(goes, serde_json::json!([]));
}

/// Ways to break a file.
fn broken(bytes: &[u8], how: &str) -> Option<Vec<u8>> {
    match how {
        "missing" => None,
        "empty" => Some(Vec::new()),
        "cut" => Some(bytes[..bytes.len() / 3].to_vec()),
        "garbage" => Some(bytes.iter().map(|byte| byte ^ 0x5a).collect()),
        // every page but the two metas: the checksum does not cover it
        _ => {
            let mut bytes = bytes.to_vec();
            let start = bytes.len().min(8192);
            for page in bytes[start..].chunks_mut(4096) {
                page.iter_mut().skip(8).take(40).for_each(|byte| *byte = byte.wrapping_add(1));
            }
            Some(bytes)
        }
    }
}

#[test]
fn a_damaged_database_takes_every_conclusion_that_rests_on_it_along() {
    const FILES: [&str; 3] = [
        "containerd/io.containerd.metadata.v1.bolt/meta.db",
        "containerd/io.containerd.snapshotter.v1.overlayfs/metadata.db",
        "docker/buildkit/containerd-overlayfs/metadata_v2.db",
    ];
    let concluded =
        ["orphan-driver-directory", "stale-lease", "leased-content", "unused-image", "dangling-image", "build-cache"];
    for name in ["containerd", "containerd-remains"] {
        for file in FILES {
            for how in ["missing", "empty", "cut", "garbage", "pages"] {
                let root = common::fresh(name);
                let at = root.path().join(file);
                let Ok(bytes) = std::fs::read(&at) else { continue };
                match broken(&bytes, how) {
                    Some(bytes) => std::fs::write(&at, bytes).unwrap(),
                    None => std::fs::remove_file(&at).unwrap(),
                }
                let whole = report(&common::fixture(name));
                let report = report(root.path());
                assert_eq!(report["totals"]["on_disk_bytes"], du(root.path()), "{name}: {file} {how}");
                assert_ne!(report["problems"].as_array().unwrap().len(), 0, "{name}: {file} {how}");
                for class in concluded {
                    for finding in findings(&report, class) {
                        let before = findings(&whole, class).iter().any(|it| it["objects"] == finding["objects"]);
                        let sure = finding["confidence"] != "unknown";
                        assert!(!sure || before, "{name}: {file} {how}: {class} {}", finding["cause"]);
                        assert!(
                            !sure || finding["remedy"]["commands"].as_array().unwrap().is_empty() || before,
                            "{finding}"
                        );
                    }
                }
                if file.ends_with("meta.db") {
                    let orphans = findings(&report, "orphan-driver-directory");
                    assert!(orphans.iter().all(|it| it["confidence"] == "unknown"), "{name}: {file} {how}");
                }
            }
        }
    }
}

#[test]
fn a_store_that_the_engine_was_turned_away_from_is_named_with_all_that_it_holds() {
    let stranded = corpus::of_containerd().into_iter().filter(|it| it.name.contains("/stranded"));
    for it in stranded {
        let root = it.unpacked();
        let config = tempfile::NamedTempFile::new().unwrap();
        let off = r#"{"features":{"containerd-snapshotter":false},"storage-driver":"overlay2"}"#;
        std::fs::write(config.path(), off).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_deadweight"));
        command.args(["report", "--format", "json", "--root"]).arg(root.join("docker")).arg("--containerd-root");
        command.arg(root.join("containerd")).arg("--daemon-config").arg(config.path());
        let report: serde_json::Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
        let found = findings(&report, "stranded-store");
        assert_eq!(found.len(), 1, "{it}");
        assert_eq!(found[0]["paths"], serde_json::json!(["containerd"]));
        assert_eq!(found[0]["confidence"], "certain");
        let du = Command::new("du").args(["-s", "--block-size=1"]).arg(root.join("containerd")).output().unwrap();
        let du: u64 = String::from_utf8_lossy(&du.stdout).split_whitespace().next().unwrap().parse().unwrap();
        let beside = found[0]["on_disk_bytes"].as_u64().unwrap() - du;
        // BuildKit's records of that snapshotter lie in the engine's root
        assert!(beside > 0 && beside < 200_000, "{it}: {beside}");
        let kinds: BTreeSet<&str> =
            found[0]["objects"].as_array().unwrap().iter().map(|it| it["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["container", "image", "store"].into(), "{it}");
        // what is in it is judged no further
        for class in ["unused-image", "duplicate-compressed-blob"] {
            let of_it = findings(&report, class).into_iter().flat_map(|it| it["paths"].as_array().unwrap());
            assert!(of_it.filter_map(|at| at.as_str()).all(|at| !at.starts_with("containerd/")), "{it}: {class}");
        }
    }
}
