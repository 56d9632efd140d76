//! Images and containers as the engine's own lists have them, and beside each what it weighs and what keeps it.

mod containers;
mod filter;
mod glob;
mod images;
mod shown;
#[cfg(test)]
mod tests;
mod volumes;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::Analysis;
use super::contract::{Object, SCHEMA_VERSION};
use super::df::{data_root, no_df};
use super::list::{Listing, PlatformRow, Row, rows_of};
use super::whatif::zone;
use crate::docker::api::Api;
use crate::docker::df::ImageRow;
use crate::docker::df_json::{self, Setting};
use crate::docker::stored::{ImagesAsked, ManifestKind};
use crate::docker::{View, df as docker_df};
use crate::terms::Key;
pub use filter::Wanted;
use images::Clock;
pub use shown::Shown;
pub(super) use shown::{counts_image, shown};

/// What keeps images, whatever snapshotter unpacks them.
const CONTAINERD: &str = "containerd";

/// The key `Deadweight` of an object in `deadweight ls images|containers --format json`, which is an array of the objects of
/// `GET /images/json?all=1&shared-size=1&manifests=1` or `GET /containers/json?all=1&size=1`, in the engine's order.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Beside {
    pub schema_version: u32,
    pub as_of: String,
    pub name: String,
    pub root: String,
    pub store: String,
    pub path: String,
    /// Of the thing itself.
    pub own_bytes: u64,
    /// What it needs, and others need as well.
    pub shared_bytes: u64,
    /// What would be freed if it alone went.
    pub retained_bytes: u64,
    /// Itself and all that it needs.
    pub on_disk_bytes: u64,
    pub inodes: u64,
    /// `docker system df` adds up something of it.
    pub in_docker_df: bool,
    pub docker_shows: Shown,
    /// Whether a root of the graph leads to it.
    pub live: bool,
    /// The things that refer to it, or why it stays by itself.
    pub kept_by: Vec<Object>,
    /// Of an image of containerd's store its platforms and attestations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<PlatformRow>,
}

impl Beside {
    fn of(row: Row, as_of: &str) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            as_of: as_of.to_owned(),
            name: row.name,
            root: row.root,
            store: row.store,
            path: row.path,
            own_bytes: row.own_bytes,
            shared_bytes: row.shared_bytes,
            retained_bytes: row.retained_bytes,
            on_disk_bytes: row.retained_bytes.saturating_add(row.shared_bytes),
            inodes: row.inodes,
            in_docker_df: row.in_docker_df,
            docker_shows: row.docker_shows,
            live: row.live,
            kept_by: row.kept_by,
            platforms: row.platforms,
        }
    }
}

/// Why there is no list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unlisted {
    /// What was asked for by name is not there.
    NoSuch(String),
    /// The store is not read in detail.
    NotRead(String),
}

/// The engine's list of images or containers: of the active store, or of the one asked for.
pub fn engine_list(
    analysis: &Analysis<'_>,
    what: Listing,
    store: Option<&str>,
    wanted: &Wanted,
    api: Option<Api>,
) -> Result<Vec<Value>, Unlisted> {
    let view = match store {
        Some(name) => view_called(analysis, name),
        None => analysis.views().find(|view| is_active(analysis, *view)),
    };
    let Some(view) = view else {
        check_store(analysis, store)?;
        return Err(Unlisted::NotRead(no_df(analysis)));
    };
    check_names(&[view], wanted)?;
    let listed = objects(analysis, view, what, wanted, api);
    let keys = listed.iter().map(|(key, _)| *key);
    let mut beside: BTreeMap<Key, Row> = rows_of(analysis, what, keys).into_iter().collect();
    let as_of = analysis.reading.options.now.to_string();
    Ok(listed.into_iter().map(|(key, object)| with(object, beside.remove(key), &as_of)).collect())
}

/// Whether there is a store of this name.
pub(super) fn check_store(analysis: &Analysis<'_>, store: Option<&str>) -> Result<(), Unlisted> {
    let names = store_names(analysis);
    match store {
        Some(name) if !names.contains(name) => {
            let there: Vec<String> = names.into_iter().collect();
            Err(Unlisted::NoSuch(format!("no store is called {name:?}; what there is: {}", there.join(" "))))
        }
        _ => Ok(()),
    }
}

fn is_active(analysis: &Analysis<'_>, view: View<'_, '_>) -> bool {
    analysis.engine.active.is(view.store().0, view.store().1)
}

/// A store by its name, of several the one that is active, or the one that holds most: containerd is called so as well
/// as by its snapshotter.
fn view_called<'s, 'a>(analysis: &'s Analysis<'a>, name: &str) -> Option<View<'s, 'a>> {
    let called = analysis.views().filter(|view| match view {
        View::Containerd(_) if name == CONTAINERD => true,
        view => view.store().1 == name,
    });
    let held = |view: &View<'_, '_>| match view {
        View::GraphDriver(seen) => seen.layers.len(),
        View::Containerd(stored) => stored.snapshots.len(),
    };
    called.max_by_key(|view| (is_active(analysis, *view), held(view)))
}

/// Whether a thing is of a store with this name.
pub(super) fn is_of_store(analysis: &Analysis<'_>, key: &Key, name: &str) -> bool {
    let mut stored = analysis.stored.iter();
    *key.store == *name
        || match &*key.store {
            CONTAINERD => stored.any(|it| it.home == key.root && *it.store == *name),
            snapshotter => name == CONTAINERD && stored.any(|it| *it.store == *snapshotter),
        }
}

/// The names that `--store` knows.
fn store_names(analysis: &Analysis<'_>) -> BTreeSet<String> {
    let stores = analysis.reading.inventory.stores.iter().map(|store| store.name.to_string());
    stores.chain(analysis.stored.iter().map(|_| CONTAINERD.to_owned())).collect()
}

/// The things that filters let pass, in whatever store; or what in the filters names nothing.
pub(super) fn passing<'a>(
    analysis: &Analysis<'a>,
    what: Listing,
    wanted: &Wanted,
) -> Result<BTreeSet<&'a Key>, Unlisted> {
    let views: Vec<View<'_, 'a>> = analysis.views().collect();
    check_names(&views, wanted)?;
    Ok(views.into_iter().flat_map(|view| keys(analysis, view, what, wanted)).collect())
}

/// Images that `before` and `since` name must be somewhere; an unknown ancestor only lets nothing pass.
fn check_names(views: &[View<'_, '_>], wanted: &Wanted) -> Result<(), Unlisted> {
    let mut unknown = views.iter().map(|view| images::unknown(*view, wanted));
    let Some(first) = unknown.next() else { return Ok(()) };
    let nowhere = unknown.fold(first, |nowhere, here| nowhere.intersection(&here).copied().collect());
    match nowhere.first() {
        Some(name) => Err(Unlisted::NoSuch(format!("no such image: {name}"))),
        None => Ok(()),
    }
}

fn keys<'a>(analysis: &Analysis<'a>, view: View<'_, 'a>, what: Listing, wanted: &Wanted) -> Vec<&'a Key> {
    let sizes = analysis.reading.sizes();
    match what {
        Listing::Images => {
            images::images(view, &sizes, wanted, &clock(analysis)).into_iter().map(|row| row.key).collect()
        }
        Listing::Volumes => volumes::volumes(view, wanted),
        _ => containers::containers(view, &sizes, wanted).into_iter().map(|row| row.key).collect(),
    }
}

fn objects<'a>(
    analysis: &Analysis<'a>,
    view: View<'_, 'a>,
    what: Listing,
    wanted: &Wanted,
    api: Option<Api>,
) -> Vec<(&'a Key, Value)> {
    let (sizes, version) = (analysis.reading.sizes(), view.version());
    let setting = Setting { now: analysis.reading.options.now, data_root: data_root(analysis), api, as_recorded: true };
    if what == Listing::Images {
        let rows = images::images(view, &sizes, wanted, &clock(analysis));
        let objects = df_json::images(&rows, version, &setting);
        return rows.iter().map(|row| row.key).zip(objects).collect();
    }
    let rows = containers::containers(view, &sizes, wanted);
    let objects = df_json::containers(&rows, version, &setting);
    rows.iter().map(|row| row.key).zip(objects).collect()
}

fn with(mut object: Value, row: Option<Row>, as_of: &str) -> Value {
    let beside = row.map(|row| Beside::of(row, as_of));
    object.as_object_mut().map(|object| object.insert("Deadweight".into(), json!(beside)));
    object
}

fn clock(analysis: &Analysis<'_>) -> Clock {
    Clock { now: analysis.reading.options.now, zone: zone(analysis) }
}

/// The platforms of every image of containerd's stores, with what lies on the disk of each.
pub(super) fn platforms<'a>(analysis: &Analysis<'a>) -> BTreeMap<&'a Key, Vec<PlatformRow>> {
    let mut found = BTreeMap::new();
    for stored in analysis.stored.iter().filter(|stored| stored.asked) {
        let sizes = analysis.reading.sizes();
        let asked = ImagesAsked { all: true, keep: &|_, _| true };
        for row in docker_df::images(View::from(stored), &sizes, &asked) {
            let rows: Vec<PlatformRow> = platform_rows(analysis, stored, &row);
            found.insert(row.key, rows);
        }
    }
    found
}

fn platform_rows(
    analysis: &Analysis<'_>,
    stored: &crate::docker::stored::Stored<'_>,
    row: &ImageRow<'_>,
) -> Vec<PlatformRow> {
    let reading = analysis.reading;
    let weight = |key: &Key| -> u64 {
        let owners = reading.owners.of_thing(key).filter_map(|(number, _)| reading.ledger.owners.get(number));
        owners.map(|weight| weight.allocated).sum()
    };
    let one = |manifest: &docker_df::ManifestRow<'_>| PlatformRow {
        manifest: manifest.descriptor.digest.clone(),
        platform: platform_of(manifest),
        kind: match manifest.kind {
            ManifestKind::Image => "image",
            ManifestKind::Attestation => "attestation",
            ManifestKind::Unknown => "unknown",
        }
        .to_owned(),
        available: manifest.available,
        on_disk_bytes: stored.things_of(&manifest.descriptor).into_iter().map(weight).sum(),
    };
    row.manifests.iter().map(one).collect()
}

/// An attestation says `unknown/unknown` of itself.
fn platform_of(manifest: &docker_df::ManifestRow<'_>) -> String {
    let platform = manifest.platform.as_ref().filter(|_| manifest.kind == ManifestKind::Image);
    platform.map_or_else(String::new, ToString::to_string)
}
