//! A layer's blob as the tar stream in it: gzip, zstd or plain, told by how it begins. What goes in is hashed on the way.

use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest as _, Sha256};

use crate::disk::Stream;
use crate::terms::Digest;

/// Hashes what is read through it.
pub(super) struct Hashed {
    stream: Stream,
    hash: Sha256,
    /// How much was taken.
    taken: u64,
    /// What was read to see how it begins.
    head: Vec<u8>,
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.head.is_empty() {
            let len = self.head.len().min(buffer.len());
            for (to, from) in buffer.iter_mut().zip(self.head.drain(..len)) {
                *to = from;
            }
            return Ok(len);
        }
        let read = self.stream.read(buffer)?;
        self.hash.update(buffer.get(..read).unwrap_or_default());
        self.taken = self.taken.saturating_add(read as u64);
        Ok(read)
    }
}

type Buffered = BufReader<Hashed>;

/// The stream in a blob.
pub(super) enum Unpacked {
    Plain(Buffered),
    Gzip(Box<MultiGzDecoder<Buffered>>),
    Zstd(zstd::Decoder<'static, Buffered>),
}

impl std::fmt::Debug for Unpacked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unpacked").finish_non_exhaustive()
    }
}

const BUFFER: usize = 128 << 10;

impl Unpacked {
    // containerd pkg/archive/compression/compression.go DetectCompression
    pub(super) fn new(mut stream: Stream) -> io::Result<Self> {
        let mut head = Vec::with_capacity(4);
        Read::by_ref(&mut stream).take(4).read_to_end(&mut head)?;
        let hash = Sha256::new_with_prefix(&head);
        let gzip = head.starts_with(&[0x1f, 0x8b, 0x08]);
        // a frame, or one that may be skipped
        let skippable = head.get(1..) == Some(&[0x2a, 0x4d, 0x18]) && head.first().is_some_and(|byte| byte >> 4 == 5);
        let zstd = head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) || skippable;
        let buffered = BufReader::with_capacity(BUFFER, Hashed { stream, hash, taken: 0, head });
        Ok(match (gzip, zstd) {
            (true, _) => Self::Gzip(Box::new(MultiGzDecoder::new(buffered))),
            (_, true) => Self::Zstd(zstd::Decoder::with_buffer(buffered)?),
            _ => Self::Plain(buffered),
        })
    }

    /// How much of the blob was taken so far.
    pub(super) fn taken(&self) -> u64 {
        match self {
            Self::Plain(stream) => stream.get_ref().taken,
            Self::Gzip(stream) => stream.get_ref().get_ref().taken,
            Self::Zstd(stream) => stream.get_ref().get_ref().taken,
        }
    }

    /// The digest of the blob, when it is read to its end.
    pub(super) fn digest(self) -> io::Result<Digest> {
        let mut rest = match self {
            Self::Plain(rest) => rest,
            Self::Gzip(decoder) => decoder.into_inner(),
            Self::Zstd(decoder) => decoder.finish(),
        };
        io::copy(&mut rest, &mut io::sink())?;
        Ok(Digest::of_hash(rest.into_inner().hash))
    }
}

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Gzip(stream) => stream.read(buffer),
            Self::Zstd(stream) => stream.read(buffer),
        }
    }
}
