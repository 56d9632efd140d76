//! A tar stream, header by header, fed in parts of any length: the blocks of a layer come out of a tar-split record, or out
//! of a decoder, and contents are not kept.
//!
//! ```text
//! [ 'x' header | records ]  [ 'L' header | long name ]  header | content | padding to 512   …   two empty blocks
//! ```
//!
//! A header is taken as Go's archive/tar takes it, which both engines unpack with. A crate reads the block; the records
//! of an extended header are read here, since a value may hold a newline (`security.capability` does).

mod block;
mod pax;
#[cfg(test)]
mod tests;

use pax::Held;

/// What an entry is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    #[default]
    File,
    Link,
    Symlink,
    Char,
    Block,
    Dir,
    Fifo,
    /// A global header: says nothing about a file.
    Global,
    /// Neither engine unpacks it.
    Other(u8),
}

/// One entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    pub kind: Kind,
    pub name: Vec<u8>,
    /// Of a hard or symbolic link, where it leads.
    pub link: Vec<u8>,
    pub mode: u32,
    pub uid: u64,
    pub gid: u64,
    /// The bytes of content that follow.
    pub size: u64,
    /// Seconds and nanoseconds since 1970.
    pub mtime: (i64, u32),
    pub device: (u64, u64),
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// The content is a map of holes, not the file's bytes.
    pub sparse: bool,
}

/// What the stream came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'b> {
    /// What was fed is used up.
    More,
    /// An entry begins: see `Scanner::header`.
    Header,
    /// Of its content.
    Content(&'b [u8]),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TarError {
    #[error("a header with a {0} that is no number")]
    Number(&'static str),
    #[error("an extended header of {0} bytes")]
    LongExtension(u64),
    #[error("an extended header that does not parse")]
    Extension,
    #[error("an entry whose header says {header} bytes of content and whose record says {record}")]
    Size { header: u64, record: u64 },
    #[error("the record has the content of a file where the stream has none")]
    Place,
}

const BLOCK: usize = 512;
/// Go refuses longer ones. archive/tar/format.go maxSpecialFileSize
const LONGEST: u64 = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Block,
    /// Records, or a long name, that belong to the next header.
    Extension {
        kind: u8,
        left: u64,
    },
    Content {
        left: u64,
    },
    Padding {
        left: u64,
    },
    End,
}

/// Reads headers out of a stream that is fed in parts.
#[derive(Debug)]
pub struct Scanner {
    state: State,
    block: Vec<u8>,
    after_an_empty_block: bool,
    /// Of what goes on, to the next block.
    padding: u64,
    text: Vec<u8>,
    held: Held,
    header: Header,
}

impl Default for Scanner {
    fn default() -> Self {
        Self {
            state: State::Block,
            block: Vec::with_capacity(BLOCK),
            after_an_empty_block: false,
            padding: 0,
            text: Vec::new(),
            held: Held::default(),
            header: Header::default(),
        }
    }
}

impl Scanner {
    /// The entry that came last.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Whether the stream may stop here: after two empty blocks, or, as some writers leave these out, between entries.
    pub fn may_stop(&self) -> bool {
        match self.state {
            State::End => true,
            State::Block => self.block.is_empty() && self.held.is_empty(),
            State::Content { left } | State::Padding { left } => left == 0,
            State::Extension { .. } => false,
        }
    }

    /// Takes from `input` up to the next thing to tell.
    pub fn next<'b>(&mut self, input: &mut &'b [u8]) -> Result<Event<'b>, TarError> {
        loop {
            match self.state {
                State::End => {
                    *input = &[];
                    return Ok(Event::More);
                }
                State::Content { left: 0 } => self.state = State::Padding { left: self.padding },
                State::Padding { left: 0 } => self.state = State::Block,
                State::Extension { kind, left: 0 } => {
                    self.state = State::Padding { left: self.padding };
                    if self.extended(kind)? {
                        return Ok(Event::Header);
                    }
                }
                _ if input.is_empty() => return Ok(Event::More),
                State::Block => {
                    let missing = BLOCK.saturating_sub(self.block.len()) as u64;
                    self.block.extend_from_slice(take(input, missing));
                    if self.block.len() == BLOCK && self.opened()? {
                        return Ok(Event::Header);
                    }
                }
                State::Extension { kind, left } => {
                    let part = take(input, left);
                    self.text.extend_from_slice(part);
                    self.state = State::Extension { kind, left: left.saturating_sub(part.len() as u64) };
                }
                State::Content { left } => {
                    let part = take(input, left);
                    self.state = State::Content { left: left.saturating_sub(part.len() as u64) };
                    return Ok(Event::Content(part));
                }
                State::Padding { left } => {
                    let part = take(input, left);
                    self.state = State::Padding { left: left.saturating_sub(part.len() as u64) };
                }
            }
        }
    }

    /// Goes on as if so many bytes of content had come: all of the entry's.
    pub fn skip(&mut self, size: u64) -> Result<(), TarError> {
        match self.state {
            State::Content { left } if left != size => Err(TarError::Size { header: left, record: size }),
            State::Content { .. } => {
                self.state = State::Content { left: 0 };
                Ok(())
            }
            // an entry without content is over as soon as it begins
            _ if size == 0 => Ok(()),
            _ => Err(TarError::Place),
        }
    }

    /// A block is there: whether it is an entry of its own.
    fn opened(&mut self) -> Result<bool, TarError> {
        let empty = self.block.iter().all(|byte| *byte == 0);
        let ends = empty && self.after_an_empty_block;
        self.after_an_empty_block = empty;
        if empty {
            self.state = if ends { State::End } else { State::Block };
            self.block.clear();
            return Ok(false);
        }
        let kind = block::read(&self.block, &mut self.header)?;
        self.block.clear();
        if matches!(kind, b'x' | b'g' | b'L' | b'K') {
            let left = self.header.size;
            if left > LONGEST {
                return Err(TarError::LongExtension(left));
            }
            self.text.clear();
            self.padding = padding(left);
            self.state = State::Extension { kind, left };
            return Ok(false);
        }
        self.held.take_into(&mut self.header)?;
        // archive/tar/reader.go isHeaderOnly: a size that such an entry has means nothing
        if !matches!(self.header.kind, Kind::File | Kind::Other(_)) {
            self.header.size = 0;
        }
        self.padding = padding(self.header.size);
        self.state = State::Content { left: self.header.size };
        Ok(true)
    }

    /// An extended header is over: whether it is an entry of its own.
    fn extended(&mut self, kind: u8) -> Result<bool, TarError> {
        match kind {
            b'x' => self.held.records(&self.text)?,
            b'L' => self.held.name = Some(until_nul(&self.text)),
            b'K' => self.held.link = Some(until_nul(&self.text)),
            _ => {
                self.header.kind = Kind::Global;
                self.header.size = 0;
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn padding(size: u64) -> u64 {
    (BLOCK as u64).saturating_sub(size % BLOCK as u64) % BLOCK as u64
}

/// At most so many of the bytes that are there.
fn take<'b>(input: &mut &'b [u8], most: u64) -> &'b [u8] {
    let len = usize::try_from(most).map_or(input.len(), |most| most.min(input.len()));
    let (part, rest) = input.split_at_checked(len).unwrap_or((input, &[]));
    *input = rest;
    part
}

fn until_nul(text: &[u8]) -> Vec<u8> {
    text.split(|byte| *byte == 0).next().unwrap_or_default().to_vec()
}
