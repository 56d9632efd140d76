//! `ls images` and `ls containers` against the lists of real engines: every recorded root, where the corpus is at hand, and
//! the fixtures in any case.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "common/df.rs"]
mod df;
#[path = "common/run.rs"]
mod run;

use std::collections::BTreeSet;
use std::path::Path;

use common::corpus::{self, Recording};
use deadweight::cli::Exit;
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
    let all = recordings();
    for it in &all {
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
    assert!(held > 0 || !all.iter().any(|it| it.name.contains("/stranded")));
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

/// The short IDs that `docker images` printed: of one client in a third column, of a later one in the second.
fn printed(text: &str) -> BTreeSet<String> {
    let short = |word: &&str| word.len() == 12 && word.bytes().all(|b| b.is_ascii_hexdigit());
    text.lines().filter_map(|line| line.split_whitespace().skip(1).find(short)).map(str::to_owned).collect()
}

#[test]
fn an_image_is_shown_where_docker_images_shows_it() {
    let (mut found, mut held) = (Vec::new(), 0);
    for it in recordings() {
        let version = json(&it.truth("info.json"))["ServerVersion"].as_str().unwrap().to_owned();
        let config = it.file("daemon.json").display().to_string();
        let options = ["--engine", &version, "--daemon-config", &config];
        let images = listed(&it.unpacked(), "images", &options);
        let like = |shows: &str| -> BTreeSet<String> {
            let rows = images.as_array().unwrap().iter().filter(|row| row["Deadweight"]["docker_shows"] == shows);
            rows.map(|row| row["Id"].as_str().unwrap()["sha256:".len()..][..12].to_owned()).collect()
        };
        let engine = printed(&it.truth("cli/images_default.txt"));
        if engine != like("yes") {
            found.push(format!("{it}: engine {engine:?}, deadweight {:?}", like("yes")));
        }
        assert_eq!(like("no"), BTreeSet::new(), "{it}");
        held += usize::from(!engine.is_empty());
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(held > 0 || corpus::folder().is_none());
}

#[test]
fn an_image_of_several_manifests_has_a_line_for_each() {
    let mut held = 0;
    let mut recorded = recordings();
    recorded.retain(|it| it.truth("api/images_manifests.json").contains("attestation-manifest"));
    for it in &recorded {
        let root = it.unpacked();
        let config = it.file("daemon.json").display().to_string();
        let options = ["--engine", &it.version().unwrap(), "--daemon-config", &config];
        let images = listed(&root, "images", &options);
        let said = run::deadweight(&root, &[&["ls", "images", "--no-trunc"][..], &options].concat()).text();
        for image in images.as_array().unwrap() {
            let parts = image["Deadweight"]["platforms"].as_array().unwrap();
            let told = image["Manifests"].as_array().unwrap();
            let digests = |rows: &[Value], key: &str| -> BTreeSet<String> {
                rows.iter().map(|row| row[key].as_str().unwrap().to_owned()).collect()
            };
            assert_eq!(digests(parts, "manifest"), digests(told, "ID"), "{it}");
            for part in parts.iter().filter(|_| parts.len() > 1) {
                let name = match part["platform"].as_str().unwrap() {
                    "" => part["kind"].as_str().unwrap(),
                    platform => platform,
                };
                let line = said.lines().find(|line| line.contains(part["manifest"].as_str().unwrap())).unwrap();
                assert!(line.trim_start().starts_with(name), "{it}: {line}");
                assert!(part["on_disk_bytes"].as_u64().unwrap() > 0, "{it}: {part}");
                held += 1;
            }
        }
    }
    assert!(held > 0 || recorded.is_empty());
}

/// What no store is called, and what no image is called, is said; nothing is printed in its place.
#[test]
fn what_is_not_there_is_said_with_what_there_is() {
    let root = common::fixture("forced-rmi");
    for (args, cause) in [
        (&["ls", "images", "--store", "zfs"][..], "overlay2"),
        (&["ls", "images", "--format", "json", "--store", "zfs"], "overlay2"),
        (&["ls", "images", "--filter", "before=nowhere:1"], "no such image: nowhere:1"),
        (&["ls", "images", "--format", "json", "--filter", "since=nowhere:1"], "no such image: nowhere:1"),
    ] {
        let said = run::deadweight(&root, args);
        assert_eq!((said.exit, said.text().as_str()), (Exit::Found, ""), "{args:?}");
        assert!(said.err.contains(cause), "{args:?}: {}", said.err);
    }
    let said = run::deadweight(&root, &["ls", "images", "--api-version", "1.99"]);
    assert_eq!(said.exit, Exit::Usage);
    assert!(said.err.contains("1.24 to 1.51"), "{}", said.err);
}

#[test]
fn filters_go_for_tables_json_and_ids_alike() {
    let root = common::fixture("forced-rmi");
    for (what, filters) in [
        ("images", &["dangling=true"][..]),
        ("images", &["reference=*:1", "dangling=false"]),
        ("containers", &["status=exited"]),
        ("containers", &["status=created", "status=exited", "name=."]),
        ("volumes", &["dangling=true"]),
    ] {
        let filters: Vec<&str> = filters.iter().flat_map(|filter| ["--filter", filter]).collect();
        let with = |more: &[&str]| run::deadweight(&root, &[&["ls", what, "--no-trunc"], more, &filters].concat());
        let list = with(&["--format", "json"]).json();
        let (rows, key) = if what == "volumes" { (&list["rows"], "id") } else { (&list, "Id") };
        let ids: BTreeSet<String> =
            rows.as_array().unwrap().iter().map(|row| row[key].as_str().unwrap().to_owned()).collect();
        let quiet: BTreeSet<String> = with(&["-q"]).text().lines().map(str::to_owned).collect();
        assert_eq!(ids, quiet, "{what} {filters:?}");
        assert_eq!(with(&[]).text().lines().count(), ids.len() + 1, "{what} {filters:?}");
        let all = run::deadweight(&root, &["ls", what, "-q"]).text().lines().count();
        assert!(ids.len() <= all && (what == "volumes" || !ids.is_empty()), "{what} {filters:?}");
    }
}
