//! What would go if one thing alone went: the part of the graph that can be reached only through it.

use petgraph::algo::dominators::simple_fast;
use petgraph::graph::{DiGraph, NodeIndex};

use super::{Graph, Node};

/// The dominator tree, as sums.
#[derive(Debug)]
pub struct Retained {
    sums: Vec<u64>,
}

impl Retained {
    /// Adds up a weight over everything that each node alone keeps, itself included.
    pub fn of(graph: &Graph<'_>, weight: impl Fn(Node) -> u64) -> Self {
        let mut own: Vec<u64> = (0..graph.len()).map(&weight).collect();
        let (tree, top) = with_engine_on_top(graph);
        let dominators = simple_fast(&tree, top);
        let above = |node: Node| dominators.immediate_dominator(NodeIndex::new(node)).map(NodeIndex::index);
        // deepest first, so that every sum is complete before it is passed up
        let depths = depths(graph.len(), &above);
        let mut order: Vec<(usize, Node)> = depths.into_iter().zip(0..graph.len()).collect();
        order.sort_unstable_by(|a, b| b.cmp(a));
        for (_, node) in order {
            let sum = own.get(node).copied().unwrap_or(0);
            if let Some(above) = above(node).and_then(|above| own.get_mut(above)) {
                *above = above.saturating_add(sum);
            }
        }
        Self { sums: own }
    }

    /// Of something that nothing reaches: its own weight.
    pub fn get(&self, node: Node) -> u64 {
        self.sums.get(node).copied().unwrap_or(0)
    }
}

/// How deep each node lies in the dominator tree; no node is looked at twice, and no stack grows with the depth.
fn depths(len: usize, above: &impl Fn(Node) -> Option<Node>) -> Vec<usize> {
    let mut depths = vec![usize::MAX; len];
    for start in 0..len {
        let mut path = Vec::new();
        let mut at = Some(start);
        while let Some(node) = at.filter(|node| depths.get(*node) == Some(&usize::MAX)) {
            path.push(node);
            at = above(node);
        }
        let known = at.and_then(|node| depths.get(node)).copied().unwrap_or(0);
        for (depth, node) in (known + 1..).zip(path.into_iter().rev()) {
            depths.get_mut(node).into_iter().for_each(|d| *d = depth);
        }
    }
    depths
}

fn with_engine_on_top(graph: &Graph<'_>) -> (DiGraph<(), ()>, NodeIndex) {
    let mut tree = DiGraph::with_capacity(graph.len() + 1, graph.len() * 2);
    for _ in 0..graph.len() {
        tree.add_node(());
    }
    let top = tree.add_node(());
    for node in 0..graph.len() {
        if graph.root(node).is_some() {
            tree.add_edge(top, NodeIndex::new(node), ());
        }
        for edge in graph.below(node) {
            tree.add_edge(NodeIndex::new(node), NodeIndex::new(edge.other), ());
        }
    }
    (tree, top)
}
