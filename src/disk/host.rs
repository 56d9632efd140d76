//! The file system of a host that is looked at from outside: absolute paths and links in it mean paths below its top.

use std::io::Read as _;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::Unreadable;
use super::open::read_all;

/// Configuration files are small.
const CAP: u64 = 4 << 20;

/// A host's root directory: `/` for the machine we run on.
#[derive(Debug)]
pub struct Host {
    top: OwnedFd,
    is_ours: bool,
}

impl Host {
    pub fn open(top: &Path) -> Result<Self, Unreadable> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { top: rustix::fs::open(top, flags, Mode::empty())?, is_ours: top == Path::new("/") })
    }

    /// A file of the host; none if it has none.
    pub fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, Unreadable> {
        match self.resolve(path, OFlags::RDONLY | OFlags::NONBLOCK) {
            Err(Errno::NOENT) => Ok(None),
            found => read_all(&found?, CAP).map(Some),
        }
    }

    /// Where a directory of the host lies for us; none if it has none.
    pub fn dir(&self, path: &Path) -> Option<PathBuf> {
        let fd = self.resolve(path, OFlags::PATH | OFlags::DIRECTORY).ok()?;
        std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).ok()
    }

    fn resolve(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlags::CLOEXEC;
        match rustix::fs::openat2(&self.top, path, flags, Mode::empty(), ResolveFlags::IN_ROOT) {
            // a kernel without the call: our own root needs no containing, another's is not entered
            Err(Errno::NOSYS) if self.is_ours => {
                rustix::fs::openat(CWD, Path::new("/").join(path), flags, Mode::empty())
            }
            other => other,
        }
    }
}

/// A file that the user named.
pub fn read_named(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(CAP).read_to_end(&mut bytes)?;
    Ok(bytes)
}
