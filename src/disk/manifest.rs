//! Which files were read, for whoever has to prove it: their SHA-256, size and times, written outside every root.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;

use super::Disk;
use crate::terms::{Digest, Place};

/// The places that were read so far.
#[derive(Debug, Default)]
pub(super) struct Journal(Mutex<BTreeSet<Place>>);

impl Journal {
    pub(super) fn note(&self, at: &Place) {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !places.contains(at) {
            places.insert(at.clone());
        }
    }

    fn places(&self) -> BTreeSet<Place> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Why no manifest is written.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    #[error("lies below a root, where nothing is ever written")]
    BelowARoot,
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl Disk {
    /// From now on the places that are read are kept in mind.
    pub fn keep_a_journal(&mut self) {
        self.journal = Some(Journal::default());
    }

    /// Tells the journal that a file is read.
    pub(crate) fn note(&self, at: &Place) {
        if let Some(journal) = &self.journal {
            journal.note(at);
        }
    }

    pub(crate) fn has_a_journal(&self) -> bool {
        self.journal.is_some()
    }

    /// Whether a new file may be written there.
    pub fn may_write(&self, path: &Path) -> Result<(), ManifestError> {
        if path.symlink_metadata().is_ok() {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists).into());
        }
        self.lies_outside(path)
    }

    /// Whether the folder of a file lies below no root.
    pub(super) fn lies_outside(&self, path: &Path) -> Result<(), ManifestError> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let folder = std::fs::canonicalize(folder)?;
        let tops: Vec<(u64, u64)> = self
            .trees()
            .filter_map(|tree| std::fs::metadata(tree.path()).ok())
            .map(|top| (top.dev(), top.ino()))
            .collect();
        for above in folder.ancestors() {
            let meta = std::fs::metadata(above)?;
            // a root may be seen under another name, through a mount of it
            if tops.contains(&(meta.dev(), meta.ino())) || self.trees().any(|tree| tree.path() == above) {
                return Err(ManifestError::BelowARoot);
            }
        }
        Ok(())
    }

    /// Writes the manifest of what was read to a file that is not there yet.
    pub fn write_manifest(&self, path: &Path, now: Timestamp) -> Result<(), ManifestError> {
        self.may_write(path)?;
        let places = self.journal.as_ref().map(Journal::places).unwrap_or_default();
        let files: Vec<Value> = places.iter().filter_map(|at| self.evidence(at)).collect();
        let roots: Vec<Value> =
            self.trees().map(|tree| json!({ "name": tree.name(), "path": shown(tree.path()) })).collect();
        let manifest = json!({ "schema_version": 1, "as_of": now.to_string(), "roots": roots, "files": files });
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        serde_json::to_writer_pretty(&mut file, &manifest).map_err(io::Error::from)?;
        Ok(file.write_all(b"\n")?)
    }

    /// What is known of one file; nothing of one that is gone.
    fn evidence(&self, at: &Place) -> Option<Value> {
        let mut stream = self.stream(at).ok()?;
        let mut hash = Sha256::default();
        let mut buffer = vec![0; 256 << 10];
        let mut size = 0_u64;
        loop {
            let read = stream.read(&mut buffer).ok()?;
            let part = buffer.get(..read).filter(|part| !part.is_empty());
            let Some(part) = part else { break };
            sha2::Digest::update(&mut hash, part);
            size = size.saturating_add(part.len() as u64);
        }
        let stat = &stream.stat;
        Some(json!({
            "path": at.to_string(),
            "sha256": Digest::of_hash(hash).hex(),
            "size": size,
            "mtime": time(stat.mtime),
            "ctime": time(stat.ctime),
        }))
    }
}

fn shown(path: &Path) -> String {
    PathBuf::from(path).display().to_string()
}

fn time((seconds, nanos): (i64, u32)) -> Option<String> {
    let nanos = i32::try_from(nanos).ok()?;
    Timestamp::new(seconds, nanos).ok().map(|time| time.to_string())
}
