//! The lines of a packed record, with a limit on everything.

use std::io::{BufRead as _, BufReader, Read};

use flate2::read::MultiGzDecoder;

use super::{Limits, RATIO, RATIO_FROM, TarSplitError};

/// Counts what is taken out of a reader.
#[derive(Debug)]
struct Counted<R> {
    inner: R,
    taken: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.taken = self.taken.saturating_add(read as u64);
        Ok(read)
    }
}

const BUFFER: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Lines<R: Read> {
    // several members in a row are one stream, as Go reads it
    text: BufReader<MultiGzDecoder<Counted<R>>>,
    limits: Limits,
    /// What has come of a line that does not lie in the buffer whole.
    line: Vec<u8>,
    /// Of the buffer, what the last line took.
    taken: usize,
    unpacked: u64,
    count: u64,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(packed: R, limits: Limits) -> Self {
        let packed = MultiGzDecoder::new(Counted { inner: packed, taken: 0 });
        Self {
            text: BufReader::with_capacity(BUFFER, packed),
            limits,
            line: Vec::new(),
            taken: 0,
            unpacked: 0,
            count: 0,
        }
    }

    /// The number of the line that came last.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, TarSplitError> {
        self.line.clear();
        self.text.consume(std::mem::take(&mut self.taken));
        let end = loop {
            let text = self.text.fill_buf().map_err(|cause| TarSplitError::Gzip(cause.to_string()))?;
            let end = memchr::memchr(b'\n', text);
            if text.is_empty() || end.is_some() && self.line.is_empty() {
                break end;
            }
            let taken = end.map_or(text.len(), |at| at.saturating_add(1));
            self.line.extend_from_slice(text.get(..end.unwrap_or(taken)).unwrap_or_default());
            self.text.consume(taken);
            self.weigh(taken, self.line.len())?;
            if end.is_some() {
                break None;
            }
        };
        if let Some(end) = end {
            self.taken = end.saturating_add(1);
            self.weigh(self.taken, end)?;
        }
        let line = end.map_or(Some(self.line.as_slice()), |end| self.text.buffer().get(..end)).unwrap_or_default();
        if line.is_empty() {
            return Ok(None);
        }
        self.count = self.count.saturating_add(1);
        if self.count > self.limits.lines {
            return Err(TarSplitError::TooManyLines(self.limits.lines));
        }
        Ok(Some(line))
    }

    fn weigh(&mut self, taken: usize, line: usize) -> Result<(), TarSplitError> {
        self.unpacked = self.unpacked.saturating_add(taken as u64);
        if line > self.limits.line {
            return Err(TarSplitError::LongLine(self.limits.line));
        }
        if self.unpacked > self.limits.unpacked {
            return Err(TarSplitError::TooMuch(self.limits.unpacked));
        }
        let most = self.text.get_ref().get_ref().taken.saturating_mul(RATIO);
        if self.unpacked > RATIO_FROM && self.unpacked > most { Err(TarSplitError::Bomb) } else { Ok(()) }
    }
}
