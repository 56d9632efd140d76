//! What a layer's directory weighs, from the inodes that were looked at to compare it: whoever weighs the disk need not go
//! through it again. Only if every name that lies there was met once.

use std::collections::HashMap;

use crate::disk::{FileKind, Mass, Sum, Traits, Weighed};

/// Inodes that are linked from elsewhere too, in one layer: with more than that it is better walked again.
const LINKS: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Gather {
    sum: Sum,
    links: HashMap<u64, (Mass, u32)>,
    /// Names that directories listed, and names whose inodes were added.
    listed: u64,
    met: u64,
    top: bool,
    spoilt: bool,
}

impl Gather {
    /// An inode under one of its names.
    pub(super) fn meet(&mut self, traits: &Traits) {
        self.met = self.met.saturating_add(1);
        let mass = traits.mass();
        if mass.nlink < 2 || mass.kind == FileKind::Dir {
            return self.sum.add(&mass);
        }
        let (_, seen) = self.links.entry(mass.ino).or_insert((mass, 0));
        *seen = seen.saturating_add(1);
        if *seen == mass.nlink {
            self.links.remove(&mass.ino);
            self.sum.add(&mass);
        }
        if self.links.len() > LINKS {
            self.spoil();
        }
    }

    /// The layer's own directory, which no name leads to.
    pub(super) fn meet_top(&mut self, traits: &Traits) {
        self.sum.add(&traits.mass());
        self.top = true;
    }

    pub(super) fn list(&mut self, names: u64) {
        self.listed = self.listed.saturating_add(names);
    }

    /// Something was met, or left out, in a way that leaves the sum in doubt.
    pub(super) fn spoil(&mut self) {
        self.spoilt = true;
        self.links = HashMap::new();
    }

    pub(super) fn whole(self) -> Option<Weighed> {
        let whole = self.top && !self.spoilt && self.listed == self.met;
        whole.then(|| {
            let mut links: Vec<(Mass, u32)> = self.links.into_values().collect();
            links.sort_by_key(|(mass, _)| mass.ino);
            Weighed { sum: self.sum, links }
        })
    }
}
