//! Predictions against what real engines then did: every removal that was recorded on a root of a graph driver. The paths
//! that went, exactly; their inodes and bytes; the figure that Docker printed; and its refusals, in its words.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "common/run.rs"]
mod run;

use std::collections::BTreeSet;
use std::path::Path;

use common::corpus::{Recording, recordings};
use deadweight::cli::Exit;
use deadweight::docker::units::human;
use run::deadweight;
use serde_json::Value;

/// What we say about some actions on a root.
fn predicted(root: &Path, engine: &str, actions: &[&str]) -> Value {
    let said = deadweight(root, &[&["what-if", "--format", "json", "--engine", engine], actions].concat());
    assert!(matches!(said.exit, Exit::Done | Exit::Partial), "{actions:?}: {}", said.err);
    said.json()
}

/// The version of a recording, from the name of its folder.
fn engine(recording: &Recording) -> &'static str {
    match recording.name.split('-').next() {
        Some("20.10") => "20.10.24",
        Some("26.1") => "26.1.5",
        Some("28.5") => "28.5.2",
        Some("29.7") => "29.7.2",
        other => panic!("{other:?} is no engine of the corpus"),
    }
}

/// What the recording has of a removed path: itself, its bytes, its inodes.
fn removed(op: &Value) -> (BTreeSet<&str>, u64, u64) {
    let rows = op["removed"].as_array().unwrap().iter();
    let sum = |at: usize| rows.clone().map(|row| row[at].as_u64().unwrap()).sum();
    (rows.clone().map(|row| row[0].as_str().unwrap()).collect(), sum(1), sum(2))
}

/// Every difference between an operation and its prediction, in words.
fn differences(op: &Value, step: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let (paths, bytes, inodes) = removed(op);
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
    let mut theirs: Vec<String> = said.lines().filter_map(told).collect();
    let mut ours: Vec<String> = step["message"].as_str().unwrap_or_default().lines().filter_map(told).collect();
    theirs.sort();
    ours.sort();
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

#[test]
fn every_recorded_removal_goes_as_predicted() {
    let mut wrong = Vec::new();
    let mut ops = 0;
    for recording in recordings("").iter().filter(|recording| !recording.name.contains("containerd")) {
        let truth = recording.truth("freed.json");
        if truth.is_empty() {
            continue;
        }
        let truth: Value = serde_json::from_str(&truth).unwrap();
        let root = recording.unpacked();
        for op in truth["ops"].as_array().unwrap() {
            let cmd = op["cmd"].as_str().unwrap();
            if matches!(op["op"].as_str(), Some("noop" | "nuke")) {
                continue;
            }
            ops += 1;
            let action = cmd.strip_prefix("docker ").unwrap();
            let answer = predicted(&root, engine(recording), &[action]);
            let step = &answer["steps"][0];
            assert_eq!(step["removes"], answer["together"]["removes"], "{recording} {cmd}");
            wrong.extend(differences(op, step).into_iter().map(|wrong| format!("{recording}: {cmd}: {wrong}")));
        }
    }
    assert!(wrong.is_empty(), "{} of {ops} operations:\n{}", wrong.len(), wrong.join("\n"));
    eprintln!("{ops} operations predicted");
}
