//! One line of a record. Its writer puts the keys in one order, so a scanner for just that goes first; whatever surprises
//! it is left to a parser of JSON.

use std::borrow::Cow;

use base64_simd::STANDARD;
use serde::Deserialize;

use super::{LineError, Piece};

/// What a line said last; its buffers serve for all lines.
#[derive(Debug, Default)]
pub(super) struct Line {
    is_file: bool,
    bytes: Vec<u8>,
    name: Vec<u8>,
    size: u64,
    sum: Option<u64>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(rename = "type")]
    kind: u8,
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    name_raw: Option<Cow<'a, str>>,
    #[serde(default)]
    size: u64,
    #[serde(borrow, default)]
    payload: Option<Cow<'a, str>>,
}

impl Line {
    pub(super) fn read(&mut self, text: &[u8], largest: u64) -> Result<(), LineError> {
        if self.scan(text)?.is_none() {
            self.parse(text)?;
        }
        if !self.is_file {
            return Ok(());
        }
        if self.size > largest {
            return Err(LineError::Size(self.size));
        }
        if is_inside(&self.name) { Ok(()) } else { Err(LineError::Name(shown(&self.name))) }
    }

    pub(super) fn piece(&self) -> Piece<'_> {
        if self.is_file {
            Piece::File { name: &self.name, size: self.size, sum: self.sum }
        } else {
            Piece::Bytes(&self.bytes)
        }
    }

    /// The line as its writer puts it; none if it is anything else.
    fn scan(&mut self, text: &[u8]) -> Result<Option<()>, LineError> {
        if let Some(rest) = text.strip_prefix(br#"{"type":2,"payload":""#) {
            let Some((payload, rest)) = quoted(rest) else { return Ok(None) };
            if !is_position(rest) {
                return Ok(None);
            }
            self.is_file = false;
            return decode(payload, &mut self.bytes).map(Some);
        }
        let Some((name, rest)) = text.strip_prefix(br#"{"type":1,"name":""#).and_then(quoted) else { return Ok(None) };
        let (size, rest) = match rest.strip_prefix(br#","size":"#) {
            None => (0, rest),
            Some(rest) => match number(rest) {
                Some(found) => found,
                None => return Ok(None),
            },
        };
        let (payload, rest) = match rest.strip_prefix(br#","payload":""#).and_then(quoted) {
            Some((payload, rest)) => (Some(payload), rest),
            None => match rest.strip_prefix(br#","payload":null"#) {
                Some(rest) => (None, rest),
                None => return Ok(None),
            },
        };
        if !is_position(rest) || !name.is_ascii() && std::str::from_utf8(name).is_err() {
            return Ok(None);
        }
        self.name.clear();
        self.name.extend_from_slice(name);
        self.file(size, payload).map(Some)
    }

    fn parse(&mut self, text: &[u8]) -> Result<(), LineError> {
        let entry: Entry<'_> = serde_json::from_slice(text).map_err(|cause| LineError::Json(cause.to_string()))?;
        let payload = entry.payload.as_deref().map(str::as_bytes);
        match entry.kind {
            1 => {
                // tar-split tar/storage/entry.go GetName: the raw name goes first
                match entry.name_raw.filter(|raw| !raw.is_empty()) {
                    Some(raw) => decode(raw.as_bytes(), &mut self.name)?,
                    None => {
                        self.name.clear();
                        self.name.extend_from_slice(entry.name.as_bytes());
                    }
                }
                self.file(entry.size, payload)
            }
            2 => {
                self.is_file = false;
                decode(payload.unwrap_or_default(), &mut self.bytes)
            }
            other => Err(LineError::Type(other)),
        }
    }

    fn file(&mut self, size: u64, payload: Option<&[u8]>) -> Result<(), LineError> {
        self.is_file = true;
        self.size = size;
        self.sum = None;
        if let Some(payload) = payload {
            decode(payload, &mut self.bytes)?;
            let sum = <[u8; 8]>::try_from(self.bytes.as_slice()).map_err(|_| LineError::Sum)?;
            self.sum = Some(u64::from_be_bytes(sum));
        }
        Ok(())
    }
}

/// What stands before the closing quote, and what after; none if anything in it is escaped.
fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr2(b'"', b'\\', text)?;
    let (inside, rest) = text.split_at_checked(end)?;
    rest.strip_prefix(b"\"").map(|rest| (inside, rest))
}

fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).filter(|end| *end > 0)?;
    let (digits, rest) = text.split_at_checked(end)?;
    let add = |sum: u64, digit: &u8| sum.checked_mul(10)?.checked_add(u64::from(digit.wrapping_sub(b'0')));
    Some((digits.iter().try_fold(0, add)?, rest))
}

/// How many pieces came before says nothing.
fn is_position(text: &[u8]) -> bool {
    let digits = text.strip_prefix(br#","position":"#).and_then(|text| text.strip_suffix(b"}"));
    digits.is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
}

fn decode(text: &[u8], to: &mut Vec<u8>) -> Result<(), LineError> {
    to.clear();
    STANDARD.decode_append(text, to).map_err(|_| LineError::Base64)
}

/// Cleaned by its text, as the engine does it, a name leads to something in the layer.
fn is_inside(name: &[u8]) -> bool {
    let mut depth = 0_usize;
    let mut goes_up = false;
    for part in name.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                let Some(above) = depth.checked_sub(1) else { return false };
                depth = above;
                goes_up = true;
            }
            _ => depth = depth.saturating_add(1),
        }
    }
    !(name.is_empty() || name.contains(&0) || goes_up && depth == 0)
}

fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).chars().take(200).collect()
}
