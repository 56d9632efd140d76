//! The corpus of recorded data roots, where it is at hand: `<folder>/<engine-store>/<scenario>/root.tar.zst` with the live
//! engine's answers in `truth/`. Its folder is `DEADWEIGHT_CORPUS`, or lies beside this project.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::{env, fmt, fs};

use jiff::Timestamp;
use serde_json::Value;

/// One recorded root.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Recording {
    /// `29.7-containerd/basic`
    pub(crate) name: String,
    archive: String,
    folder: PathBuf,
}

impl fmt::Display for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The corpus, or a line that says why a test says nothing.
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = env::var_os("DEADWEIGHT_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from);
    let found = folder.is_dir();
    if !found {
        eprintln!("skipped: no recorded data roots in {} (DEADWEIGHT_CORPUS)", folder.display());
    }
    found.then_some(folder)
}

/// The recordings of an engine with containerd's store, whoever supervises containerd and however users are mapped.
pub(crate) fn of_containerd() -> Vec<Recording> {
    recordings("").into_iter().filter(Recording::is_of_containerd).collect()
}

/// Every recording whose name contains some text, in order.
pub(crate) fn recordings(like: &str) -> Vec<Recording> {
    let folders = |at: &Path| -> Vec<PathBuf> {
        let mut found: Vec<_> = fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()).collect();
        found.retain(|path| path.is_dir());
        found.sort();
        found
    };
    let mut all = Vec::new();
    for engine in folder().iter().flat_map(|folder| folders(folder)) {
        for scenario in folders(&engine) {
            let text = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
            let name = format!("{}/{}", text(&engine), text(&scenario));
            if name.contains(like) && scenario.join("root.tar.zst").is_file() {
                all.push(Recording { name, archive: "root.tar.zst".to_owned(), folder: scenario });
            }
        }
    }
    all
}

impl Recording {
    /// Where a file below `truth/` is.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join("truth").join(name)
    }

    /// The folders in a folder of the recording; none if it has no such folder.
    pub(crate) fn folders(&self, name: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.join(name)).into_iter().flatten();
        let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        found.retain(|path| path.is_dir());
        found.sort();
        found
    }

    /// A file below `truth/`, as text; empty if it was not recorded.
    pub(crate) fn truth(&self, file: &str) -> String {
        fs::read_to_string(self.folder.join("truth").join(file)).unwrap_or_default()
    }

    /// A file below `truth/`, as JSON; null if it was not recorded.
    pub(crate) fn json(&self, file: &str) -> Value {
        serde_json::from_str(&self.truth(file)).unwrap_or_default()
    }

    /// The version of the engine that answered; none if none did.
    pub(crate) fn version(&self) -> Option<String> {
        self.json("info.json")["ServerVersion"].as_str().map(str::to_owned)
    }

    /// Whether the engine that answered had containerd's store.
    pub(crate) fn is_of_containerd(&self) -> bool {
        // a snapshotter may be called as a graph driver is
        self.json("info.json")["DriverStatus"].to_string().contains("io.containerd.snapshotter")
    }

    /// When what each removal freed was measured: soon after, when the leases of builds had expired and those of pulls had not.
    pub(crate) fn later(&self) -> Timestamp {
        let recorded: Timestamp = self.json("info.json")["SystemTime"].as_str().unwrap().parse().unwrap();
        recorded + jiff::SignedDuration::from_hours(1)
    }

    /// Takes another archive of the recording, where there is one.
    pub(crate) fn prefer(&mut self, archive: &str) {
        if self.folder.join(archive).is_file() {
            self.archive = archive.to_owned();
        }
    }

    /// A directory with `docker/` and `containerd/`, unpacked once for all tests of this process and the next. Read only.
    pub(crate) fn unpacked(&self) -> PathBuf {
        static READY: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
        let mut ready = READY.lock().unwrap();
        let stem = self.archive.trim_end_matches(".tar.zst");
        let at = Path::new(env!("CARGO_TARGET_TMPDIR")).join("corpus").join(&self.name).join(stem);
        let (stamp, archive) = (at.with_extension("stamp"), self.folder.join(&self.archive));
        let want = format!("{:?}", fs::metadata(&archive).unwrap().len());
        if ready.insert(at.clone()) && fs::read_to_string(&stamp).ok().as_ref() != Some(&want) {
            let _ = fs::remove_dir_all(&at);
            super::unpack::unpack(&archive, &at).unwrap();
            fs::write(stamp, want).unwrap();
        }
        at
    }
}
