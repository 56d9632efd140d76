//! The trees that a run reads, each an open directory with a name.

use std::collections::BTreeMap;
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, OFlags, StatxFlags};
use rustix::io::Errno;

use super::manifest::Journal;
use super::mountinfo::{self, MountPoint};
use super::open::{open_beneath, read_all, read_head};
use super::{CAP, Dir, OpenError, Unreadable, live, quiet};
use crate::terms::Place;

/// What lies under a name, as `lstat` sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    File,
    Dir,
    Symlink,
    Fifo,
    Socket,
    CharDevice,
    BlockDevice,
    Unknown,
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "regular file",
            Self::Dir => "directory",
            Self::Symlink => "symbolic link",
            Self::Fifo => "FIFO",
            Self::Socket => "socket",
            Self::CharDevice => "character device",
            Self::BlockDevice => "block device",
            Self::Unknown => "file of unknown type",
        })
    }
}

impl From<rustix::fs::FileType> for FileKind {
    fn from(kind: rustix::fs::FileType) -> Self {
        use rustix::fs::FileType as T;
        match kind {
            T::RegularFile => Self::File,
            T::Directory => Self::Dir,
            T::Symlink => Self::Symlink,
            T::Fifo => Self::Fifo,
            T::Socket => Self::Socket,
            T::CharacterDevice => Self::CharDevice,
            T::BlockDevice => Self::BlockDevice,
            T::Unknown => Self::Unknown,
        }
    }
}

/// The little that is asked of one inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    pub kind: FileKind,
    /// `st_size`
    pub size: u64,
    /// `st_blocks` x 512
    pub allocated: u64,
    pub dev: (u32, u32),
    pub ino: u64,
    pub nlink: u32,
    pub mode: u16,
    pub uid: u32,
    pub gid: u32,
    /// Seconds and nanoseconds since 1970.
    pub mtime: (i64, u32),
    pub ctime: (i64, u32),
}

/// One open tree.
#[derive(Debug)]
pub struct Tree {
    name: String,
    path: PathBuf,
    fd: OwnedFd,
    quiet: bool,
    mounts: Vec<MountPoint>,
    device: Option<(u32, u32)>,
}

impl Tree {
    /// Opens a directory under a name. On a system that allows it the tree is seen through a mount of our own that is
    /// read-only, noatime and nodev, so that the kernel keeps our promise not to touch it.
    pub fn open(name: &str, path: &Path) -> Result<Self, OpenError> {
        let fail = |cause| OpenError::Root { path: path.to_owned(), cause };
        let real = std::fs::canonicalize(path).map_err(|e| fail(Errno::from_io_error(&e).unwrap_or(Errno::IO)))?;
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY;
        let plain = rustix::fs::open(&real, flags, rustix::fs::Mode::empty()).map_err(|cause| match cause {
            Errno::NOTDIR => OpenError::NotADirectory { path: path.to_owned() },
            cause => fail(cause),
        })?;
        let (mounts, device) = (mountinfo::below(&real), mountinfo::device_behind(&real));
        let (fd, quiet) = match quiet::view(&real, plain.as_fd()) {
            Some(view) => (view, true),
            None => (plain, false),
        };
        Ok(Self { name: name.to_owned(), path: real, fd, quiet, mounts, device })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is mounted on the machine we run on.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the kernel itself keeps access times still.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// The mount points below, which are not entered.
    pub fn mounts(&self) -> &[MountPoint] {
        &self.mounts
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Every tree of one run.
#[derive(Debug, Default)]
pub struct Disk {
    trees: BTreeMap<String, Tree>,
    faults: BTreeMap<Place, Errno>,
    pub(super) journal: Option<Journal>,
}

impl Disk {
    pub fn new(trees: impl IntoIterator<Item = Tree>) -> Result<Self, OpenError> {
        let mut disk = Self::default();
        for tree in trees {
            if disk.trees.contains_key(&tree.name) {
                return Err(OpenError::SameName(tree.name));
            }
            disk.trees.insert(tree.name.clone(), tree);
        }
        Ok(disk)
    }

    pub fn trees(&self) -> impl Iterator<Item = &Tree> {
        self.trees.values()
    }

    pub fn tree(&self, name: &[u8]) -> Option<&Tree> {
        self.trees.get(std::str::from_utf8(name).ok()?)
    }

    /// Makes reads of one place fail, for tests of what an I/O error does to the answer.
    #[doc(hidden)]
    pub fn inject(&mut self, at: Place, errno: i32) {
        self.faults.insert(at, Errno::from_raw_os_error(errno));
    }

    /// The places whose reads are made to fail.
    pub(crate) fn injected(&self) -> impl Iterator<Item = (&Place, Unreadable)> {
        self.faults.iter().map(|(at, errno)| (at, Unreadable::from(*errno)))
    }

    /// An error that a test wants here.
    pub(super) fn fault(&self, at: &Place) -> Result<(), Unreadable> {
        self.faults.get(at).map_or(Ok(()), |errno| Err(Unreadable::from(*errno)))
    }

    /// Nothing is to be asked, or told, about single places.
    pub(super) fn is_plain(&self) -> bool {
        self.faults.is_empty() && self.journal.is_none()
    }

    fn locate(&self, at: &Place) -> Result<&Tree, Unreadable> {
        if let Some(errno) = self.faults.get(at) {
            return Err(Unreadable::from(*errno));
        }
        self.tree(at.tree_name()).ok_or(Unreadable::NoTree)
    }

    /// The whole of a metadata file.
    pub fn read(&self, at: &Place) -> Result<Vec<u8>, Unreadable> {
        self.read_capped(at, CAP)
    }

    /// The whole of a regular file that is no longer than `cap`.
    pub fn read_capped(&self, at: &Place, cap: u64) -> Result<Vec<u8>, Unreadable> {
        read_all(&self.file(at)?, cap)
    }

    /// The first `len` bytes of a regular file, or all of it when it is shorter.
    pub fn head(&self, at: &Place, len: usize) -> Result<Vec<u8>, Unreadable> {
        read_head(&self.file(at)?, len)
    }

    fn file(&self, at: &Place) -> Result<OwnedFd, Unreadable> {
        let tree = self.locate(at)?;
        let kind = self.stat(at)?.kind;
        if kind != FileKind::File {
            return Err(Unreadable::NotAFile(kind));
        }
        self.note(at);
        open_beneath(tree.fd(), at.inside(), OFlags::RDONLY | OFlags::NONBLOCK)
    }

    /// A directory, with its names.
    pub fn dir(&self, at: &Place) -> Result<Dir<'_>, Unreadable> {
        let tree = self.locate(at)?;
        let fd = match open_beneath(tree.fd(), at.inside(), OFlags::DIRECTORY | OFlags::RDONLY) {
            Err(Unreadable::Io(Errno::NOTDIR)) => return Err(Unreadable::NotADirectory(self.stat(at)?.kind)),
            other => other?,
        };
        Dir::list(at.clone(), fd, self)
    }

    /// Whether any name in a directory is of some sort, without a listing.
    pub fn any(&self, at: &Place, is: impl Fn(&[u8]) -> bool) -> Result<bool, Unreadable> {
        let tree = self.locate(at)?;
        Dir::any(&open_beneath(tree.fd(), at.inside(), OFlags::DIRECTORY | OFlags::RDONLY)?, is)
    }

    pub fn stat(&self, at: &Place) -> Result<Stat, Unreadable> {
        let tree = self.locate(at)?;
        let fd = open_beneath(tree.fd(), at.inside(), OFlags::PATH)?;
        stat_of(fd.as_fd(), c"", AtFlags::EMPTY_PATH)
    }

    /// Whether some process holds a lock on the file here.
    pub fn is_flocked(&self, at: &Place) -> bool {
        let device = self.tree(at.tree_name()).and_then(|tree| tree.device);
        self.stat(at).is_ok_and(|stat| live::is_flocked(&stat, device))
    }

    /// The text of a symbolic link.
    pub fn link_target(&self, at: &Place) -> Result<Vec<u8>, Unreadable> {
        let tree = self.locate(at)?;
        let fd = open_beneath(tree.fd(), at.inside(), OFlags::PATH)?;
        Ok(rustix::fs::readlinkat(&fd, c"", Vec::new())?.into_bytes())
    }

    /// Where a place lies on the machine we run on: for messages, never for opening.
    pub fn host_path(&self, at: &Place) -> Option<PathBuf> {
        use std::os::unix::ffi::OsStrExt as _;
        let tree = self.tree(at.tree_name())?;
        let inside = at.inside();
        Some(if inside.is_empty() { tree.path.clone() } else { tree.path.join(std::ffi::OsStr::from_bytes(inside)) })
    }
}

pub(super) fn stat_of(fd: BorrowedFd<'_>, name: &std::ffi::CStr, flags: AtFlags) -> Result<Stat, Unreadable> {
    let mask = StatxFlags::BASIC_STATS;
    let s = rustix::fs::statx(fd, name, flags | AtFlags::SYMLINK_NOFOLLOW, mask)?;
    Ok(Stat {
        kind: rustix::fs::FileType::from_raw_mode(s.stx_mode.into()).into(),
        size: s.stx_size,
        allocated: s.stx_blocks.saturating_mul(512),
        dev: (s.stx_dev_major, s.stx_dev_minor),
        ino: s.stx_ino,
        nlink: s.stx_nlink,
        mode: s.stx_mode,
        uid: s.stx_uid,
        gid: s.stx_gid,
        mtime: (s.stx_mtime.tv_sec, s.stx_mtime.tv_nsec),
        ctime: (s.stx_ctime.tv_sec, s.stx_ctime.tv_nsec),
    })
}
