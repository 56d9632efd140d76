//! F5: who holds whom. Things are nodes, references that hold are edges, and a node above all stands for the engine:
//! what it does not reach is kept by nothing.

mod dominators;
mod edges;
mod paths;
mod roots;
mod standing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::inventory::{Inventory, Keeps};
use crate::terms::{Evidence, Key, Link, LinkKind};
pub use dominators::Retained;
use edges::Edges;
pub use paths::{Path, Paths, Step};
pub use standing::Standing;

/// A node's number: its position among the sorted keys.
pub type Node = usize;

/// One holding reference, seen from either end.
#[derive(Clone, Copy, Debug)]
pub struct Edge<'a> {
    pub kind: LinkKind,
    pub other: Node,
    pub evidence: &'a Evidence,
}

/// The reference graph of an inventory. Missing targets have no node; they are told by `dangling`.
#[derive(Debug)]
pub struct Graph<'a> {
    keys: Vec<&'a Key>,
    below: Edges<'a>,
    above: Edges<'a>,
    roots: BTreeMap<Node, Keeps>,
    live: Vec<bool>,
}

impl<'a> Graph<'a> {
    /// With every lease a root, whatever its date.
    pub fn of(inventory: &'a Inventory) -> Self {
        Self::build(inventory, None)
    }

    /// As it is at some time: what containerd keeps until a date that has passed is no root any more.
    pub fn at(inventory: &'a Inventory, now: Timestamp) -> Self {
        Self::build(inventory, Some(now))
    }

    fn build(inventory: &'a Inventory, now: Option<Timestamp>) -> Self {
        let keys: Vec<&Key> = inventory.entities.keys().collect();
        let node = |key: &Key| keys.binary_search(&key).ok();
        let holding: Vec<(Node, Node, &Link)> = inventory
            .links
            .iter()
            .filter(|link| link.kind.holds())
            .filter_map(|link| Some((node(&link.from)?, node(&link.to)?, link)))
            .collect();
        let edge = |link: &'a Link, other| Edge { kind: link.kind, other, evidence: &link.evidence };
        let below = holding.iter().map(|(from, to, link)| (*from, edge(link, *to))).collect();
        let above = holding.iter().map(|(from, to, link)| (*to, edge(link, *from))).collect();
        let (below, above) = (Edges::of(keys.len(), below), Edges::of(keys.len(), above));
        let mut graph = Self { keys, below, above, roots: BTreeMap::new(), live: Vec::new() };
        graph.roots = roots::of(inventory, &graph, now);
        graph.live = graph.reach(&[]);
        graph
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub fn node(&self, key: &Key) -> Option<Node> {
        self.keys.binary_search(&key).ok()
    }

    pub fn key(&self, node: Node) -> Option<&'a Key> {
        self.keys.get(node).copied()
    }

    pub fn keys(&self) -> impl Iterator<Item = (Node, &'a Key)> {
        self.keys.iter().copied().enumerate()
    }

    /// What a node refers to.
    pub fn below(&self, node: Node) -> &[Edge<'a>] {
        self.below.get(node)
    }

    /// What refers to a node.
    pub fn above(&self, node: Node) -> &[Edge<'a>] {
        self.above.get(node)
    }

    /// The things that hold a thing, with the reference.
    pub fn holders(&self, key: &Key) -> impl Iterator<Item = (&'a Key, Edge<'a>)> {
        let edges = self.node(key).map(|node| self.above(node)).unwrap_or_default();
        edges.iter().filter_map(|edge| Some((self.key(edge.other)?, *edge)))
    }

    /// The things that a thing refers to by one kind of reference.
    pub fn targets(&self, key: &Key, kind: LinkKind) -> impl Iterator<Item = &'a Key> {
        let edges = self.node(key).map(|node| self.below(node)).unwrap_or_default();
        edges.iter().filter(move |edge| edge.kind == kind).filter_map(|edge| self.key(edge.other))
    }

    /// The roots, with why each stays.
    pub fn roots(&self) -> impl Iterator<Item = (&'a Key, Keeps)> {
        self.roots.iter().filter_map(|(node, keeps)| Some((self.key(*node)?, *keeps)))
    }

    /// The roots as they would be at some time, in a graph that was made without one.
    pub fn roots_at(&self, inventory: &Inventory, now: Timestamp) -> BTreeMap<Node, Keeps> {
        roots::of(inventory, self, Some(now))
    }

    pub fn root(&self, node: Node) -> Option<Keeps> {
        self.roots.get(&node).copied()
    }

    /// Whether a root reaches it.
    pub fn is_live(&self, key: &Key) -> bool {
        self.node(key).is_some_and(|node| self.live.get(node) == Some(&true))
    }

    /// What the roots reach when some nodes are gone.
    pub fn reach(&self, gone: &[Node]) -> Vec<bool> {
        self.reach_from(self.roots.keys().copied(), gone)
    }

    /// What some nodes reach, themselves included, when others are gone.
    pub fn reach_from(&self, starts: impl IntoIterator<Item = Node>, gone: &[Node]) -> Vec<bool> {
        let mut seen = vec![false; self.keys.len()];
        let mut blocked = vec![false; self.keys.len()];
        gone.iter().for_each(|node| blocked.get_mut(*node).into_iter().for_each(|b| *b = true));
        let mut todo: Vec<Node> = starts.into_iter().collect();
        while let Some(node) = todo.pop() {
            if blocked.get(node) != Some(&false) {
                continue;
            }
            match seen.get_mut(node) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            todo.extend(self.below(node).iter().map(|edge| edge.other));
        }
        seen
    }

    /// What nothing would keep any more if some things went together: a question to the graph, never a sum.
    pub fn freed_without(&self, gone: &[Node]) -> Vec<Node> {
        let left = self.reach(gone);
        let was = |node: &Node| self.live.get(*node) == Some(&true) || gone.contains(node);
        (0..self.keys.len()).filter(|node| left.get(*node) == Some(&false) && was(node)).collect()
    }
}
