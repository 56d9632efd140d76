//! `deadweight check --format json`

use schemars::JsonSchema;
use serde::Serialize;

use crate::report::contract::{Object, Problem, Root};

/// Is it consistent; with `--content`: is it still what it was.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Check {
    pub schema_version: u32,
    pub as_of: String,
    pub roots: Vec<Root>,
    /// The object that was asked for; null for everything.
    pub object: Option<Object>,
    /// Layers, snapshots and blobs were read to the last byte.
    pub content: bool,
    /// The answer in a few sentences.
    pub verdict: Vec<String>,
    /// `consistent`, `damaged` or `unknown`: nothing is damaged as far as could be seen, and not all could be seen.
    pub state: String,
    /// Nothing that could not be read took references or bytes with it, and all that was to be checked was.
    pub complete: bool,
    /// What is wrong, each with what depends on it; the smallest repair first.
    pub causes: Vec<Cause>,
    /// One for each layer, snapshot and blob; only with `--content`.
    pub checked: Vec<Checked>,
    pub totals: Totals,
    /// Holes in what is known, whether damage or not.
    pub problems: Vec<Problem>,
    /// Data roots inside volumes and containers, of which nothing was checked: each is asked for by `--nested`. Of those that
    /// lie in these nothing is known yet. Empty where one object was asked for.
    pub nested: Vec<Unchecked>,
}

/// A data root that is not part of the answer.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Unchecked {
    /// Names of its roots.
    pub roots: Vec<String>,
    /// What owns it.
    pub inside: Object,
    /// Why `--nested` does not read it either; null if it does.
    pub cannot: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Totals {
    pub intact: u64,
    pub differs: u64,
    pub not_checked: u64,
    /// Bytes hashed or compared.
    pub bytes: u64,
    pub files: u64,
    /// Images that cannot be run or saved, containers that will not start.
    pub victims: u64,
}

/// One thing that is wrong.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Cause {
    /// `damaged-metadata` or `content-mismatch`
    pub class: String,
    /// The problem's code; of contents what differs.
    pub code: String,
    pub path: String,
    pub cause: String,
    pub objects: Vec<Object>,
    /// Other problems that there are only because of this one.
    pub consequences: Vec<Consequence>,
    pub victims: Vec<Victim>,
    /// How it is put right.
    pub repair: String,
    /// What the repair makes anew.
    pub repair_bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Consequence {
    pub code: String,
    pub path: String,
    pub cause: String,
}

/// An image or a container that suffers.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Victim {
    pub object: Object,
    /// `cannot be run or saved`, `cannot be saved`, `will not start`, `runs with files that differ`
    pub effect: String,
}

/// A layer, a snapshot or a blob.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Checked {
    pub object: Object,
    pub store: String,
    pub root: String,
    pub path: String,
    /// `intact`, `differs`, `not-checked`
    pub outcome: String,
    pub differences: Vec<FileDifference>,
    /// Differences that are not listed.
    pub more_differences: u64,
    /// There never was anything to check it with: a container's own snapshot, for one.
    pub nothing_to_check_with: bool,
    /// Why it, or a part of it, was not checked.
    pub not_checked_because: Vec<String>,
    pub bytes: u64,
    pub files: u64,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FileDifference {
    pub path: String,
    /// `content`, `kind`, `mode`, `owner`, `xattr`, `target`, `time`, `device`, `hard-link`, `missing`, `added`,
    /// `whiteout`, `record`
    pub what: String,
    pub detail: String,
}
