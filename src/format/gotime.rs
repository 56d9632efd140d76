//! Go's `time.Time` as databases and JSON hold it.
//!
//! ```text
//! binary   01 · seconds since 0001-01-01 UTC i64 · nanoseconds u32 · zone offset in minutes i16 (-1 = UTC), big-endian
//!          02 · the same · seconds of the offset i8
//! text     RFC 3339, with up to nine digits of a second
//! ```
//!
//! Go's zero time, 0001-01-01T00:00:00Z, stands for "never" and is `None` here.

use jiff::Timestamp;
use jiff::tz::Offset;
use thiserror::Error;

/// From 0001-01-01 to 1970-01-01 UTC.
const YEAR_ONE_TO_UNIX: i64 = 62_135_596_800;

/// A moment, and how far the clock that wrote it was from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoTime {
    pub at: Timestamp,
    pub offset: Offset,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum GoTimeError {
    #[error("{0} bytes are no binary time")]
    Length(usize),
    #[error("version {0} of the binary time is unknown")]
    Version(u8),
    #[error("the time or its offset is out of range")]
    Range,
    #[error("the text is no RFC 3339 time")]
    Text,
}

/// Reads what Go's `MarshalBinary` writes.
pub fn from_binary(bytes: &[u8]) -> Result<Option<GoTime>, GoTimeError> {
    let length = GoTimeError::Length(bytes.len());
    let (&version, rest) = bytes.split_first().ok_or(length)?;
    if !matches!(version, 1 | 2) {
        return Err(GoTimeError::Version(version));
    }
    let (seconds, rest) = rest.split_first_chunk::<8>().ok_or(length)?;
    let (nanoseconds, rest) = rest.split_first_chunk::<4>().ok_or(length)?;
    let (minutes, rest) = rest.split_first_chunk::<2>().ok_or(length)?;
    let offset_second = match (version, rest) {
        (1, []) => 0,
        (2, [second]) => i32::from(second.cast_signed()),
        _ => return Err(length),
    };
    let nanosecond = u32::from_be_bytes(*nanoseconds);
    let nanosecond = i32::try_from(nanosecond).ok().filter(|n| *n < 1_000_000_000).ok_or(GoTimeError::Range)?;
    let second = i64::from_be_bytes(*seconds).checked_sub(YEAR_ONE_TO_UNIX).ok_or(GoTimeError::Range)?;
    let at = Timestamp::new(second, nanosecond).map_err(|_| GoTimeError::Range)?;
    let offset = match i16::from_be_bytes(*minutes) {
        -1 => Offset::UTC,
        minutes => Offset::from_seconds(i32::from(minutes) * 60 + offset_second).map_err(|_| GoTimeError::Range)?,
    };
    Ok(known(at, offset))
}

/// Reads what Go writes into JSON.
pub fn from_rfc3339(text: &str) -> Result<Option<GoTime>, GoTimeError> {
    let at: Timestamp = text.parse().map_err(|_| GoTimeError::Text)?;
    let pieces = jiff::fmt::temporal::Pieces::parse(text).map_err(|_| GoTimeError::Text)?;
    Ok(known(at, pieces.to_numeric_offset().unwrap_or(Offset::UTC)))
}

/// Go's IsZero looks at the moment alone.
fn known(at: Timestamp, offset: Offset) -> Option<GoTime> {
    let never = at.as_second() == -YEAR_ONE_TO_UNIX && at.subsec_nanosecond() == 0;
    (!never).then_some(GoTime { at, offset })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(version: u8, seconds: i64, nanoseconds: u32, minutes: i16, rest: &[u8]) -> Vec<u8> {
        let mut bytes = vec![version];
        bytes.extend(seconds.to_be_bytes());
        bytes.extend(nanoseconds.to_be_bytes());
        bytes.extend(minutes.to_be_bytes());
        bytes.extend(rest);
        bytes
    }

    fn shown(time: Result<Option<GoTime>, GoTimeError>) -> String {
        let time = time.expect("valid").expect("not zero");
        time.at.display_with_offset(time.offset).to_string()
    }

    #[test]
    fn both_binary_versions_are_read() {
        let seconds = YEAR_ONE_TO_UNIX + 1_784_937_600;
        assert_eq!(shown(from_binary(&binary(1, seconds, 5, -1, b""))), "2026-07-25T00:00:00.000000005+00:00");
        assert_eq!(shown(from_binary(&binary(1, seconds, 0, 120, b""))), "2026-07-25T02:00:00+02:00");
        let odd = from_binary(&binary(2, seconds, 0, 19, &[32])).expect("valid").expect("not zero");
        assert_eq!(odd.offset.seconds(), 19 * 60 + 32);
        let west = from_binary(&binary(2, seconds, 0, -19, &[0xe0])).expect("valid").expect("not zero");
        assert_eq!((west.at.as_second(), west.offset.seconds()), (1_784_937_600, -(19 * 60 + 32)));
    }

    #[test]
    fn zero_time_is_none() {
        assert_eq!(from_binary(&binary(1, 0, 0, -1, b"")), Ok(None));
        assert_eq!(from_rfc3339("0001-01-01T00:00:00Z"), Ok(None));
        assert!(from_rfc3339("0001-01-01T00:00:00.000000001Z").expect("valid").is_some());
    }

    #[test]
    fn broken_binary_times_are_refused() {
        let seconds = YEAR_ONE_TO_UNIX;
        for (bytes, error) in [
            (vec![], GoTimeError::Length(0)),
            (vec![3; 15], GoTimeError::Version(3)),
            (vec![1; 14], GoTimeError::Length(14)),
            (binary(1, seconds, 0, -1, &[0]), GoTimeError::Length(16)),
            (binary(2, seconds, 0, -1, b""), GoTimeError::Length(15)),
            (binary(1, seconds, 1_000_000_000, -1, b""), GoTimeError::Range),
            (binary(1, i64::MIN, 0, -1, b""), GoTimeError::Range),
            (binary(1, i64::MAX, 0, -1, b""), GoTimeError::Range),
            (binary(1, seconds, 0, i16::MIN, b""), GoTimeError::Range),
        ] {
            assert_eq!(from_binary(&bytes), Err(error), "{bytes:x?}");
        }
    }

    #[test]
    fn text_keeps_its_offset() {
        assert_eq!(shown(from_rfc3339("2026-11-21T00:15:32.123456789+02:00")), "2026-11-21T00:15:32.123456789+02:00");
        assert_eq!(shown(from_rfc3339("2026-11-21T00:15:32Z")), "2026-11-21T00:15:32+00:00");
        for text in ["", "2026-11-21", "yesterday", "2026-13-21T00:00:00Z", "2026-11-21T00:00:00"] {
            assert_eq!(from_rfc3339(text), Err(GoTimeError::Text), "{text}");
        }
    }
}
