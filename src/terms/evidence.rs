//! The file that says something. Each layer has several, so that the names they have in every layer are not kept again.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use super::Place;

/// A place, or a file of ours to name in it: `<layer>` and `parent`. The path counts, not how it is put together.
#[derive(Clone)]
pub struct Evidence {
    at: Place,
    /// Empty for the place itself.
    file: &'static str,
}

impl Evidence {
    /// The whole path.
    pub fn place(&self) -> Place {
        if self.file.is_empty() { self.at.clone() } else { self.at.join(self.file) }
    }

    pub fn starts_with(&self, above: &Place) -> bool {
        self.at.starts_with(above) || self.place().starts_with(above)
    }

    fn bytes(&self) -> impl Iterator<Item = u8> {
        let slash = if self.file.is_empty() { "" } else { "/" };
        self.at.as_bytes().iter().copied().chain(slash.bytes()).chain(self.file.bytes())
    }
}

impl Place {
    /// A file below this place, as evidence.
    pub fn says(&self, file: &'static str) -> Evidence {
        Evidence { at: self.clone(), file }
    }
}

impl From<&Place> for Evidence {
    fn from(at: &Place) -> Self {
        Self { at: at.clone(), file: "" }
    }
}

impl PartialEq for Evidence {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Evidence {}

impl PartialOrd for Evidence {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Evidence {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bytes().cmp(other.bytes())
    }
}

impl Hash for Evidence {
    fn hash<H: Hasher>(&self, to: &mut H) {
        self.bytes().for_each(|byte| byte.hash(to));
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.place().fmt(f)
    }
}

impl fmt::Debug for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
