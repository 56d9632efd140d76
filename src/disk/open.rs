//! Opening beneath a root: no link is followed, no mount is crossed, no access time moves.

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::tree::stat_of;
use super::{FileKind, Stat, Unreadable};

/// Opens a path of plain components below `root`. An empty path is the root itself.
pub(super) fn open_beneath(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd, Unreadable> {
    let path = CString::new(if path.is_empty() { b".".as_slice() } else { path }).map_err(|_| Errno::INVAL)?;
    let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let quiet = if flags.contains(OFlags::PATH) { flags } else { flags | OFlags::NOATIME };
    match resolve(root, &path, quiet) {
        // only the owner of a file, or a privileged process, may ask for O_NOATIME
        Err(Errno::PERM) if quiet != flags => Ok(resolve(root, &path, flags)?),
        other => Ok(other?),
    }
}

fn resolve(root: BorrowedFd<'_>, path: &CString, flags: OFlags) -> Result<OwnedFd, Errno> {
    let rules = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
    match rustix::fs::openat2(root, path.as_c_str(), flags, Mode::empty(), rules) {
        // kernels before 5.6, and sandboxes that do not know the call
        Err(Errno::NOSYS) => step_by_step(root, path, flags),
        other => other,
    }
}

/// The same without openat2: one component at a time, no component being a link.
fn step_by_step(root: BorrowedFd<'_>, path: &CString, flags: OFlags) -> Result<OwnedFd, Errno> {
    let mut parts = path.as_bytes().split(|b| *b == b'/').peekable();
    let mut at: Option<OwnedFd> = None;
    while let Some(part) = parts.next() {
        let here = at.as_ref().map_or(root, AsFd::as_fd);
        let last = parts.peek().is_none();
        let step = if last { flags } else { OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC };
        at = Some(rustix::fs::openat(here, part, step, Mode::empty())?);
    }
    at.ok_or(Errno::NOENT)
}

/// Both ends of a file, and how long it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ends {
    pub head: Vec<u8>,
    pub tail: Vec<u8>,
    pub len: u64,
}

/// Reads the first `len` bytes of an open regular file, or all of it when it is shorter.
pub(super) fn read_head(fd: &OwnedFd, len: usize) -> Result<Vec<u8>, Unreadable> {
    let size = regular(fd)?.size;
    let mut bytes = vec![0; len.min(usize::try_from(size).unwrap_or(len))];
    let read = fill(fd, &mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// Reads the first and last bytes of an open regular file.
pub(super) fn read_ends(fd: &OwnedFd, head: usize, tail: usize) -> Result<Ends, Unreadable> {
    let len = regular(fd)?.size;
    let within = |asked: usize| asked.min(usize::try_from(len).unwrap_or(asked));
    let (mut first, mut last) = (vec![0; within(head)], vec![0; within(tail)]);
    let from = len.saturating_sub(last.len() as u64);
    let whole = fill(fd, &mut first, 0)? == first.len() && fill(fd, &mut last, from)? == last.len();
    if whole { Ok(Ends { head: first, tail: last, len }) } else { Err(Unreadable::Changing) }
}

/// Reads an open regular file whole.
pub(super) fn read_all(fd: &OwnedFd, cap: u64) -> Result<Vec<u8>, Unreadable> {
    let size = regular(fd)?.size;
    if size > cap {
        return Err(Unreadable::TooLong { len: size, cap });
    }
    // one byte more than it has, so that the end is seen in the same call, and a file that grows meanwhile is noticed
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(usize::MAX).saturating_add(1)];
    let mut len = fill(fd, &mut bytes, 0)?;
    while len == bytes.len() {
        if len as u64 > cap {
            return Err(Unreadable::TooLong { len: len as u64, cap });
        }
        bytes.resize(len.saturating_mul(2).max(4096), 0);
        let more = bytes.get_mut(len..).unwrap_or_default();
        len = len.saturating_add(fill(fd, more, len as u64)?);
    }
    bytes.truncate(len);
    if len as u64 > cap { Err(Unreadable::TooLong { len: len as u64, cap }) } else { Ok(bytes) }
}

/// Fills a buffer from a place in a file, as far as the file goes. A regular file is read short only at its end.
fn fill(fd: &OwnedFd, buffer: &mut [u8], from: u64) -> Result<usize, Unreadable> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let asked = rest.len();
        let read = rustix::io::retry_on_intr(|| rustix::io::pread(fd, &mut *rest, from.saturating_add(filled as u64)))?;
        filled = filled.saturating_add(read);
        // a call moves at most two gigabytes; less than asked for is the end
        if read == 0 || (read < asked && asked < 1 << 30) {
            break;
        }
    }
    Ok(filled)
}

fn regular(fd: &OwnedFd) -> Result<Stat, Unreadable> {
    let stat = stat_of(fd.as_fd(), c"", AtFlags::EMPTY_PATH)?;
    if stat.kind == FileKind::File { Ok(stat) } else { Err(Unreadable::NotAFile(stat.kind)) }
}
