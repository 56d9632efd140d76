//! A view of a tree that the kernel keeps untouched: a bind mount of our own, read-only, noatime, nodev, without the
//! mounts below. Symbolic links have no O_NOATIME, so without this view reading one may move its access time.
//!
//! The mount is made in a mount namespace that only a short-lived thread has. What comes out of it is a descriptor; the
//! namespace ends with the thread, the mount with the descriptor, and no other process ever sees either.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::mount::{OpenTreeFlags, open_tree};

use super::tree::stat_of;

/// The quiet view of an absolute path, or none where we may not mount.
pub(super) fn view(path: &Path, plain: BorrowedFd<'_>) -> Option<OwnedFd> {
    let path = path.to_owned();
    let made = std::thread::spawn(move || make(&path)).join().ok()??;
    let same = |fd: BorrowedFd<'_>| stat_of(fd, c"", AtFlags::EMPTY_PATH).ok().map(|s| (s.dev, s.ino));
    // what was mounted must be the directory that was opened
    (same(made.as_fd()) == same(plain)).then_some(made)
}

fn make(path: &Path) -> Option<OwnedFd> {
    const NONE: Option<&str> = None;
    unshare(CloneFlags::CLONE_NEWNS).ok()?;
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE).ok()?;
    mount(Some(path), path, NONE, MsFlags::MS_BIND, NONE).ok()?;
    let still = MsFlags::MS_RDONLY | MsFlags::MS_NOATIME | MsFlags::MS_NODEV | MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    mount(NONE, path, NONE, MsFlags::MS_BIND | MsFlags::MS_REMOUNT | still, NONE).ok()?;
    alive(path)
        .or_else(|| rustix::fs::open(path, OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY, Mode::empty()).ok())
}

/// A copy of the mount in a nameless namespace that lives as long as the descriptor. A mount whose namespace has ended
/// serves as well, but the kernel takes a global lock whenever such a one is let go, at every single `statx`: a tenth of
/// the time of a walk, and more with more threads. Linux 5.2.
fn alive(path: &Path) -> Option<OwnedFd> {
    open_tree(CWD, path, OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC).ok()
}
