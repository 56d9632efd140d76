//! The files of a layer: any names, any number, any size. They are opened one at a time beneath the layer's directory
//! and read in parts, into a buffer of the caller's.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};

use rustix::fs::{Advice, AtFlags, FileType, Mode, OFlags, ResolveFlags, StatxFlags};
use rustix::io::Errno;

use super::open::open_beneath;
use super::tree::stat_of;
use super::{Disk, FileKind, Halt, Stat, Step, Traits, Unreadable};
use crate::terms::Place;

/// Names of extended attributes with their values, in order.
pub type Attributes = Vec<(Vec<u8>, Vec<u8>)>;

/// An open regular file.
#[derive(Debug)]
pub struct Content {
    fd: OwnedFd,
}

/// The kernel takes no longer path at once.
const LONGEST_PATH: usize = 4000;

impl Step {
    /// A directory some way below, through no link. An empty path is this directory.
    pub fn reach(&self, path: &[u8]) -> Result<Self, Halt> {
        self.go(path, ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS)
    }

    /// The same with links followed as if this directory were `/`: a layer may put files below a link of its own.
    pub fn reach_through_links(&self, path: &[u8]) -> Result<Self, Halt> {
        self.go(path, ResolveFlags::IN_ROOT)
    }

    fn go(&self, path: &[u8], rules: ResolveFlags) -> Result<Self, Halt> {
        let rules = rules | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
        if path.len() <= LONGEST_PATH {
            return self.open_below(path, rules);
        }
        let cut = path.get(..LONGEST_PATH).and_then(|head| memchr::memrchr(b'/', head)).ok_or(Errno::NAMETOOLONG)?;
        let (head, rest) = path.split_at_checked(cut).ok_or(Errno::NAMETOOLONG)?;
        self.open_below(head, rules)?.go(rest.get(1..).unwrap_or_default(), rules)
    }

    fn open_below(&self, path: &[u8], rules: ResolveFlags) -> Result<Self, Halt> {
        let path = CString::new(if path.is_empty() { b".".as_slice() } else { path }).map_err(|_| Errno::INVAL)?;
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let open = |flags| rustix::fs::openat2(self.as_fd(), path.as_c_str(), flags, Mode::empty(), rules);
        let fd = match open(if self.is_quiet() { flags } else { flags | OFlags::NOATIME }) {
            Err(Errno::PERM) => open(flags)?,
            // kernels before 5.6, and sandboxes that do not know the call: no links then
            Err(Errno::NOSYS) => return self.walk_down(&path),
            other => other?,
        };
        Ok(self.sibling(fd))
    }

    fn walk_down(&self, path: &CString) -> Result<Self, Halt> {
        let mut at = self.enter(c".")?;
        for part in path.as_bytes().split(|byte| *byte == b'/') {
            at = at.enter(&CString::new(part).map_err(|_| Errno::INVAL)?)?;
        }
        Ok(at)
    }

    /// Opens what must be a regular file, and tells what it is. What a layer has in its place is told, not opened.
    pub fn content(&self, name: &CStr) -> Result<(Content, Traits), Halt> {
        // where nothing keeps devices from being opened, it is asked first
        if !self.is_quiet() {
            plain(self.traits_at(name)?)?;
        }
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = |flags| rustix::fs::openat(self.as_fd(), name, flags, Mode::empty());
        let fd = match open(if self.is_quiet() { flags } else { flags | OFlags::NOATIME }) {
            Err(Errno::PERM) if !self.is_quiet() => open(flags)?,
            Err(Errno::LOOP | Errno::ACCESS | Errno::NXIO) => {
                plain(self.traits_at(name)?)?;
                return Err(Halt::Barred(Unreadable::from(Errno::ACCESS)));
            }
            other => other?,
        };
        let s = rustix::fs::statx(&fd, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
        let traits = plain(Traits::from(&s))?;
        Ok((Content { fd }, traits))
    }

    /// The text of a symbolic link.
    pub fn target_at(&self, name: &CStr) -> Result<Vec<u8>, Halt> {
        Ok(rustix::fs::readlinkat(self.as_fd(), name, Vec::new())?.into_bytes())
    }

    /// The extended attributes of whatever lies under a name, which is not followed. No call takes a directory and a name,
    /// so we go there; or, where others would be taken along, the kernel's own name of the open directory stands before it.
    pub fn attributes_at(&self, name: &CStr) -> Result<Attributes, Halt> {
        if super::is_here(self.as_fd()) {
            return of_path(name);
        }
        // a thread may have descriptors of its own
        let path = [format!("/proc/thread-self/fd/{}/", self.as_fd().as_raw_fd()).as_bytes(), name.to_bytes()].concat();
        let path = CString::new(path).map_err(|_| Errno::INVAL)?;
        of_path(&path)
    }

    /// Those of the directory itself.
    pub fn attributes(&self) -> Result<Attributes, Halt> {
        of_open(self.as_fd())
    }
}

/// A symbolic link or a device instead of a file.
fn plain(traits: Traits) -> Result<Traits, Halt> {
    match traits.kind {
        FileKind::File => Ok(traits),
        other => Err(Halt::Barred(Unreadable::NotAFile(other))),
    }
}

impl Content {
    /// The next bytes; none at the end.
    pub fn read(&self, buffer: &mut [u8]) -> Result<usize, Halt> {
        loop {
            match rustix::io::read(&self.fd, &mut *buffer) {
                Err(Errno::INTR) => {}
                other => return Ok(other?),
            }
        }
    }

    pub fn attributes(&self) -> Result<Attributes, Halt> {
        of_open(self.fd.as_fd())
    }

    /// It will be read from one end to the other.
    pub fn is_long(&self) {
        let _ = rustix::fs::fadvise(&self.fd, 0, None, Advice::Sequential);
    }
}

fn of_path(path: &CStr) -> Result<Attributes, Halt> {
    attributes(|list| rustix::fs::llistxattr(path, list), |key, value| rustix::fs::lgetxattr(path, key, value))
}

fn of_open(fd: BorrowedFd<'_>) -> Result<Attributes, Halt> {
    attributes(|list| rustix::fs::flistxattr(fd, list), |key, value| rustix::fs::fgetxattr(fd, key, value))
}

/// Most files have none, and then one call says so.
fn attributes(
    list: impl Fn(&mut [u8]) -> Result<usize, Errno>,
    get: impl Fn(&CStr, &mut [u8]) -> Result<usize, Errno>,
) -> Result<Attributes, Halt> {
    let Some(names) = grown(|buffer| list(buffer))? else { return Ok(Attributes::new()) };
    let mut found = Attributes::new();
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let key = CString::new(name).map_err(|_| Errno::INVAL)?;
        match grown(|buffer| get(&key, buffer)) {
            Ok(value) => found.push((name.to_vec(), value.unwrap_or_default())),
            // gone meanwhile, or listed to everybody and shown to few
            Err(Errno::NODATA | Errno::PERM) => {}
            Err(other) => return Err(other.into()),
        }
    }
    found.sort();
    Ok(found)
}

/// A value of any length; none if it is empty, or the file system has no attributes.
fn grown(get: impl Fn(&mut [u8]) -> Result<usize, Errno>) -> Result<Option<Vec<u8>>, Errno> {
    let mut small = [0_u8; 256];
    match get(&mut small) {
        Ok(0) | Err(Errno::NOTSUP) => Ok(None),
        Ok(len) => Ok(small.get(..len).map(<[u8]>::to_vec)),
        // neither a list nor a value is longer. linux/limits.h XATTR_SIZE_MAX
        Err(Errno::RANGE) => {
            let mut large = vec![0_u8; 64 << 10];
            let len = get(&mut large)?;
            large.truncate(len);
            Ok(Some(large))
        }
        Err(other) => Err(other),
    }
}

/// A file of an engine that is too long to be taken in whole.
#[derive(Debug)]
pub struct Stream {
    content: Content,
    pub stat: Stat,
}

impl Disk {
    /// Opens a regular file for reading in parts.
    pub fn stream(&self, at: &Place) -> Result<Stream, Unreadable> {
        let kind = self.stat(at)?.kind;
        if kind != FileKind::File {
            return Err(Unreadable::NotAFile(kind));
        }
        let tree = self.tree(at.tree_name()).ok_or(Unreadable::NoTree)?;
        let fd = open_beneath(tree.fd(), at.inside(), OFlags::RDONLY | OFlags::NONBLOCK)?;
        let stat = stat_of(fd.as_fd(), c"", AtFlags::EMPTY_PATH)?;
        if stat.kind != FileKind::File {
            return Err(Unreadable::NotAFile(stat.kind));
        }
        let content = Content { fd };
        self.note(at);
        content.is_long();
        Ok(Stream { content, stat })
    }
}

impl io::Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(&self.content.fd, buffer)?)
    }
}

impl From<&rustix::fs::Statx> for Traits {
    fn from(s: &rustix::fs::Statx) -> Self {
        Self {
            kind: FileType::from_raw_mode(s.stx_mode.into()).into(),
            size: s.stx_size,
            allocated: s.stx_blocks.saturating_mul(512),
            dev: u64::from(s.stx_dev_major) << 32 | u64::from(s.stx_dev_minor),
            ino: s.stx_ino,
            nlink: s.stx_nlink,
            mode: s.stx_mode,
            uid: s.stx_uid,
            gid: s.stx_gid,
            rdev: (s.stx_rdev_major, s.stx_rdev_minor),
            mtime: (s.stx_mtime.tv_sec, s.stx_mtime.tv_nsec),
            ctime: (s.stx_ctime.tv_sec, s.stx_ctime.tv_nsec),
        }
    }
}
