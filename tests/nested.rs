//! Data roots inside volumes and containers: each is read as a root of its own, its bytes stay its owner's, and there is an end
//! to how deep it goes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "common/run.rs"]
mod run;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use common::corpus;
use serde_json::Value;

fn du(at: &Path) -> u64 {
    let out = Command::new("du").args(["-s", "--block-size=1"]).arg(at).output().unwrap();
    String::from_utf8(out.stdout).unwrap().split_whitespace().next().unwrap().parse().unwrap()
}

fn words(list: &Value, field: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|it| it[field].as_str().unwrap().to_owned()).collect()
}

/// Every nested root by its name.
fn nested(report: &Value) -> BTreeMap<String, &Value> {
    let all = report["nested"].as_array().unwrap().iter();
    all.flat_map(|inner| words(&inner["roots"], "name").into_iter().map(move |name| (name, inner))).collect()
}

/// Without the names of the roots, which say where they lie; a long name is cut in the causes of damage.
fn alike(report: &Value, from: &str, to: &str) -> BTreeSet<String> {
    let parts = ["findings", "owners", "problems", "withheld"].iter();
    let mut all: Vec<Value> = parts.flat_map(|part| report[part].as_array().unwrap().clone()).collect();
    all.iter_mut().filter(|it| it["class"] == "damaged-metadata").for_each(|it| it["cause"] = Value::Null);
    all.iter().map(|it| it.to_string().replace(from, to)).collect()
}

#[test]
fn each_nested_root_of_the_recordings_is_read_as_if_it_stood_alone() {
    let mut seen = 0;
    for it in corpus::recordings("/nested") {
        let top = it.unpacked();
        let report = run::report(&top);
        run::assert_byte_law(&top, &report, &it.to_string());
        let names = words(&report["roots"], "name");
        for class in report["findings"].as_array().unwrap().iter().filter(|it| it["class"] == "nested-data-root") {
            let at = class["paths"][0].as_str().unwrap();
            assert!(names.iter().any(|name| name == at), "{it}: {at} is no root");
        }
        for (name, inner) in nested(&report) {
            let at = top.join(&name);
            assert_eq!(inner["totals"]["on_disk_bytes"], du(&at), "{it}: {name}");
            let owners: u64 =
                inner["owners"].as_array().unwrap().iter().map(|it| it["on_disk_bytes"].as_u64().unwrap()).sum();
            assert_eq!(owners, du(&at), "{it}: owners of {name}");
            let dir = tempfile::tempdir().unwrap();
            std::os::unix::fs::symlink(&at, dir.path().join("docker")).unwrap();
            let alone = run::report(dir.path());
            let (inner, alone) = (alike(inner, &name, "docker"), alike(&alone, &name, "docker"));
            let differ: Vec<_> = inner.symmetric_difference(&alone).collect();
            assert!(differ.is_empty(), "{it}: {name}: {differ:#?}");
            seen += 1;
        }
        let decoy = names.iter().any(|name| name.contains("notadocker") || name.contains("bkstate/"));
        assert!(!decoy, "{it}: {names:?}");
    }
    assert!(seen > 2 || corpus::folder().is_none(), "{seen} nested roots");
}

/// A data root that holds a volume with a data root that holds a volume…
fn one_in_another(depth: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut at = dir.path().join("docker");
    for _ in 0..=depth {
        std::fs::create_dir_all(at.join("image/overlay2/layerdb/sha256")).unwrap();
        std::fs::create_dir_all(at.join("containers")).unwrap();
        at = at.join("volumes/inner/_data");
        std::fs::create_dir_all(&at).unwrap();
        std::fs::write(at.join("file"), b"x").unwrap();
    }
    dir
}

#[test]
fn how_deep_it_goes_is_bounded_and_the_bound_is_said() {
    let dir = one_in_another(9);
    let report = run::report(dir.path());
    run::assert_byte_law(dir.path(), &report, "nine in one another");
    let depths: Vec<u64> =
        report["nested"].as_array().unwrap().iter().map(|it| it["depth"].as_u64().unwrap()).collect();
    assert_eq!(depths, [1, 2, 3, 4]);
    let said = report["problems"].as_array().unwrap().iter().filter(|it| it["code"] == "nested-too-deep");
    let said: Vec<&str> = said.map(|it| it["path"].as_str().unwrap()).collect();
    assert_eq!(said, [format!("docker{}", "/volumes/inner/_data".repeat(5))]);
    let deep = report["problems"].as_array().unwrap().iter().find(|it| it["code"] == "nested-too-deep").unwrap();
    assert_eq!(deep["lost"], "nothing");
    // the bytes are the outermost volume's
    let volume = report["owners"].as_array().unwrap().iter().find(|it| it["kind"] == "volume").unwrap();
    assert_eq!(volume["on_disk_bytes"], du(&dir.path().join("docker/volumes/inner")));
}

#[test]
fn how_many_are_read_is_bounded_and_the_bound_is_said() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..300 {
        let at = dir.path().join(format!("docker/volumes/v{number:03}/_data/image/vfs/layerdb"));
        std::fs::create_dir_all(at).unwrap();
    }
    let report = run::report(dir.path());
    assert_eq!(report["nested"].as_array().unwrap().len(), 256);
    let said = report["problems"].as_array().unwrap().iter().filter(|it| it["code"] == "too-many-nested");
    assert_eq!(said.count(), 44);
}

/// Only the upper part of it is what the container wrote; from that alone nothing follows.
#[test]
fn a_root_that_lies_in_several_layers_is_named_and_not_read() {
    let Some(it) = corpus::recordings("20.10-overlay2/nested").pop() else { return };
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let copied = Command::new("cp").arg("-a").arg(it.unpacked().join("docker")).arg(dir.path()).status().unwrap();
    assert!(copied.success());
    let before = run::report(dir.path());
    let inner = nested(&before).into_keys().find(|name| name.contains("/overlay2/")).unwrap();
    let lower = inner.split('/').nth(2).unwrap();
    let lower = std::fs::read_to_string(dir.path().join("docker/overlay2").join(lower).join("lower")).unwrap();
    let below = dir.path().join("docker/overlay2").join(lower.trim().rsplit(':').next().unwrap());
    std::fs::create_dir_all(std::fs::canonicalize(below).unwrap().join("var/lib/image/overlay2/layerdb")).unwrap();
    let after = run::report(dir.path());
    assert!(!nested(&after).contains_key(&inner));
    let said = |it: &&Value| it["code"] == "nested-in-layers" && it["path"] == *inner;
    assert_eq!(after["problems"].as_array().unwrap().iter().filter(said).count(), 1, "{}", after["problems"]);
}
