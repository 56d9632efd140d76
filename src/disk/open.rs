//! Opening beneath a root: no link is followed, no mount is crossed, no access time moves.

use std::ffi::CString;
use std::io::Read as _;
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

/// Reads the first `len` bytes of an open regular file, or all of it when it is shorter.
pub(super) fn read_head(fd: &OwnedFd, len: usize) -> Result<Vec<u8>, Unreadable> {
    regular(fd)?;
    let mut bytes = Vec::new();
    let file = std::fs::File::from(rustix::io::dup(fd)?);
    file.take(len as u64).read_to_end(&mut bytes).map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::IO))?;
    Ok(bytes)
}

/// Reads the last `len` bytes of an open regular file, or all of a shorter one, and tells its length.
pub(super) fn read_tail(fd: &OwnedFd, len: usize) -> Result<(Vec<u8>, u64), Unreadable> {
    let size = regular(fd)?.size;
    let mut bytes = vec![0; len.min(usize::try_from(size).unwrap_or(len))];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let at = size.saturating_sub(rest.len() as u64);
        match rustix::io::pread(fd, rest, at)? {
            0 => return Err(Unreadable::Changing),
            read => filled += read,
        }
    }
    Ok((bytes, size))
}

fn regular(fd: &OwnedFd) -> Result<Stat, Unreadable> {
    let stat = stat_of(fd.as_fd(), c"", AtFlags::EMPTY_PATH)?;
    if stat.kind == FileKind::File { Ok(stat) } else { Err(Unreadable::NotAFile(stat.kind)) }
}

/// Reads an open regular file whole.
pub(super) fn read_all(fd: &OwnedFd, cap: u64) -> Result<Vec<u8>, Unreadable> {
    let stat = regular(fd)?;
    if stat.size > cap {
        return Err(Unreadable::TooLong { len: stat.size, cap });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(stat.size).unwrap_or(0).saturating_add(1));
    let file = std::fs::File::from(rustix::io::dup(fd)?);
    // one byte more than the cap, so that a file that grows meanwhile is noticed
    file.take(cap.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::IO))?;
    if bytes.len() as u64 > cap {
        return Err(Unreadable::TooLong { len: bytes.len() as u64, cap });
    }
    Ok(bytes)
}
