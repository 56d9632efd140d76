//! Data roots inside volumes and containers (docker-in-docker, builders of buildx, nodes of kind), each read as a root
//! of its own. All of its bytes are its owner's outside, so that they are charged once; what is said of them here is
//! said beside that.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::contract::{self as v1, Engine, Object};
use super::status::{self, Store};
use super::{Analysis, Reading, build};
use crate::inventory::facts::{Nested, Snapshot};
use crate::inventory::{Entity, Inventory, Role, Root};
use crate::terms::{Key, Kind, LinkKind, Lost, Place, Problem};

/// How many data roots may lie one in another. A node of kind in docker-in-docker makes two.
const DEPTH: usize = 4;
/// How many are read in one run: a host of continuous integration has a volume for each of its jobs.
const MOST: usize = 256;
/// No chain of layers is longer.
const CHAIN: usize = 1000;

/// One engine's roots inside something that another root owns.
#[derive(Debug)]
pub struct Inner {
    /// What owns it outside.
    pub owner: Key,
    pub owner_name: String,
    pub depth: usize,
    pub reading: Reading,
}

/// Reads what lies inside, and what lies inside of that; and says where it stopped.
pub(super) fn read(outer: &Reading, threads: usize) -> (Vec<Inner>, Vec<Problem>) {
    let (mut found, mut unread) = (Vec::new(), Vec::new());
    let mut todo: VecDeque<(usize, Group)> = groups(outer).into_iter().map(|group| (1, group)).collect();
    while let Some((depth, group)) = todo.pop_front() {
        if group.is_split {
            let cause = "part of it is in the layers below what the container wrote: told by its signs, and not read";
            unread.extend(group.problems("nested-in-layers", cause));
            continue;
        }
        if depth > DEPTH {
            let cause = format!("the {depth}th data root, one in another: told by its signs, and not read");
            unread.extend(group.problems("nested-too-deep", &cause));
            continue;
        }
        if found.len() >= MOST {
            let cause = format!("{MOST} data roots inside others were read, and no more are");
            unread.extend(group.problems("too-many-nested", &cause));
            continue;
        }
        let reading = Reading::inside(outer, &group.roots, threads);
        todo.extend(groups(&reading).into_iter().map(|group| (depth.saturating_add(1), group)));
        found.push(Inner { owner: group.owner, owner_name: group.owner_name, depth, reading });
    }
    (found, unread)
}

/// The roots of one engine.
struct Group {
    owner: Key,
    owner_name: String,
    roots: Vec<Root>,
    is_builder: bool,
    /// Layers below hold a part of it, which are no part of what the container wrote.
    is_split: bool,
    /// The containers that work with it.
    users: BTreeSet<Key>,
}

impl Group {
    fn of(reading: &Reading, owner: &Key, thing: &Entity, inner: &Nested) -> Self {
        let role = if inner.engine == "containerd" { Role::Containerd } else { Role::Engine };
        let links =
            reading.inventory.links.iter().filter(|link| link.to == *owner && link.from.kind == Kind::Container);
        let users = links.map(|link| link.from.clone()).collect();
        Self {
            owner: owner.clone(),
            owner_name: thing.name.clone(),
            roots: vec![Root::of(inner.at.clone(), role)],
            is_builder: inner.engine == "buildkitd",
            is_split: below(reading, owner, thing, &inner.at).iter().any(|at| is_part(reading, at)),
            users,
        }
    }

    fn problems<'s>(&'s self, code: &'static str, cause: &'s str) -> impl Iterator<Item = Problem> + 's {
        let of =
            move |root: &Root| Problem { at: root.place.clone(), code, cause: cause.to_owned(), lost: Lost::Nothing };
        self.roots.iter().map(of)
    }

    fn has(&self, role: Role) -> bool {
        self.roots.iter().any(|root| root.role == role)
    }

    fn first(&self) -> Option<&Place> {
        self.roots.first().map(|root| &root.place)
    }
}

/// What lies inside the things of a reading. A containerd goes with the engine that the same volume holds, or that a
/// container runs which mounts both: what that engine's containers need of it would else look as if nobody did.
fn groups(reading: &Reading) -> Vec<Group> {
    let all = reading.inventory.entities.iter();
    let all = all.flat_map(|(key, thing)| nested_in(thing).iter().map(move |inner| (key, thing, inner)));
    let all = all.map(|(key, thing, inner)| Group::of(reading, key, thing, inner));
    let (containerds, mut engines): (Vec<Group>, Vec<Group>) = all.partition(|group| group.has(Role::Containerd));
    for lone in containerds {
        let serves = |engine: &&mut Group| {
            let near = engine.owner == lone.owner || engine.users.intersection(&lone.users).next().is_some();
            near && !engine.has(Role::Containerd) && !engine.is_builder
        };
        match engines.iter_mut().find(serves) {
            Some(engine) => {
                engine.roots.extend(lone.roots);
                engine.is_split |= lone.is_split;
            }
            None => engines.push(lone),
        }
    }
    engines.sort_by(|a, b| a.first().cmp(&b.first()));
    engines
}

fn nested_in(thing: &Entity) -> &[Nested] {
    let volume = thing.volume().map(|facts| &facts.nested);
    let mount = || thing.mount().map(|facts| &facts.nested);
    let snapshot = || thing.snapshot().map(|facts| &facts.nested);
    volume.or_else(mount).or_else(snapshot).map(Vec::as_slice).unwrap_or_default()
}

/// Where the same path is in the layers below what a container wrote.
fn below(reading: &Reading, owner: &Key, thing: &Entity, inner: &Place) -> Vec<Place> {
    let layers = match owner.kind {
        Kind::Mount => below_mount(&reading.inventory, owner),
        Kind::Snapshot => below_snapshot(&reading.inventory, owner, thing),
        _ => Vec::new(),
    };
    let Some((top, lowers)) = layers.split_first() else { return Vec::new() };
    let path = inner.as_bytes().strip_prefix(top.as_bytes()).and_then(|rest| rest.strip_prefix(b"/"));
    path.map(|path| lowers.iter().map(|lower| lower.join(path)).collect()).unwrap_or_default()
}

/// The directory of a read-write layer's own files, and those below it.
fn below_mount(inventory: &Inventory, mount: &Key) -> Vec<Place> {
    let mut links = inventory.links.iter().filter(|link| link.from == *mount && link.kind == LinkKind::StoredIn);
    let Some(directory) = links.find_map(|link| inventory.get(&link.to)?.driver_directory()) else { return Vec::new() };
    let lower = |id: &Arc<str>| {
        let key = Key { kind: Kind::DriverDirectory, id: id.clone(), ..mount.clone() };
        inventory.get(&key)?.driver_directory()?.content.clone()
    };
    directory.content.iter().cloned().chain(directory.lower.iter().filter_map(lower)).collect()
}

/// The same of a snapshot. Where each is a full copy there is nothing to be had from below.
fn below_snapshot(inventory: &Inventory, owner: &Key, thing: &Entity) -> Vec<Place> {
    let parent = |(key, snapshot): &(Key, &Snapshot)| {
        let id = format!("{}{}", key.id.strip_suffix(snapshot.name.as_str())?, snapshot.parent.as_deref()?);
        let key = Key { id: id.into(), ..owner.clone() };
        let below = inventory.get(&key)?.snapshot()?;
        Some((key, below))
    };
    let first = thing.snapshot().filter(|snapshot| snapshot.content != snapshot.at);
    let chain = std::iter::successors(first.map(|snapshot| (owner.clone(), snapshot)), parent).take(CHAIN);
    chain.filter_map(|(_, snapshot)| snapshot.content.clone()).collect()
}

/// Whether a layer has something of a data root at this path.
fn is_part(reading: &Reading, at: &Place) -> bool {
    let signs = ["image", "containers", "overlay2", "containerd", "io.containerd.metadata.v1.bolt"];
    signs.iter().any(|sign| reading.disk.stat(&at.join(sign)).is_ok())
}

/// What is reported of one.
pub(super) fn report(inner: &Inner) -> v1::Nested {
    let analysis = Analysis::of(&inner.reading);
    let report = build::report(&analysis);
    v1::Nested {
        roots: report.roots,
        inside: inside(inner),
        inside_root: inner.owner.root.to_string(),
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
        inside: inside(inner),
        depth: u64::try_from(inner.depth).unwrap_or(u64::MAX),
        engine: build::engine(&analysis),
        stores: status::stores(&analysis),
        active_because: analysis.engine.active.reasons.clone(),
        containers: status::containers(&analysis),
        complete: inner.reading.is_complete(),
    }
}

fn inside(inner: &Inner) -> Object {
    Object { kind: inner.owner.kind.name(), id: inner.owner.id.clone(), name: inner.owner_name.clone() }
}
