//! Files that hold one value as text: `diff`, `parent`, `cache-id`, `size`, `mount-id`, `lastUpdated`, …

use std::str;

use jiff::Timestamp;

use crate::terms::{CacheId, Digest};

/// What is wrong with a file of one value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    #[error("not UTF-8 text")]
    NotText,
    #[error("empty")]
    Empty,
    #[error("{0:?} is not sha256: and 64 hex digits")]
    NotADigest(String),
    #[error("{0:?} is not the name of one directory")]
    NotOneName(String),
    #[error("{0:?} is not a decimal number; the engine reads it without trimming")]
    NotANumber(String),
    #[error("not the one byte 01")]
    NotAMark,
    #[error("{0:?} is not a time")]
    NotATime(String),
}

fn text(bytes: &[u8]) -> Result<&str, TextError> {
    str::from_utf8(bytes).map_err(|_| TextError::NotText)
}

/// The beginning of a value, for a message.
fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

/// `diff`, `parent`: a digest, trimmed as the engine does.
pub fn digest(bytes: &[u8]) -> Result<Digest, TextError> {
    let text = text(bytes)?.trim();
    if text.is_empty() {
        return Err(TextError::Empty);
    }
    Digest::parse(text).ok_or_else(|| TextError::NotADigest(shown(text)))
}

/// `cache-id`, `mount-id`, `init-id`: the name of a driver directory, trimmed as the engine does.
pub fn cache_id(bytes: &[u8]) -> Result<CacheId, TextError> {
    let text = text(bytes)?.trim();
    if text.is_empty() {
        return Err(TextError::Empty);
    }
    CacheId::parse(text).ok_or_else(|| TextError::NotOneName(shown(text)))
}

/// `size`: decimal, and not trimmed. A stray newline makes the engine skip the layer.
pub fn size(bytes: &[u8]) -> Result<u64, TextError> {
    let text = text(bytes)?;
    let digits = text.strip_prefix('+').unwrap_or(text);
    let number = || digits.parse::<u64>().ok().filter(|n| i64::try_from(*n).is_ok());
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(number).flatten().ok_or_else(|| TextError::NotANumber(shown(text)))
}

/// `lastUpdated`: RFC 3339.
pub fn time(bytes: &[u8]) -> Result<Timestamp, TextError> {
    let text = text(bytes)?;
    text.parse().map_err(|_| TextError::NotATime(shown(text)))
}

/// `builtLocally`: one byte. The engine asks only whether the file is there.
pub fn mark(bytes: &[u8]) -> Result<(), TextError> {
    if bytes == [1] { Ok(()) } else { Err(TextError::NotAMark) }
}

/// Whether the engine takes a name as that of a mount's directory: 64 hex digits, perhaps `-init`.
// moby layer/filestore.go: stringIDRegexp
pub fn is_mount_id(id: &CacheId) -> bool {
    let hex = id.as_str().strip_suffix("-init").unwrap_or(id.as_str());
    hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}
