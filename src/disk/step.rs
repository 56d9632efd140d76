//! One directory under a walk's feet: its names and their sizes, nothing else. No path is built, no name is kept.
//!
//! Every step opens or asks for one component relative to an open directory, and follows no link; names come from the
//! kernel's listing, which refuses `/` in a name. So a walk cannot leave the tree that it began in.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, StatxFlags};
use rustix::io::Errno;

use super::{FileKind, Tree, Unreadable};

/// What a listing is read into. 32 to 64 KiB is enough: 4 KiB costs 4 %, 1 MiB gains nothing.
pub const STEP_BUFFER: usize = 64 << 10;

/// What one inode weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mass {
    pub kind: FileKind,
    /// `st_size`
    pub size: u64,
    /// `st_blocks` x 512
    pub allocated: u64,
    /// The device number, packed.
    pub dev: u64,
    pub ino: u64,
    pub nlink: u32,
    /// The mount that it was seen through; zero if that is not asked for, or the kernel does not say.
    pub mount: u64,
}

/// Why a step was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Halt {
    /// No longer there: the tree is in use.
    Vanished,
    /// No descriptor is free at the moment.
    Crowded,
    /// It was, or has become, something other than a directory.
    NotADirectory,
    /// It cannot be read.
    Barred(Unreadable),
}

impl std::fmt::Display for Halt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Vanished => f.write_str("no longer there"),
            Self::Crowded => f.write_str("too many open files"),
            Self::NotADirectory => f.write_str("not a directory"),
            Self::Barred(why) => why.fmt(f),
        }
    }
}

impl From<Errno> for Halt {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::NOENT => Self::Vanished,
            Errno::MFILE | Errno::NFILE => Self::Crowded,
            // a link in place of the directory that the listing showed
            Errno::NOTDIR | Errno::LOOP => Self::NotADirectory,
            other => Self::Barred(Unreadable::from(other)),
        }
    }
}

/// An open directory.
#[derive(Debug)]
pub struct Step {
    fd: OwnedFd,
    /// The mount is our own: no access time moves, and nothing is mounted below.
    quiet: bool,
}

impl Tree {
    /// The top of the tree, with a listing of its own.
    pub fn step(&self) -> Result<Step, Halt> {
        Ok(Step { fd: open(self.fd(), c".", self.is_quiet())?, quiet: self.is_quiet() })
    }
}

impl AsFd for Step {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Step {
    /// A directory in this one.
    pub fn enter(&self, name: &CStr) -> Result<Self, Halt> {
        Ok(Self { fd: open(&self.fd, name, self.quiet)?, quiet: self.quiet })
    }

    /// A directory on the same mount.
    pub(super) fn sibling(&self, fd: OwnedFd) -> Self {
        Self { fd, quiet: self.quiet }
    }

    /// Nothing can be mounted below: every inode of the tree lies on one file system.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// What this directory itself weighs.
    pub fn weigh(&self) -> Result<Mass, Halt> {
        self.ask(c"", AtFlags::EMPTY_PATH)
    }

    /// What lies under a name weighs.
    pub fn weigh_at(&self, name: &CStr) -> Result<Mass, Halt> {
        self.ask(name, AtFlags::SYMLINK_NOFOLLOW)
    }

    fn ask(&self, name: &CStr, how: AtFlags) -> Result<Mass, Halt> {
        let known = StatxFlags::TYPE | StatxFlags::NLINK | StatxFlags::INO | StatxFlags::SIZE | StatxFlags::BLOCKS;
        let mask = if self.quiet { known } else { known | StatxFlags::MNT_ID };
        let how = how | AtFlags::STATX_DONT_SYNC | AtFlags::NO_AUTOMOUNT;
        let s = rustix::fs::statx(&self.fd, name, how, mask)?;
        let told = !self.quiet && s.stx_mask & StatxFlags::MNT_ID.bits() != 0;
        Ok(Mass {
            kind: FileType::from_raw_mode(s.stx_mode.into()).into(),
            size: s.stx_size,
            allocated: s.stx_blocks.saturating_mul(512),
            dev: u64::from(s.stx_dev_major) << 32 | u64::from(s.stx_dev_minor),
            ino: s.stx_ino,
            nlink: s.stx_nlink,
            mount: if told { s.stx_mnt_id } else { 0 },
        })
    }

    /// The next bufferful of names, `.` and `..` left out. Gives how many names it held; after the last one, zero.
    pub fn names(&self, buffer: &mut Vec<u8>, mut visit: impl FnMut(&CStr, FileKind)) -> Result<usize, Halt> {
        buffer.clear();
        buffer.reserve(STEP_BUFFER);
        let mut listing = RawDir::new(&self.fd, buffer.spare_capacity_mut());
        let mut seen = 0_usize;
        while let Some(entry) = listing.next() {
            let entry = entry?;
            seen = seen.saturating_add(1);
            let name = entry.file_name();
            if name != c"." && name != c".." {
                visit(name, entry.file_type().into());
            }
            if listing.is_buffer_empty() {
                break;
            }
        }
        Ok(seen)
    }
}

fn open(at: impl AsFd, name: &CStr, quiet: bool) -> Result<OwnedFd, Errno> {
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    if quiet {
        return rustix::fs::openat(at, name, flags, Mode::empty());
    }
    match rustix::fs::openat(&at, name, flags | OFlags::NOATIME, Mode::empty()) {
        // only the owner of a directory, or a privileged process, may ask for O_NOATIME
        Err(Errno::PERM) => rustix::fs::openat(at, name, flags, Mode::empty()),
        other => other,
    }
}
