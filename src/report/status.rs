//! Which stores lie here, which is active and from what that is inferred, what could not be read.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::Analysis;
use super::build::{engine, problems, roots};
use super::contract::{Engine, Problem, Root, SCHEMA_VERSION};
use super::nested::{self, InnerStatus};
use crate::inventory::{Entity, Inventory, StoreInfo, StoreKind};
use crate::terms::{Key, Kind};

/// `deadweight status --format json`
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Status {
    pub schema_version: u32,
    pub as_of: String,
    pub roots: Vec<Root>,
    pub engine: Engine,
    /// A daemon holds locks on the root's databases.
    pub daemon_at_work: bool,
    pub stores: Vec<Store>,
    /// From what it follows which store is active.
    pub active_because: Vec<String>,
    /// Containers by state, as recorded.
    pub containers: BTreeMap<String, u64>,
    pub complete: bool,
    pub problems: Vec<Problem>,
    /// Data roots inside volumes and containers.
    pub nested: Vec<InnerStatus>,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Store {
    pub name: String,
    pub root: String,
    /// `graph driver` or `containerd`
    pub kind: String,
    pub path: String,
    pub active: bool,
    /// Whether it holds any layer, image or container.
    pub populated: bool,
    /// Whether it is read in full, or only recognized, owned and sized.
    pub read_in_full: bool,
    pub images: u64,
    pub containers: u64,
    pub layers: u64,
}

pub fn status(analysis: &Analysis<'_>) -> Status {
    let reading = analysis.reading;
    Status {
        schema_version: SCHEMA_VERSION,
        as_of: reading.options.now.to_string(),
        roots: roots(analysis),
        engine: engine(analysis),
        daemon_at_work: reading.live_since.is_some(),
        stores: stores(analysis),
        active_because: analysis.engine.active.reasons.clone(),
        containers: containers(analysis),
        complete: reading.is_complete(),
        problems: problems(analysis),
        nested: reading.nested.iter().map(nested::status).collect(),
    }
}

pub(super) fn containers(analysis: &Analysis<'_>) -> BTreeMap<String, u64> {
    let mut containers = BTreeMap::new();
    for (_, thing) in analysis.reading.inventory.of_kind(Kind::Container) {
        let word = thing.container().map_or("unreadable", |facts| match facts.broken {
            Some(_) => "unreadable",
            None => facts.state.word(),
        });
        *containers.entry(word.to_owned()).or_insert(0) += 1;
    }
    containers
}

/// Whether a thing belongs to a store. Of containerd's the images are of no snapshotter, and the containers are in the
/// engine's root.
fn is_of(inventory: &Inventory, store: &StoreInfo, key: &Key, thing: &Entity) -> bool {
    if store.kind == StoreKind::GraphDriver {
        return key.root == store.root && key.store == store.name;
    }
    match key.kind {
        Kind::Container => key.store == store.name && (inventory.is_containerds(&store.root) || key.root == store.root),
        Kind::Image => key.root == store.root && thing.stored_image().is_some(),
        _ => key.root == store.root && key.store == store.name,
    }
}

pub(super) fn stores(analysis: &Analysis<'_>) -> Vec<Store> {
    let inventory = &analysis.reading.inventory;
    let mut stores: Vec<Store> = inventory
        .stores
        .iter()
        .map(|store| {
            let count = |kind| {
                inventory.of_kind(kind).filter(|(key, thing)| is_of(inventory, store, key, thing)).count() as u64
            };
            Store {
                name: store.name.to_string(),
                root: store.root.to_string(),
                kind: match store.kind {
                    StoreKind::GraphDriver => "graph driver",
                    StoreKind::Containerd => "containerd",
                }
                .to_owned(),
                path: store.home.to_string(),
                active: analysis.engine.active.is(&store.root, &store.name),
                populated: store.populated,
                read_in_full: store.read_in_full,
                images: count(Kind::Image),
                containers: count(Kind::Container),
                layers: count(Kind::Layer) + count(Kind::Snapshot),
            }
        })
        .collect();
    stores.sort_by(|a, b| (&a.root, &a.name).cmp(&(&b.root, &b.name)));
    stores
}
