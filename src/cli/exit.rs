//! What the exit status says.

/// As `--help` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done and complete.
    Done = 0,
    /// Done, and what was asked for was found, or an object is not there.
    Found = 1,
    Usage = 2,
    /// The root could not be read at all.
    Unreadable = 3,
    /// Done, but something that could not be read took links or bytes with it. Outranks `Found`.
    Partial = 4,
}
