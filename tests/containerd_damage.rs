//! A database of containerd that is damaged anywhere: whatever is concluded with certainty was concluded of the whole one, and no
//! command appears that was not there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

#[path = "common/mod.rs"]
mod common;
#[path = "common/run.rs"]
mod run;

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

const META: &str = "containerd/io.containerd.metadata.v1.bolt/meta.db";
const SNAPSHOTTER: &str = "containerd/io.containerd.snapshotter.v1.overlayfs/metadata.db";
const RECORDS: &str = "docker/buildkit/containerd-overlayfs/metadata_v2.db";
/// What follows from what is not there.
const CONCLUDED: &[&str] = &[
    "build-cache",
    "dangling-image",
    "half-removed-container",
    "intermediate-image",
    "interrupted-leftover",
    "leased-content",
    "orphan-driver-directory",
    "stale-lease",
    "stranded-store",
    "unreferenced-volume",
    "untagged-image-pinned-by-container",
    "unused-image",
    "zero-size-cache-record",
];

/// The objects that each class is certain of.
fn certain(report: &Value) -> BTreeSet<(String, String)> {
    let findings = report["findings"].as_array().unwrap().iter();
    let sure =
        findings.filter(|it| it["confidence"] == "certain" && CONCLUDED.contains(&it["class"].as_str().unwrap()));
    let objects = |it: &Value| -> Vec<(String, String)> {
        let class = it["class"].as_str().unwrap().to_owned();
        let places = it["paths"].as_array().unwrap().iter().map(|at| at.as_str().unwrap().to_owned());
        let ids = it["objects"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned());
        places.chain(ids).map(|id| (class.clone(), id)).collect()
    };
    sure.flat_map(objects).collect()
}

fn commands(report: &Value) -> BTreeSet<String> {
    let all = report["findings"].as_array().unwrap().iter();
    let all = all.flat_map(|it| it["remedy"]["commands"].as_array().unwrap().clone());
    all.flat_map(|it| it.as_str().unwrap().split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// What a damage makes us say that the whole root does not.
fn wrong(dir: &Path, whole: &Value, about: &str) -> Vec<String> {
    let report = run::report(dir);
    run::assert_byte_law(dir, &report, about);
    assert!(report["problems"].as_array().unwrap().iter().all(|it| it["code"] != "internal"), "{about}: panicked");
    let (sure, told) = (certain(whole), commands(whole));
    let news = certain(&report).difference(&sure).map(|it| format!("{about}: {it:?}")).collect::<Vec<_>>();
    let advice = commands(&report).difference(&told).map(|it| format!("{about}: advises {it}")).collect::<Vec<_>>();
    [news, advice].concat()
}

/// A way to damage a page, by a word or two.
type Harm = (&'static str, fn(&mut [u8], usize));

/// Every page of a database, damaged in each of these ways.
fn pages(name: &str, file: &str, harm: &[Harm]) {
    let dir = common::fresh(name);
    let whole = run::report(dir.path());
    let at = dir.path().join(file);
    let bytes = std::fs::read(&at).unwrap();
    let mut found = Vec::new();
    for page in 0..bytes.len() / 4096 {
        for (how, harm) in harm {
            let mut damaged = bytes.clone();
            harm(&mut damaged, page * 4096);
            if damaged == bytes {
                continue;
            }
            std::fs::write(&at, &damaged).unwrap();
            found.extend(wrong(dir.path(), &whole, &format!("{name}: {file}: page {page} {how}")));
        }
    }
    assert!(found.is_empty(), "{} wrong:\n{}", found.len(), found.join("\n"));
}

const HARM: &[Harm] = &[
    ("zeroed", |bytes, at| bytes[at..at + 4096].fill(0)),
    ("cut off", |bytes, at| bytes[at..].fill(0)),
    ("one less", |bytes, at| bytes[at + 10] = bytes[at + 10].saturating_sub(1)),
    ("like another", |bytes, at| {
        let other = if at > 3 * 4096 { at - 4096 } else { at + 4096 };
        if other + 4096 <= bytes.len() {
            bytes.copy_within(other..other + 4096, at);
        }
    }),
    ("a bit in its middle", |bytes, at| bytes[at + 1500] ^= 1),
];

#[test]
fn no_page_of_meta_db_misleads() {
    pages("containerd", META, HARM);
}

#[test]
fn no_page_of_meta_db_misleads_beside_what_is_left() {
    pages("containerd-remains", META, HARM);
}

#[test]
fn no_page_of_a_snapshotters_database_misleads() {
    pages("containerd", SNAPSHOTTER, HARM);
    pages("containerd-remains", SNAPSHOTTER, HARM);
}

#[test]
fn no_page_of_the_build_caches_database_misleads() {
    pages("containerd", RECORDS, HARM);
}

/// The same anywhere: one byte at a time, at random.
#[test]
fn a_flipped_byte_anywhere_adds_no_command() {
    let dir = common::fresh("containerd-remains");
    let whole = run::report(dir.path());
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut found = Vec::new();
    for file in [META, SNAPSHOTTER] {
        let at = dir.path().join(file);
        let bytes = std::fs::read(&at).unwrap();
        for round in 0..80 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let mut damaged = bytes.clone();
            let byte = usize::try_from(state >> 33).unwrap() % bytes.len();
            damaged[byte] ^= 1 << (round % 8);
            std::fs::write(&at, &damaged).unwrap();
            found.extend(wrong(dir.path(), &whole, &format!("{file}: byte {byte}, bit {}", round % 8)));
        }
        std::fs::write(&at, &bytes).unwrap();
    }
    assert!(found.is_empty(), "{} wrong:\n{}", found.len(), found.join("\n"));
}
