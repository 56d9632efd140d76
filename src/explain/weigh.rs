//! Own, shared and retained bytes of a thing.

use crate::graph::{Graph, Node, Retained};
use crate::inventory::Owners;
use crate::terms::Key;
use crate::usage::Ledger;

/// What a thing weighs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    /// Of the thing itself.
    pub own: u64,
    /// What would be freed if it alone went.
    pub retained: u64,
    /// What it needs, and others need as well.
    pub shared: u64,
}

/// Weighs things.
#[derive(Debug)]
pub struct Scale<'a> {
    graph: &'a Graph<'a>,
    retained: &'a Retained,
    own: Vec<u64>,
}

/// The allocated bytes that are charged to each node.
fn own(graph: &Graph<'_>, owners: &Owners, ledger: &Ledger) -> Vec<u64> {
    let mut own = vec![0u64; graph.len()];
    for (number, owner) in owners.iter() {
        let bytes = ledger.owners.get(number).map_or(0, |weight| weight.allocated);
        if let Some(sum) = graph.node(&owner.thing).and_then(|node| own.get_mut(node)) {
            *sum = sum.saturating_add(bytes);
        }
    }
    own
}

/// The part of the graph that each thing alone keeps, in allocated bytes.
pub fn retained(graph: &Graph<'_>, owners: &Owners, ledger: &Ledger) -> Retained {
    let own = own(graph, owners, ledger);
    Retained::of(graph, |node| own.get(node).copied().unwrap_or(0))
}

impl<'a> Scale<'a> {
    pub fn of(graph: &'a Graph<'a>, retained: &'a Retained, owners: &Owners, ledger: &Ledger) -> Self {
        Self { graph, retained, own: own(graph, owners, ledger) }
    }

    pub fn weigh(&self, key: &Key) -> Bytes {
        let Some(node) = self.graph.node(key) else { return Bytes::default() };
        let retained = self.retained.get(node);
        Bytes {
            own: self.own.get(node).copied().unwrap_or(0),
            retained,
            shared: self.needs(node).saturating_sub(retained),
        }
    }

    /// Everything below a node, itself included, each once.
    fn needs(&self, node: Node) -> u64 {
        let mut met = std::collections::BTreeSet::from([node]);
        let mut todo = vec![node];
        let mut sum = 0u64;
        while let Some(node) = todo.pop() {
            sum = sum.saturating_add(self.own.get(node).copied().unwrap_or(0));
            for edge in self.graph.below(node) {
                if met.insert(edge.other) {
                    todo.push(edge.other);
                }
            }
        }
        sum
    }
}
