//! What was read of a database: buckets, their keys in order, and what is missing. Keys and values are places in the
//! file, which the tree keeps; nothing is copied out of it.

use std::fmt;
use std::sync::Arc;

use super::error::Fault;
use crate::terms::Printable;

/// A database that has been walked.
pub struct Tree {
    pub(super) bytes: Arc<Vec<u8>>,
    pub(super) nodes: Vec<Node>,
    /// Each bucket's items lie together, in key order.
    pub(super) items: Vec<Item>,
    pub(super) damage: Vec<Spot>,
    pub(super) unlisted: usize,
    pub(super) reached_pages: u64,
}

/// A bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) sequence: u64,
    pub(super) first: usize,
    pub(super) last: usize,
    /// The item that names it, and the bucket that this item is in; the root bucket has none.
    pub(super) named_by: Option<(usize, u32)>,
    pub(super) nesting: u8,
    pub(super) whole: bool,
    pub(super) whole_below: bool,
}

/// A key, and what follows it: a value of `size` bytes, or the bucket number `size`. As large as it is in the file, so
/// that a hostile file takes no more memory than its own size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) start: usize,
    pub(super) size: u32,
    pub(super) key_len: u16,
    pub(super) is_bucket: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    pub(super) node: u32,
    pub(super) page: Option<u64>,
    pub(super) fault: Fault,
}

/// One place where something is lost. Other buckets are not concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoltDamage<'t> {
    /// The names of the buckets from the top to the one concerned; empty for the database itself.
    pub path: Vec<&'t [u8]>,
    /// None when it is no page of its own: an inline bucket, or the file's end.
    pub page: Option<u64>,
    pub cause: Fault,
}

/// A bucket of a tree.
#[derive(Clone, Copy, Debug)]
pub struct Bucket<'t> {
    tree: &'t Tree,
    node: &'t Node,
}

/// What a key stands for.
#[derive(Clone, Copy, Debug)]
pub enum Entry<'t> {
    Value(&'t [u8]),
    Bucket(Bucket<'t>),
}

impl Tree {
    /// The bucket that holds the top buckets.
    pub fn root(&self) -> Bucket<'_> {
        // The walk makes the root bucket before anything else.
        self.nodes.first().map_or(Bucket { tree: self, node: &EMPTY }, |node| Bucket { tree: self, node })
    }

    /// The bucket below these names.
    pub fn at(&self, path: &[&[u8]]) -> Option<Bucket<'_>> {
        self.root().at(path)
    }

    /// True when nothing is lost, anywhere.
    pub fn is_whole(&self) -> bool {
        self.damage.is_empty()
    }

    /// The places where something is lost, up to a thousand of them.
    pub fn damage(&self) -> impl Iterator<Item = BoltDamage<'_>> {
        self.damage.iter().map(|spot| BoltDamage { path: self.path(spot.node), page: spot.page, cause: spot.fault })
    }

    /// How many more places there are than `damage` lists.
    pub fn unlisted_damage(&self) -> usize {
        self.unlisted
    }

    /// How many pages the buckets take. The rest of the file is free space, the two metas and the freelist.
    pub fn reached_pages(&self) -> u64 {
        self.reached_pages
    }

    fn path(&self, node: u32) -> Vec<&[u8]> {
        let named_by = |node: u32| self.node(node).and_then(|node| node.named_by);
        let mut path: Vec<&[u8]> = std::iter::successors(named_by(node), |(_, parent)| named_by(*parent))
            .filter_map(|(item, _)| self.items.get(item))
            .map(|item| self.key(item))
            .collect();
        path.reverse();
        path
    }

    fn node(&self, number: u32) -> Option<&Node> {
        self.nodes.get(usize::try_from(number).ok()?)
    }

    // The walk only makes items that lie in the file, so the empty answers below are never given.
    fn key(&self, item: &Item) -> &[u8] {
        let end = item.start.saturating_add(usize::from(item.key_len));
        self.bytes.get(item.start..end).unwrap_or_default()
    }

    fn entry(&self, item: &Item) -> Entry<'_> {
        if item.is_bucket {
            let node = self.node(item.size).unwrap_or(&EMPTY);
            return Entry::Bucket(Bucket { tree: self, node });
        }
        let start = item.start.saturating_add(usize::from(item.key_len));
        let end = start.saturating_add(usize::try_from(item.size).unwrap_or(usize::MAX));
        Entry::Value(self.bytes.get(start..end).unwrap_or_default())
    }
}

static EMPTY: Node =
    Node { sequence: 0, first: 0, last: 0, named_by: None, nesting: 0, whole: false, whole_below: false };

impl<'t> Bucket<'t> {
    /// The sub-bucket of this name.
    pub fn bucket(self, name: &[u8]) -> Option<Bucket<'t>> {
        match self.find(name)? {
            Entry::Bucket(bucket) => Some(bucket),
            Entry::Value(_) => None,
        }
    }

    /// The bucket below these names.
    pub fn at(self, path: &[&[u8]]) -> Option<Bucket<'t>> {
        path.iter().try_fold(self, |bucket, name| bucket.bucket(name))
    }

    /// The value of this key.
    pub fn get(self, key: &[u8]) -> Option<&'t [u8]> {
        match self.find(key)? {
            Entry::Value(value) => Some(value),
            Entry::Bucket(_) => None,
        }
    }

    fn find(self, key: &[u8]) -> Option<Entry<'t>> {
        let items = self.slice();
        let found = items.binary_search_by(|item| self.tree.key(item).cmp(key)).ok()?;
        items.get(found).map(|item| self.tree.entry(item))
    }

    fn slice(self) -> &'t [Item] {
        self.tree.items.get(self.node.first..self.node.last).unwrap_or_default()
    }

    /// Keys and what they stand for, in key order.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = (&'t [u8], Entry<'t>)> + ExactSizeIterator {
        self.slice().iter().map(move |item| (self.tree.key(item), self.tree.entry(item)))
    }

    /// The sub-buckets, in key order.
    pub fn buckets(self) -> impl DoubleEndedIterator<Item = (&'t [u8], Bucket<'t>)> {
        self.iter().filter_map(|(key, entry)| match entry {
            Entry::Bucket(bucket) => Some((key, bucket)),
            Entry::Value(_) => None,
        })
    }

    /// The keys that have values, in key order.
    pub fn entries(self) -> impl DoubleEndedIterator<Item = (&'t [u8], &'t [u8])> {
        self.iter().filter_map(|(key, entry)| match entry {
            Entry::Value(value) => Some((key, value)),
            Entry::Bucket(_) => None,
        })
    }

    /// The number of keys, buckets included.
    pub fn len(self) -> usize {
        self.slice().len()
    }

    pub fn is_empty(self) -> bool {
        self.slice().is_empty()
    }

    /// The bucket's own counter; containerd numbers snapshots with it.
    pub fn sequence(self) -> u64 {
        self.node.sequence
    }

    /// False when keys of this very bucket may be missing. Absence proves nothing then.
    pub fn is_whole(self) -> bool {
        self.node.whole
    }

    /// False when keys of this bucket or of one below it may be missing.
    pub fn is_whole_below(self) -> bool {
        self.node.whole_below
    }
}

impl fmt::Display for BoltDamage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 80;
        f.write_str(if self.path.is_empty() { "the database" } else { "bucket " })?;
        for (depth, name) in self.path.iter().enumerate() {
            f.write_str(if depth == 0 { "" } else { "/" })?;
            write!(f, "{}", Printable(name.get(..SHOWN).unwrap_or(name)))?;
            f.write_str(if name.len() > SHOWN { "…" } else { "" })?;
        }
        if let Some(page) = self.page {
            write!(f, ", page {page}")?;
        }
        write!(f, ": {}", self.cause)
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tree")
            .field("buckets", &self.nodes.len())
            .field("keys", &self.items.len())
            .field("damage", &self.damage.len())
            .finish_non_exhaustive()
    }
}
