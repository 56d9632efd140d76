//! What an image store does when containers, images and build cache go. Each kind of store decides for itself.

use std::fmt;

use super::action::{Filters, Limits};
use super::gone::Gone;
use super::host::Containers;
use crate::terms::Key;

/// What `docker rmi` says of one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Record {
    Untagged(String),
    Deleted(String),
}

/// Why the engine would not do something, in its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) message: String,
    /// What was named is not there: with `--force` the CLI takes that for done.
    pub(super) not_found: bool,
}

/// How `docker rmi` was asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner<'a> {
    pub(super) force: bool,
    /// Untagged parents go too.
    pub(super) prune: bool,
    pub(super) platforms: &'a [String],
}

/// How `docker builder prune` was asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct CacheManner<'a> {
    pub(super) all: bool,
    pub(super) filters: &'a Filters,
    pub(super) limits: Limits,
}

/// What a prune did.
#[derive(Clone, Debug, Default)]
pub(super) struct Pruned {
    pub(super) records: Vec<Record>,
    /// What the engine reports as reclaimed.
    pub(super) reclaimed: i64,
    /// Why that figure may be another, and what else is worth a word.
    pub(super) notes: Vec<String>,
}

pub(super) trait Images: fmt::Debug {
    /// What the engine's start does to the store.
    fn start(&mut self, gone: &mut Gone<'_>);

    /// Lets go of what a container has in the store.
    fn drop_container(&mut self, container: &Key, gone: &mut Gone<'_>) -> Vec<String>;

    /// `docker rmi` of one image.
    fn remove(
        &mut self,
        containers: &Containers<'_>,
        typed: &str,
        manner: Manner<'_>,
        gone: &mut Gone<'_>,
    ) -> Result<Vec<Record>, Refusal>;

    fn prune(
        &mut self,
        containers: &Containers<'_>,
        all: bool,
        filters: &Filters,
        gone: &mut Gone<'_>,
    ) -> Result<Pruned, String>;

    fn prune_cache(&mut self, manner: CacheManner<'_>, gone: &mut Gone<'_>) -> Result<Pruned, String>;

    /// `docker buildx history rm`: each with what became of it.
    fn remove_history(&mut self, refs: &[String], all: bool, gone: &mut Gone<'_>) -> Vec<Result<String, Refusal>>;

    /// Ends what an action began: what containerd collects behind it goes.
    fn settle(&mut self, gone: &mut Gone<'_>);

    /// What containerd's next collection takes whatever is asked.
    fn collected(&self) -> std::collections::BTreeSet<crate::terms::Place>;
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untagged(what) => write!(f, "Untagged: {what}"),
            Self::Deleted(what) => write!(f, "Deleted: {what}"),
        }
    }
}

impl Refusal {
    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self { message: message.into(), not_found: false }
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self { message: message.into(), not_found: true }
    }
}
