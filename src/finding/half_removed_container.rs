//! A container of which one half is missing: a read-write layer without a container, a container without its read-write
//! layer, a container's directory without its config.

use std::collections::{BTreeMap, BTreeSet};

use super::unowned::{self, Pair};
use super::words::{self, count, list, shown, size};
use super::{Case, Finding, Remedy, Rule, pinned};
use crate::docker::seen::{Seen, Triple};
use crate::inventory::facts::{Container, Mount};
use crate::terms::{Key, Kind, LinkKind, short_id};

const CLASS: &str = "half-removed-container";

pub(super) const RULE: Rule = Rule {
    class: CLASS,
    relies_on: &[
        LinkKind::ReadWrite,
        LinkKind::ImageMount,
        LinkKind::StandsOn,
        LinkKind::StoredIn,
        LinkKind::InitLayer,
    ],
    check,
};

/// From this version on a container without its layer is kept, so that it can be removed.
// moby daemon/daemon.go restore
const KEEPS_WITHOUT_LAYER: Triple = (29, 4, 0);

fn check(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for seen in case.in_use() {
        findings.extend(strays(case, seen));
        findings.extend(without_layer(case, seen));
    }
    findings.extend(without_config(case));
    findings
}

/// Read-write layers that no container refers to, and the layers that only they keep.
fn strays(case: &Case<'_>, seen: &Seen<'_>) -> Vec<Finding> {
    let kinds = [LinkKind::ReadWrite, LinkKind::ImageMount];
    let had = |mount: &Key| case.graph.holders(mount).any(|(_, edge)| kinds.contains(&edge.kind));
    let mounts =
        case.inventory.of_kind(Kind::Mount).filter(|(key, _)| key.root == seen.root && key.store == seen.store);
    let strays: Vec<(&Key, &Mount)> =
        mounts.filter(|(key, _)| !had(key)).filter_map(|(key, thing)| Some((key, thing.mount()?))).collect();
    let kept = if strays.is_empty() { BTreeMap::new() } else { pinned::by_holders(seen) };
    strays.into_iter().map(|(mount, facts)| stray(case, seen, mount, facts, &kept)).collect()
}

fn stray<'a>(
    case: &Case<'a>,
    seen: &Seen<'a>,
    mount: &'a Key,
    facts: &Mount,
    kept: &BTreeMap<pinned::Holders<'a>, Vec<&'a Key>>,
) -> Finding {
    let only_strays = |holders: &pinned::Holders<'_>| holders.containers.is_empty() && !holders.cached;
    let of_it = kept.iter().filter(|(holders, _)| only_strays(holders) && holders.strays.contains(mount));
    let layers: Vec<&Key> = of_it.flat_map(|(_, layers)| layers.iter().copied()).collect();
    let base = case.finding(CLASS, &case.owners_of(layers.iter().copied().chain([mount])));
    let what = match (&facts.init_id, mount.id.len()) {
        (Some(_), _) => "There is no container",
        (None, 25) => "No build runs any more that mounted a layer under this name, and there is no container",
        (None, _) => "No build step runs any more that used it, and there is no container",
    };
    let keeps = match layers.len() {
        0 => String::new(),
        n => format!(", and {} that nothing else needs", count(n, "layer", "layers")),
    };
    let cause = format!(
        "{what} {}, but its read-write layer is still there{keeps}: {}.",
        shown(short_id(&mount.id)),
        size(base.on_disk_bytes)
    );
    let note = "No Docker command shows it or frees it: the engine loads the read-write layer at every start, and with it keeps all \
                layers below.";
    Finding {
        objects: std::iter::once(mount).chain(layers).cloned().collect(),
        cause,
        evidence: vec![case.file_of(mount, "mount-id"), format!("{}/containers: no container of this name", seen.root)],
        remedy: Remedy { commands: Vec::new(), note: note.to_owned() },
        youngest: case.youngest([mount]).or(case.live_since),
        ..base
    }
}

/// Containers that have a config and no read-write layer.
fn without_layer(case: &Case<'_>, seen: &Seen<'_>) -> Vec<Finding> {
    let (pairs, bare) = (pairs(case, seen), bare(case, seen));
    let fits = |facts: &Container| {
        let fits = pairs.iter().filter(|pair| may_have_had(case, seen, pair, facts));
        fits.copied().collect::<Vec<_>>()
    };
    bare.iter().map(|(key, facts)| bare_one(case, seen, key, facts, &fits(facts), bare.len())).collect()
}

/// Containers of a store whose config is sound and that have no read-write layer.
fn bare<'a>(case: &Case<'a>, seen: &Seen<'a>) -> Vec<(&'a Key, &'a Container)> {
    let containers = case.inventory.of_kind(Kind::Container);
    containers
        .filter(|(key, _)| key.root == seen.root && key.store == seen.store)
        .filter_map(|(key, thing)| Some((key, thing.container()?)))
        .filter(|(key, facts)| facts.broken.is_none() && case.graph.targets(key, LinkKind::ReadWrite).next().is_none())
        .collect()
}

/// Whether directories that nothing names can be those of a container: what they stand on is the top of its image, as far
/// as either is known.
fn may_have_had(case: &Case<'_>, seen: &Seen<'_>, pair: &Pair<'_>, container: &Container) -> bool {
    // a removal marks a container as dead before it releases the layer: such a one has no directories left
    // moby daemon/delete.go cleanupContainer
    if container.state.dead {
        return false;
    }
    let image = container.image.as_ref().map(|image| seen.key(Kind::Image, image.as_str()));
    let image = image.and_then(|image| case.inventory.get(&image)?.image());
    let top = image.filter(|image| image.broken.is_none()).and_then(|image| image.chain.last());
    let layer = top.and_then(|top| case.inventory.get(&seen.key(Kind::Layer, top.0.as_str()))?.layer());
    match (layer.and_then(|layer| layer.cache_id.as_ref()), pair.stands_on) {
        (Some(known), Some(below)) => known.as_str() == below,
        _ => true,
    }
}

/// The directories that were containers' and that no metadata names, if a container without a read-write layer may have
/// had them.
pub(super) fn pairs<'a>(case: &Case<'a>, seen: &Seen<'a>) -> Vec<Pair<'a>> {
    let bare = bare(case, seen);
    let mut pairs = unowned::pairs(&unowned::directories(case, seen));
    pairs.retain(|pair| bare.iter().any(|(_, facts)| may_have_had(case, seen, pair, facts)));
    pairs
}

fn bare_one(
    case: &Case<'_>,
    seen: &Seen<'_>,
    key: &Key,
    facts: &Container,
    pairs: &[Pair<'_>],
    others: usize,
) -> Finding {
    let directories: BTreeSet<&Key> = pairs.iter().flat_map(|pair| [pair.rw, pair.init]).collect();
    let base = case.finding(CLASS, &case.owners_of(directories.iter().copied().chain([key])));
    let shows = seen.version >= KEEPS_WITHOUT_LAYER;
    let name = shown(&words::container(seen, key));
    let left = match (pairs.len(), others) {
        (0, _) => String::new(),
        (1, 1) => ", whose directories are still there and named by nothing".to_owned(),
        _ => format!(
            ", which may be among {} that nothing names",
            count(pairs.len(), "pair of directories", "pairs of directories")
        ),
    };
    let cause = format!(
        "Container {name} has lost its read-write layer{left}{}: {}.",
        if shows { "" } else { ", so that no Docker command shows it" },
        size(base.on_disk_bytes)
    );
    let (commands, note) = if shows {
        let commands = vec![words::command("docker rm", &[words::container_argument(seen, key)])];
        (commands, "It removes the container's own files; directories that nothing names stay.".to_owned())
    } else {
        let what = "No Docker command shows it or frees it; engines from 29.4 on show it, so that `docker rm` removes its own files.";
        (Vec::new(), format!("{what}{}", volumes(facts)))
    };
    Finding {
        objects: std::iter::once(key).chain(directories).cloned().collect(),
        cause,
        evidence: vec![
            case.file_of(key, "config.v2.json"),
            format!("{}/image/{}/layerdb/mounts: no entry of this name", seen.root, seen.store),
        ],
        remedy: Remedy { commands, note },
        youngest: case.youngest(pairs.iter().map(|pair| pair.rw)).or(case.live_since),
        ..base
    }
}

/// Volumes that a container refers to which the engine does not load are unused in its eyes.
fn volumes(facts: &Container) -> String {
    let names: Vec<&str> =
        facts.mounts.iter().filter(|mount| mount.kind == "volume").map(|mount| &*mount.name).collect();
    if names.is_empty() {
        return String::new();
    }
    format!(" Docker takes its volumes ({}) for unused, and `docker volume prune` may remove them.", list(names))
}

/// Directories of containers without a config: one that was never finished, or whose removal was not.
fn without_config(case: &Case<'_>) -> Vec<Finding> {
    let containers = case.inventory.of_kind(Kind::Container);
    let without = containers.filter(|(_, thing)| {
        thing.container().is_some_and(|facts| facts.broken.as_deref() == Some(Container::NO_CONFIG))
    });
    let without: Vec<&Key> = without.map(|(key, _)| key).collect();
    let unnamed = if without.is_empty() { Vec::new() } else { unnamed_configs(case) };
    without.into_iter().map(|key| unfinished(case, key, &unnamed)).collect()
}

const UNNAMED: &str = ".tmp-config.v2.json";

/// Configs that were being written, and have not got their names.
// moby daemon/container/container.go: toDisk
fn unnamed_configs(case: &Case<'_>) -> Vec<String> {
    let leftovers = case.inventory.of_kind(Kind::Leftover).flat_map(|(_, thing)| &thing.lots);
    leftovers.map(|lot| lot.at.to_string()).filter(|at| at.contains(UNNAMED)).collect()
}

fn unfinished(case: &Case<'_>, key: &Key, unnamed: &[String]) -> Finding {
    let own = case.file_of(key, UNNAMED);
    let was_being_made = unnamed.iter().any(|at| at.starts_with(&own));
    let mounts: Vec<&Key> = case
        .graph
        .targets(key, LinkKind::ReadWrite)
        .filter(|mount| !case.is_stranded(&mount.root, &mount.store))
        .collect();
    let base = case.finding(CLASS, &case.owners_of(mounts.iter().copied().chain([key])));
    let (also, because) = match (mounts.is_empty(), was_being_made) {
        (true, true) => ("no read-write layer", "it was not made to the end"),
        (true, false) => ("no read-write layer", "it was not made to the end, or its removal did not come to its end"),
        (false, true) => ("a read-write layer", "it was not made to the end"),
        (false, false) => ("a read-write layer", "it was not made to the end, or its config was lost"),
    };
    let cause = format!(
        "The directory of container {} has no config.v2.json and {also}, so {because}: {} that no Docker command shows.",
        short_id(&key.id),
        size(base.on_disk_bytes)
    );
    let note = "No Docker command shows it or frees it. With the engine stopped, the directory can be removed by hand.";
    let mut evidence = vec![format!("{}: no such file", case.file_of(key, "config.v2.json"))];
    evidence.extend(mounts.iter().map(|mount| case.file_of(mount, "mount-id")));
    Finding {
        objects: std::iter::once(key).chain(mounts.iter().copied()).cloned().collect(),
        cause,
        evidence,
        remedy: Remedy { commands: Vec::new(), note: note.to_owned() },
        youngest: case.youngest(mounts).or(case.live_since),
        ..base
    }
}
