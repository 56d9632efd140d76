//! Go's variable-length integers: seven bits a byte, the lowest first; the high bit says that more follow.
//!
//! containerd writes sizes and versions signed (zig-zag: 0, -1, 1, -2 … as 0, 1, 2, 3 …) and snapshot ids unsigned. To
//! read one as the other halves or doubles it. What follows the integer is ignored, as Go's encoding/binary does.

use thiserror::Error;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VarintError {
    #[error("the number is cut off")]
    CutOff,
    #[error("the number does not fit into 64 bits")]
    TooLarge,
}

/// An unsigned integer, and the bytes after it.
pub fn take_uvarint(bytes: &[u8]) -> Result<(u64, &[u8]), VarintError> {
    let mut value = 0u64;
    let mut rest = bytes;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first().ok_or(VarintError::CutOff)?;
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit.
        let placed = bits << shift;
        if placed >> shift != bits {
            return Err(VarintError::TooLarge);
        }
        value |= placed;
        rest = after;
        if byte & 0x80 == 0 {
            return Ok((value, rest));
        }
    }
    Err(VarintError::TooLarge)
}

/// An unsigned integer: a snapshot's id.
pub fn uvarint(bytes: &[u8]) -> Result<u64, VarintError> {
    take_uvarint(bytes).map(|(value, _)| value)
}

/// A signed integer: `version`, `size`, `inodes`.
pub fn varint(bytes: &[u8]) -> Result<i64, VarintError> {
    let coded = uvarint(bytes)?;
    Ok((coded >> 1).cast_signed() ^ -((coded & 1).cast_signed()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsigned_and_signed_are_told_apart() {
        for (bytes, unsigned, signed) in [
            (&b"\x00"[..], 0, 0),
            (b"\x01", 1, -1),
            (b"\x08", 8, 4),
            (b"\xac\x02", 300, 150),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", u64::MAX, i64::MIN),
            (b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", u64::MAX - 1, i64::MAX),
        ] {
            assert_eq!((uvarint(bytes), varint(bytes)), (Ok(unsigned), Ok(signed)), "{bytes:x?}");
        }
    }

    #[test]
    fn cut_off_and_too_large_are_refused() {
        for (bytes, error) in [
            (&b""[..], VarintError::CutOff),
            (b"\x80", VarintError::CutOff),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff", VarintError::CutOff),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", VarintError::TooLarge),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", VarintError::TooLarge),
        ] {
            assert_eq!(uvarint(bytes), Err(error), "{bytes:x?}");
        }
    }

    #[test]
    fn what_follows_is_handed_back() {
        assert_eq!(take_uvarint(b"\x07/rest"), Ok((7, &b"/rest"[..])));
    }
}
