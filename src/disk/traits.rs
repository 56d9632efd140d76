//! What tells a changed file from an unchanged one, for comparing two trees as the engine compares them.

use std::ffi::CStr;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, Mode, OFlags, StatxFlags};
use rustix::io::Errno;

use super::{Disk, FileKind, Halt, Mass, Step, Unreadable};
use crate::terms::Place;

/// `lstat`, as far as it can differ between a layer and its copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traits {
    pub kind: FileKind,
    /// `st_size`
    pub size: u64,
    /// `st_blocks` x 512
    pub allocated: u64,
    /// The device number, packed.
    pub dev: u64,
    pub ino: u64,
    pub nlink: u32,
    /// Type and permissions.
    pub mode: u16,
    pub uid: u32,
    pub gid: u32,
    pub rdev: (u32, u32),
    /// Seconds and nanoseconds since 1970.
    pub mtime: (i64, u32),
    pub ctime: (i64, u32),
}

impl Traits {
    /// What it weighs.
    pub fn mass(&self) -> Mass {
        let Self { kind, size, allocated, dev, ino, nlink, .. } = *self;
        Mass { kind, size, allocated, dev, ino, nlink, mount: 0 }
    }
}

impl Disk {
    /// The directory at a place, entered from the top of its tree one name at a time.
    pub fn step(&self, at: &Place) -> Result<Step, Halt> {
        let mut step = self.tree(at.tree_name()).ok_or(Halt::Barred(Unreadable::NoTree))?.step()?;
        for name in at.components().skip(1) {
            let name = std::ffi::CString::new(name).map_err(|_| Halt::Vanished)?;
            step = step.enter(&name)?;
        }
        Ok(step)
    }
}

impl Step {
    /// What this directory itself is.
    pub fn traits(&self) -> Result<Traits, Halt> {
        let s = rustix::fs::statx(self.as_fd(), c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
        Ok(Traits::from(&s))
    }

    /// What lies under a name, not followed.
    pub fn traits_at(&self, name: &CStr) -> Result<Traits, Halt> {
        let how = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        let s = rustix::fs::statx(self.as_fd(), name, how, StatxFlags::BASIC_STATS)?;
        Ok(Traits::from(&s))
    }

    /// An extended attribute of a regular file in this directory; none if it has none, or none that can be read.
    pub fn attribute_at(&self, name: &CStr, attribute: &CStr) -> Option<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = |flags| rustix::fs::openat(self.as_fd(), name, flags, Mode::empty());
        let file = match open(flags | OFlags::NOATIME) {
            Err(Errno::PERM) => open(flags),
            other => other,
        };
        read(file.ok()?, attribute)
    }

    /// An extended attribute of this directory.
    pub fn attribute(&self, attribute: &CStr) -> Option<Vec<u8>> {
        read(self.as_fd(), attribute)
    }
}

fn read(fd: impl AsFd, attribute: &CStr) -> Option<Vec<u8>> {
    let mut value = [0_u8; 256];
    let len = rustix::fs::fgetxattr(fd, attribute, &mut value).ok()?;
    value.get(..len).map(<[u8]>::to_vec)
}
