//! `deadweight report --format json`, version 1. Fields are added within a version, never changed or removed.
//! `docs/schema/report-v1.json` is made from these types.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::terms::Place;

/// The version of the contract.
pub const SCHEMA_VERSION: u32 = 1;

/// Where the disk is, what Docker does not show, why it is kept, what frees it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Report {
    pub schema_version: u32,
    /// The time that ages and leases were judged against (RFC 3339).
    pub as_of: String,
    pub roots: Vec<Root>,
    pub engine: Engine,
    /// The verdict in two or three sentences.
    pub verdict: Vec<String>,
    /// Nothing that could not be read took links or bytes with it.
    pub complete: bool,
    pub problems: Vec<Problem>,
    pub totals: Totals,
    /// They add up to `totals`.
    pub owners: Vec<Owner>,
    /// Biggest first. They may overlap and are never added up.
    pub findings: Vec<Finding>,
    pub withheld: Vec<Withheld>,
    /// Data roots inside volumes and containers. Their bytes are the owner's that they lie in, so that nothing here enters
    /// the sums above.
    pub nested: Vec<Nested>,
}

/// A data root inside something that another root owns, read as a root of its own.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Nested {
    /// The root, and containerd's if it lies beside it.
    pub roots: Vec<Root>,
    /// What owns it outside, and the root of that.
    pub inside: Object,
    pub inside_root: String,
    /// 1 for one that lies in no other nested one.
    pub depth: u64,
    /// The engine inside.
    pub engine: Engine,
    pub verdict: Vec<String>,
    pub complete: bool,
    pub problems: Vec<Problem>,
    pub totals: Totals,
    /// They add up to `totals`.
    pub owners: Vec<Owner>,
    /// Remedies are for the engine inside: the one outside knows none of these objects.
    pub findings: Vec<Finding>,
    pub withheld: Vec<Withheld>,
}

/// A data root, containerd's root, or one inside another.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Root {
    pub name: String,
    /// Where it is mounted on the machine we run on: the only field that depends on it.
    pub path: String,
    /// Mount points below it: listed, not entered.
    pub mounts: Vec<Mount>,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Mount {
    pub path: String,
    pub fs_type: String,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Engine {
    /// Null if nothing tells.
    pub version: Option<String>,
    pub inferred_from: Vec<String>,
    /// Of a data root inside another: all commands are for the engine in there. Null for the engine of the disk.
    pub inside: Option<EngineInside>,
}

/// Where an engine's data root lies.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EngineInside {
    /// The volume or layer.
    pub object: Object,
    /// The root that this belongs to.
    pub root: String,
    /// The containers around it that work with it, by name.
    pub containers: Vec<String>,
}

/// A hole in what is known.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Problem {
    pub code: String,
    pub path: String,
    pub cause: String,
    /// `nothing`, `links` or `bytes`
    pub lost: String,
    /// The kinds of references that may be missing.
    pub links: Vec<String>,
}

#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Totals {
    /// What `du -s --block-size=1` prints.
    pub on_disk_bytes: u64,
    /// The sum of `st_size` of every inode, directories too.
    pub apparent_bytes: u64,
    pub inodes: u64,
    /// Allocated bytes of the owners whose content enters one of the four SIZE totals of `docker system df`.
    pub docker_df_bytes: u64,
    /// The four SIZE totals added.
    pub docker_says_bytes: u64,
    /// `on_disk_bytes - docker_df_bytes`
    pub hidden_bytes: u64,
}

/// The smallest thing that `docker system df` counts whole or not at all.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Owner {
    pub kind: &'static str,
    pub id: Arc<str>,
    pub name: String,
    pub store: Arc<str>,
    #[serde(serialize_with = "text")]
    #[schemars(with = "String")]
    pub path: Place,
    pub on_disk_bytes: u64,
    pub apparent_bytes: u64,
    pub inodes: u64,
    pub in_docker_df: bool,
    /// Bytes of inodes that this owner links to as well and that are charged to another, or the reverse.
    pub shared_bytes: u64,
    pub root: Arc<str>,
}

/// Knowledge about the store.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Finding {
    pub class: String,
    /// `high`, `medium`, `low`, `info`
    pub severity: String,
    /// `certain`, `likely`, `unknown`
    pub confidence: String,
    pub objects: Vec<Object>,
    #[serde(serialize_with = "texts")]
    #[schemars(with = "Vec<String>")]
    pub paths: Vec<Place>,
    pub on_disk_bytes: u64,
    pub inodes: u64,
    pub in_docker_df: bool,
    pub cause: String,
    /// Which files say so.
    pub evidence: Vec<String>,
    pub remedy: Remedy,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Object {
    pub kind: &'static str,
    pub id: Arc<str>,
    pub name: String,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Remedy {
    /// As typed in a shell; empty if no Docker command frees it.
    pub commands: Vec<String>,
    pub note: String,
}

/// A class whose conclusions rest on something that could not be read.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Withheld {
    pub class: String,
    pub because: String,
}

/// `deadweight why OBJECT --format json`
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Why {
    pub schema_version: u32,
    pub as_of: String,
    pub roots: Vec<Root>,
    pub object: Object,
    /// Who is charged for it.
    pub owners: Vec<Owner>,
    /// Each from a root to the object. Empty: nothing keeps it. Of an object in a nested root: from a root in there.
    pub paths: Vec<Vec<Step>>,
    /// There are more paths than are listed.
    pub more_paths: bool,
    pub problems: Vec<Problem>,
    /// What the object lies inside of, the outermost first. Empty: in no nested root.
    pub inside: Vec<Around>,
    /// Of an object in a nested root: who has its bytes in that root's own account. `owners` are those outside, who are
    /// charged for them.
    pub owners_inside: Vec<Owner>,
}

/// A volume or layer with a data root inside.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Around {
    pub object: Object,
    /// The root that it belongs to.
    pub root: String,
    /// Each from a root to the volume or layer.
    pub paths: Vec<Vec<Step>>,
    pub more_paths: bool,
    /// Names of the roots inside.
    pub nested: Vec<String>,
}

/// One thing on a path, and how it refers to the next.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Step {
    pub kind: &'static str,
    pub id: Arc<str>,
    pub name: String,
    /// The kind of the reference to the next thing; null at the end.
    pub link: Option<String>,
    /// The file that says so.
    pub evidence: Option<String>,
}

/// A path is made into text only when it is written: a report on a large root names very many.
fn text<S: Serializer>(path: &Place, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(path)
}

fn texts<S: Serializer>(paths: &[Place], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(paths.iter().map(ToString::to_string))
}
