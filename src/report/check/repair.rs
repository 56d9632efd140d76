//! What a kind of damage reaches, and what puts it right.

use std::collections::BTreeSet;

use super::victims::Reach;
use crate::finding;
use crate::report::Analysis;
use crate::terms::{Key, Kind, LinkKind, Problem};

/// Whether a problem is damage, and not only a hole in what we know.
pub(super) fn is_damage(problem: &Problem) -> bool {
    // a container that lost its read-write layer has a class of its own among the findings
    let denied = problem.cause.contains("Permission denied") || problem.cause.contains("not permitted");
    (finding::is_damage(problem) && !denied) || problem.code == "container-without-mount"
}

/// What a problem of this code keeps from working.
pub(super) fn reach(problem: &Problem) -> Reach {
    let name = problem.at.name();
    match problem.code {
        // such a layer loads, but cannot be saved or pushed
        _ if name == b"tar-split.json.gz" => Reach::Save,
        // of a layer whose snapshot is there only the stream is lost; of a manifest more, but then it says so too
        "missing-blob" | "digest-mismatch" | "bad-blob" | "unreadable-blob" => Reach::Save,
        // the engine takes the number as it is; if it is the files that changed, their stream is another
        "size-mismatch" => Reach::Save,
        // caches of the registry client, copies, and names that lead nowhere
        "distribution-mismatch"
        | "metadata-no-image"
        | "tag-missing-image"
        | "parent-missing-image"
        | "image-parent-mismatch"
        | "damaged-link"
        | "lower-without-owner"
        | "bad-build-record"
        | "bad-volume-record" => Reach::Nothing,
        _ => Reach::Load,
    }
}

/// The smallest thing to do about it.
pub(super) fn words(problem: &Problem, thing: Option<&Key>) -> &'static str {
    match (problem.code, thing.map(|thing| thing.kind)) {
        ("tag-missing-image", _) => "docker pull the name again, or docker tag another image with it",
        ("metadata-no-image" | "parent-missing-image" | "image-parent-mismatch", _) => {
            "none is needed: the engine ignores it; docker history is shorter than it was"
        }
        ("distribution-mismatch", _) => "none is needed: it is a cache, and the next pull or push writes it anew",
        ("missing-blob" | "digest-mismatch" | "bad-blob" | "unreadable-blob", _) => {
            "docker image rm the images that need it and pull them again; what is present is not fetched twice"
        }
        (_, Some(Kind::Image)) => {
            "docker pull the image again: its config is fetched, and its layers are used as they are"
        }
        (_, Some(Kind::Layer | Kind::DriverDirectory | Kind::Snapshot)) => {
            "remove every image that needs it, then pull or build them again: a layer that is known is not fetched"
        }
        (_, Some(Kind::Container | Kind::Mount)) => {
            "copy the container's files out of its read-write layer, then create it again"
        }
        (_, Some(Kind::Volume)) => "create the volume again with its options; its files stay where they are",
        (_, Some(Kind::CacheRecord | Kind::CacheSnapshot | Kind::BuildHistory)) => {
            "docker builder prune --all: the build cache is made again by the next build"
        }
        _ => "restore the file from a backup",
    }
}

/// What it takes to make some things again: their own bytes.
pub(super) fn bytes(analysis: &Analysis<'_>, things: &BTreeSet<Key>) -> u64 {
    let reading = analysis.reading;
    let directories = |key: &Key| -> Vec<Key> {
        [LinkKind::StoredIn, LinkKind::ReadWrite]
            .into_iter()
            .flat_map(|kind| analysis.graph.targets(key, kind))
            .cloned()
            .collect()
    };
    let all: BTreeSet<Key> = things.iter().flat_map(|key| directories(key).into_iter().chain([key.clone()])).collect();
    let numbers: BTreeSet<usize> =
        all.iter().flat_map(|key| reading.owners.of_thing(key)).map(|(number, _)| number).collect();
    let weights = numbers.into_iter().filter_map(|number| reading.ledger.owners.get(number));
    weights.fold(0, |sum, weight| sum.saturating_add(weight.allocated))
}
