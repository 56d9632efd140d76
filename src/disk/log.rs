//! A journal of what was done: lines are added to a file outside every root, and each is on the disk before anything is done.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::manifest::ManifestError;
use super::{Disk, FileKind};
use crate::terms::Place;

/// An open journal.
#[derive(Debug)]
pub struct Log(File);

impl Log {
    /// Adds a line.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        self.0.write_all(format!("{text}\n").as_bytes())?;
        self.0.sync_data()
    }
}

impl Disk {
    /// Opens a journal to add to; it is made where there is none.
    pub fn journal_at(&self, path: &Path) -> Result<Log, ManifestError> {
        self.lies_outside(path)?;
        let file = OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(no_follow()).open(path)?;
        match file.metadata()?.is_file() {
            true => Ok(Log(file)),
            false => Err(io::Error::from(io::ErrorKind::InvalidInput).into()),
        }
    }

    /// Whether a path of this machine is the very directory that a place is.
    pub fn is_at(&self, place: &Place, path: &Path) -> bool {
        let here =
            rustix::fs::statx(rustix::fs::CWD, path, rustix::fs::AtFlags::empty(), rustix::fs::StatxFlags::BASIC_STATS);
        let Ok(stat) = self.stat(place) else { return false };
        here.is_ok_and(|here| {
            stat.kind == FileKind::Dir
                && stat.ino == here.stx_ino
                && stat.dev == (here.stx_dev_major, here.stx_dev_minor)
        })
    }
}

/// A link would lead anywhere. What is no file (a pipe that nobody reads) is not waited for.
fn no_follow() -> i32 {
    i32::try_from((rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits()).unwrap_or(0)
}
