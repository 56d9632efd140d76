//! The damage table: every metadata file, deleted, cut, garbled, swapped with a sibling's, replaced by a directory, or failing
//! with an I/O error. Never a panic, the byte law holds, and no command appears that was not there before the damage.
//! The whole table is one snapshot, so that silence is visible in review.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

#[path = "common/mod.rs"]
mod common;
#[path = "common/run.rs"]
mod run;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Damages that leave nothing to see, and why: file, damages, reason. Silence anywhere else fails the test.
const SILENT: &[(&str, &[&str], &str)] = &[
    ("containers/<id>/hosts", CONTENT, THE_CONTAINERS_OWN),
    ("containers/<id>/hostname", CONTENT, THE_CONTAINERS_OWN),
    ("containers/<id>/resolv.conf", CONTENT, THE_CONTAINERS_OWN),
    ("containers/<id>/<id>-json.log", CONTENT, "output, not metadata; weighed and never read"),
    ("containers/<id>/local-logs/", DAMAGES, "output, not metadata, and named by nothing"),
    ("containers/<id>/resolv.conf.hash", &["deleted", "directory"], "no config names it, and the engine does without"),
    ("containers/<id>/hostconfig.json", &["swapped"], "it says nothing of whose it is; a contradiction is found"),
    ("buildkit/executor/", DAMAGES, "scratch of the last build, made anew by the next"),
    ("buildkit/history.db", &["truncated"], "the half that is cut off was never used: every page is still there"),
    ("network/files/local-kv.db", &["truncated"], "the half that is cut off was never used"),
    ("/committed", &["deleted"], "engines before 20.10 wrote none, and nothing depends on it"),
    ("/tar-split.json.gz", &["swapped"], "well-formed in itself: check --content compares it with the layer"),
    ("/lastUpdated", &["deleted", "swapped"], "optional, and any time is as good"),
    ("/builtLocally", &["deleted"], "optional: an image without it was pulled or loaded"),
    ("imagedb/metadata/sha256/<id>/parent", &["deleted"], "optional: an image without it was not built on another"),
    ("/blobs/sha256/<id> (layer)", &["garbage", "swapped", "unreadable"], "content: check --content hashes it"),
    ("/ingest/<id>/data", DAMAGES, A_LEFTOVER),
    ("/ingest/<id>/startedat", DAMAGES, A_LEFTOVER),
    ("/ingest/<id>/updatedat", DAMAGES, A_LEFTOVER),
    ("/ingest/<id>/total", DAMAGES, A_LEFTOVER),
    ("io.containerd.runtime.v2.task/moby/", DAMAGES, A_LEFTOVER),
    ("tmpmounts/", DAMAGES, A_LEFTOVER),
    ("io.containerd.grpc.v1.introspection/uuid", DAMAGES, "containerd's name for itself, which nothing else refers to"),
];
const CONTENT: &[&str] = &["truncated", "garbage", "swapped"];
const A_LEFTOVER: &str = "of something that did not end: nobody reads it any more";
const THE_CONTAINERS_OWN: &str = "mounted into the container, whose processes may write anything there";

/// Why nothing needs be said of a damage.
fn excuse(file: &str, damage: &str) -> Option<&'static str> {
    let known = |(part, damages, _): &&(&str, &[&str], &str)| file.contains(part) && damages.contains(&damage);
    SILENT.iter().find(known).map(|(_, _, why)| *why)
}

const DAMAGES: &[&str] = &["deleted", "truncated", "garbage", "swapped", "directory", "unreadable"];

/// Files that engines write about things, not the things' own content.
fn metadata_files(root: &Path) -> Vec<PathBuf> {
    let content = |path: &Path| {
        let inside = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        inside.contains("/diff/")
            || inside.contains("/_data/")
            || inside.contains("/vfs/dir/")
            || inside.contains("/work/")
            || (inside.contains("/snapshots/") && inside.contains("/fs/"))
    };
    let files = walkdir::WalkDir::new(root).sort_by_file_name().into_iter().map(Result::unwrap);
    files.filter(|e| e.file_type().is_file() && !content(e.path())).map(walkdir::DirEntry::into_path).collect()
}

/// The same path for every thing of its kind.
fn shape(path: &str) -> String {
    let part = |part: &str| {
        let hexes = part.bytes().filter(u8::is_ascii_hexdigit).count();
        let is_id = (part.len() >= 64 && hexes >= 64) || (part.len() == 25 && !part.contains('.'));
        if is_id { format!("<id>{}", part.get(64..).unwrap_or_default()) } else { part.to_owned() }
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// The shape of a file; documents and layers have the same names, and are two kinds.
fn kind(path: &Path, dir: &Path) -> String {
    let inside = path.strip_prefix(dir).unwrap().to_string_lossy().into_owned();
    let shape = shape(inside.strip_prefix("docker/").unwrap_or(&inside));
    match shape.contains("/blobs/").then(|| std::fs::read(path).unwrap_or_default()) {
        Some(bytes) if bytes.starts_with(b"{") => format!("{shape} (document)"),
        Some(_) => format!("{shape} (layer)"),
        None => shape,
    }
}

/// A file of the same kind elsewhere, with other content.
fn sibling<'a>(file: &Path, all: &'a [PathBuf], root: &Path) -> Option<&'a PathBuf> {
    let kind = |path: &Path| kind(path, root);
    let bytes = std::fs::read(file).unwrap();
    all.iter().find(|other| *other != file && kind(other) == kind(file) && std::fs::read(other).unwrap() != bytes)
}

fn commands(report: &Value) -> BTreeSet<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings.flat_map(|f| f["remedy"]["commands"].as_array().unwrap()).map(|c| c.as_str().unwrap().to_owned()).collect()
}

/// A command that was advised before, for no more targets than then.
fn covered(command: &str, allowed: &BTreeSet<String>) -> bool {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<BTreeSet<String>>();
    allowed.iter().any(|known| words(command).is_subset(&words(known)))
}

/// What appeared: codes of problems, classes of findings.
fn news(before: &Value, after: &Value) -> BTreeSet<String> {
    let keys = |report: &Value| -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for problem in report["problems"].as_array().unwrap() {
            *counts.entry(problem["code"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        for finding in report["findings"].as_array().unwrap() {
            let doubt = if finding["confidence"] == "unknown" { "?" } else { "" };
            *counts.entry(format!("[{}{doubt}]", finding["class"].as_str().unwrap())).or_default() += 1;
        }
        counts
    };
    let (old, new) = (keys(before), keys(after));
    new.into_iter().filter(|(key, count)| count > old.get(key).unwrap_or(&0)).map(|(key, _)| key).collect()
}

/// Does one damage; returns what to undo, or none if it cannot be done here.
fn harm(file: &Path, damage: &str, all: &[PathBuf], root: &Path) -> Option<Vec<(PathBuf, Vec<u8>)>> {
    let bytes = std::fs::read(file).unwrap();
    let undo = vec![(file.to_owned(), bytes.clone())];
    match damage {
        "deleted" => std::fs::remove_file(file).unwrap(),
        "truncated" if bytes.len() > 1 => std::fs::write(file, bytes.get(..bytes.len() / 2)?).unwrap(),
        "garbage" if !bytes.is_empty() => {
            std::fs::write(file, bytes.iter().map(|b| b ^ 0x5a).collect::<Vec<u8>>()).unwrap()
        }
        "directory" => {
            std::fs::remove_file(file).unwrap();
            std::fs::create_dir(file).unwrap();
        }
        "swapped" => {
            let other = sibling(file, all, root)?;
            let theirs = std::fs::read(other).unwrap();
            std::fs::write(file, &theirs).unwrap();
            std::fs::write(other, &bytes).unwrap();
            return Some(vec![(file.to_owned(), bytes), (other.clone(), theirs)]);
        }
        "unreadable" => {}
        _ => return None,
    }
    Some(undo)
}

fn heal(undo: Vec<(PathBuf, Vec<u8>)>) {
    for (path, bytes) in undo {
        if path.is_dir() {
            std::fs::remove_dir(&path).unwrap();
        }
        std::fs::write(path, bytes).unwrap();
    }
}

/// Rows of the table: shape of the file and damage, and what was said to it.
fn table(fixture: &str) -> BTreeMap<(String, &'static str), BTreeSet<String>> {
    let dir = common::fresh(fixture);
    let root = dir.path();
    let before = run::report(dir.path());
    let allowed = commands(&before);
    let files = metadata_files(root);
    assert!(files.len() > 30, "{fixture}: only {} metadata files", files.len());
    let mut rows: BTreeMap<(String, &str), BTreeSet<String>> = BTreeMap::new();
    let mut done: BTreeMap<(String, &str), usize> = BTreeMap::new();
    for file in &files {
        let inside = file.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        let kind = kind(file, root);
        for damage in DAMAGES {
            // three of a kind are enough: the rest says the same more slowly
            let times = done.entry((kind.clone(), damage)).or_default();
            *times += 1;
            if *times > 3 {
                continue;
            }
            let Some(undo) = harm(file, damage, &files, root) else { continue };
            let after = match *damage {
                "unreadable" => run::report_with_fault(dir.path(), &inside, 5),
                _ => run::report(dir.path()),
            };
            let about = format!("{fixture}: {inside} {damage}");
            run::assert_byte_law(dir.path(), &after, &about);
            heal(undo);
            assert!(after["problems"].as_array().unwrap().iter().all(|p| p["code"] != "internal"), "{about}: panicked");
            let advice: Vec<String> =
                commands(&after).into_iter().filter(|command| !covered(command, &allowed)).collect();
            assert!(advice.is_empty(), "{about}: the damage advises {advice:?}");
            rows.entry((kind.clone(), damage)).or_default().extend(news(&before, &after));
        }
    }
    rows
}

fn shown(rows: &BTreeMap<(String, &'static str), BTreeSet<String>>) -> String {
    let mut text = String::new();
    for ((file, damage), said) in rows {
        let said = match (said.is_empty(), excuse(file, damage)) {
            (false, _) => said.iter().cloned().collect::<Vec<_>>().join(" "),
            (true, Some(why)) => format!("SILENCE: {why}"),
            (true, None) => panic!("nothing is said to {file}, {damage}"),
        };
        writeln!(text, "{file} | {damage} | {said}").unwrap();
    }
    text
}

#[test]
fn damage_to_a_forced_rmi_root_never_advises_a_removal() {
    insta::assert_snapshot!("damage_forced_rmi", shown(&table("forced-rmi")));
}

#[test]
fn damage_to_an_ordinary_root_never_advises_a_removal() {
    insta::assert_snapshot!("damage_shared_base", shown(&table("shared-base")));
}

#[test]
fn damage_to_a_build_cache_never_advises_a_removal() {
    insta::assert_snapshot!("damage_build_cache", shown(&table("build-cache")));
}

#[test]
fn damage_to_containerds_store_never_advises_a_removal() {
    insta::assert_snapshot!("damage_containerd", shown(&table("containerd")));
}

#[test]
fn damage_to_what_is_left_in_containerds_store_never_advises_a_removal() {
    insta::assert_snapshot!("damage_containerd_remains", shown(&table("containerd-remains")));
}
