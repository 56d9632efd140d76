//! What stays by itself.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Graph, Node};
use crate::inventory::{Entity, Inventory, Keeps};
use crate::terms::{Kind, LinkKind};

pub(super) fn of(inventory: &Inventory, graph: &Graph<'_>, now: Option<Timestamp>) -> BTreeMap<Node, Keeps> {
    let mut roots = BTreeMap::new();
    for (node, (key, thing)) in inventory.entities.iter().enumerate() {
        let held_by = |kind: LinkKind| graph.above(node).iter().any(|edge| edge.kind == kind);
        let keeps = match thing.keeps {
            // an untagged image with children goes when the last child goes
            Some(Keeps::UntaggedImage) if held_by(LinkKind::BuiltOn) => None,
            // a lease that a cache record, a past build or a container holds is released with it
            Some(Keeps::Lease) if held_by(LinkKind::HoldsLease) || held_by(LinkKind::Remembers) => None,
            Some(Keeps::Lease | Keeps::Ingest) if now.is_some_and(|now| has_expired(thing, now)) => None,
            // the layer store loads every mount, whether a container has it or not
            None if key.kind == Kind::Mount && graph.above(node).is_empty() => Some(Keeps::ReadWriteLayer),
            keeps => keeps,
        };
        if let Some(keeps) = keeps {
            roots.insert(node, keeps);
        }
    }
    roots
}

// containerd core/metadata/gc.go: scanRoots takes what expires at this very moment for alive
fn has_expired(thing: &Entity, now: Timestamp) -> bool {
    let date = thing.lease().and_then(|lease| lease.expires).or_else(|| thing.ingest().and_then(|it| it.expires));
    date.is_some_and(|date| date < now)
}
