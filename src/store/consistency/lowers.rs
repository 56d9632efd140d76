//! overlay2 keeps a copy of the chain in `lower`; the layer store has its own in `parent`. Both are written once.

use super::{View, beside};
use crate::inventory::facts::DriverDirectory;
use crate::inventory::{Entity, Inventory};
use crate::store::driver::has_lowers;
use crate::terms::{Key, Kind, LinkKind, Lost, Place};

pub(super) fn check(view: &View<'_>, out: &mut Inventory) {
    for (key, thing) in view.inv.of_kind(Kind::DriverDirectory).filter(|(key, _)| has_lowers(&key.store)) {
        let Some(facts) = thing.driver_directory() else { continue };
        let Some(at) = &facts.at else { continue };
        if view.is_in_use(key) && !view.is_leaving(key) {
            files(view, out, thing, facts, at);
            below(view, out, key, facts, at);
            snapshot(view, out, key, facts, at);
        }
    }
    for (key, thing) in view.inv.of_kind(Kind::Layer).filter(|(key, _)| has_lowers(&key.store)) {
        thing.layer().into_iter().for_each(|layer| compare(view, out, key, layer));
    }
    let stays = |key: &Key| has_lowers(&key.store) && !view.leaving.contains(key);
    for (key, thing) in view.inv.of_kind(Kind::Mount).filter(|(key, _)| stays(key)) {
        thing.mount().into_iter().for_each(|mount| stands(view, out, key, mount));
    }
}

/// A directory in use has `diff`, `link`, and under that name a link in `l/`.
fn files(view: &View<'_>, out: &mut Inventory, thing: &Entity, facts: &DriverDirectory, at: &Place) {
    let lower = || Lost::Links(vec![LinkKind::Lower]);
    if facts.content.is_none() {
        out.problem("missing-directory", &at.join("diff"), Lost::Nothing, "the files of a layer are not there");
    }
    let link = at.join("link");
    match &facts.link {
        None if view.is_faulty(&link) => {}
        None => out.problem("missing-file", &link, lower(), "no such file: its short name is unknown"),
        Some(name) => {
            let short = at.parent().unwrap_or_else(|| at.clone()).join("l").join(name);
            if !thing.lots.iter().any(|lot| lot.at == short) && !view.is_faulty(&short) {
                out.problem("missing-short-link", &link, lower(), format!("{short} does not lead here"));
            }
        }
    }
}

/// What a directory in use stands on is needed, whoever names it.
fn below(view: &View<'_>, out: &mut Inventory, key: &Key, facts: &DriverDirectory, at: &Place) {
    for id in &facts.lower {
        let lower = beside(key, Kind::DriverDirectory, id);
        if !view.is_held(&lower) {
            let cause = format!("names directory {id}, which no layer, mount or cache record names");
            out.problem("lower-without-owner", &at.join("lower"), Lost::Links(vec![LinkKind::StoredIn]), cause);
        }
    }
    let nearest = facts.lower.first().and_then(|id| view.directory(key, id));
    if let Some(nearest) =
        nearest.filter(|nearest| nearest.lower.as_slice() != facts.lower.get(1..).unwrap_or_default())
        && !view.is_faulty(&at.join("lower"))
        && !nearest.at.as_ref().is_some_and(|at| view.is_faulty(&at.join("lower")))
    {
        let cause = "does not go on as the one of the directory below does";
        out.problem("lower-mismatch", &at.join("lower"), Lost::Links(vec![LinkKind::Lower]), cause);
    }
}

/// A directory that BuildKit made stands on another if its snapshot has a parent.
// moby builder/builder-next/adapters/snapshot/snapshot.go Prepare
fn snapshot(view: &View<'_>, out: &mut Inventory, key: &Key, facts: &DriverDirectory, at: &Place) {
    let holders = view.holders.get(key).map(Vec::as_slice).unwrap_or_default();
    let made_as = holders.iter().find(|link| link.from.kind == Kind::CacheSnapshot);
    let made_as = made_as.and_then(|link| view.inv.get(&beside(&link.from, Kind::CacheSnapshot, &key.id)));
    let Some(made_as) = made_as.and_then(Entity::cache_snapshot).filter(|snapshot| snapshot.prepared) else { return };
    let lower = at.join("lower");
    if made_as.parent.is_some() == facts.lower.is_empty() && !view.is_faulty(&lower) {
        let lost = Lost::Links(vec![LinkKind::Lower, LinkKind::SnapshotParent]);
        let parent = made_as.parent.as_deref();
        let cause = format!("the snapshot of this name has {} as parent", parent.unwrap_or("nothing"));
        out.problem("lower-mismatch", &lower, lost, cause);
    }
}

/// The layer's directory stands on that of its parent.
fn compare(view: &View<'_>, out: &mut Inventory, key: &Key, layer: &crate::inventory::facts::Layer) {
    let Some(facts) = layer.cache_id.as_ref().and_then(|id| view.directory(key, id.as_str())) else { return };
    let Some(lower) = facts.at.as_ref().map(|at| at.join("lower")) else { return };
    let parent = layer.parent.as_ref().map(|chain| beside(key, Kind::Layer, chain.0.as_str()));
    let parent_directory = match &parent {
        None => None,
        Some(parent) => {
            let facts = view.inv.get(parent).and_then(Entity::layer);
            let Some(id) = facts.and_then(|layer| layer.cache_id.as_ref()) else { return };
            Some(id.as_str())
        }
    };
    let nearest = facts.lower.first().map(|id| &**id);
    if nearest == parent_directory || view.is_faulty(&lower) {
        return;
    }
    // BuildKit may have built on a snapshot of its own with the same content as the parent
    // moby builder/builder-next/adapters/snapshot/layer.go EnsureLayer
    let of_the_cache = |id: &str| {
        let links = view.holders.get(&beside(key, Kind::DriverDirectory, id)).map(Vec::as_slice).unwrap_or_default();
        !links.is_empty() && links.iter().all(|link| link.from.kind == Kind::CacheSnapshot)
    };
    if parent_directory.is_some() && nearest.is_some_and(of_the_cache) {
        return;
    }
    let lost = Lost::Links(vec![LinkKind::Parent, LinkKind::StoredIn]);
    out.problem("lower-mismatch", &lower, lost, says(nearest, parent_directory));
}

fn says(found: Option<&str>, wanted: Option<&str>) -> String {
    let name = |id: Option<&str>| id.map_or_else(|| "nothing".to_owned(), |id| format!("directory {id}"));
    format!("stands on {}, while the layer store says {}", name(found), name(wanted))
}

/// The directory of a read-write layer stands on its init directory, and that on the layer.
fn stands(view: &View<'_>, out: &mut Inventory, key: &Key, mount: &crate::inventory::facts::Mount) {
    let parent = match &mount.parent {
        None => None,
        Some(chain) => {
            let layer = view.inv.get(&beside(key, Kind::Layer, chain.0.as_str())).and_then(Entity::layer);
            let Some(id) = layer.and_then(|layer| layer.cache_id.as_ref()) else { return };
            Some(id.as_str())
        }
    };
    let init = mount.init_id.as_ref().map(|id| id.as_str());
    let mut expect = |id: Option<&str>, wanted: Option<&str>| {
        let Some(facts) = id.and_then(|id| view.directory(key, id)) else { return };
        let Some(lower) = facts.at.as_ref().map(|at| at.join("lower")) else { return };
        let nearest = facts.lower.first().map(|id| &**id);
        if nearest != wanted && !view.is_faulty(&lower) {
            let lost = Lost::Links(vec![LinkKind::StandsOn, LinkKind::StoredIn, LinkKind::InitLayer]);
            out.problem("lower-mismatch", &lower, lost, says(nearest, wanted));
        }
    };
    expect(mount.mount_id.as_ref().map(|id| id.as_str()), init.or(parent));
    expect(init, parent);
}
