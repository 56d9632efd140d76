//! Data roots inside volumes and containers (docker-in-docker, builders of buildx, nodes of kind), each read as a root
//! of its own. All of its bytes are its owner's outside, so that they are charged once; what is said of them here is
//! said beside that.

mod find;
mod group;

use std::collections::{BTreeMap, VecDeque};

use schemars::JsonSchema;
use serde::Serialize;

use super::contract::{self as v1, Engine, Object};
use super::status::{self, Store};
use super::{Analysis, Reading, build};
use crate::inventory::Root;
use crate::terms::{Lost, Problem};
pub(super) use find::find;
pub use find::{Inside, NoSuchRoot};
pub(super) use group::places;
use group::{Group, groups};

/// How many data roots may lie one in another. A node of kind in docker-in-docker makes two.
const DEPTH: usize = 4;
/// How many are read in one run: a host of continuous integration has a volume for each of its jobs.
const MOST: usize = 256;

const IN_LAYERS: &str = "part of it is in the layers below what the container wrote: told by its signs, and not read";

/// One engine's roots inside something that another root owns.
#[derive(Debug)]
pub struct Inner {
    pub inside: Inside,
    pub depth: usize,
    pub reading: Reading,
}

/// One that was told by its signs, and not read.
#[derive(Debug)]
pub struct Unread {
    pub inside: Inside,
    pub roots: Vec<Root>,
    pub depth: usize,
    code: &'static str,
    /// Why it was not read.
    pub cause: String,
}

impl Unread {
    fn of(group: Group, depth: usize, code: &'static str, cause: String) -> Self {
        Self { inside: group.inside, roots: group.roots, depth, code, cause }
    }

    pub(super) fn problems(&self) -> impl Iterator<Item = Problem> + '_ {
        let of = |root: &Root| Problem {
            at: root.place.clone(),
            code: self.code,
            cause: self.cause.clone(),
            lost: Lost::Nothing,
        };
        self.roots.iter().map(of)
    }
}

/// Reads what lies inside, and what lies inside of that; and says where it stopped.
pub(super) fn read(outer: &Reading, threads: usize) -> (Vec<Inner>, Vec<Unread>) {
    let (mut found, mut unread) = (Vec::new(), Vec::new());
    let first = groups(&outer.disk, &outer.inventory).into_iter();
    let mut todo: VecDeque<(usize, Group)> = first.map(|group| (1, group)).collect();
    while let Some((depth, group)) = todo.pop_front() {
        if group.is_split {
            unread.push(Unread::of(group, depth, "nested-in-layers", IN_LAYERS.to_owned()));
            continue;
        }
        if depth > DEPTH {
            let cause = format!("the {depth}th data root, one in another: told by its signs, and not read");
            unread.push(Unread::of(group, depth, "nested-too-deep", cause));
            continue;
        }
        if found.len() >= MOST {
            let cause = format!("{MOST} data roots inside others were read, and no more are");
            unread.push(Unread::of(group, depth, "too-many-nested", cause));
            continue;
        }
        let mut reading = Reading::inside(outer, &group.roots, threads);
        let deeper = groups(&reading.disk, &reading.inventory).into_iter();
        todo.extend(deeper.map(|group| (depth.saturating_add(1), group)));
        reading.inside = Some(group.inside.clone());
        found.push(Inner { inside: group.inside, depth, reading });
    }
    (found, unread)
}

/// What is reported of one.
pub(super) fn report(inner: &Inner) -> v1::Nested {
    let analysis = Analysis::of(&inner.reading);
    let report = build::report(&analysis);
    v1::Nested {
        roots: report.roots,
        inside: inside(&inner.inside),
        inside_root: inner.inside.owner.root.to_string(),
        depth: u64::try_from(inner.depth).unwrap_or(u64::MAX),
        engine: report.engine,
        verdict: report.verdict,
        complete: report.complete,
        problems: report.problems,
        totals: report.totals,
        owners: report.owners,
        findings: report.findings,
        withheld: report.withheld,
    }
}

/// Of a nested root what `status` tells of the outer one.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct InnerStatus {
    /// Names of its roots.
    pub roots: Vec<String>,
    /// What owns it outside.
    pub inside: Object,
    pub depth: u64,
    pub engine: Engine,
    pub stores: Vec<Store>,
    pub active_because: Vec<String>,
    /// Containers by state, as recorded.
    pub containers: BTreeMap<String, u64>,
    pub complete: bool,
}

pub(super) fn status(inner: &Inner) -> InnerStatus {
    let analysis = Analysis::of(&inner.reading);
    InnerStatus {
        roots: inner.reading.inventory.roots.iter().map(|root| root.name.to_string()).collect(),
        inside: inside(&inner.inside),
        depth: u64::try_from(inner.depth).unwrap_or(u64::MAX),
        engine: build::engine(&analysis),
        stores: status::stores(&analysis),
        active_because: analysis.engine.active.reasons.clone(),
        containers: status::containers(&analysis),
        complete: inner.reading.is_complete(),
    }
}

pub(super) fn inside(it: &Inside) -> Object {
    Object { kind: it.owner.kind.name(), id: it.owner.id.clone(), name: it.owner_name.clone() }
}
