//! Which directories to read: from the options, from a dead host's file system, or from this machine.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::nested::NoSuchRoot;
use crate::disk::{Disk, Host, OpenError, Tree, Unreadable, read_named};
use crate::docker::{DaemonConfig, EngineVersion};
use crate::terms::Place;

/// What a run was asked to look at.
#[derive(Clone, Debug)]
pub struct Options {
    pub root: Option<PathBuf>,
    pub host: Option<PathBuf>,
    pub containerd_root: Option<PathBuf>,
    pub daemon_config: Option<PathBuf>,
    pub engine: Option<EngineVersion>,
    pub now: Timestamp,
    /// Threads of the walk; none: chosen from the number of cores.
    pub threads: Option<usize>,
    /// Read data roots inside volumes and containers, too.
    pub nested: bool,
    /// Keep in mind which files are read, for a manifest.
    pub journal: bool,
    /// Places that fail to be read, with the error's number: for tests.
    #[doc(hidden)]
    pub faults: Vec<(Place, i32)>,
}

/// Why nothing can be read at all.
#[derive(Debug, thiserror::Error)]
pub enum Cannot {
    #[error("cannot read the data root: {0}")]
    Open(#[from] OpenError),
    /// Where the host's configuration has it; and what to type instead.
    #[error("cannot read the data root: {cause}; {next}")]
    NotOnHost { cause: OpenError, next: String },
    #[error("{}: {cause}", path.display())]
    Host { path: PathBuf, cause: Unreadable },
    #[error("{}: {cause}", path.display())]
    DaemonConfig { path: PathBuf, cause: String },
    #[error("cannot start the threads of the walk: {0}")]
    Threads(String),
    /// The nested root that was asked for; and whether all could be read in which it was looked for.
    #[error("{cause}")]
    Nested { cause: NoSuchRoot, complete: bool },
}

/// What was opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) disk: Disk,
    pub(super) config: DaemonConfig,
}

const CONFIG: &str = "/etc/docker/daemon.json";
const DATA_ROOT: &str = "/var/lib/docker";
const CONTAINERD_ROOT: &str = "/var/lib/containerd";

impl Options {
    /// This machine's data root, judged at some time.
    pub fn at(now: Timestamp) -> Self {
        Self {
            root: None,
            host: None,
            containerd_root: None,
            daemon_config: None,
            engine: None,
            now,
            threads: None,
            nested: false,
            journal: false,
            faults: Vec::new(),
        }
    }

    pub(super) fn open(&self) -> Result<Opened, Cannot> {
        let host = self.host()?;
        let config = self.config(host.as_ref())?;
        let root = self.data_root(host.as_ref(), &config);
        let docker = Tree::open("docker", &root).map_err(|cause| match &self.host {
            Some(top) => {
                let there = super::elsewhere::below_path(top).map(|there| format!("below the host: {there}"));
                Cannot::NotOnHost { cause, next: there.unwrap_or_else(|| "`--root DIR` names it".to_owned()) }
            }
            None => Cannot::Open(cause),
        })?;
        let mut trees = Vec::new();
        if let Some(path) = self.containerd_root(host.as_ref()) {
            let containerd = Tree::open("containerd", &path)?;
            // one that dockerd supervises lies in the data root, and is part of it
            if !containerd.path().starts_with(docker.path()) {
                trees.push(containerd);
            }
        }
        trees.push(docker);
        let mut disk = Disk::new(trees)?;
        if self.journal {
            disk.keep_a_journal();
        }
        self.faults.iter().for_each(|(at, errno)| disk.inject(at.clone(), *errno));
        Ok(Opened { disk, config })
    }

    /// With a root or a host given, nothing of the machine we run on is looked at.
    fn host(&self) -> Result<Option<Host>, Cannot> {
        let top = match (&self.host, &self.root) {
            (Some(top), _) => top.as_path(),
            (None, Some(_)) => return Ok(None),
            (None, None) => Path::new("/"),
        };
        Host::open(top).map(Some).map_err(|cause| Cannot::Host { path: top.to_owned(), cause })
    }

    fn config(&self, host: Option<&Host>) -> Result<DaemonConfig, Cannot> {
        let path = self.daemon_config.clone().unwrap_or_else(|| CONFIG.into());
        let fail = |cause: String| Cannot::DaemonConfig { path: path.clone(), cause };
        let bytes = match (&self.daemon_config, host) {
            (Some(path), _) => Some(read_named(path).map_err(|cause| fail(cause.to_string()))?),
            (None, Some(host)) => host.read(Path::new(CONFIG)).map_err(|cause| fail(cause.to_string()))?,
            (None, None) => None,
        };
        bytes.map_or_else(
            || Ok(DaemonConfig::default()),
            |bytes| DaemonConfig::parse(&bytes).map_err(|e| fail(e.to_string())),
        )
    }

    fn data_root(&self, host: Option<&Host>, config: &DaemonConfig) -> PathBuf {
        let configured = config.data_root.clone().unwrap_or_else(|| DATA_ROOT.into());
        let found = host.and_then(|host| host.dir(&configured));
        self.root.clone().or(found).unwrap_or_else(|| match &self.host {
            Some(top) => top.join(configured.strip_prefix("/").unwrap_or(&configured)),
            None => configured,
        })
    }

    /// containerd's own root: the one named, or the packaged one of the host we look at.
    fn containerd_root(&self, host: Option<&Host>) -> Option<PathBuf> {
        self.containerd_root.clone().or_else(|| host?.dir(Path::new(CONTAINERD_ROOT)))
    }
}
