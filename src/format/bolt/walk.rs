//! From the root page to every bucket and key, trusting nothing.
//!
//! A page, with its overflow pages, belongs to one bucket and is read once in the whole walk: so cycles end, a lattice of
//! shared pages cannot grow, and time and memory stay in proportion to the file. When a second one reaches it, neither
//! can be believed to be complete. What is broken loses its page, or the end of it; the bucket around it is marked.

use std::ops::Range;
use std::sync::Arc;

use super::error::Fault;
use super::int::u64_at;
use super::meta::Meta;
use super::page::{Cell, HEADER, Header, PageKind, Tail, lay_out};
use super::tree::{Item, Node, Spot, Tree};

/// Real trees have fewer than ten floors, and containerd nests buckets seven deep.
const MAX_DEPTH: u8 = 64;
const MAX_NESTING: u8 = 32;
const MAX_LISTED: usize = 1000;
const BUCKET_HEADER: usize = 16;
const NOBODY: u32 = u32::MAX;

/// Where a bucket's content lies.
#[derive(Clone, Debug)]
enum Source {
    Page(u64),
    /// A leaf inside the value.
    Inline(Range<usize>),
    Lost,
}

/// A page to be read, and the keys it may have: from the first key of its separator up to the next separator's.
struct Visit {
    page: u64,
    depth: u8,
    low: Option<Range<usize>>,
    high: Option<Range<usize>>,
}

struct Walk {
    tree: Tree,
    sources: Vec<Source>,
    page_size: usize,
    high_water: u64,
    /// The bucket that each page of the file belongs to.
    owners: Vec<u32>,
    cells: Vec<Cell>,
}

/// Reads the whole database.
pub(super) fn walk(bytes: &Arc<Vec<u8>>, meta: &Meta) -> Tree {
    let in_file = bytes.len() / meta.page_size;
    let have = u64::try_from(in_file).unwrap_or(u64::MAX);
    let tree = Tree {
        bytes: Arc::clone(bytes),
        nodes: Vec::new(),
        items: Vec::new(),
        damage: Vec::new(),
        unlisted: 0,
        reached_pages: 0,
    };
    let mut walk = Walk {
        tree,
        sources: Vec::new(),
        page_size: meta.page_size,
        high_water: meta.high_water,
        owners: vec![NOBODY; in_file],
        cells: Vec::new(),
    };
    if meta.high_water > have {
        // Nothing that we need must lie in the missing part; if it does, its bucket is marked when we get there.
        let fault = Fault::Truncated { have, want: meta.high_water };
        walk.tree.damage.push(Spot { node: 0, page: None, fault });
    }
    walk.add_bucket(meta.sequence, None, 0, Source::Page(meta.root));
    let mut next = 0;
    while let Some(source) = walk.sources.get(next).cloned() {
        walk.fill(next, source);
        next += 1;
    }
    walk.tree
}

impl Walk {
    fn add_bucket(&mut self, sequence: u64, named_by: Option<(usize, u32)>, nesting: u8, source: Source) -> u32 {
        let number = u32::try_from(self.tree.nodes.len()).unwrap_or(NOBODY);
        let node = Node { sequence, first: 0, last: 0, named_by, nesting, whole: true, whole_below: true };
        self.tree.nodes.push(node);
        self.sources.push(source);
        number
    }

    fn fill(&mut self, index: usize, source: Source) {
        let Ok(number) = u32::try_from(index) else { return };
        let first = self.tree.items.len();
        match source {
            Source::Page(page) => self.read_pages(number, page),
            Source::Inline(span) => self.read_inline(number, span),
            Source::Lost => {}
        }
        let last = self.tree.items.len();
        if let Some(node) = self.tree.nodes.get_mut(index) {
            (node.first, node.last) = (first, last);
        }
    }

    /// Reads a bucket's pages from left to right.
    fn read_pages(&mut self, number: u32, root: u64) {
        let mut visits = vec![Visit { page: root, depth: 1, low: None, high: None }];
        while let Some(visit) = visits.pop() {
            if let Err(fault) = self.read_page(number, &visit, &mut visits) {
                self.spoil(number, Some(visit.page), fault);
            }
        }
    }

    fn read_page(&mut self, number: u32, visit: &Visit, visits: &mut Vec<Visit>) -> Result<(), Fault> {
        let (header, span) = self.open_page(visit.page)?;
        self.claim(number, visit.page, 0)?;
        let bytes = Arc::clone(&self.tree.bytes);
        let mut cells = std::mem::take(&mut self.cells);
        let layout = lay_out(&bytes, &span, header, &mut cells);
        // Keys are compared only once the overflow pages, too, are known to be ours alone.
        let used = layout.end.saturating_sub(span.start);
        let read = self.claim(number, visit.page, used).and_then(|()| {
            let fault = layout.fault.or_else(|| self.shape_fault(&header, visit.depth, used, &span));
            let sound = in_order(&bytes, &cells, visit);
            match header.kind {
                PageKind::Leaf => self.take_items(number, cells.get(..sound).unwrap_or_default(), false),
                PageKind::Branch => take_children(cells.get(..sound).unwrap_or_default(), visit, visits)?,
            }
            if sound < cells.len() { Err(Fault::KeyOrder(sound)) } else { fault.map_or(Ok(()), Err) }
        });
        self.cells = cells;
        read
    }

    /// The header of a page, and the part of the file that it says to take.
    fn open_page(&self, page: u64) -> Result<(Header, Range<usize>), Fault> {
        if page < 2 || page >= self.high_water {
            return Err(Fault::PageNumber);
        }
        let first = usize::try_from(page).ok().filter(|first| *first < self.owners.len()).ok_or(Fault::OutsideFile)?;
        let start = first.checked_mul(self.page_size).ok_or(Fault::OutsideFile)?;
        let header = Header::parse(self.tree.bytes.get(start..).unwrap_or_default())?;
        if header.id != page {
            return Err(Fault::PageId(header.id));
        }
        let last = page.checked_add(u64::from(header.overflow)).filter(|last| *last < self.high_water);
        let last = usize::try_from(last.ok_or(Fault::PageNumber)?).ok().filter(|last| *last < self.owners.len());
        let end = last.and_then(|last| last.checked_add(1)?.checked_mul(self.page_size)).ok_or(Fault::OutsideFile)?;
        Ok((header, start..end))
    }

    /// Faults that leave the page's elements believable.
    fn shape_fault(&self, header: &Header, depth: u8, used: usize, span: &Range<usize>) -> Option<Fault> {
        // bbolt node.go, spill: a node gets as many pages as its size needs (older versions: one more at an exact fit).
        let filled = usize::try_from(header.overflow).ok().and_then(|more| more.checked_mul(self.page_size));
        if filled.is_none_or(|filled| used < filled) {
            return Some(Fault::Overflow(header.overflow));
        }
        let may_be_empty = header.kind == PageKind::Leaf && depth == 1;
        if header.count == 0 && !may_be_empty {
            return Some(Fault::NoElements);
        }
        // bbolt tx.go, write: buffers are zeroed before they are used again. So this betrays a count or length that shrank.
        let rest = self.tree.bytes.get(span.start.saturating_add(used)..span.end).unwrap_or_default();
        rest.iter().any(|byte| *byte != 0).then_some(Fault::Leftover)
    }

    /// Takes the first page for a bucket (`used` is 0), or the others that its first `used` bytes lie in.
    fn claim(&mut self, number: u32, page: u64, used: usize) -> Result<(), Fault> {
        let first = usize::try_from(page).map_err(|_| Fault::OutsideFile)?;
        let pages = if used == 0 { 0..1 } else { 1..used.div_ceil(self.page_size) };
        for index in pages.map(|more| first.saturating_add(more)) {
            let owner = self.owners.get_mut(index).ok_or(Fault::OutsideFile)?;
            if *owner != NOBODY {
                // What was taken so far stays taken, or many long pages could be tried over the same ground.
                let other = *owner;
                if other != number {
                    self.spoil(other, u64::try_from(index).ok(), Fault::ReachedTwice);
                }
                return Err(Fault::ReachedTwice);
            }
            *owner = number;
            self.tree.reached_pages = self.tree.reached_pages.saturating_add(1);
        }
        Ok(())
    }

    fn read_inline(&mut self, number: u32, span: Range<usize>) {
        let bytes = Arc::clone(&self.tree.bytes);
        let page = bytes.get(span.clone()).unwrap_or_default();
        let header = match Header::parse(page) {
            Ok(header) if header.kind != PageKind::Leaf => return self.spoil(number, None, Fault::PageFlags(1)),
            Ok(header) if header.id != 0 => return self.spoil(number, None, Fault::PageId(header.id)),
            Ok(header) => header,
            Err(Fault::OutsideFile) => return self.spoil(number, None, Fault::BucketHeader),
            Err(fault) => return self.spoil(number, None, fault),
        };
        let mut cells = std::mem::take(&mut self.cells);
        let layout = lay_out(&bytes, &span, header, &mut cells);
        let sound = in_order(&bytes, &cells, &Visit { page: 0, depth: 1, low: None, high: None });
        self.take_items(number, cells.get(..sound).unwrap_or_default(), true);
        // bbolt bucket.go, write: the value is as long as the leaf in it.
        let length = (layout.end != span.end).then_some(Fault::InlineLength);
        let fault = if sound < cells.len() { Some(Fault::KeyOrder(sound)) } else { layout.fault.or(length) };
        self.cells = cells;
        if let Some(fault) = fault {
            self.spoil(number, None, fault);
        }
    }

    fn take_items(&mut self, number: u32, cells: &[Cell], inline: bool) {
        for cell in cells {
            let (size, is_bucket) = match cell.tail {
                Tail::Value(len) => (len, false),
                Tail::Bucket(len) => (self.take_bucket(number, cell, len, inline), true),
                Tail::Child(_) => continue,
            };
            self.tree.items.push(Item { start: cell.start, size, key_len: cell.key_len, is_bucket });
        }
    }

    /// Notes a sub-bucket, to be filled later. One that is broken keeps its name.
    fn take_bucket(&mut self, parent: u32, cell: &Cell, len: u32, inline: bool) -> u32 {
        let nesting =
            usize::try_from(parent).ok().and_then(|at| self.tree.nodes.get(at)).map_or(0, |node| node.nesting);
        let nesting = nesting.saturating_add(1);
        let (sequence, source) = match self.bucket_value(cell, len) {
            _ if inline => (0, Err(Fault::InlineBucket)),
            _ if nesting > MAX_NESTING => (0, Err(Fault::TooNested)),
            Some((sequence, source)) => (sequence, Ok(source)),
            None => (0, Err(Fault::BucketHeader)),
        };
        let fault = source.as_ref().err().copied();
        let named_by = Some((self.tree.items.len(), parent));
        let number = self.add_bucket(sequence, named_by, nesting, source.unwrap_or(Source::Lost));
        if let Some(fault) = fault {
            self.spoil(number, None, fault);
        }
        number
    }

    fn bucket_value(&self, cell: &Cell, len: u32) -> Option<(u64, Source)> {
        let start = cell.key().end;
        let end = start.checked_add(usize::try_from(len).ok()?)?;
        let value = self.tree.bytes.get(start..end)?;
        let (root, sequence) = (u64_at(value, 0)?, u64_at(value, 8)?);
        if root != 0 {
            return Some((sequence, Source::Page(root)));
        }
        value.get(BUCKET_HEADER..BUCKET_HEADER + HEADER)?;
        Some((sequence, Source::Inline(start.checked_add(BUCKET_HEADER)?..end)))
    }

    /// Marks a bucket as incomplete, and those around it as holding such a one.
    fn spoil(&mut self, number: u32, page: Option<u64>, fault: Fault) {
        if self.tree.damage.len() < MAX_LISTED {
            self.tree.damage.push(Spot { node: number, page, fault });
        } else {
            self.tree.unlisted = self.tree.unlisted.saturating_add(1);
        }
        let nodes = &mut self.tree.nodes;
        let mut node = usize::try_from(number).ok().and_then(|at| nodes.get_mut(at));
        if let Some(node) = &mut node {
            node.whole = false;
        }
        while let Some(marked) = node.filter(|node| node.whole_below) {
            marked.whole_below = false;
            let parent = marked.named_by.and_then(|(_, parent)| usize::try_from(parent).ok());
            node = parent.and_then(|at| nodes.get_mut(at));
        }
    }
}

/// How many cells, from the first on, have keys that rise and keep between the separators above them.
fn in_order(bytes: &[u8], cells: &[Cell], visit: &Visit) -> usize {
    let key = |range: &Range<usize>| bytes.get(range.clone()).unwrap_or_default();
    let high = visit.high.as_ref().map(key);
    let mut last: Option<&[u8]> = None;
    for (index, cell) in cells.iter().enumerate() {
        let this = key(&cell.key());
        let rises = match last {
            Some(last) => last < this,
            None => visit.low.as_ref().map(key).is_none_or(|low| low <= this),
        };
        if !rises || high.is_some_and(|high| this >= high) {
            return index;
        }
        last = Some(this);
    }
    cells.len()
}

/// Puts a branch's children on the stack, the leftmost on top.
fn take_children(cells: &[Cell], visit: &Visit, visits: &mut Vec<Visit>) -> Result<(), Fault> {
    if visit.depth >= MAX_DEPTH {
        return Err(Fault::TooDeep);
    }
    let mut high = visit.high.clone();
    for cell in cells.iter().rev() {
        if let Tail::Child(page) = cell.tail {
            let low = Some(cell.key());
            visits.push(Visit { page, depth: visit.depth + 1, low: low.clone(), high });
            high = low;
        }
    }
    Ok(())
}
