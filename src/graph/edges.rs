//! The edges of all nodes end to end: a list for each of 50,000 nodes would be mostly room for more.

use super::{Edge, Node};

/// Edges by the node they belong to.
#[derive(Clone, Debug, Default)]
pub(super) struct Edges<'a> {
    /// Where the edges of each node end; those of the next begin there.
    ends: Vec<usize>,
    edges: Vec<Edge<'a>>,
}

impl<'a> Edges<'a> {
    /// Of `nodes` nodes. The edges of one node stay in the order they come in.
    pub(super) fn of(nodes: usize, mut edges: Vec<(Node, Edge<'a>)>) -> Self {
        edges.sort_by_key(|(node, _)| *node);
        let mut ends = vec![0; nodes];
        edges.iter().for_each(|(node, _)| ends.get_mut(*node).into_iter().for_each(|end| *end += 1));
        let mut sum = 0;
        for end in &mut ends {
            sum += *end;
            *end = sum;
        }
        Self { ends, edges: edges.into_iter().map(|(_, edge)| edge).collect() }
    }

    pub(super) fn get(&self, node: Node) -> &[Edge<'a>] {
        let start = node.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        let range = start.zip(self.ends.get(node)).map(|(start, end)| start..*end);
        range.and_then(|range| self.edges.get(range)).unwrap_or_default()
    }
}
