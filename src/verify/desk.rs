//! What one worker has at hand: a buffer that serves for every file, the clock, and whom to tell how far it is.

use std::time::Instant;

use super::crew::Crew;
use crate::disk::{Content, Disk, Halt};

/// Two hundred small files are read with one allocation, and large ones with few calls.
const BUFFER: usize = 256 << 10;
/// Progress is told no more often than this.
const BYTES: u64 = 8 << 20;
const FILES: u64 = 500;

/// Told the files and the bytes that came in.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Sync);

pub(super) struct Desk<'a> {
    pub(super) disk: &'a Disk,
    pub(super) buffer: Vec<u8>,
    /// Who else there is.
    pub(super) crew: &'a Crew,
    until: Option<Instant>,
    progress: Progress<'a>,
    files: u64,
    bytes: u64,
}

/// The time that was given is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimeIsUp;

impl std::fmt::Debug for Desk<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("until", &self.until).finish_non_exhaustive()
    }
}

impl<'a> Desk<'a> {
    pub(super) fn new(disk: &'a Disk, crew: &'a Crew, until: Option<Instant>, progress: Progress<'a>) -> Self {
        Self { disk, buffer: vec![0; BUFFER], crew, until, progress, files: 0, bytes: 0 }
    }

    /// Counts; says when time is up.
    pub(super) fn tell(&mut self, files: u64, bytes: u64) -> Result<(), TimeIsUp> {
        self.files = self.files.saturating_add(files);
        self.bytes = self.bytes.saturating_add(bytes);
        if self.files < FILES && self.bytes < BYTES {
            return Ok(());
        }
        self.flush();
        self.look_at_the_clock()
    }

    pub(super) fn look_at_the_clock(&self) -> Result<(), TimeIsUp> {
        if self.until.is_some_and(|until| Instant::now() >= until) { Err(TimeIsUp) } else { Ok(()) }
    }

    pub(super) fn flush(&mut self) {
        (self.progress)(self.files, self.bytes);
        (self.files, self.bytes) = (0, 0);
    }

    /// Whether a file goes on with these bytes.
    pub(super) fn is_next(&mut self, content: &Content, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        while !rest.is_empty() {
            let most = rest.len().min(BUFFER);
            let Some(part) = self.buffer.get_mut(..most) else { return false };
            let Ok(read @ 1..) = content.read(part) else { return false };
            let same = part.get(..read) == rest.get(..read);
            if !same {
                return false;
            }
            rest = rest.get(read..).unwrap_or_default();
        }
        true
    }

    /// Reads exactly so many bytes of a file, in parts; whether there were so many.
    pub(super) fn read(
        &mut self,
        content: &Content,
        size: u64,
        mut each: impl FnMut(&[u8]),
    ) -> Result<Result<bool, Halt>, TimeIsUp> {
        if size > BUFFER as u64 {
            content.is_long();
        }
        let mut left = size;
        while left > 0 {
            let most = usize::try_from(left).map_or(BUFFER, |left| left.min(BUFFER));
            let Some(part) = self.buffer.get_mut(..most) else { break };
            let read = match content.read(part) {
                Ok(0) => return Ok(Ok(false)),
                Ok(read) => read,
                Err(halt) => return Ok(Err(halt)),
            };
            each(part.get(..read).unwrap_or_default());
            left = left.saturating_sub(read as u64);
            if left > 0 {
                self.tell(0, read as u64)?;
            } else {
                self.tell(1, read as u64)?;
            }
        }
        Ok(Ok(true))
    }
}
