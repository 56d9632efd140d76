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
    /// `consistent`, `damaged` or `unknown`: nothing is damaged as far as could be seen, and not all could be seen. Of the root and
    /// of all that lie in it.
    pub state: String,
    /// Nothing that could not be read took references or bytes with it, and all that was to be checked was; in every root.
    pub complete: bool,
    /// What is wrong, each with what depends on it; the smallest repair first. What is wrong in a nested root is told there.
    pub causes: Vec<Cause>,
    /// One for each layer, snapshot and blob; only with `--content`.
    pub checked: Vec<Checked>,
    pub totals: Totals,
    /// Holes in what is known, whether damage or not.
    pub problems: Vec<Problem>,
    /// Data roots inside volumes and containers, and inside of these, each checked as a root of its own. Empty where one object was
    /// asked for.
    pub nested: Vec<NestedCheck>,
}

/// A data root inside something that another root owns.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct NestedCheck {
    /// Names of its roots.
    pub roots: Vec<String>,
    /// What owns it, in the root around it.
    pub inside: Object,
    /// The root of that.
    pub inside_root: String,
    pub depth: u64,
    /// Containers that work with it: what repairs it is to be typed to the engine in one of them.
    pub users: Vec<String>,
    /// Why nothing of it could be checked; null if it was.
    pub cannot: Option<String>,
    /// As those of the whole, of it alone.
    pub verdict: Vec<String>,
    pub state: String,
    pub complete: bool,
    pub causes: Vec<Cause>,
    pub checked: Vec<Checked>,
    pub totals: Totals,
    pub problems: Vec<Problem>,
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
