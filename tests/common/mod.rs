//! What the tests share: the recorded roots, unpacked.

// Each test binary uses what it needs; a fixture that cannot be had is a failed test.
#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing)]

pub(crate) mod corpus;
#[path = "../../fixtures/unpack.rs"]
mod unpack;

use std::path::{Path, PathBuf};

/// The recording `name`, unpacked once for all tests: a directory with `docker/` and perhaps `containerd/`. Read only.
pub(crate) fn fixture(name: &str) -> PathBuf {
    unpack::unpacked(name, &Path::new(env!("CARGO_TARGET_TMPDIR")).join("fixtures")).unwrap()
}

/// A copy of one's own, to be changed at will.
pub(crate) fn fresh(name: &str) -> tempfile::TempDir {
    fresh_whole(name).0
}

/// The same, and whether it is whole: that takes root with every right.
pub(crate) fn fresh_whole(name: &str) -> (tempfile::TempDir, bool) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let skipped = unpack::unpack(&unpack::recording(name).join("root.tar.zst"), dir.path()).unwrap();
    (dir, skipped == unpack::Skipped::default())
}

/// What the recording's `about.toml` says under `key`, as it is written there.
pub(crate) fn about(name: &str, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(unpack::recording(name).join("about.toml")).unwrap();
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = ").map(str::to_owned))
}

/// What the engine answered while it ran (`truth.json`).
pub(crate) fn truth(name: &str) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(unpack::recording(name).join("truth.json")).unwrap()).unwrap()
}

/// The names of all recordings, in order.
pub(crate) fn names() -> Vec<String> {
    let entries = std::fs::read_dir(unpack::recording("")).unwrap().map(|entry| entry.unwrap());
    let recorded = entries.filter(|entry| entry.path().join("root.tar.zst").is_file());
    let mut names: Vec<_> = recorded.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Any archive of a root, unpacked for one test.
pub(crate) fn unpacked(archive: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    unpack::unpack(archive, dir.path()).unwrap();
    dir
}

/// The corpus of recorded roots, if it is at hand (`DEADWEIGHT_CORPUS`).
pub(crate) fn corpus() -> Option<PathBuf> {
    let given = std::env::var_os("DEADWEIGHT_CORPUS").map(PathBuf::from);
    let at = given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"));
    if !at.is_dir() {
        eprintln!("skipped: no recorded data roots in {} (DEADWEIGHT_CORPUS)", at.display());
    }
    at.is_dir().then_some(at)
}

/// The archives of roots in the corpus, in order.
pub(crate) fn archives(corpus: &Path) -> Vec<PathBuf> {
    let files = walkdir::WalkDir::new(corpus).sort_by_file_name().into_iter().map(|entry| entry.unwrap().into_path());
    let is_root = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with("root") && name.ends_with(".tar.zst")
    };
    files.filter(is_root).collect()
}
