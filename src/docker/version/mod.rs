//! Which engine: its version as a value, and what is told of it by what lies on the disk.

mod infer;
mod releases;
#[cfg(test)]
mod tests;

use std::fmt;

pub use infer::{Inferred, infer};

/// A version of the Docker engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EngineVersion {
    pub major: u32,
    pub minor: u32,
    pub patch: u32,
}

impl EngineVersion {
    /// Takes `28.5.2`, with what distributions and moby's tags put around it (`v28.5.2`, `28.5.2+dfsg1-1`). What is
    /// left out (`28.5`, `29`) is the newest known.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches("docker-").trim_start_matches('v');
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (numbers, rest) = text.split_at_checked(end)?;
        if !rest.is_empty() && !rest.starts_with(['+', '-', '~', ' ']) {
            return None;
        }
        let mut parts = numbers.split('.').map(|part| part.parse::<u32>().ok());
        let major = parts.next()??;
        let minor = match parts.next() {
            Some(minor) => minor?,
            None => releases::newest_minor(major).unwrap_or(0),
        };
        let patch = match parts.next() {
            Some(patch) => patch?,
            None => releases::newest_patch(major, minor).unwrap_or(0),
        };
        parts.next().is_none().then_some(Self { major, minor, patch })
    }

    pub fn triple(self) -> (u32, u32, u32) {
        (self.major, self.minor, self.patch)
    }
}

impl From<(u32, u32, u32)> for EngineVersion {
    fn from((major, minor, patch): (u32, u32, u32)) -> Self {
        Self { major, minor, patch }
    }
}

impl fmt::Display for EngineVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}.{}", self.major, Minor(*self))?;
        write!(f, ".{}", self.patch)
    }
}

/// Up to 19.03 the minor number was the month, in two digits.
struct Minor(EngineVersion);

impl fmt::Display for Minor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.major < 20 { write!(f, "{:02}", self.0.minor) } else { write!(f, "{}", self.0.minor) }
    }
}
