//! What goes with some places: the ledger's sums where whole owners go, and a walk where it is less simple (an inode with
//! links that stay, a part of an owner). An inode is freed when its last link goes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::disk::{Disk, FileKind, Stat};
use crate::inventory::{Extent, Owners};
use crate::terms::Place;
use crate::usage::{Ledger, Weight};

/// What is freed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Freed {
    pub allocated: u64,
    pub apparent: u64,
    pub inodes: u64,
    /// Why it may be more, or less.
    pub doubts: Vec<String>,
}

/// Weighs places.
#[derive(Debug)]
pub struct Scale<'a> {
    ledger: &'a Ledger,
    disk: &'a Disk,
    /// Owner and extent of each claimed place. One with less than all of its places is weighed by a walk.
    claimed: BTreeMap<&'a Place, Vec<(usize, Extent)>>,
    /// How many places each owner has.
    counts: Vec<usize>,
}

impl<'a> Scale<'a> {
    pub fn of(owners: &'a Owners, ledger: &'a Ledger, disk: &'a Disk) -> Self {
        let mut claimed: BTreeMap<&Place, Vec<(usize, Extent)>> = BTreeMap::new();
        let mut counts = vec![0; owners.len()];
        for (number, owner) in owners.iter() {
            let rest = owner.rest_of.iter().map(|at| (at, Extent::Tree));
            for (at, extent) in owner.lots.iter().map(|(at, extent)| (at, *extent)).chain(rest) {
                claimed.entry(at).or_default().push((number, extent));
                counts.get_mut(number).into_iter().for_each(|count| *count += 1);
            }
        }
        Self { ledger, disk, claimed, counts }
    }

    /// What is freed when these places go, none of which lies below another.
    pub fn weigh(&self, tops: &BTreeSet<Place>) -> Freed {
        let mut freed = self.by_owners(tops).unwrap_or_else(|| self.by_walking(tops));
        freed.doubts.extend(self.unweighed(tops));
        freed
    }

    /// The sum over owners, if whole owners go and share nothing with others.
    fn by_owners(&self, tops: &BTreeSet<Place>) -> Option<Freed> {
        if self.ledger.outside_links > 0 {
            return None;
        }
        let mut going: BTreeMap<usize, usize> = BTreeMap::new();
        for top in tops {
            // an owner's own place, as a whole
            self.claimed
                .get(top)
                .filter(|here| here.iter().any(|(_, extent)| *extent == Extent::Tree) || self.is_leaf(top))?;
            for (number, _) in self.at_or_below(top) {
                *going.entry(number).or_default() += 1;
            }
        }
        let mut freed = Freed::default();
        for (number, places) in going {
            let weight: &Weight = self.ledger.owners.get(number)?;
            if weight.shared > 0 || self.counts.get(number) != Some(&places) {
                return None;
            }
            freed.take(weight.allocated, weight.apparent, weight.inodes);
        }
        Some(freed)
    }

    fn at_or_below(&self, top: &Place) -> impl Iterator<Item = (usize, Extent)> + use<> {
        let below = top.join("\u{1}");
        let rest = self
            .claimed
            .range::<&Place, _>(&below..)
            .take_while(|(at, _)| at.starts_with(top))
            .map(|(_, owners)| owners);
        let found: Vec<_> = self.claimed.get(top).into_iter().chain(rest).flatten().copied().collect();
        found.into_iter()
    }

    fn is_leaf(&self, at: &Place) -> bool {
        self.disk.stat(at).is_ok_and(|stat| stat.kind != FileKind::Dir)
    }

    /// As `du` does, but for inodes that keep a link elsewhere.
    fn by_walking(&self, tops: &BTreeSet<Place>) -> Freed {
        let mut freed = Freed::default();
        let mut linked: HashMap<((u32, u32), u64), (Stat, u32)> = HashMap::new();
        let mut todo: Vec<Place> = Vec::new();
        let mut see = |stat: Stat, freed: &mut Freed| {
            if stat.kind == FileKind::Dir || stat.nlink < 2 {
                freed.take(stat.allocated, stat.size, 1);
            } else {
                let links = &mut linked.entry((stat.dev, stat.ino)).or_insert((stat, 0)).1;
                *links = links.saturating_add(1);
            }
        };
        for top in tops.iter().filter(|at| !self.is_mount(at)) {
            match self.disk.stat(top) {
                Ok(stat) => {
                    see(stat, &mut freed);
                    todo.extend((stat.kind == FileKind::Dir).then(|| top.clone()));
                }
                Err(cause) => freed.doubts.push(format!("{top}: {cause}")),
            }
        }
        while let Some(at) = todo.pop() {
            let dir = match self.disk.dir(&at) {
                Ok(dir) => dir,
                Err(cause) => {
                    freed.doubts.push(format!("{at}: {cause}"));
                    continue;
                }
            };
            for (name, _) in dir.entries() {
                let place = at.join(name);
                if self.is_mount(&place) {
                    continue;
                }
                match dir.stat(name) {
                    Ok(stat) => {
                        see(stat, &mut freed);
                        todo.extend((stat.kind == FileKind::Dir).then_some(place));
                    }
                    Err(cause) => freed.doubts.push(format!("{place}: {cause}")),
                }
            }
        }
        let kept = linked.values().filter(|(stat, seen)| *seen < stat.nlink).count();
        for (stat, _) in linked.values().filter(|(stat, seen)| *seen >= stat.nlink) {
            freed.take(stat.allocated, stat.size, 1);
        }
        if kept > 0 {
            freed.doubts.push(format!("{kept} files have links elsewhere, and stay"));
        }
        freed
    }

    fn is_mount(&self, at: &Place) -> bool {
        self.ledger.mounts.binary_search_by(|(mount, _)| mount.cmp(at)).is_ok()
    }

    /// Places that the walk did not get into.
    fn unweighed(&self, tops: &BTreeSet<Place>) -> Vec<String> {
        let inside = |at: &Place| tops.contains(at) || super::gone::above(at).any(|above| tops.contains(&above));
        let problems = self.ledger.problems.iter().filter(|problem| inside(&problem.at));
        problems.map(|problem| format!("{}: {}", problem.at, problem.cause)).collect()
    }
}

impl Freed {
    fn take(&mut self, allocated: u64, apparent: u64, inodes: u64) {
        self.allocated = self.allocated.saturating_add(allocated);
        self.apparent = self.apparent.saturating_add(apparent);
        self.inodes = self.inodes.saturating_add(inodes);
    }
}
