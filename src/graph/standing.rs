//! What stands while things are let go of, one after the other. Only what hung on them is looked at again: a removal costs
//! what it concerns, and not the size of the graph.
//!
//! ```text
//! let go of        the suspects: what was reached from there
//! cleared          those that are roots, or that something holds that is no suspect; and what these reach
//! lost             the rest
//! ```

use std::collections::BTreeSet;

use super::{Graph, Node};
use crate::terms::LinkKind;

/// What is reached so far.
#[derive(Clone, Debug, Default)]
pub struct Standing(Vec<bool>);

impl Standing {
    pub fn of(reached: Vec<bool>) -> Self {
        Self(reached)
    }

    pub fn has(&self, node: Node) -> bool {
        self.0.get(node) == Some(&true)
    }

    /// Looks at some nodes again, and at what they reach; `is_root` and `follows` are as they are now. Answers with what
    /// is reached no more, in order.
    pub fn let_go(
        &mut self,
        graph: &Graph<'_>,
        from: impl IntoIterator<Item = Node>,
        is_root: impl Fn(Node) -> bool,
        follows: impl Fn(Node, LinkKind, Node) -> bool,
    ) -> BTreeSet<Node> {
        let mut suspects: BTreeSet<Node> = BTreeSet::new();
        let mut todo: Vec<Node> = from.into_iter().collect();
        while let Some(node) = todo.pop() {
            if self.has(node) && suspects.insert(node) {
                let below = graph.below(node).iter().filter(|edge| follows(node, edge.kind, edge.other));
                todo.extend(below.map(|edge| edge.other));
            }
        }
        let held = |node: Node, suspects: &BTreeSet<Node>| {
            let mut above = graph.above(node).iter();
            above.any(|edge| {
                self.has(edge.other) && !suspects.contains(&edge.other) && follows(edge.other, edge.kind, node)
            })
        };
        let cleared: Vec<Node> =
            suspects.iter().copied().filter(|node| is_root(*node) || held(*node, &suspects)).collect();
        let mut todo = cleared;
        while let Some(node) = todo.pop() {
            if suspects.remove(&node) {
                let below = graph.below(node).iter().filter(|edge| follows(node, edge.kind, edge.other));
                todo.extend(below.map(|edge| edge.other));
            }
        }
        for node in &suspects {
            self.0.get_mut(*node).into_iter().for_each(|reached| *reached = false);
        }
        suspects
    }
}
