//! Where something lies: a path that begins with the name of its tree (`docker/overlay2/<id>`).
//!
//! Bytes, since names on disk need not be text. Components are checked on the way in, so a place never leads outside.

use std::fmt;
use std::sync::Arc;

use super::Printable;

/// A path below one of the trees that a run reads. The first component is the tree (`docker`, `containerd`).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(Arc<[u8]>);

/// A component that would lead outside, or is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a path beneath the root")]
pub struct NotBeneath(pub String);

impl Place {
    /// The top of a tree.
    pub fn tree(name: &str) -> Self {
        Self(name.as_bytes().into())
    }

    /// Takes a whole path, checked component by component.
    pub fn parse(path: &[u8]) -> Result<Self, NotBeneath> {
        let good = !path.is_empty() && path.split(|b| *b == b'/').all(is_component);
        if good { Ok(Self(path.into())) } else { Err(NotBeneath(String::from_utf8_lossy(path).into_owned())) }
    }

    /// A path below this one, from a literal of ours or a name that a directory listing gave. Anything that is not
    /// a plain relative path (`..`, an empty or absolute part) is refused by falling back to this place itself with
    /// the offending part made harmless: such a path exists nowhere.
    #[must_use]
    pub fn join(&self, below: impl AsRef<[u8]>) -> Self {
        let below = below.as_ref();
        let mut bytes = Vec::with_capacity(self.0.len() + 1 + below.len());
        bytes.extend_from_slice(&self.0);
        for part in below.split(|b| *b == b'/') {
            bytes.push(b'/');
            if is_component(part) {
                bytes.extend_from_slice(part);
            } else {
                bytes.extend_from_slice(b"\xff-not-a-name");
            }
        }
        Self(bytes.into())
    }

    /// As `join`, for text that came out of a file: says so when it leads outside.
    pub fn join_untrusted(&self, below: &str) -> Result<Self, NotBeneath> {
        if below.split('/').all(|part| is_component(part.as_bytes())) {
            Ok(self.join(below))
        } else {
            Err(NotBeneath(below.chars().take(300).collect()))
        }
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The name of the tree.
    pub fn tree_name(&self) -> &[u8] {
        self.0.split(|b| *b == b'/').next().unwrap_or_default()
    }

    /// The path inside the tree; empty for its top.
    pub fn inside(&self) -> &[u8] {
        self.0.get(self.tree_name().len() + 1..).unwrap_or_default()
    }

    pub fn components(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|b| *b == b'/')
    }

    /// The last component.
    pub fn name(&self) -> &[u8] {
        self.0.rsplit(|b| *b == b'/').next().unwrap_or_default()
    }

    /// One level up; none at the top of the tree.
    pub fn parent(&self) -> Option<Self> {
        let cut = self.0.iter().rposition(|b| *b == b'/')?;
        self.0.get(..cut).map(|up| Self(up.into()))
    }

    pub fn starts_with(&self, above: &Self) -> bool {
        self.0.strip_prefix(above.as_bytes()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    }
}

/// One path component that is a name.
fn is_component(part: &[u8]) -> bool {
    !part.is_empty() && part != b"." && part != b".." && !part.contains(&0)
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printable(&self.0).fmt(f)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
