//! Which paths a layer's record names: hashes only, since a layer may hold hundreds of thousands. The key of the hash is
//! random, so that nobody can choose names that collide.

use std::collections::HashMap;
use std::collections::hash_map::{DefaultHasher, Entry};
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher, RandomState};

/// How a path is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Only as a directory on the way to an entry.
    OnTheWay,
    Entry,
    /// The same of a directory that was listed, and has nothing strange in it.
    Listed,
}

#[derive(Debug, Default)]
pub(super) struct Seen {
    key: RandomState,
    marks: HashMap<u64, Mark, BuildHasherDefault<AsItIs>>,
    /// The directory of the last entry: its own way is marked.
    last: Vec<u8>,
    trail: Option<Trail>,
}

/// What is a hash already.
#[derive(Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |sum, byte| sum.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A path, as far as it is hashed.
#[derive(Clone, Debug)]
pub(super) struct Trail(DefaultHasher);

impl Trail {
    pub(super) fn below(&self, name: &[u8]) -> Self {
        let mut hasher = self.0.clone();
        hasher.write(name);
        hasher.write_u8(b'/');
        Self(hasher)
    }
}

impl Seen {
    pub(super) fn top(&self) -> Trail {
        Trail(self.key.build_hasher())
    }

    pub(super) fn trail(&self, path: &[u8]) -> Trail {
        path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).fold(self.top(), |at, part| at.below(part))
    }

    pub(super) fn get(&self, at: &Trail) -> Option<Mark> {
        self.marks.get(&at.0.finish()).copied()
    }

    pub(super) fn has(&self, path: &[u8]) -> bool {
        matches!(self.get(&self.trail(path)), Some(Mark::Entry | Mark::Listed))
    }

    /// Marks a path, and the directories on the way to it; whether it is new.
    pub(super) fn add(&mut self, path: &[u8]) -> bool {
        let cut = memchr::memrchr(b'/', path).unwrap_or(0);
        let (way, name) = path.split_at_checked(cut).unwrap_or_default();
        let name = name.strip_prefix(b"/").unwrap_or(name);
        let at = self.pass(way).below(name).0.finish();
        match self.marks.entry(at) {
            Entry::Occupied(mut known) if *known.get() == Mark::OnTheWay => {
                known.insert(Mark::Entry);
                true
            }
            Entry::Occupied(_) => false,
            Entry::Vacant(free) => {
                free.insert(Mark::Entry);
                true
            }
        }
    }

    /// Marks the directories of a path.
    pub(super) fn pass(&mut self, way: &[u8]) -> Trail {
        if let Some(known) = self.trail.as_ref().filter(|_| self.last == way) {
            return known.clone();
        }
        let mut at = self.top();
        for part in way.split(|byte| *byte == b'/').filter(|part| !part.is_empty()) {
            at = at.below(part);
            self.marks.entry(at.0.finish()).or_insert(Mark::OnTheWay);
        }
        self.last.clear();
        self.last.extend_from_slice(way);
        self.trail = Some(at.clone());
        at
    }

    /// A directory that has an entry was listed.
    pub(super) fn list(&mut self, at: &Trail) {
        if let Some(mark) = self.marks.get_mut(&at.0.finish())
            && *mark == Mark::Entry
        {
            *mark = Mark::Listed;
        }
    }

    /// It must be listed again; whether it had been.
    pub(super) fn unlist(&mut self, path: &[u8]) -> bool {
        let at = self.trail(path).0.finish();
        let mark = self.marks.get_mut(&at).filter(|mark| **mark == Mark::Listed);
        mark.map(|mark| *mark = Mark::Entry).is_some()
    }
}
