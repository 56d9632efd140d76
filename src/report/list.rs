//! One row an object: own, shared and retained bytes, and what keeps it.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Analysis;
use super::build::object;
use super::contract::{Object, SCHEMA_VERSION};
use super::listed::{Shown, Unlisted, Wanted, check_store, counts_image, is_of_store, passing, platforms, shown};
use crate::explain::Scale;
use crate::inventory::facts::{Snapshot, SnapshotKind};
use crate::inventory::{Entity, Keeps, OwnerKind};
use crate::terms::{Harmless, Key, Kind, LinkKind, Lost};

/// `deadweight ls layers|volumes|cache|logs --format json`; all tables.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct List {
    pub schema_version: u32,
    pub as_of: String,
    pub rows: Vec<Row>,
}

/// An object and what it weighs.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Row {
    pub kind: String,
    pub id: String,
    pub name: String,
    pub store: String,
    pub root: String,
    pub path: String,
    pub own_bytes: u64,
    pub shared_bytes: u64,
    pub retained_bytes: u64,
    pub inodes: u64,
    /// `docker system df` adds up something of it; of an image, something that it needs.
    pub in_docker_df: bool,
    pub docker_shows: Shown,
    /// Whether a root of the graph leads to it.
    pub live: bool,
    /// The things that refer to it, or why it stays by itself.
    pub kept_by: Vec<Object>,
    /// What is particular to its kind.
    pub detail: Map<String, Value>,
    /// Of an image of containerd's store its platforms and attestations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<PlatformRow>,
}

/// One manifest of an image.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PlatformRow {
    pub manifest: String,
    /// `linux/arm64/v8`; empty for what is no image.
    pub platform: String,
    /// `image`, `attestation` or `unknown`
    pub kind: String,
    /// Manifest, config and layers are here.
    pub available: bool,
    /// Of its blobs and unpacked layers, shared or not.
    pub on_disk_bytes: u64,
}

/// What is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    Images,
    Containers,
    Layers,
    Volumes,
    Cache,
    Logs,
}

impl Listing {
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Images => Kind::Image,
            Self::Containers | Self::Logs => Kind::Container,
            Self::Layers => Kind::Layer,
            Self::Volumes => Kind::Volume,
            Self::Cache => Kind::CacheRecord,
        }
    }

    /// A snapshot is what a layer is with containerd.
    fn is_of(self, key: &Key) -> bool {
        key.kind == self.kind() || (self == Self::Layers && key.kind == Kind::Snapshot)
    }
}

/// Rows in order: biggest retained first. With filters only what they let pass.
pub fn list(analysis: &Analysis<'_>, what: Listing, store: Option<&str>, wanted: &Wanted) -> Result<List, Unlisted> {
    let reading = analysis.reading;
    check_store(analysis, store)?;
    let passing = if wanted.is_empty() { None } else { Some(passing(analysis, what, wanted)?) };
    let of_store = |key: &&Key| store.is_none_or(|store| is_of_store(analysis, key, store));
    let passes = |key: &&Key| passing.as_ref().is_none_or(|passing| passing.contains(key));
    let things = reading.inventory.entities.keys().filter(|key| what.is_of(key));
    let things = things.filter(of_store).filter(passes);
    let mut rows: Vec<Row> = rows_of(analysis, what, things).into_iter().map(|(_, row)| row).collect();
    rows.sort_by(|a, b| {
        (b.retained_bytes, b.own_bytes)
            .cmp(&(a.retained_bytes, a.own_bytes))
            .then_with(|| (&a.root, &a.store, &a.id).cmp(&(&b.root, &b.store, &b.id)))
    });
    Ok(List { schema_version: SCHEMA_VERSION, as_of: reading.options.now.to_string(), rows })
}

/// The rows of some things, in their order.
pub(super) fn rows_of<'k>(
    analysis: &Analysis<'_>,
    what: Listing,
    things: impl Iterator<Item = &'k Key>,
) -> Vec<(Key, Row)> {
    let reading = analysis.reading;
    let scale = Scale::of(&analysis.graph, &analysis.retained, &reading.owners, &reading.ledger);
    let mut platforms = if what == Listing::Images { platforms(analysis) } else { BTreeMap::new() };
    let counted = containers_in_df(analysis);
    let shown = shown(analysis, what);
    let row = |key: &'k Key| {
        let mut row = row(analysis, &scale, what, key, reading.inventory.get(key)?)?;
        row.in_docker_df |= match what {
            Listing::Images => counts_image(analysis, key),
            Listing::Containers => counted.contains(key),
            _ => false,
        };
        row.docker_shows = match &shown {
            Some(shown) => shown.get(key).copied().unwrap_or_default(),
            None if row.in_docker_df => Shown::Yes,
            None => Shown::No,
        };
        row.platforms = platforms.remove(key).unwrap_or_default();
        Some((key.clone(), row))
    };
    things.filter_map(row).collect()
}

/// Containers of which `system df` adds up something.
fn containers_in_df<'a>(analysis: &'a Analysis<'_>) -> BTreeSet<&'a Key> {
    let containers = analysis.df.iter().flat_map(|df| &df.containers);
    containers.filter(|row| row.size_rw > 0).map(|row| row.key).collect()
}

fn row(analysis: &Analysis<'_>, scale: &Scale<'_>, what: Listing, key: &Key, thing: &Entity) -> Option<Row> {
    let only_logs = what == Listing::Logs;
    let owners =
        || analysis.reading.owners.of_thing(key).filter(|(_, o)| !only_logs || o.key.kind == OwnerKind::ContainerLogs);
    let weights = || owners().filter_map(|(number, _)| analysis.reading.ledger.owners.get(number));
    if only_logs && owners().next().is_none() {
        return None;
    }
    let mut bytes = scale.weigh(key);
    if only_logs {
        bytes.own = weights().map(|weight| weight.allocated).sum();
        (bytes.retained, bytes.shared) = (bytes.own, 0);
    }
    let path = owners().map(|(_, owner)| owner.path.to_string()).next();
    Some(Row {
        kind: key.kind.name().to_owned(),
        id: key.id.to_string(),
        name: analysis.name(key),
        store: key.store.to_string(),
        root: key.root.to_string(),
        path: path.or_else(|| thing.lots.first().map(|lot| lot.at.to_string())).unwrap_or_default(),
        own_bytes: bytes.own,
        shared_bytes: bytes.shared,
        retained_bytes: bytes.retained,
        inodes: weights().map(|weight| weight.inodes).sum(),
        in_docker_df: owners().any(|(_, owner)| analysis.counted.contains(&owner.key)),
        docker_shows: Shown::No,
        live: analysis.graph.is_live(key),
        kept_by: kept_by(analysis, key),
        detail: detail(analysis, what, key, thing),
        platforms: Vec::new(),
    })
}

/// Its holders; of a root, itself by another word.
fn kept_by(analysis: &Analysis<'_>, key: &Key) -> Vec<Object> {
    let mut keepers: Vec<Object> = analysis.graph.holders(key).map(|(holder, _)| object(analysis, holder)).collect();
    if let Some(keeps) = analysis.graph.node(key).and_then(|node| analysis.graph.root(node)) {
        let itself = matches!(keeps, Keeps::UntaggedImage | Keeps::Container | Keeps::Volume | Keeps::CacheRecord);
        keepers.extend(itself.then(|| Object { kind: "itself", id: "".into(), name: keeps.name().to_owned() }));
    }
    keepers.sort_by(|a, b| (&a.kind, &a.name, &a.id).cmp(&(&b.kind, &b.name, &b.id)));
    keepers.dedup_by(|a, b| (&a.kind, &a.id) == (&b.kind, &b.id));
    keepers
}

fn detail(analysis: &Analysis<'_>, what: Listing, key: &Key, thing: &Entity) -> Map<String, Value> {
    let value = match what {
        Listing::Images => json!({ "tags": names(analysis, key), "broken": thing.image().and_then(|i| i.broken.clone()) }),
        Listing::Containers => container(thing),
        Listing::Logs => json!({
            "driver": thing.container().map(|c| c.log_driver.clone()),
            "options": thing.container().map(|c| c.log_options.clone()),
        }),
        Listing::Layers if key.kind == Kind::Snapshot => thing.snapshot().map_or(Value::Null, snapshot),
        Listing::Layers => thing.layer().map_or(Value::Null, |layer| {
            json!({
                "diff_id": layer.diff.as_ref().map(|d| d.0.as_str()),
                "cache_id": layer.cache_id.as_ref().map(|c| c.as_str()),
                "parent": layer.parent.as_ref().map(|p| p.0.as_str()),
                "size": layer.size,
                "broken": layer.broken,
            })
        }),
        Listing::Volumes => thing.volume().map_or(Value::Null, |volume| {
            json!({ "driver": volume.driver, "labels": volume.labels, "options": volume.options, "in_database": volume.in_database })
        }),
        Listing::Cache => thing.cache_record().map_or(Value::Null, |record| {
            json!({
                "type": record.record_type,
                "description": record.description,
                "recorded_size": record.size,
                "created_at": record.created_at.map(|t| t.to_string()),
                "last_used_at": record.last_used_at.map(|t| t.to_string()),
                "usage_count": record.usage_count,
            })
        }),
    };
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn snapshot(snapshot: &Snapshot) -> Value {
    let backend = snapshot.backend.as_ref();
    json!({
        "parent": snapshot.parent,
        "namespace": snapshot.namespace,
        "size": backend.and_then(|backend| backend.size),
        "state": backend.map(|backend| match backend.kind {
            SnapshotKind::Active => "active",
            SnapshotKind::View => "view",
            SnapshotKind::Committed => "committed",
            SnapshotKind::Unknown => "unknown",
        }),
    })
}

fn container(thing: &Entity) -> Value {
    thing.container().map_or(Value::Null, |c| {
        json!({
            "state": c.state.word(),
            "image": c.image.as_ref().map(|i| i.as_str()),
            "image_as_typed": c.image_as_typed,
            "broken": c.broken,
        })
    })
}

fn names(analysis: &Analysis<'_>, key: &Key) -> Vec<String> {
    let tags = analysis.graph.holders(key).filter(|(_, edge)| edge.kind == LinkKind::Names);
    tags.map(|(tag, _)| tag.id.to_string()).collect()
}

/// Plain lines for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    Dead,
    Live,
    Roots,
}

/// The lines, and why some are withheld.
pub fn lines(analysis: &Analysis<'_>, what: Lines) -> (Vec<String>, Vec<String>) {
    match what {
        Lines::Roots => (roots(analysis), Vec::new()),
        Lines::Live => (paths(analysis, |key| analysis.graph.is_live(key)), Vec::new()),
        Lines::Dead => dead(analysis),
    }
}

/// Why it stays, what it is, its ID and its name, between tabs.
fn roots(analysis: &Analysis<'_>) -> Vec<String> {
    let line = |(key, keeps): (&Key, Keeps)| {
        let name = Harmless(&analysis.name(key)).to_string();
        format!("{}\t{}\t{}\t{name}", keeps.name(), key.kind, Harmless(&key.id))
    };
    analysis.graph.roots().map(line).collect()
}

/// What could not be read may have needed anything in its root; a stranded store's things are not dead but stranded.
fn dead(analysis: &Analysis<'_>) -> (Vec<String>, Vec<String>) {
    let inventory = &analysis.reading.inventory;
    let holes: Vec<_> = analysis.reading.problems.iter().filter(|p| matches!(p.lost, Lost::Links(_))).collect();
    let withheld = |key: &Key| holes.iter().any(|p| inventory.root_of(&p.at).is_some_and(|root| root.name == key.root));
    let settled = |key: &Key| {
        !matches!(
            key.kind,
            Kind::Store | Kind::Scaffold | Kind::Database | Kind::DistributionMap | Kind::Swarm | Kind::Network
        )
    };
    let stranded = |key: &Key| {
        inventory.stores.iter().any(|s| s.name == key.store && !analysis.engine.active.is(&s.root, &s.name))
    };
    let dead = paths(analysis, |key| {
        !analysis.graph.is_live(key)
            && settled(key)
            && !withheld(key)
            && !stranded(key)
            && analysis.reading.live_since.is_none()
    });
    let mut because: Vec<String> = holes.iter().map(|p| format!("{}: {}", p.at, p.cause)).collect();
    if analysis.reading.live_since.is_some() {
        because.push("a daemon is at work on this root".to_owned());
    }
    (dead, because)
}

fn paths(analysis: &Analysis<'_>, wanted: impl Fn(&Key) -> bool) -> Vec<String> {
    let charged = |number: usize| analysis.reading.ledger.owners.get(number).is_some_and(|w| w.inodes > 0);
    let owners = analysis.reading.owners.iter().filter(|(number, owner)| charged(*number) && wanted(&owner.thing));
    let mut paths: Vec<String> = owners.map(|(_, owner)| owner.path.to_string()).collect();
    paths.sort();
    paths.dedup();
    paths
}
