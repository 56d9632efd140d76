//! Who owns which place: a trie over path components.

use std::collections::HashMap;
use std::sync::Arc;

use super::Extent;
use crate::disk::Unreadable;
use crate::terms::Place;

/// An owner's number, which is also its precedence.
pub type OwnerIx = u32;
/// A meter's number.
pub type MeterIx = u32;

/// Claims on places. Deeper claims win.
#[derive(Clone, Debug)]
pub struct Claims {
    nodes: Vec<Node>,
    collisions: Vec<Place>,
    mounts: Vec<(Place, String)>,
}

/// One component of a place on which something is claimed, or below which something is.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    pub(super) children: HashMap<Arc<[u8]>, usize>,
    pub(super) claim: Option<(OwnerIx, Extent)>,
    pub(super) rest: Option<OwnerIx>,
    pub(super) meters: Vec<MeterIx>,
    /// Something is mounted here.
    pub(super) mount: bool,
    /// Why this directory shall be unreadable: for tests.
    pub(super) fault: Option<Unreadable>,
}

impl Default for Claims {
    fn default() -> Self {
        Self::new()
    }
}

impl Claims {
    pub fn new() -> Self {
        // the node above the trees
        Self { nodes: vec![Node::default()], collisions: Vec::new(), mounts: Vec::new() }
    }

    /// Charges a place to an owner: that inode, or everything below too. Of two claims on one place the first stands.
    pub fn claim(&mut self, at: &Place, extent: Extent, owner: OwnerIx) {
        let node = self.node(at);
        match node.claim {
            None => node.claim = Some((owner, extent)),
            Some((first, _)) if first != owner => self.collisions.push(at.clone()),
            // the same owner twice: the wider of its claims
            Some((_, first)) => node.claim = Some((owner, first.max(extent))),
        }
    }

    /// Charges what nobody claims in this directory, with all below it, to an owner; the directory itself is not meant.
    /// Without this it goes to the nearest `Extent::Tree` above.
    pub fn rest(&mut self, at: &Place, owner: OwnerIx) {
        let node = self.node(at);
        match node.rest {
            None => node.rest = Some(owner),
            Some(first) if first != owner => self.collisions.push(at.clone()),
            Some(_) => {}
        }
    }

    /// Measures what lies at a place and below, whoever owns it. Of meters one in another, both count.
    pub fn meter(&mut self, at: &Place, meter: MeterIx) {
        let node = self.node(at);
        if !node.meters.contains(&meter) {
            node.meters.push(meter);
        }
    }

    /// A mount point: not entered, not counted, listed. `measure` adds those that the kernel lists by itself.
    pub fn skip(&mut self, at: &Place, fs_type: &str) {
        let known = std::mem::replace(&mut self.node(at).mount, true);
        if !known {
            self.mounts.push((at.clone(), fs_type.to_owned()));
        }
    }

    pub(super) fn fault(&mut self, at: &Place, why: Unreadable) {
        self.node(at).fault = Some(why);
    }

    /// Places that a second owner claimed, in vain.
    pub fn collisions(&self) -> &[Place] {
        &self.collisions
    }

    pub(super) fn mounts(&self) -> &[(Place, String)] {
        &self.mounts
    }

    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    fn node(&mut self, at: &Place) -> &mut Node {
        let mut here = 0;
        for name in at.components() {
            here = self.step(here, name);
        }
        self.at(here)
    }

    fn step(&mut self, here: usize, name: &[u8]) -> usize {
        let fresh = self.nodes.len();
        let node = self.at(here);
        if let Some(there) = node.children.get(name) {
            return *there;
        }
        node.children.insert(name.into(), fresh);
        self.nodes.push(Node::default());
        fresh
    }

    #[allow(clippy::indexing_slicing)] // numbers of nodes are only made by `step`, and nodes are never removed
    fn at(&mut self, here: usize) -> &mut Node {
        &mut self.nodes[here]
    }
}
