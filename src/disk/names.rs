//! The names in a directory, sorted. One of 500,000 files is listed as well, so that names lie end to end in one text.

use rayon::slice::ParallelSliceMut as _;

use super::FileKind;

/// Sorted names, with what each is.
#[derive(Clone, Debug, Default)]
pub struct Names {
    text: Vec<u8>,
    entries: Vec<Entry>,
}

/// A name's place in the text, its first bytes as a number that sorts as they do, and what it names.
#[derive(Clone, Copy, Debug)]
struct Entry {
    head: u64,
    start: u32,
    len: u16,
    kind: FileKind,
}

/// Above this, sorting is worth the help of other threads.
const MANY: usize = 10_000;

impl Names {
    /// Adds a name without putting it in its place. False if it does not fit any more.
    pub(super) fn push(&mut self, name: &[u8], kind: FileKind) -> bool {
        let (Ok(start), Ok(len)) = (u32::try_from(self.text.len()), u16::try_from(name.len())) else { return false };
        self.text.extend_from_slice(name);
        self.entries.push(Entry { head: head(name), start, len, kind });
        true
    }

    pub(super) fn sort(&mut self) {
        let Self { text, entries } = self;
        let text = text.as_slice();
        let order = |a: &Entry, b: &Entry| a.head.cmp(&b.head).then_with(|| a.name(text).cmp(b.name(text)));
        if entries.len() > MANY {
            entries.par_sort_unstable_by(order)
        } else {
            entries.sort_unstable_by(order)
        }
        // a file that is renamed while its directory is read may be listed twice
        entries.dedup_by(|a, b| a.head == b.head && a.name(text) == b.name(text));
        entries.shrink_to_fit();
        self.text.shrink_to_fit();
    }

    /// Settles what some entries are.
    pub(super) fn settle(&mut self, kind_of: impl Fn(&[u8], FileKind) -> FileKind) {
        for entry in &mut self.entries {
            entry.kind = kind_of(entry.name(&self.text), entry.kind);
        }
    }

    /// In byte order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], FileKind)> {
        self.entries.iter().map(|entry| (entry.name(&self.text), entry.kind))
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn kind(&self, name: &[u8]) -> Option<FileKind> {
        let head = head(name);
        let order = |entry: &Entry| entry.head.cmp(&head).then_with(|| entry.name(&self.text).cmp(name));
        let at = self.entries.binary_search_by(order).ok()?;
        self.entries.get(at).map(|entry| entry.kind)
    }
}

impl Entry {
    fn name<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        let start = self.start as usize;
        text.get(start..start.saturating_add(self.len.into())).unwrap_or_default()
    }
}

fn head(name: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(name).for_each(|(to, from)| *to = *from);
    u64::from_be_bytes(bytes)
}

impl<'a> FromIterator<(&'a [u8], FileKind)> for Names {
    fn from_iter<I: IntoIterator<Item = (&'a [u8], FileKind)>>(entries: I) -> Self {
        let mut names = Self::default();
        entries.into_iter().for_each(|(name, kind)| {
            names.push(name, kind);
        });
        names.sort();
        names
    }
}
