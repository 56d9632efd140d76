//! Every way from a root to a thing. A base layer of a busy host has very many, so the shortest come first and the
//! rest is counted as "more".

use std::collections::VecDeque;

use super::{Graph, Node};
use crate::terms::{Evidence, LinkKind};

/// How many partial paths are followed before giving up on more.
const EFFORT: usize = 200_000;

/// One node of a path, and the reference that leads on from it (none at the end).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub node: Node,
    pub link: Option<(LinkKind, Evidence)>,
}

/// From a root to the thing.
pub type Path = Vec<Step>;

/// The paths found, shortest first.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    pub found: Vec<Path>,
    /// There are more.
    pub more: bool,
}

impl Graph<'_> {
    /// Paths from roots to a node, at most `limit`.
    pub fn paths_to(&self, node: Node, limit: usize) -> Paths {
        let mut paths = Paths::default();
        let mut todo: VecDeque<Path> = VecDeque::from([vec![Step { node, link: None }]]);
        let mut effort = 0;
        while let Some(path) = todo.pop_front() {
            effort += 1;
            let Some(first) = path.first() else { continue };
            if self.root(first.node).is_some() {
                if paths.found.len() >= limit {
                    paths.more = true;
                    break;
                }
                paths.found.push(path.clone());
            }
            for edge in self.above(first.node) {
                if path.iter().any(|step| step.node == edge.other) {
                    continue;
                }
                if effort + todo.len() > EFFORT {
                    paths.more = true;
                    break;
                }
                let mut longer = vec![Step { node: edge.other, link: Some((edge.kind, edge.evidence.clone())) }];
                longer.extend(path.iter().cloned());
                todo.push_back(longer);
            }
        }
        paths
    }
}
