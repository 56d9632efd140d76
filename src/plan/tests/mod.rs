//! The engine's decisions, on small hosts drawn by hand. Every thing lies at `docker/<kind>/<name>`.

mod caches;
mod images;
mod volumes;

use std::collections::BTreeMap;

use super::*;
use crate::docker::cache;
use crate::docker::seen::table::{NOW, Table, digest};
use crate::docker::seen::{Seen, Triple};
use crate::docker::sizes::Sizes;
use crate::inventory::facts::{Blob, CacheRecord, CacheSnapshot, Container, Facts, Lease, MountPoint, Volume};
use crate::inventory::{Entity, Keeps, OwnerKind};
use crate::terms::{ChainId, Key, Kind, LinkKind, Lost};

const CLOCK: &str = "2026-01-31T12:00:00Z";

/// A host with every thing at its place.
pub(super) struct Sketch {
    pub(super) table: Table,
    live_since: Option<(i64, u32)>,
    version: Triple,
    /// Names by digest, so that places can be read.
    names: BTreeMap<String, String>,
    /// What each owner weighs, by its number.
    pub(super) weigh: fn(usize) -> u64,
}

impl Sketch {
    pub(super) fn new(draw: impl FnOnce(&mut Table)) -> Self {
        let mut table = Table::new();
        table.inventory.roots.push(table.root.clone());
        draw(&mut table);
        let names = ["base", "mid", "top", "other", "a", "b", "p", "c", "i"];
        let names = names.map(|name| (digest(name).to_string(), name.to_owned())).into();
        Self { table, live_since: None, version: NOW, names, weigh: |_| 0 }
    }

    fn at(mut self, version: Triple) -> Self {
        self.version = version;
        self
    }

    fn live(mut self) -> Self {
        self.live_since = Some((CLOCK.parse::<jiff::Timestamp>().unwrap().as_second() - 3600, 0));
        self
    }

    fn container(&mut self, id: &str, change: impl FnOnce(&mut Container)) {
        let key = self.table.root.key("engine", Kind::Container, id);
        if let Some(Facts::Container(facts)) = self.table.inventory.entities.get_mut(&key).map(|thing| &mut thing.facts)
        {
            change(facts);
        }
    }

    /// Its outcome, what it says, and the names of what goes, step by step.
    fn ask(mut self, actions: &[&str]) -> Vec<(Outcome, Vec<String>, Vec<String>)> {
        let names = self.names.clone();
        self.predict(actions)
            .steps
            .iter()
            .map(|step| (step.outcome, step.says.clone(), shown(&names, &step.removes)))
            .collect()
    }

    fn predict(&mut self, actions: &[&str]) -> Prediction {
        let actions: Vec<Action> = actions.iter().map(|text| Action::parse(text).unwrap()).collect();
        self.with_case(|case| predict(case, &actions))
    }

    pub(super) fn with_case<R>(&mut self, ask: impl FnOnce(&Case<'_>) -> R) -> R {
        let root = self.table.root.place.clone();
        for (key, thing) in &mut self.table.inventory.entities {
            let at = root.join(key.kind.name()).join(key.id.replace('/', "-"));
            if key.kind != Kind::Lease && thing.lots.is_empty() {
                *thing = std::mem::take(thing).tree(at, OwnerKind::Unclaimed);
            }
        }
        let inventory = &self.table.inventory;
        let (graph, owners, disk) = (Graph::of(inventory), Owners::of(inventory), Disk::default());
        let weight = |number| crate::usage::Weight { allocated: (self.weigh)(number), ..Default::default() };
        let ledger = Ledger { owners: (0..owners.len()).map(weight).collect(), ..Ledger::default() };
        let seen = Seen::of(inventory, "docker", "overlay2", self.version);
        let sizes = Sizes { disk: &disk, measures: &BTreeMap::new() };
        let df = DiskUsage::of(&seen, &sizes, cache::rows(&seen, &sizes));
        let case = Case {
            inventory,
            graph: &graph,
            owners: &owners,
            ledger: &ledger,
            disk: &disk,
            problems: &inventory.problems,
            view: (&seen).into(),
            df: &df,
            live_since: self.live_since,
            now: CLOCK.parse().unwrap(),
            zone: &Zone(jiff::tz::TimeZone::UTC),
        };
        ask(&case)
    }
}

fn shown(names: &BTreeMap<String, String>, places: &BTreeSet<Place>) -> Vec<String> {
    let one = |at: &Place| {
        let text = at.to_string();
        let (above, last) = text.rsplit_once('/').unwrap();
        let last = names.get(last).cloned().unwrap_or_else(|| last.to_owned());
        format!("{}/{last}", above.rsplit('/').next().unwrap())
    };
    let mut shown: Vec<String> = places.iter().map(one).collect();
    shown.sort();
    shown
}

/// One image of two layers, and one on top of it.
fn family(table: &mut Table) {
    table.layer("base", None).layer("mid", Some("base")).layer("top", Some("mid"));
    table.image("p", &["base", "mid"], None).tag("p:1", "p");
    table.image("c", &["base", "mid", "top"], Some("p")).tag("c:1", "c");
}

fn used(table: &mut Table) {
    family(table);
    table.mount("w1", "top").container("w1", "c", "c:1");
}

fn volume(table: &mut Table, name: &str, change: impl FnOnce(&mut Volume)) {
    table.volume(name, true);
    let key = table.root.key("engine", Kind::Volume, name);
    if let Some(Facts::Volume(facts)) = table.inventory.entities.get_mut(&key).map(|thing| &mut thing.facts) {
        change(facts);
    }
}
