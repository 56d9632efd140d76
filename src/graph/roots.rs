//! What stays by itself.

use std::collections::BTreeMap;

use super::{Graph, Node};
use crate::inventory::{Inventory, Keeps};
use crate::terms::{Kind, LinkKind};

pub(super) fn of(inventory: &Inventory, graph: &Graph<'_>) -> BTreeMap<Node, Keeps> {
    let mut roots = BTreeMap::new();
    for (node, (key, thing)) in inventory.entities.iter().enumerate() {
        let held_by = |kind: LinkKind| graph.above(node).iter().any(|edge| edge.kind == kind);
        let keeps = match thing.keeps {
            // an untagged image with children goes when the last child goes
            Some(Keeps::UntaggedImage) if held_by(LinkKind::BuiltOn) => None,
            // a lease that a cache record holds is released with the record
            Some(Keeps::Lease) if held_by(LinkKind::HoldsLease) => None,
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
