//! Why something could not be read.

use std::path::PathBuf;

use rustix::io::Errno;

use super::FileKind;

/// A root that cannot be opened at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{path}: {cause}", path = path.display())]
    Root { path: PathBuf, cause: Errno },
    #[error("{path}: not a directory", path = path.display())]
    NotADirectory { path: PathBuf },
    #[error("two trees are called {0:?}")]
    SameName(String),
}

/// A file or directory below a root that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("no such file or directory")]
    Missing,
    #[error("expected a regular file, found a {0}")]
    NotAFile(FileKind),
    #[error("expected a directory, found a {0}")]
    NotADirectory(FileKind),
    #[error("the path runs through a symbolic link or a mount, which is not followed")]
    LeadsAway,
    #[error("{len} bytes long; at most {cap} are read")]
    TooLong { len: u64, cap: u64 },
    #[error("more than {0} names in one directory")]
    TooMany(usize),
    #[error("no tree of that name is open")]
    NoTree,
    #[error("changed while it was read")]
    Changing,
    #[error("{}", describe(*.0))]
    Io(Errno),
}

impl Unreadable {
    pub fn is_missing(&self) -> bool {
        *self == Self::Missing
    }
}

impl From<Errno> for Unreadable {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::NOENT => Self::Missing,
            Errno::LOOP | Errno::XDEV => Self::LeadsAway,
            other => Self::Io(other),
        }
    }
}

fn describe(errno: Errno) -> String {
    std::io::Error::from(errno).to_string()
}
