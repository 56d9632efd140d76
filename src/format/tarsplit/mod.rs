//! tar-split: what it takes, besides a layer's files, to make the very tar stream again that the layer came as.
//!
//! ```text
//! tar-split.json.gz: gzip of lines
//!     {"type":2,"payload":"<base64>","position":0}                        bytes of the stream: headers, padding
//!     {"type":1,"name":"etc/","payload":null,"position":1}                 an entry without content
//!     {"type":1,"name":"etc/x","size":9,"payload":"<base64>","position":3} the content of a file, with its CRC-64
//!     {"type":1,"name_raw":"<base64>",…}                                   a name that is not UTF-8
//! ```
//!
//! Nothing in a record is believed: how much it unpacks to, how long its lines are, how many there are, where its names
//! lead. The writer is vbatts/tar-split (tar/storage/{entry,packer}.go).

mod line;
mod lines;
#[cfg(test)]
mod tests;

use std::io::Read;

use line::Line;
use lines::Lines;

/// How far a record is read.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest line. The writer takes padding in at most 1 MiB at a time, and a header has no more.
    pub line: usize,
    /// What it may unpack to: room for some millions of files.
    pub unpacked: u64,
    pub lines: u64,
    /// The content of one file.
    pub size: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { line: 4 << 20, unpacked: 8 << 30, lines: 20_000_000, size: 1 << 40 }
    }
}

/// A part of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// As it stands.
    Bytes(&'a [u8]),
    /// The content of a file: nothing if `size` is zero.
    File { name: &'a [u8], size: u64, sum: Option<u64> },
}

/// Why a record is not followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TarSplitError {
    #[error("cannot be unpacked: {0}")]
    Gzip(String),
    #[error("unpacks to more than {0} bytes")]
    TooMuch(u64),
    #[error("unpacks to more than {RATIO} times its size")]
    Bomb,
    #[error("has a line of more than {0} bytes")]
    LongLine(usize),
    #[error("has more than {0} lines")]
    TooManyLines(u64),
    #[error("line {line}: {cause}")]
    Line { line: u64, cause: LineError },
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    #[error("{0}")]
    Json(String),
    #[error("an entry of type {0}, which there is not")]
    Type(u8),
    #[error("not base64")]
    Base64,
    #[error("a sum that is not eight bytes long")]
    Sum,
    #[error("a content of {0} bytes, which no layer has")]
    Size(u64),
    #[error("the name {0:?} leads outside of the layer, or is none")]
    Name(String),
}

/// gzip makes hardly more than 1000 bytes of one; real records are at 8 to 20, and only long padding is above.
const RATIO: u64 = 200;
/// Short records may be all padding.
const RATIO_FROM: u64 = 64 << 20;

/// A record, piece by piece.
#[derive(Debug)]
pub struct TarSplit<R: Read> {
    lines: Lines<R>,
    limits: Limits,
    line: Line,
}

impl<R: Read> TarSplit<R> {
    /// Takes the packed record.
    pub fn new(packed: R, limits: Limits) -> Self {
        Self { lines: Lines::new(packed, limits), limits, line: Line::default() }
    }

    /// The next part of the stream; none at its end.
    // not an iterator: a piece lives until the next one is asked for
    #[expect(clippy::should_implement_trait, reason = "it lends")]
    pub fn next(&mut self) -> Result<Option<Piece<'_>>, TarSplitError> {
        let Some(text) = self.lines.next()? else { return Ok(None) };
        if let Err(cause) = self.line.read(text, self.limits.size) {
            return Err(TarSplitError::Line { line: self.lines.count(), cause });
        }
        Ok(Some(self.line.piece()))
    }
}
