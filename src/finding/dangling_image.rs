//! Images without a tag that no image was built on: what stays behind when a tag moves on.

use std::collections::{BTreeMap, BTreeSet};

use super::words::{self, count, list, size};
use super::{Case, Finding, Remedy, Rule};
use crate::docker::seen::{ImageSeen, Seen};
use crate::terms::{Key, Kind, LinkKind, short_id};

const CLASS: &str = "dangling-image";

/// A lost tag, a lost child, or one that does not load, makes an image look dangling.
pub(super) const RULE: Rule = Rule { class: CLASS, relies_on: IMAGES, check };

/// What images are judged by. One whose layer does not load does not load itself; what the build cache holds too is not
/// freed.
pub(super) const IMAGES: &[LinkKind] = &[
    LinkKind::Names,
    LinkKind::BuiltOn,
    LinkKind::RunsFrom,
    LinkKind::TopLayer,
    LinkKind::Parent,
    LinkKind::StoredIn,
    LinkKind::Caches,
    LinkKind::SharesLayer,
    LinkKind::Leases,
];

type Images<'s, 'a> = Vec<(&'a Key, &'s ImageSeen<'a>)>;

fn check(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for seen in case.in_use() {
        let dangling = seen.images.iter().filter(|(_, image)| image.is_dangling()).map(|(key, image)| (*key, image));
        let wanted = parents_in_doubt(case, seen);
        let (doubtful, dangling): (Images<'_, '_>, Images<'_, '_>) =
            dangling.partition(|(key, _)| wanted.contains_key(key));
        let (loose, held): (Images<'_, '_>, Images<'_, '_>) =
            dangling.into_iter().partition(|(_, image)| image.containers.is_empty());
        findings.extend((!loose.is_empty()).then(|| loose_ones(case, seen, &loose)));
        findings.extend((!held.is_empty()).then(|| held_ones(case, seen, &held)));
        for (key, image) in doubtful {
            let doubt = wanted.get(key).map(|child| {
                format!(
                    "image {} was built on {}, and does not say so or does not load",
                    short_id(&child.id),
                    short_id(&key.id)
                )
            });
            findings.push(Finding { doubt, ..loose_ones(case, seen, &vec![(key, image)]) });
        }
    }
    findings
}

/// Images that another was built on although the engine does not see it: the other does not load, or its `parent` file is
/// gone. The engine removes that file only together with the parent (moby image/store.go Delete), and the classic builder
/// leaves each image with one history entry more than the one it was built on.
fn parents_in_doubt<'a>(case: &Case<'a>, seen: &Seen<'a>) -> BTreeMap<&'a Key, &'a Key> {
    let mut wanted: BTreeMap<&Key, &Key> = BTreeMap::new();
    for key in seen.images.keys() {
        let children = case.graph.holders(key).filter(|(_, edge)| edge.kind == LinkKind::BuiltOn);
        let unloaded = children.map(|(child, _)| child).find(|child| !seen.images.contains_key(*child));
        wanted.extend(unloaded.map(|child| (*key, child)));
    }
    let dangling = seen.images.iter().filter(|(_, image)| image.is_dangling());
    let by_history: BTreeMap<_, (&Key, &ImageSeen<'_>)> =
        dangling.map(|(key, image)| (&*image.facts.history, (*key, image))).collect();
    for (child, image) in seen.images.iter().filter(|(_, image)| image.facts.parent.is_none()) {
        let Some(((last, _), before)) = image.facts.history.split_last() else { continue };
        let Some((key, parent)) = by_history.get(before).filter(|_| !before.is_empty() && !is_buildkits(last)) else {
            continue;
        };
        if image.facts.chain.starts_with(&parent.facts.chain) {
            wanted.entry(key).or_insert(child);
        }
    }
    wanted
}

/// BuildKit makes no images in between, and says no parent.
fn is_buildkits(created_by: &str) -> bool {
    let word = created_by.split(' ').next().unwrap_or_default();
    created_by.ends_with("# buildkit") || (!word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase()))
}

fn loose_ones<'a>(case: &Case<'a>, seen: &Seen<'a>, images: &Images<'_, 'a>) -> Finding {
    let base = base(case, images, &BTreeSet::new());
    let cause = format!(
        "{} {} no tag (any more), nothing was built on {} and no container uses {}: {}.",
        named(images),
        if images.len() == 1 { "has" } else { "have" },
        it(images),
        it(images),
        size(base.on_disk_bytes),
    );
    let mut note = "`docker image prune` removes every image without a tag that no container uses.".to_owned();
    note.push_str(&cached(seen, images));
    Finding { cause, remedy: Remedy { commands: vec!["docker image prune".to_owned()], note }, ..base }
}

/// `docker image prune` skips an image that any container uses.
// moby daemon/images/image_prune.go
fn held_ones<'a>(case: &Case<'a>, seen: &Seen<'a>, images: &Images<'_, 'a>) -> Finding {
    let containers: BTreeSet<&Key> = images.iter().flat_map(|(_, image)| image.containers.iter().copied()).collect();
    let base = base(case, images, &containers);
    let who: BTreeSet<String> = containers.iter().map(|key| words::container(seen, key)).collect();
    let cause = format!(
        "{} {} no tag any more, but {} {} created from {}: `docker image prune` skips {} ({}) as long as {}.",
        named(images),
        if images.len() == 1 { "has" } else { "have" },
        list(who),
        if containers.len() == 1 { "was" } else { "were" },
        it(images),
        it(images),
        size(base.on_disk_bytes),
        if containers.len() == 1 { "that container exists" } else { "those containers exist" },
    );
    let is_alive = |key: &&&Key| seen.containers.get(**key).is_some_and(|it| it.facts.state.is_alive());
    let argument = |key: &&Key| words::container_argument(seen, key);
    let alive: Vec<String> = containers.iter().filter(is_alive).map(argument).collect();
    let all: Vec<String> = containers.iter().map(argument).collect();
    let mut commands = words::commands("docker stop", &alive);
    commands.extend(words::commands("docker rm", &all));
    commands.push("docker image prune".to_owned());
    let goes = super::pinned::goes_with(case, seen, containers.iter().copied());
    let note = format!("{goes} `docker image prune` then removes every image without a tag that no container uses.");
    let objects = base.objects.iter().cloned().chain(containers.into_iter().cloned()).collect();
    Finding { objects, cause, remedy: Remedy { commands, note: note + &cached(seen, images) }, ..base }
}

/// What goes with the images, and with the containers if there are any, apart from what is the containers' own.
fn base<'a>(case: &Case<'a>, images: &Images<'_, 'a>, containers: &BTreeSet<&'a Key>) -> Finding {
    let digests = images.iter().flat_map(|(_, image)| image.digests.iter().copied());
    let gone = images.iter().map(|(key, _)| *key).chain(digests).chain(containers.iter().copied());
    let freed = case.freed_with(gone);
    let of_images =
        freed.into_iter().filter(|key| matches!(key.kind, Kind::Image | Kind::Layer | Kind::DriverDirectory));
    let base = case.finding(CLASS, &case.owners_of(of_images));
    let evidence = images.iter().map(|(key, _)| evidence(case, key)).collect();
    Finding { objects: images.iter().map(|(key, _)| (*key).clone()).collect(), evidence, ..base }
}

/// The image's own file; that no tag names it is said by the absence of one.
pub(super) fn evidence(case: &Case<'_>, image: &Key) -> String {
    let at = case.place_of(image).map_or_else(|| image.id.to_string(), ToString::to_string);
    format!("{at}: no name:tag in repositories.json")
}

fn named(images: &Images<'_, '_>) -> String {
    let ids = list(images.iter().map(|(key, _)| short_id(&key.id)));
    format!("{} ({ids})", count(images.len(), "image", "images"))
}

fn it(images: &Images<'_, '_>) -> &'static str {
    if images.len() == 1 { "it" } else { "them" }
}

/// Layers of a removed image that the build cache holds stay.
pub(super) fn cached<'a>(seen: &Seen<'a>, images: &[(&'a Key, &ImageSeen<'a>)]) -> String {
    let held = seen.needed_by_cache();
    let tops = images.iter().filter_map(|(_, image)| image.facts.chain.last());
    let kept = seen.needed(tops).into_iter().filter(|layer| held.contains(layer)).count();
    if kept == 0 {
        return String::new();
    }
    format!(
        " {} until `docker builder prune`.",
        count(kept, "layer that the build cache holds too stays", "layers that the build cache holds too stay")
    )
}
