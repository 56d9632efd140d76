//! What an extended header says of the entry after it: `<length> <key>=<value>\n`, the length counting itself.

use super::{Header, TarError};

/// Held until the entry comes.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) name: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    records: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Where attributes are, for both engines.
const ATTRIBUTE: &[u8] = b"SCHILY.xattr.";

impl Held {
    pub(super) fn is_empty(&self) -> bool {
        self.name.is_none() && self.link.is_none() && self.records.is_empty()
    }

    pub(super) fn records(&mut self, mut text: &[u8]) -> Result<(), TarError> {
        while !text.is_empty() {
            let (record, rest) = record(text).ok_or(TarError::Extension)?;
            let equals = memchr::memchr(b'=', record).ok_or(TarError::Extension)?;
            let (key, value) = record.split_at_checked(equals).ok_or(TarError::Extension)?;
            self.records.push((key.to_vec(), value.get(1..).unwrap_or_default().to_vec()));
            text = rest;
        }
        Ok(())
    }

    /// Says it of a header.
    pub(super) fn take_into(&mut self, header: &mut Header) -> Result<(), TarError> {
        if let Some(name) = self.name.take() {
            header.name = name;
        }
        if let Some(link) = self.link.take() {
            header.link = link;
        }
        for (key, value) in self.records.drain(..) {
            match key.as_slice() {
                // an empty value takes back what another record said
                b"path" if !value.is_empty() => header.name = value,
                b"linkpath" if !value.is_empty() => header.link = value,
                b"uid" if !value.is_empty() => header.uid = number(&value, "uid")?,
                b"gid" if !value.is_empty() => header.gid = number(&value, "gid")?,
                b"size" if !value.is_empty() => header.size = number(&value, "size")?,
                b"mtime" if !value.is_empty() => header.mtime = time(&value).ok_or(TarError::Number("time"))?,
                key if key.starts_with(b"GNU.sparse.") => header.sparse = true,
                key => {
                    if let Some(name) = key.strip_prefix(ATTRIBUTE) {
                        header.xattrs.retain(|(known, _)| known != name);
                        header.xattrs.push((name.to_vec(), value));
                    }
                }
            }
        }
        Ok(())
    }
}

/// The first record without its length and newline, and what comes after it.
fn record(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = memchr::memchr(b' ', text.get(..text.len().min(12))?)?;
    let len = number(text.get(..blank)?, "length").ok()?;
    let (record, rest) = text.split_at_checked(usize::try_from(len).ok()?)?;
    Some((record.get(blank.checked_add(1)?..)?.strip_suffix(b"\n")?, rest))
}

fn number(text: &[u8], what: &'static str) -> Result<u64, TarError> {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    number.ok_or(TarError::Number(what))
}

/// `-12.5` is half a second before -12. Digits after the ninth are left out.
pub(super) fn time(text: &[u8]) -> Option<(i64, u32)> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds: i64 = whole.parse().ok()?;
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    let nanos = digits.fold(0_u32, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    if !whole.starts_with('-') || nanos == 0 {
        return Some((seconds, nanos));
    }
    Some((seconds.checked_sub(1)?, 1_000_000_000_u32.checked_sub(nanos)?))
}
