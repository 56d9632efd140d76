//! Whether a gzip file looks whole, without unpacking it: how it begins, and the length that it ends with.
//!
//! ```text
//! 1f 8b 08 · flags · time u32 · 2 bytes | deflated data | CRC-32 u32 · length of the data modulo 2^32 u32
//! ```

/// What is asked of the beginning and of the end.
pub const HEAD: usize = 3;
pub const TAIL: usize = 4;

/// Header, an empty block, trailer.
const SHORTEST: u64 = 10 + 2 + 8;
/// Deflate makes of one byte at most this many.
const RATIO: u64 = 1032;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GzipError {
    #[error("does not begin as a gzip file does")]
    Head,
    #[error("is cut off: {0} bytes are shorter than any gzip file")]
    Short(u64),
    #[error("is cut off, or was written over: it ends with a length of {claimed} bytes, which {len} cannot hold")]
    Tail { claimed: u64, len: u64 },
}

/// Checks the first and last bytes of a file of `len` bytes.
pub fn looks_whole(head: &[u8], tail: &[u8], len: u64) -> Result<(), GzipError> {
    if head.get(..HEAD) != Some(&[0x1f, 0x8b, 0x08]) {
        return Err(GzipError::Head);
    }
    let last = tail.last_chunk::<TAIL>().filter(|_| len >= SHORTEST);
    let claimed = u64::from(u32::from_le_bytes(*last.ok_or(GzipError::Short(len))?));
    let packed = len.saturating_sub(SHORTEST - 2);
    // data that does not deflate is stored, with five bytes for each 65,535 and a little more
    let least = packed.saturating_sub(packed / 1000 + 16);
    // the length is kept modulo 2^32: more than that tells nothing
    let most = packed.saturating_mul(RATIO);
    let fits = claimed <= most && (claimed >= least || most > u64::from(u32::MAX));
    if fits { Ok(()) } else { Err(GzipError::Tail { claimed, len }) }
}
