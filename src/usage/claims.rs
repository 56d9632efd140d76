//! Who owns which place: a trie over path components.

use std::collections::{BTreeMap, HashMap};

use super::Extent;
use crate::disk::{Unreadable, Weighed};
use crate::terms::Place;

/// An owner's number, which is also its precedence.
pub type OwnerIx = u32;
/// A meter's number.
pub type MeterIx = u32;

/// Claims on places. Deeper claims win.
#[derive(Clone, Debug)]
pub struct Claims {
    nodes: Vec<Node>,
    meters: BTreeMap<usize, Vec<MeterIx>>,
    faults: BTreeMap<usize, Unreadable>,
    weighed: BTreeMap<usize, Weighed>,
    collisions: Vec<Place>,
    mounts: Vec<(Place, String)>,
}

/// One component of a place on which something is claimed, or below which something is. There are several for every
/// layer, so that they are small.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    children: Children,
    pub(super) claim: Option<(OwnerIx, Extent)>,
    pub(super) rest: Option<OwnerIx>,
    /// Something is mounted here.
    pub(super) mount: bool,
}

/// Most nodes have no child, or one; a map of its own is for the rest.
#[derive(Clone, Debug, Default)]
enum Children {
    #[default]
    None,
    One(Box<(Box<[u8]>, usize)>),
    #[allow(clippy::box_collection)] // a map is six times as large as a pointer
    Many(Box<HashMap<Box<[u8]>, usize>>),
}

impl Children {
    fn get(&self, name: &[u8]) -> Option<usize> {
        match self {
            Self::None => None,
            Self::One(only) => (*only.0 == *name).then_some(only.1),
            Self::Many(all) => all.get(name).copied(),
        }
    }

    /// A name that is not there yet.
    fn insert(&mut self, name: &[u8], node: usize) {
        *self = match std::mem::take(self) {
            Self::None => Self::One(Box::new((name.into(), node))),
            Self::One(only) => Self::Many(Box::new(HashMap::from([*only, (name.into(), node)]))),
            Self::Many(mut all) => {
                all.insert(name.into(), node);
                Self::Many(all)
            }
        };
    }
}

impl Node {
    pub(super) fn child(&self, name: &[u8]) -> Option<usize> {
        self.children.get(name)
    }

    pub(super) fn children(&self) -> impl Iterator<Item = usize> {
        let (one, many) = match &self.children {
            Children::None => (None, None),
            Children::One(only) => (Some(only.1), None),
            Children::Many(all) => (None, Some(all.values().copied())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}

impl Default for Claims {
    fn default() -> Self {
        Self::new()
    }
}

impl Claims {
    pub fn new() -> Self {
        // the node above the trees
        Self {
            nodes: vec![Node::default()],
            meters: BTreeMap::new(),
            faults: BTreeMap::new(),
            weighed: BTreeMap::new(),
            collisions: Vec::new(),
            mounts: Vec::new(),
        }
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
        let node = self.find(at);
        let here = self.meters.entry(node).or_default();
        if !here.contains(&meter) {
            here.push(meter);
        }
    }

    /// A mount point: not entered, not counted, listed. `measure` adds those that the kernel lists by itself.
    pub fn skip(&mut self, at: &Place, fs_type: &str) {
        let known = std::mem::replace(&mut self.node(at).mount, true);
        if !known {
            self.mounts.push((at.clone(), fs_type.to_owned()));
        }
    }

    /// A directory that need not be walked, unless something is claimed in it.
    pub fn weighed(&mut self, at: &Place, weighed: Weighed) {
        let node = self.find(at);
        self.weighed.insert(node, weighed);
    }

    pub(super) fn fault(&mut self, at: &Place, why: Unreadable) {
        let node = self.find(at);
        self.faults.insert(node, why);
    }

    /// Places that a second owner claimed, in vain.
    pub fn collisions(&self) -> &[Place] {
        &self.collisions
    }

    pub(super) fn mounts(&self) -> &[(Place, String)] {
        &self.mounts
    }

    pub(super) fn meters(&self, node: usize) -> &[MeterIx] {
        self.meters.get(&node).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn fault_at(&self, node: usize) -> Option<&Unreadable> {
        self.faults.get(&node)
    }

    pub(super) fn weighed_at(&self, node: usize) -> Option<&Weighed> {
        let known = self.weighed.get(&node)?;
        let inside = self.nodes.get(node)?.children().next();
        (inside.is_none() && !self.faults.contains_key(&node)).then_some(known)
    }

    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    fn node(&mut self, at: &Place) -> &mut Node {
        let ix = self.find(at);
        self.at(ix)
    }

    /// The number of a place's node, which is made if there is none.
    fn find(&mut self, at: &Place) -> usize {
        let mut here = 0;
        for name in at.components() {
            let fresh = self.nodes.len();
            let children = &mut self.at(here).children;
            here = children.get(name).unwrap_or_else(|| {
                children.insert(name, fresh);
                fresh
            });
            if here == fresh {
                self.nodes.push(Node::default());
            }
        }
        here
    }

    #[allow(clippy::indexing_slicing)] // numbers of nodes are only made by `find`, and nodes are never removed
    fn at(&mut self, here: usize) -> &mut Node {
        &mut self.nodes[here]
    }
}
