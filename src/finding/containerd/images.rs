//! Images of containerd's store that no container was created from: with a name, without one, and those that others were
//! built on.

use std::collections::BTreeSet;

use super::{image_argument, in_use, is_data};
use crate::docker::stored::{ImageStored, Stored};
use crate::finding::words::{self, count, list, size};
use crate::finding::{Case, Finding, Remedy, Rule};
use crate::terms::{Key, LinkKind, short_id};

pub(in crate::finding) const DANGLING: Rule =
    Rule { class: "dangling-image", relies_on: super::ALL, check: |case| each(case, dangling) };
pub(in crate::finding) const INTERMEDIATE: Rule =
    Rule { class: "intermediate-image", relies_on: super::ALL, check: |case| each(case, intermediate) };
pub(in crate::finding) const UNUSED: Rule =
    Rule { class: "unused-image", relies_on: super::ALL, check: |case| each(case, unused) };

type Images<'a, 's> = Vec<&'s ImageStored<'a>>;

fn each<'a>(case: &Case<'a>, of: fn(&Case<'a>, &Stored<'a>) -> Option<Finding>) -> Vec<Finding> {
    in_use(case).filter_map(|stored| of(case, stored)).collect()
}

fn select<'a, 's>(stored: &'s Stored<'a>, wanted: impl Fn(&ImageStored<'a>) -> bool) -> Images<'a, 's> {
    stored.images.values().filter(|image| image.containers.is_empty() && wanted(image)).collect()
}

/// What goes with some images, and the finding so far.
fn base<'a>(case: &Case<'a>, class: &'static str, images: &Images<'a, '_>, gone: Vec<&'a Key>) -> Finding {
    let freed: BTreeSet<&Key> = case.freed_with(gone).into_iter().filter(is_data).collect();
    let base = case.finding(class, &case.owners_of(freed));
    let evidence = images.iter().flat_map(|image| case.evidence(image.key, LinkKind::Target)).map(ToString::to_string);
    let evidence: BTreeSet<String> = evidence.collect();
    let objects = images.iter().map(|image| image.key.clone()).collect();
    Finding { objects, evidence: evidence.into_iter().collect(), ..base }
}

fn ids(images: &Images<'_, '_>) -> String {
    list(images.iter().map(|image| short_id(&image.facts.target)))
}

/// A prune takes every untagged record that no container uses, whether others were built on it or not.
// moby daemon/containerd/image_prune.go: pruneUnused
fn dangling<'a>(case: &Case<'a>, stored: &Stored<'a>) -> Option<Finding> {
    let images = select(stored, |image| !image.is_tagged() && image.children.is_empty());
    if images.is_empty() {
        return None;
    }
    let untagged = select(stored, |image| !image.is_tagged());
    let base = base(case, DANGLING.class, &images, untagged.iter().map(|image| image.key).collect());
    let cause = format!(
        "{} ({}) {} no name: {} that nothing else needs.",
        count(images.len(), "image", "images"),
        ids(&images),
        if images.len() == 1 { "has" } else { "have" },
        size(base.on_disk_bytes)
    );
    let note = "Docker reports less than it frees: it counts neither the compressed layers nor what the build containers left in the chain.";
    let remedy = Remedy { commands: vec!["docker image prune".to_owned()], note: note.to_owned() };
    Some(Finding { cause, remedy, ..base })
}

fn intermediate<'a>(case: &Case<'a>, stored: &Stored<'a>) -> Option<Finding> {
    let images = select(stored, |image| !image.is_tagged() && !image.children.is_empty());
    if images.is_empty() {
        return None;
    }
    let base = base(case, INTERMEDIATE.class, &images, images.iter().map(|image| image.key).collect());
    let cause = format!(
        "{} ({}) without a name, which other images were built on: {} that they do not share.",
        count(images.len(), "image", "images"),
        ids(&images),
        size(base.on_disk_bytes)
    );
    let note = "With containerd's store a prune takes them although others were built on them; those keep what they need, and the classic builder \
                loses its cache.";
    let remedy = Remedy { commands: vec!["docker image prune".to_owned()], note: note.to_owned() };
    Some(Finding { cause, remedy, ..base })
}

fn unused<'a>(case: &Case<'a>, stored: &Stored<'a>) -> Option<Finding> {
    let images = select(stored, |image| image.is_tagged());
    if images.is_empty() {
        return None;
    }
    let tags: Vec<&Key> = images.iter().flat_map(|image| image.tags.iter().copied()).collect();
    let base = base(case, UNUSED.class, &images, tags);
    let cause = format!(
        "No container was created from {} ({}): {} that nothing else needs.",
        count(images.len(), "tagged image", "tagged images"),
        list(images.iter().filter_map(|image| {
            Some(case.inventory.get(image.tags.first()?)?.name.clone()).or(Some(image.key.id.to_string()))
        })),
        size(base.on_disk_bytes)
    );
    let mut arguments: Vec<String> = images.iter().flat_map(|image| names(case, stored, image)).collect();
    arguments.sort();
    let kept = images.iter().filter(|image| !image.children.is_empty()).count();
    let mut note = "What was pulled can be pulled again; what was built or loaded here is gone for good. `docker image prune -a` takes all of them."
        .to_owned();
    if kept > 0 {
        note.push_str(&format!(" Others were built on {kept} of them, which keep what they share."));
    }
    let remedy = Remedy { commands: words::commands("docker rmi", &arguments), note };
    Some(Finding { cause, remedy, ..base })
}

/// Every name, since the last one takes the image; its ID where a name is none that a shell would bear.
fn names(case: &Case<'_>, stored: &Stored<'_>, image: &ImageStored<'_>) -> Vec<String> {
    let name = |tag: &&Key| case.inventory.get(tag).map(|thing| thing.name.clone()).unwrap_or_default();
    let names: Vec<String> = image.tags.iter().map(name).collect();
    if names.iter().all(|name| words::is_plain(name)) {
        names
    } else {
        vec![image_argument(stored, &image.facts.target)]
    }
}
