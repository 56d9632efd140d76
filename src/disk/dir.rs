//! One directory: its names are read once, its files relative to it.

use std::ffi::CString;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{AtFlags, OFlags, RawDir};
use rustix::io::Errno;

use super::open::{Ends, open_beneath, read_all, read_ends, read_head};
use super::tree::stat_of;
use super::{CAP, Disk, FileKind, LIST_CAP, Names, Stat, Unreadable};
use crate::terms::Place;

/// An open directory with a sorted listing.
#[derive(Clone, Debug)]
pub struct Dir<'disk> {
    place: Place,
    fd: Arc<OwnedFd>,
    names: Arc<Names>,
    disk: &'disk Disk,
}

impl<'disk> Dir<'disk> {
    pub(super) fn list(place: Place, fd: OwnedFd, disk: &'disk Disk) -> Result<Self, Unreadable> {
        let mut names = Names::default();
        let mut buffer = [MaybeUninit::<u8>::uninit(); 32 << 10];
        let mut entries = RawDir::new(&fd, &mut buffer);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            if names.len() >= LIST_CAP || !names.push(name, FileKind::from(entry.file_type())) {
                return Err(Unreadable::TooMany(LIST_CAP));
            }
        }
        names.sort();
        settle_unknown(&mut names, &fd);
        Ok(Self { place, fd: Arc::new(fd), names: Arc::new(names), disk })
    }

    /// Whether any name is of some sort; the first that is ends the reading.
    pub(super) fn any(fd: &OwnedFd, is: impl Fn(&[u8]) -> bool) -> Result<bool, Unreadable> {
        let mut buffer = [MaybeUninit::<u8>::uninit(); 4 << 10];
        let mut entries = RawDir::new(fd, &mut buffer);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." && is(name) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The names, in byte order, with what each is.
    pub fn entries(&self) -> impl Iterator<Item = (&[u8], FileKind)> {
        self.names.iter()
    }

    /// The listing itself, to be kept when the directory is closed.
    pub fn names(&self) -> &Arc<Names> {
        &self.names
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub fn kind(&self, name: &[u8]) -> Option<FileKind> {
        self.names.kind(name)
    }

    /// The whole of a metadata file in this directory.
    pub fn read(&self, name: &[u8]) -> Result<Vec<u8>, Unreadable> {
        self.read_capped(name, CAP)
    }

    pub fn read_capped(&self, name: &[u8], cap: u64) -> Result<Vec<u8>, Unreadable> {
        read_all(&self.open_file(name)?, cap)
    }

    /// The first `len` bytes of a file, or all of a shorter one.
    pub fn head(&self, name: &[u8], len: usize) -> Result<Vec<u8>, Unreadable> {
        read_head(&self.open_file(name)?, len)
    }

    /// The first and last bytes of a file, and how long it is.
    pub fn ends(&self, name: &[u8], head: usize, tail: usize) -> Result<Ends, Unreadable> {
        read_ends(&self.open_file(name)?, head, tail)
    }

    fn open_file(&self, name: &[u8]) -> Result<OwnedFd, Unreadable> {
        self.check(name)?;
        match self.kind(name) {
            None => return Err(Unreadable::Missing),
            Some(FileKind::File | FileKind::Unknown) => {}
            Some(other) => return Err(Unreadable::NotAFile(other)),
        }
        if self.disk.has_a_journal() {
            self.disk.note(&self.place.join(name));
        }
        open_beneath(self.fd.as_fd(), name, OFlags::RDONLY | OFlags::NONBLOCK)
    }

    /// A directory in this one.
    pub fn dir(&self, name: &[u8]) -> Result<Dir<'disk>, Unreadable> {
        self.check(name)?;
        match self.kind(name) {
            None => return Err(Unreadable::Missing),
            Some(FileKind::Dir | FileKind::Unknown) => {}
            Some(other) => return Err(Unreadable::NotADirectory(other)),
        }
        let fd = open_beneath(self.fd.as_fd(), name, OFlags::DIRECTORY | OFlags::RDONLY)?;
        Self::list(self.place.join(name), fd, self.disk)
    }

    pub fn stat(&self, name: &[u8]) -> Result<Stat, Unreadable> {
        self.check(name)?;
        let name = CString::new(name).map_err(|_| Errno::INVAL)?;
        stat_of(self.fd.as_fd(), &name, AtFlags::empty())
    }

    pub fn link_target(&self, name: &[u8]) -> Result<Vec<u8>, Unreadable> {
        self.check(name)?;
        Ok(rustix::fs::readlinkat(&*self.fd, name, Vec::new())?.into_bytes())
    }

    fn check(&self, name: &[u8]) -> Result<(), Unreadable> {
        if name.is_empty() || name.contains(&b'/') || name == b".." {
            return Err(Unreadable::LeadsAway);
        }
        if self.disk.is_plain() { Ok(()) } else { self.disk.fault(&self.place.join(name)) }
    }
}

/// Some file systems do not say in the listing what an entry is.
fn settle_unknown(names: &mut Names, fd: &OwnedFd) {
    let look = |name: &[u8]| stat_of(fd.as_fd(), &CString::new(name).ok()?, AtFlags::empty()).ok();
    names.settle(|name, kind| match kind {
        FileKind::Unknown => look(name).map_or(kind, |stat| stat.kind),
        known => known,
    });
}
