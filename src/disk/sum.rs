//! Masses added up.

use super::{FileKind, Mass};

/// A sum over inodes. Sizes on disk can be absurd, so that sums stop at the largest number; the order does not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    pub allocated: u64,
    pub apparent: u64,
    pub inodes: u64,
    /// `apparent` of what is no directory.
    pub files: u64,
    /// `apparent` of symbolic links.
    pub symlinks: u64,
}

impl Sum {
    pub fn add(&mut self, mass: &Mass) {
        self.allocated = self.allocated.saturating_add(mass.allocated);
        self.apparent = self.apparent.saturating_add(mass.size);
        self.inodes = self.inodes.saturating_add(1);
        if mass.kind != FileKind::Dir {
            self.files = self.files.saturating_add(mass.size);
        }
        if mass.kind == FileKind::Symlink {
            self.symlinks = self.symlinks.saturating_add(mass.size);
        }
    }

    pub fn of(mass: &Mass) -> Self {
        let mut sum = Self::default();
        sum.add(mass);
        sum
    }
}

/// All of a directory, as somebody weighed it who had to look at each inode anyway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weighed {
    /// The directory itself, and what has no other link than those in it.
    pub sum: Sum,
    /// Inodes that are linked from elsewhere too, and how many of the links lie in the directory.
    pub links: Vec<(Mass, u32)>,
}
