//! Predictions against what real engines then did: every removal that was recorded. The paths
//! that went, exactly; their inodes and bytes; the figure that Docker printed; and its refusals, in its words.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "common/run.rs"]
mod run;

use std::collections::BTreeSet;

use common::corpus::{Recording, of_containerd, recordings};
use deadweight::cli::Exit;
use deadweight::disk::{Disk, Tree};
use deadweight::docker::units::human;
use deadweight::graph::Graph;
use deadweight::terms::{Key, Kind};
use run::deadweight_now;
use serde_json::Value;

/// How many characters of an answer were recorded.
const KEPT: usize = 6000;

/// What we say about some actions on a root.
fn predicted(recording: &Recording, now: &str, actions: &[&str]) -> Value {
    let engine = recording.version().unwrap();
    let config = recording.file("daemon.json").display().to_string();
    let options = ["what-if", "--format", "json", "--engine", &engine, "--now", now, "--daemon-config", &config];
    let said = deadweight_now(&recording.unpacked(), &[options.as_slice(), actions].concat());
    assert!(matches!(said.exit, Exit::Done | Exit::Partial), "{actions:?}: {}", said.err);
    said.json()
}

/// What the recording has of a removed path: itself, its bytes, its inodes.
fn removed<'o>(op: &'o Value, noise: &BTreeSet<String>) -> (BTreeSet<&'o str>, u64, u64) {
    let rows = op["removed"].as_array().unwrap().iter().filter(|row| !noise.contains(row[0].as_str().unwrap()));
    let sum = |at: usize| rows.clone().map(|row| row[at].as_u64().unwrap()).sum();
    (rows.clone().map(|row| row[0].as_str().unwrap()).collect(), sum(1), sum(2))
}

/// Every difference between an operation and its prediction, in words.
fn differences(op: &Value, step: &Value, noise: &BTreeSet<String>) -> Vec<String> {
    let mut found = Vec::new();
    let (paths, bytes, inodes) = removed(op, noise);
    let ours: BTreeSet<&str> = step["removes"].as_array().unwrap().iter().map(|path| path.as_str().unwrap()).collect();
    found.extend(paths.difference(&ours).map(|path| format!("goes, and was not predicted: {path}")));
    found.extend(ours.difference(&paths).map(|path| format!("stays, and was predicted to go: {path}")));
    if step["inodes"].as_u64() != Some(inodes) {
        found.push(format!("inodes: {inodes}, predicted {}", step["inodes"]));
    }
    if step["on_disk_bytes"].as_u64() != Some(bytes) {
        found.push(format!("bytes: {bytes}, predicted {}", step["on_disk_bytes"]));
    }
    let said = op["out"].as_str().unwrap();
    let figure = said
        .lines()
        .find_map(|line| line.strip_prefix("Total reclaimed space: ").or_else(|| line.strip_prefix("Total:\t")));
    let reports = step["docker_reports_bytes"].as_i64().map(human);
    if figure.map(str::trim) != reports.as_deref() {
        found.push(format!("Docker reports {figure:?}, predicted {reports:?}"));
    }
    found.extend(word_differences(op, said, step));
    found
}

/// The outcome, and what Docker says: it names any of several containers, and prints lists in no certain order.
fn word_differences(op: &Value, said: &str, step: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let outcome = step["outcome"].as_str().unwrap();
    let failed = op["rc"].as_i64() != Some(0);
    if failed != matches!(outcome, "refused" | "partly") {
        found.push(format!("exit status {}, predicted {outcome}", op["rc"]));
    }
    // of a long answer the recording has the end, which begins anywhere in a line
    let is_cut = said.chars().count() == KEPT;
    let mut theirs: Vec<String> = said.lines().skip(usize::from(is_cut)).filter_map(told).collect();
    let mut ours: Vec<String> = step["message"].as_str().unwrap_or_default().lines().filter_map(told).collect();
    theirs.sort();
    ours.sort();
    if is_cut {
        ours.retain(|line| theirs.contains(line));
    }
    if theirs != ours {
        found.push(format!("says {theirs:#?}, predicted {ours:#?}"));
    }
    found
}

/// One thing that a line tells.
fn told(line: &str) -> Option<String> {
    let line = line.strip_prefix("Error response from daemon: ").unwrap_or(line);
    let line = line.replace("untagged: ", "Untagged: ").replace("deleted: ", "Deleted: ");
    let heading =
        line.is_empty() || line.starts_with("Deleted ") || line.starts_with("Total") || line.starts_with("ID\t");
    // buildx prints a table, and marks what can be changed
    let line = line.split(['\t', '*']).next().unwrap().trim_end().to_owned();
    let any = line.split(" container ").next().unwrap().to_owned();
    (!heading).then_some(any)
}

/// Runs every operation of some recordings.
fn compare(recordings: &[Recording], noise: impl Fn(&Recording) -> BTreeSet<String>) {
    let mut wrong = Vec::new();
    let mut ops = 0;
    for recording in recordings {
        let truth = recording.truth("freed.json");
        if truth.is_empty() {
            continue;
        }
        let truth: Value = serde_json::from_str(&truth).unwrap();
        let (now, noise) = (recording.later().to_string(), noise(recording));
        for op in truth["ops"].as_array().unwrap() {
            let cmd = op["cmd"].as_str().unwrap();
            if matches!(op["op"].as_str(), Some("noop" | "nuke")) {
                continue;
            }
            ops += 1;
            let action = cmd.strip_prefix("docker ").unwrap();
            let answer = predicted(recording, &now, &[action]);
            let step = &answer["steps"][0];
            assert_eq!(step["removes"], answer["together"]["removes"], "{recording} {cmd}");
            let found = differences(op, step, &noise).into_iter();
            wrong.extend(found.map(|wrong| format!("{recording}: {cmd}: {wrong}")));
        }
    }
    assert!(wrong.is_empty(), "{} of {ops} operations:\n{}", wrong.len(), wrong.join("\n"));
    eprintln!("{ops} operations predicted");
}

#[test]
fn every_recorded_removal_from_a_graph_driver_goes_as_predicted() {
    let mut recordings = recordings("");
    recordings.retain(|recording| !recording.is_of_containerd());
    compare(&recordings, |_| BTreeSet::new());
}

/// The values of a field in a list that the engine answered.
fn listed(recording: &Recording, file: &str, field: &str) -> Vec<String> {
    let list: Value = serde_json::from_str(&recording.truth(file)).unwrap();
    let rows = list["Volumes"].as_array().or(list.as_array()).into_iter().flatten();
    rows.map(|row| row[field].as_str().or(row[field][0].as_str()).unwrap().to_owned()).collect()
}

/// The commands that removed everything, as `freed.json` says: of volumes and images, those that the others had left.
fn everything(recording: &Recording, now: &str) -> Vec<String> {
    let containers = listed(recording, "api/containers.json", "Names");
    let names: Vec<&str> = containers.iter().map(|name| name.trim_start_matches('/')).collect();
    let volumes =
        if recording.version().unwrap().starts_with("20.") { "volume prune -f" } else { "volume prune -f -a" };
    let mut actions: Vec<String> =
        ["system prune -af --volumes", volumes, "builder prune -af"].map(str::to_owned).to_vec();
    if !names.is_empty() {
        actions.insert(0, format!("rm -f -v {}", names.join(" ")));
    }
    for (remove, file, field, inside) in [
        ("volume rm", "api/volumes.json", "Name", "/volumes/"),
        ("rmi -f", "api/images.json", "Id", "/imagedb/content/sha256/"),
    ] {
        let answer = predicted(recording, now, &actions.iter().map(String::as_str).collect::<Vec<_>>());
        let gone = answer["together"]["removes"].to_string();
        let mut left = listed(recording, file, field);
        left.retain(|name| !gone.contains(&format!("{inside}{}\"", name.trim_start_matches("sha256:"))));
        if !left.is_empty() {
            actions.push(format!("{remove} {}", left.join(" ")));
        }
    }
    actions
}

#[test]
fn what_stays_when_everything_was_removed_from_a_graph_driver_is_predicted() {
    let mut held = 0;
    let mut all = recordings("");
    all.retain(|it| !it.is_of_containerd() && !it.truth("freed.json").is_empty());
    for recording in &all {
        let truth: Value = serde_json::from_str(&recording.truth("freed.json")).unwrap_or_default();
        let op = truth["ops"].as_array().into_iter().flatten().find(|op| op["op"] == "nuke");
        let Some(op) = op else { continue };
        let now = recording.later().to_string();
        let actions = everything(recording, &now);
        let answer = predicted(recording, &now, &actions.iter().map(String::as_str).collect::<Vec<_>>());
        let (ours, (paths, bytes, inodes)) = (&answer["together"], removed(op, &BTreeSet::new()));
        let ours_paths: BTreeSet<&str> =
            ours["removes"].as_array().unwrap().iter().map(|path| path.as_str().unwrap()).collect();
        let differ: Vec<_> = paths.symmetric_difference(&ours_paths).collect();
        assert!(differ.is_empty(), "{recording}: {actions:?}: {differ:#?}");
        assert_eq!((&ours["on_disk_bytes"], &ours["inodes"]), (&bytes.into(), &inodes.into()), "{recording}");
        held += 1;
    }
    assert!(held > 0 || all.is_empty());
}

#[test]
fn every_recorded_removal_from_containerds_store_goes_as_predicted() {
    compare(&of_containerd(), passing);
}

/// What nothing keeps but leases of builds that were over, and leases whose date had passed. BuildKit drops the ones when
/// it starts, and containerd takes what they kept some time later, whatever is asked meanwhile: of the recorded operations
/// some have it, and some do not.
fn passing(recording: &Recording) -> BTreeSet<String> {
    let root = recording.unpacked();
    let trees = ["docker", "containerd"].into_iter().filter(|name| root.join(name).is_dir());
    let disk = Disk::new(trees.map(|name| Tree::open(name, &root.join(name)).unwrap())).unwrap();
    let inventory = deadweight::store::survey(&disk);
    let (graph, later) = (Graph::of(&inventory), Graph::at(&inventory, recording.later()));
    let leases = inventory.entities.iter().filter_map(|(key, thing)| Some((key, thing.lease()?)));
    let over = leases.filter(|(_, lease)| lease.labels.contains_key("buildkit/lease.temporary"));
    let over: Vec<_> = over.filter_map(|(key, _)| graph.node(key)).collect();
    let (all, left) = (graph.reach(&[]), later.reach(&over));
    let passing = (0..graph.len()).filter(|node| all[*node] && !left[*node]).filter_map(|node| graph.key(node));
    let mut passing: BTreeSet<&Key> = passing.collect();
    // a collection that takes a snapshot sweeps up what lies among the snapshots and is none
    if passing.iter().any(|key| key.kind == Kind::Snapshot) {
        let strays = inventory.entities.keys().filter(|key| *key.store == *"overlayfs");
        passing.extend(strays.filter(|key| matches!(key.kind, Kind::DriverDirectory | Kind::Leftover)));
    }
    let lots = passing.iter().filter_map(|key| inventory.get(key)).flat_map(|thing| &thing.lots);
    lots.map(|lot| lot.at.to_string()).filter(|at| at.contains("/io.containerd.")).collect()
}
