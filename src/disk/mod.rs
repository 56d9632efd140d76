//! F2: the only floor that opens files. Everything is opened beneath the root of a tree, following no link, leaving
//! no trace (no atime, no lock, nothing written), and with a limit on what is taken in.

mod below;
mod content;
mod dir;
mod error;
mod host;
mod live;
mod log;
mod manifest;
mod mountinfo;
mod names;
mod open;
mod quiet;
mod step;
mod sum;
#[cfg(test)]
mod tests;
mod traits;
mod tree;

use std::cell::Cell;
use std::os::fd::AsFd;

use nix::sched::{CloneFlags, unshare};

pub use content::{Attributes, Content, Stream};
pub use dir::Dir;
pub use error::{OpenError, Unreadable};
pub use host::{Host, read_named};
pub use log::Log;
pub use manifest::ManifestError;
pub use mountinfo::MountPoint;
pub use names::Names;
pub use open::Ends;
pub use step::{Halt, Mass, STEP_BUFFER, Step};
pub use sum::{Sum, Weighed};
pub use traits::Traits;
pub use tree::{Disk, FileKind, Stat, Tree};

/// What is read of one metadata file, unless a caller says otherwise.
pub const CAP: u64 = 16 << 20;
/// What is read of one database.
pub const DATABASE_CAP: u64 = 1 << 30;
/// How many names one directory listing takes in. A driver with 100,000 layers is far below.
pub const LIST_CAP: usize = 4_000_000;

thread_local! {
    /// The working directory is the thread's alone.
    static OWN_DIRECTORY: Cell<bool> = const { Cell::new(false) };
}

/// Gives the calling thread a table of descriptors and a working directory of its own. Threads that share a table wait for
/// each other at every file that they open or close, and count users at every call on one. What is open stays so; what
/// others open later is not seen. The directory is for calls that take a path and no descriptor.
pub fn stand_alone() {
    let _ = unshare(CloneFlags::CLONE_FILES);
    OWN_DIRECTORY.set(unshare(CloneFlags::CLONE_FS).is_ok());
}

/// Goes into a directory, if nobody else goes there with us.
fn is_here(directory: impl AsFd) -> bool {
    OWN_DIRECTORY.get() && rustix::process::fchdir(directory).is_ok()
}

/// Raises the soft limit on open files to the hard one: a parallel walk keeps many parents open.
pub fn raise_file_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
    {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}
