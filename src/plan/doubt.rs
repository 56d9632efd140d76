//! What was not seen cannot be promised: an action that relies on references which could not be read is not predicted.
//!
//! A file that the engine itself cannot read is no such hole when the engine is started: it then goes without, and what it
//! does is known. One that is at work read the file before it was damaged.

use super::Case;
use super::action::Verb;
use crate::docker::View;
use crate::inventory::StoreInfo;
use crate::terms::{LinkKind, Lost, Problem};

/// Who holds layers.
const LAYERS: &[LinkKind] = &[
    LinkKind::Parent,
    LinkKind::TopLayer,
    LinkKind::StandsOn,
    LinkKind::StoredIn,
    LinkKind::InitLayer,
    LinkKind::ReadWrite,
    LinkKind::ImageMount,
    LinkKind::SharesLayer,
    LinkKind::Leases,
];
/// Who holds images.
const IMAGES: &[LinkKind] = &[LinkKind::Names, LinkKind::BuiltOn, LinkKind::RunsFrom];
/// Who holds records of the build cache.
const CACHE: &[LinkKind] = &[LinkKind::Caches, LinkKind::RecordParent, LinkKind::HoldsLease, LinkKind::SnapshotParent];
const VOLUMES: &[LinkKind] = &[LinkKind::Uses];
const HISTORY: &[LinkKind] = &[LinkKind::Remembers, LinkKind::Leases, LinkKind::Content];
/// What containerd's collector follows, and who holds the leases that it starts from.
const COLLECTED: &[LinkKind] = &[
    LinkKind::Target,
    LinkKind::GcRef,
    LinkKind::Content,
    LinkKind::SnapshotParent,
    LinkKind::StoredIn,
    LinkKind::Leases,
    LinkKind::HoldsLease,
];
/// BuildKit's files beside a graph driver, in `buildkit/`.
const OTHER_MODE: &[&str] = &["snapshots.db", "containerdmeta.db", "metadata_v2.db", "history.db", "content"];

/// Why an action is not predicted.
pub(super) fn about(case: &Case<'_>, verb: &Verb) -> Option<String> {
    let needed: Vec<&[LinkKind]> = match verb {
        Verb::RemoveContainers { volumes: true, .. } => vec![LAYERS, VOLUMES],
        Verb::RemoveContainers { .. } | Verb::PruneContainers { .. } => vec![LAYERS],
        Verb::RemoveImages { .. } | Verb::PruneImages { .. } => vec![LAYERS, IMAGES],
        Verb::RemoveVolumes { .. } | Verb::PruneVolumes { .. } => vec![VOLUMES],
        Verb::PruneCache { .. } => vec![LAYERS, IMAGES, CACHE],
        Verb::PruneSystem { volumes: true, .. } => vec![LAYERS, IMAGES, CACHE, VOLUMES],
        Verb::PruneSystem { .. } => vec![LAYERS, IMAGES, CACHE],
        Verb::RemoveHistory { .. } => vec![HISTORY],
        Verb::RemoveCheckpoint { .. } | Verb::RemovePlugins { .. } => vec![],
    };
    let mut needed = needed.concat();
    if matches!(case.view, View::Containerd(_)) && collects(verb) {
        needed.extend(COLLECTED);
    }
    let hole = case.problems.iter().find(|problem| is_of(case, problem) && is_hole(case, problem, &needed))?;
    Some(format!("{}: {}", hole.at, hole.cause))
}

/// Whether what it removes goes with a collection of containerd's.
fn collects(verb: &Verb) -> bool {
    !matches!(
        verb,
        Verb::RemoveVolumes { .. }
            | Verb::PruneVolumes { .. }
            | Verb::RemoveCheckpoint { .. }
            | Verb::RemovePlugins { .. }
    )
}

/// Of the roots and the store that are asked about, or of what all stores share.
fn is_of(case: &Case<'_>, problem: &Problem) -> bool {
    let Some(root) = case.inventory.root_of(&problem.at) else { return false };
    let (home, store) = case.view.store();
    if *root.name != *case.view.root() && *root.name != *home {
        return false;
    }
    if matches!(case.view, View::Containerd(_))
        && OTHER_MODE.iter().any(|name| problem.at.starts_with(&root.place.join("buildkit").join(name)))
    {
        return false;
    }
    let is_this = |other: &StoreInfo| *other.root == *home && *other.name == *store;
    let others = case.inventory.stores.iter().filter(|other| other.root == root.name && !is_this(other));
    !others.into_iter().any(|other| {
        let image = root.place.join("image").join(other.name.as_bytes());
        problem.at.starts_with(&other.home) || problem.at.starts_with(&image)
    })
}

fn is_hole(case: &Case<'_>, problem: &Problem, needed: &[LinkKind]) -> bool {
    let Lost::Links(lost) = &problem.lost else { return false };
    lost.iter().any(|kind| needed.contains(kind)) && (case.live_since.is_some() || !is_the_engines_too(problem))
}

/// The engine reads the same and concludes the same: what it does without the file is known.
fn is_the_engines_too(problem: &Problem) -> bool {
    const OURS: &[&str] = &[
        "unreadable-database",
        "damaged-database",
        "changing-database",
        "swapped-database",
        "missing-database",
        "unreadable-directory",
        "unreadable-file",
        "internal",
    ];
    let names_are_lost = matches!(&problem.lost, Lost::Links(kinds) if kinds == &[LinkKind::Names])
        && matches!(problem.code, "missing-file" | "damaged-file");
    // an error of the system, a limit of ours, a file that changed meanwhile
    let words = ["os error", "at most", "changed while", "symbolic link or a mount"];
    !OURS.contains(&problem.code) && !names_are_lost && !words.iter().any(|word| problem.cause.contains(word))
}
