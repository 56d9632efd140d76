//! What the tests share: the recorded roots, unpacked.

#![allow(dead_code)] // each test binary uses what it needs

#[path = "../../fixtures/unpack.rs"]
mod unpack;

use std::io;
use std::path::{Path, PathBuf};

/// The recording `name`, unpacked once for all tests: a directory with `docker/` and perhaps `containerd/`. Read only.
pub(crate) fn fixture(name: &str) -> io::Result<PathBuf> {
    unpack::unpacked(name, &Path::new(env!("CARGO_TARGET_TMPDIR")).join("fixtures"))
}

/// A copy of one's own, to be changed at will.
pub(crate) fn fresh(name: &str) -> io::Result<tempfile::TempDir> {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    unpack::unpack(&unpack::recording(name).join("root.tar.zst"), dir.path())?;
    Ok(dir)
}

/// What the recording's `about.toml` says under `key`.
pub(crate) fn about(name: &str, key: &str) -> io::Result<String> {
    let text = std::fs::read_to_string(unpack::recording(name).join("about.toml"))?;
    let value = text.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix(" = ").map(str::to_owned));
    value.ok_or_else(|| io::Error::other(format!("{name}: about.toml has no {key}")))
}

/// What the engine answered while it ran (`truth.json`).
pub(crate) fn truth(name: &str) -> io::Result<serde_json::Value> {
    Ok(serde_json::from_slice(&std::fs::read(unpack::recording(name).join("truth.json"))?)?)
}

/// The names of all recordings, in order.
pub(crate) fn names() -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(unpack::recording(""))? {
        let entry = entry?;
        if entry.path().join("root.tar.zst").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}
