//! A hole in what we know: a file that could not be read, does not parse, or contradicts another.

use super::{LinkKind, Place};

/// What a hole took with it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lost {
    /// Only itself: every reference is still known.
    Nothing,
    /// References of these kinds may be missing, in the store that `Problem::at` belongs to.
    Links(Vec<LinkKind>),
    /// Bytes could not be weighed.
    Bytes,
}

/// One hole, with the place and the cause.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub at: Place,
    /// A stable kebab-case name.
    pub code: &'static str,
    pub cause: String,
    pub lost: Lost,
}
