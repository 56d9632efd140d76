//! Images with a tag, of which there is no container.

use std::collections::BTreeSet;

use super::words::{self, count, list, size};
use super::{Case, Finding, Remedy, Rule, Severity, dangling_image};
use crate::docker::seen::{ImageSeen, Seen};
use crate::terms::{Key, Kind, LinkKind};

const CLASS: &str = "unused-image";

pub(super) const RULE: Rule = Rule { class: CLASS, relies_on: dangling_image::IMAGES, check };

fn check(case: &Case<'_>) -> Vec<Finding> {
    case.in_use().filter_map(|seen| of(case, seen)).collect()
}

fn of<'a>(case: &Case<'a>, seen: &Seen<'a>) -> Option<Finding> {
    let unused: Vec<(&'a Key, &ImageSeen<'a>)> = seen
        .images
        .iter()
        .filter(|(_, image)| !image.tags.is_empty() && image.containers.is_empty())
        .map(|(key, image)| (*key, image))
        .collect();
    let first = unused.first()?;
    let references = unused.iter().flat_map(|(_, image)| image.tags.iter().chain(&image.digests).copied());
    let freed: BTreeSet<&Key> = case
        .freed_with(references)
        .into_iter()
        .filter(|key| matches!(key.kind, Kind::Image | Kind::Layer | Kind::DriverDirectory))
        .collect();
    let base = case.finding(CLASS, &case.owners_of(freed.iter().copied()));
    let cause = format!(
        "No container was created from {} ({}): {} that nothing else needs.",
        count(unused.len(), "tagged image", "tagged images"),
        list(unused.iter().filter_map(|(_, image)| Some(&*image.tags.first()?.id))),
        size(base.on_disk_bytes),
    );
    // the name of an image that others were built on is all that `docker rmi` would take
    let (freeable, staying): (Vec<_>, Vec<_>) = unused.iter().partition(|(key, _)| freed.contains(key));
    // not worth a command: and that a child was built on it may be what a lost file would have said
    let frees_layers = |image: &ImageSeen<'_>| {
        let mut layers = image.facts.chain.iter().filter_map(|chain| seen.layer(chain));
        layers.any(|(layer, _)| freed.contains(layer))
    };
    let (going, light): (Vec<_>, Vec<_>) = freeable.into_iter().partition(|(_, image)| frees_layers(image));
    let mut arguments: Vec<String> = going.iter().flat_map(|(key, image)| arguments(seen, key, image)).collect();
    arguments.sort();
    let commands = words::commands("docker rmi", &arguments);
    let evidence = case.evidence(first.1.tags.first()?, LinkKind::Names).map(ToString::to_string).collect();
    Some(Finding {
        severity: if base.on_disk_bytes == 0 { Severity::Info } else { base.severity },
        objects: unused.iter().map(|(key, _)| (*key).clone()).collect(),
        cause,
        evidence,
        remedy: Remedy { commands, note: note(case, seen, &unused, staying.len(), light.len()) },
        ..base
    })
}

fn note<'a>(
    case: &Case<'a>,
    seen: &Seen<'a>,
    unused: &[(&'a Key, &ImageSeen<'a>)],
    staying: usize,
    light: usize,
) -> String {
    let mut note = String::new();
    if staying < unused.len() {
        note.push_str("What was pulled can be pulled again; what was built or loaded here is gone for good. ");
        note.push_str("`docker image prune -a` takes all of them, and of an image in use every tag but one.");
    }
    match staying {
        0 => {}
        1 => note
            .push_str(" 1 of them stays: images in use were built on it, and `docker rmi` would take only its name."),
        n => note.push_str(&format!(
            " {n} of them stay: images in use were built on them, and `docker rmi` would take only their names."
        )),
    }
    match light {
        0 => {}
        1 => note.push_str(" 1 of them shares every layer with another: removing it frees next to nothing."),
        n => {
            note.push_str(&format!(" {n} of them share every layer with others: removing them frees next to nothing."))
        }
    }
    note.push_str(&dangling_image::cached(seen, unused));
    note.push_str(&unseen_users(case, unused));
    note.trim_start().to_owned()
}

/// Every reference: the last one takes the image. A digest goes with the last tag of its repository.
// moby daemon/images/image_delete.go
fn arguments(seen: &Seen<'_>, key: &Key, image: &ImageSeen<'_>) -> Vec<String> {
    let repository =
        |tag: &Key| seen.inventory.get(tag).and_then(|thing| thing.tag()).map(|tag| tag.repository.clone());
    let tagged: Vec<_> = image.tags.iter().map(|tag| repository(tag)).collect();
    let digests = image.digests.iter().filter(|digest| !tagged.contains(&repository(digest)));
    let references: Vec<String> = image.tags.iter().chain(digests).map(|key| key.id.to_string()).collect();
    if references.iter().all(|name| words::is_plain(name)) {
        return references;
    }
    vec![words::image_argument(seen, key)]
}

/// Containers that the engine does not show may want an image all the same.
fn unseen_users<'a>(case: &Case<'a>, images: &[(&'a Key, &ImageSeen<'a>)]) -> String {
    let users = images.iter().flat_map(|(key, _)| case.graph.holders(key));
    let names: Vec<&str> = users
        .filter(|(from, edge)| edge.kind == LinkKind::RunsFrom && from.kind == Kind::Container)
        .filter_map(|(from, _)| Some(case.inventory.get(from)?.name.as_str()))
        .collect();
    if names.is_empty() {
        return String::new();
    }
    format!(
        " {} {} from them, although Docker does not show {}.",
        list(&names),
        words::was(names.len()),
        words::it(names.len())
    )
}
