//! A header's block of 512 bytes.

use tar::{EntryType, Header as Block};

use super::{Header, Kind, TarError};

/// Reads a block; gives its type byte.
pub(super) fn read(block: &[u8], header: &mut Header) -> Result<u8, TarError> {
    let block = Block::from_byte_slice(block);
    let old = block.as_old();
    let kind = block.entry_type().as_byte();
    header.name.clear();
    header.name.extend_from_slice(&block.path_bytes());
    header.link.clear();
    header.link.extend_from_slice(&block.link_name_bytes().unwrap_or_default());
    header.xattrs.clear();
    header.sparse = false;
    let positive = |field: &[u8], name| number(field).and_then(|n| u64::try_from(n).ok()).ok_or(TarError::Number(name));
    header.mode = u32::try_from(positive(&old.mode, "mode")? & 0o7_777).unwrap_or(0);
    header.uid = positive(&old.uid, "uid")?;
    header.gid = positive(&old.gid, "gid")?;
    header.size = positive(&old.size, "size")?;
    header.mtime = (number(&old.mtime).ok_or(TarError::Number("time"))?, 0);
    header.kind = what(block.entry_type(), old.linkflag, &header.name);
    header.device = (0, 0);
    if matches!(header.kind, Kind::Char | Kind::Block) {
        let (major, minor) = match (block.as_ustar(), block.as_gnu()) {
            (Some(ustar), _) => (&ustar.dev_major, &ustar.dev_minor),
            (_, Some(gnu)) => (&gnu.dev_major, &gnu.dev_minor),
            _ => return Ok(kind),
        };
        header.device = (positive(major, "device")?, positive(minor, "device")?);
    }
    Ok(kind)
}

fn what(kind: EntryType, flag: [u8; 1], name: &[u8]) -> Kind {
    match kind {
        // before there was a type for it, a directory was a file with a slash at the end
        EntryType::Regular if flag == [0] && name.ends_with(b"/") => Kind::Dir,
        EntryType::Regular => Kind::File,
        EntryType::Link => Kind::Link,
        EntryType::Symlink => Kind::Symlink,
        EntryType::Char => Kind::Char,
        EntryType::Block => Kind::Block,
        EntryType::Directory => Kind::Dir,
        EntryType::Fifo => Kind::Fifo,
        EntryType::XGlobalHeader => Kind::Global,
        other => Kind::Other(other.as_byte()),
    }
}

/// Octal digits between blanks and NULs, nothing at all for zero; or, if the first bit is set, a binary number.
pub(super) fn number(field: &[u8]) -> Option<i64> {
    let first = *field.first()?;
    if first & 0x80 != 0 {
        return binary(field, first);
    }
    let blank = |byte: &u8| *byte == b' ' || *byte == 0;
    let start = field.iter().position(|byte| !blank(byte));
    let Some(digits) = start.and_then(|start| field.get(start..)) else { return Some(0) };
    let end = digits.iter().position(blank).unwrap_or(digits.len());
    let add = |sum: i64, digit: &u8| match digit {
        b'0'..=b'7' => sum.checked_mul(8)?.checked_add(i64::from(digit - b'0')),
        _ => None,
    };
    digits.get(..end)?.iter().try_fold(0, add)
}

/// Two's complement, big end first; the first bit only says that it is binary.
fn binary(field: &[u8], first: u8) -> Option<i64> {
    let negative = first & 0x40 != 0;
    let start: i64 = if negative { -1 } else { 0 };
    let head = if negative { first } else { first & 0x7f };
    let bytes = std::iter::once(head).chain(field.iter().skip(1).copied());
    bytes.map(i64::from).try_fold(start, |sum, byte| sum.checked_mul(256)?.checked_add(byte))
}
