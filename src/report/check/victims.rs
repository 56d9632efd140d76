//! What depends on a damaged thing: the images that cannot be run or saved, the containers that will not start.

use std::collections::{BTreeMap, BTreeSet};

use super::contract::Victim;
use crate::report::Analysis;
use crate::report::build::object;
use crate::terms::{Key, Kind, LinkKind};

/// How far damage goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// The engine does not load it, nor what stands on it.
    Load,
    /// It loads; only its stream cannot be made again.
    Save,
    /// It loads and runs, with other files than it was made with.
    Run,
    /// Nothing suffers.
    Nothing,
}

/// References over which damage comes up. A container needs no image to start, an image not the one it was built on.
fn carries(kind: LinkKind) -> bool {
    matches!(
        kind,
        LinkKind::TopLayer
            | LinkKind::Parent
            | LinkKind::StoredIn
            | LinkKind::InitLayer
            | LinkKind::StandsOn
            | LinkKind::ReadWrite
            | LinkKind::ImageMount
            | LinkKind::Uses
            | LinkKind::HoldsLease
            | LinkKind::Leases
            | LinkKind::SnapshotParent
            | LinkKind::Content
            | LinkKind::Target
            | LinkKind::GcRef
    )
}

/// Some things, and whatever stands on them.
pub(super) fn above<'k>(analysis: &Analysis<'_>, things: impl IntoIterator<Item = &'k Key>) -> BTreeSet<Key> {
    let graph = &analysis.graph;
    let mut met: BTreeSet<Key> = BTreeSet::new();
    let mut todo: Vec<Key> = things.into_iter().cloned().collect();
    while let Some(key) = todo.pop() {
        if !met.insert(key.clone()) {
            continue;
        }
        // a lease of a container keeps its image as well, and that is no need of the image
        if matches!(key.kind, Kind::Image | Kind::Container) {
            continue;
        }
        todo.extend(graph.holders(&key).filter(|(_, edge)| carries(edge.kind)).map(|(holder, _)| holder.clone()));
    }
    met
}

/// The images and containers above some things, those things included.
pub(super) fn of<'k>(analysis: &Analysis<'_>, things: impl IntoIterator<Item = &'k Key>, reach: Reach) -> Vec<Victim> {
    let victims: BTreeMap<Key, &'static str> = above(analysis, things)
        .into_iter()
        .filter_map(|key| Some((effect(key.kind, reach)?, key)))
        .map(|(effect, key)| (key, effect))
        .collect();
    let shown = victims.into_iter();
    shown.map(|(key, effect)| Victim { object: object(analysis, &key), effect: effect.to_owned() }).collect()
}

fn effect(kind: Kind, reach: Reach) -> Option<&'static str> {
    match (kind, reach) {
        (Kind::Image, Reach::Load) => Some("cannot be run or saved"),
        (Kind::Image, Reach::Save) => Some("cannot be saved"),
        (Kind::Image, Reach::Run) => Some("runs with files that differ, and cannot be saved as it was"),
        (Kind::Container, Reach::Load) => Some("will not start"),
        (Kind::Container, Reach::Run) => Some("runs with files that differ"),
        _ => None,
    }
}
