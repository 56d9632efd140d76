//! What became of one layer, snapshot or blob.

use super::owners::Offsets;
use crate::disk::Weighed;
use crate::terms::{Key, Place};

/// How a file is no longer what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    Content,
    /// A file where a directory was, and the like.
    Kind,
    Mode,
    Owner,
    Attribute,
    /// Of a symbolic link.
    Target,
    Time,
    Device,
    /// No longer the same inode as the file it was linked to.
    HardLink,
    Missing,
    Added,
    /// A mark that hides a file, or all files, of the layers below.
    Whiteout,
    /// The record that the layer is checked with.
    Record,
}

impl What {
    pub fn name(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Kind => "kind",
            Self::Mode => "mode",
            Self::Owner => "owner",
            Self::Attribute => "xattr",
            Self::Target => "target",
            Self::Time => "time",
            Self::Device => "device",
            Self::HardLink => "hard-link",
            Self::Missing => "missing",
            Self::Added => "added",
            Self::Whiteout => "whiteout",
            Self::Record => "record",
        }
    }
}

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    pub at: Place,
    pub what: What,
    /// Is, and should be.
    pub detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Differs,
    NotChecked,
    Intact,
}

impl Outcome {
    pub fn name(self) -> &'static str {
        match self {
            Self::Differs => "differs",
            Self::NotChecked => "not-checked",
            Self::Intact => "intact",
        }
    }
}

/// The result for one object.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub key: Key,
    /// Where its bytes lie.
    pub at: Place,
    /// In order, and no more than a report can use.
    pub differences: Vec<Difference>,
    /// How many more there are.
    pub more: u64,
    /// What could not be checked, and why. Something unchecked is never called intact.
    pub unchecked: Vec<String>,
    /// There is nothing that it could be checked with, and there never was.
    pub by_design: bool,
    /// Bytes hashed or compared, and files looked at.
    pub bytes: u64,
    pub files: u64,
    /// Owners that are right if the rest of the root is off by the same number.
    pub(super) offsets: Offsets,
    /// What its directory weighs, if every inode in it was looked at.
    pub weighed: Option<Weighed>,
}

/// More differences than this in one object are counted.
const SHOWN: usize = 1000;
/// More reasons than this say nothing new.
const REASONS: usize = 20;

impl Verdict {
    pub(super) fn of(key: &Key, at: &Place) -> Self {
        Self {
            key: key.clone(),
            at: at.clone(),
            differences: Vec::new(),
            more: 0,
            unchecked: Vec::new(),
            by_design: false,
            bytes: 0,
            files: 0,
            offsets: Offsets::default(),
            weighed: None,
        }
    }

    pub fn outcome(&self) -> Outcome {
        match (self.differences.is_empty(), self.unchecked.is_empty()) {
            (false, _) => Outcome::Differs,
            (true, false) => Outcome::NotChecked,
            (true, true) => Outcome::Intact,
        }
    }

    pub(super) fn differs(&mut self, at: Place, what: What, detail: impl Into<String>) {
        if self.differences.len() < SHOWN {
            self.differences.push(Difference { at, what, detail: detail.into() });
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    pub(super) fn unchecked(&mut self, why: impl Into<String>) {
        let why = why.into();
        if self.unchecked.len() < REASONS && !self.unchecked.contains(&why) {
            self.unchecked.push(why);
        }
    }

    /// Gives a reason where there is none yet.
    pub(super) fn is_not_intact(&mut self, why: &str) {
        if self.outcome() == Outcome::Intact {
            self.unchecked(why);
        }
    }

    pub(super) fn sorted(mut self) -> Self {
        self.differences.sort();
        self.differences.dedup();
        self
    }
}
