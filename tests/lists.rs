//! `ls images` and `ls containers` against the lists of real engines: every recorded root, where the corpus is at hand, and
//! the fixtures in any case.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "common/df.rs"]
mod df;
#[path = "common/run.rs"]
mod run;

use std::path::Path;

use common::corpus::{self, Recording};
use df::{CONTAINERS, Compared, IMAGES, List};
use serde_json::Value;

/// Differences of one list.
fn differences(engine: &Value, ours: &Value, list: List, passed: &[&str], about: &str) -> Vec<String> {
    let mut found = Compared::default();
    found.rows(engine, ours, list, |_, _, field| passed.contains(&field));
    found.0.into_iter().map(|line| format!("{about}: {line}")).collect()
}

/// What `ls` says: an array, as the engine's list is.
fn listed(dir: &Path, what: &str, more: &[&str]) -> Value {
    let args = [&["ls", what, "--format", "json"], more].concat();
    let list = run::deadweight(dir, &args).json();
    for row in list.as_array().unwrap() {
        let beside = &row["Deadweight"];
        let bytes = |field: &str| beside[field].as_u64().unwrap();
        assert_eq!(bytes("on_disk_bytes"), bytes("retained_bytes") + bytes("shared_bytes"), "{row}");
        assert!(beside["kept_by"].is_array() && beside["docker_shows"].is_string(), "{row}");
    }
    list
}

fn recordings() -> Vec<Recording> {
    let mut found = corpus::recordings("");
    found.retain(|it| !it.truth("info.json").is_empty());
    found.iter_mut().for_each(|it| it.prefer("root-after-restart.tar.zst"));
    found
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

#[test]
fn lists_of_every_recorded_root_are_those_of_its_engine() {
    let (mut found, mut held) = (Vec::new(), 0);
    for it in recordings() {
        let info = json(&it.truth("info.json"));
        let version = info["ServerVersion"].as_str().unwrap().to_owned();
        let config = it.file("daemon.json").display().to_string();
        let options = ["--engine", &version, "--daemon-config", &config];
        let root = it.unpacked();
        let images = listed(&root, "images", &options);
        let containers = listed(&root, "containers", &options);
        let truth = |name: &str| json(&it.truth(&format!("api/{name}.json")));
        found.extend(differences(&truth("images"), &images, IMAGES, &["Manifests"], &it.name));
        let manifests = truth("images_manifests");
        if manifests.is_array() {
            found.extend(differences(&manifests, &images, IMAGES, &[], &it.name));
        }
        found.extend(differences(&truth("containers"), &containers, CONTAINERS, &[], &it.name));
        held += 1;
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(held > 0 || corpus::folder().is_none());
}

/// What an engine said of a store before another was put in its place.
#[test]
fn lists_of_a_hidden_store_are_those_of_the_engine_that_left_it() {
    let mut found = Vec::new();
    let mut held = 0;
    for it in recordings() {
        for before in it.folders("truth-before") {
            let text = |name: &str| json(&std::fs::read_to_string(before.join(name)).unwrap_or_default());
            let info = text("info.json");
            let (version, driver) = (info["ServerVersion"].as_str().unwrap(), info["Driver"].as_str().unwrap());
            if json(&it.truth("info.json"))["Driver"] == driver {
                continue; // the next engine worked on in the same store
            }
            let config = it.file("daemon.json").display().to_string();
            let options = ["--engine", version, "--daemon-config", &config, "--store", driver];
            let root = it.unpacked();
            let images = listed(&root, "images", &options);
            let containers = listed(&root, "containers", &options);
            found.extend(differences(&text("api/images.json"), &images, IMAGES, &["Manifests"], &it.name));
            found.extend(differences(&text("api/containers.json"), &containers, CONTAINERS, &[], &it.name));
            held += 1;
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(held > 0 || corpus::folder().is_none());
}

#[test]
fn lists_of_every_fixture_are_those_of_its_engine() {
    let mut found = Vec::new();
    // what was taken away by hand after the engine had answered is in its answer still
    for name in common::names().into_iter().filter(|name| name != "containerd-remains") {
        let truth = common::truth(&name);
        let version = truth["version"]["Version"].as_str().unwrap();
        let root = common::fixture(&name);
        let driver = truth["driver"].as_str().unwrap();
        let options = ["--engine", version, "--store", driver];
        let images = listed(&root, "images", &options);
        let containers = listed(&root, "containers", &options);
        found.extend(differences(&truth["images"], &images, IMAGES, &["Manifests"], &name));
        found.extend(differences(&truth["containers"], &containers, CONTAINERS, &[], &name));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
