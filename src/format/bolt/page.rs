//! One page: a header, a table of elements, and behind it the keys and values in the order of the table.
//!
//! ```text
//! header   id u64 · flags u16 (1 branch, 2 leaf) · count u16 · overflow u32
//! branch   pos u32 · ksize u32 · child u64                 × count
//! leaf     flags u32 (1 = bucket) · pos u32 · ksize u32 · vsize u32   × count
//! data     key value key value …        pos counts from the element's own start
//! ```
//!
//! bbolt (internal/common/inode.go, WriteInodeToPage) leaves no gap in the data; so an overlap or a gap betrays a
//! damaged count or length, and no byte belongs to two elements: what is made of a page is never larger than the page.

use std::ops::Range;

use super::error::Fault;
use super::int::{u16_at, u32_at, u64_at};

pub(super) const HEADER: usize = 16;
const ELEMENT: usize = 16;
const MAX_KEY: u32 = 32768;
const MAX_VALUE: u32 = 0x7FFF_FFFE;

#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) id: u64,
    pub(super) count: u16,
    pub(super) overflow: u32,
    pub(super) kind: PageKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PageKind {
    Branch,
    Leaf,
}

impl Header {
    /// `page` begins at the header.
    pub(super) fn parse(page: &[u8]) -> Result<Self, Fault> {
        let read = || Some((u64_at(page, 0)?, u16_at(page, 8)?, u16_at(page, 10)?, u32_at(page, 12)?));
        let (id, flags, count, overflow) = read().ok_or(Fault::OutsideFile)?;
        let kind = match flags {
            1 => PageKind::Branch,
            2 => PageKind::Leaf,
            other => return Err(Fault::PageFlags(other)),
        };
        Ok(Self { id, count, overflow, kind })
    }
}

/// One element: where its key starts, and what follows the key. Offsets count from the file's start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub(super) start: usize,
    pub(super) key_len: u16,
    pub(super) tail: Tail,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Tail {
    Child(u64),
    Value(u32),
    Bucket(u32),
}

impl Cell {
    pub(super) fn key(&self) -> Range<usize> {
        self.start..self.start.saturating_add(usize::from(self.key_len))
    }

    /// The offset after the key and what follows it.
    fn end(&self) -> Option<usize> {
        let tail = match self.tail {
            Tail::Child(_) => 0,
            Tail::Value(len) | Tail::Bucket(len) => usize::try_from(len).ok()?,
        };
        self.start.checked_add(usize::from(self.key_len))?.checked_add(tail)
    }
}

/// What a page's table says. The cells are sound as far as they go; the fault says why they end early, or what else is
/// odd. No key has been looked at yet.
#[derive(Debug)]
pub(super) struct Layout {
    /// The offset after the last byte that belongs to the page.
    pub(super) end: usize,
    pub(super) fault: Option<Fault>,
}

/// Reads the table of the page that lies at `span` of the file, into `cells`.
pub(super) fn lay_out(bytes: &[u8], span: &Range<usize>, header: Header, cells: &mut Vec<Cell>) -> Layout {
    cells.clear();
    let head = span.start.saturating_add(HEADER);
    let table = head.saturating_add(usize::from(header.count).saturating_mul(ELEMENT));
    // bbolt internal/common/types.go: a count of 0xFFFF is the freelist's escape, and never a node's.
    if table > span.end || header.count == u16::MAX {
        return Layout { end: head.min(span.end), fault: Some(Fault::Table) };
    }
    let mut layout = Layout { end: table, fault: None };
    for index in 0..usize::from(header.count) {
        let at = head.saturating_add(index.saturating_mul(ELEMENT));
        let (cell, end) = match element(bytes, at, index, header.kind) {
            Ok(found) if found.0.start >= layout.end && found.1 <= span.end => found,
            Ok(_) => return Layout { fault: Some(Fault::Element(index)), ..layout },
            Err(fault) => return Layout { fault: Some(fault), ..layout },
        };
        if cell.start > layout.end {
            layout.fault = layout.fault.or(Some(Fault::Gap(index)));
        }
        layout.end = end;
        cells.push(cell);
    }
    layout
}

/// The element at offset `at`, and the offset where its data ends.
fn element(bytes: &[u8], at: usize, index: usize, kind: PageKind) -> Result<(Cell, usize), Fault> {
    let broken = Fault::Element(index);
    let field = |offset: usize| at.checked_add(offset).and_then(|at| u32_at(bytes, at)).ok_or(broken);
    let (pos, key_len, tail) = match kind {
        PageKind::Branch => {
            let child = at.checked_add(8).and_then(|at| u64_at(bytes, at)).ok_or(broken)?;
            (field(0)?, field(4)?, Tail::Child(child))
        }
        PageKind::Leaf => {
            let len = Some(field(12)?).filter(|len| *len <= MAX_VALUE).ok_or(broken)?;
            let tail = match field(0)? {
                0 => Tail::Value(len),
                1 => Tail::Bucket(len),
                _ => return Err(Fault::ElementFlags(index)),
            };
            (field(4)?, field(8)?, tail)
        }
    };
    if key_len == 0 || key_len > MAX_KEY {
        return Err(Fault::KeyLength(index));
    }
    let start = usize::try_from(pos).ok().and_then(|pos| at.checked_add(pos)).ok_or(broken)?;
    let cell = Cell { start, key_len: u16::try_from(key_len).map_err(|_| Fault::KeyLength(index))?, tail };
    let end = cell.end().ok_or(broken)?;
    Ok((cell, end))
}
