//! Draws databases page by page, as bbolt lays them out.

use crate::format::bolt::meta::fnv1a;

pub(crate) const PAGE: usize = 512;

pub(crate) struct Sketch {
    pub(crate) size: usize,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Clone)]
pub(crate) enum Value {
    Plain(Vec<u8>),
    /// A bucket's value: header, and a leaf when it is inline.
    Bucket(Vec<u8>),
}

pub(crate) fn plain(value: impl AsRef<[u8]>) -> Value {
    Value::Plain(value.as_ref().to_vec())
}

pub(crate) fn bucket(root: u64, sequence: u64) -> Value {
    Value::Bucket([root.to_le_bytes(), sequence.to_le_bytes()].concat())
}

pub(crate) fn inline(sequence: u64, items: &[(&str, Value)]) -> Value {
    let head = [0u64.to_le_bytes(), sequence.to_le_bytes()].concat();
    Value::Bucket([head, leaf(0, items)].concat())
}

fn header(id: u64, flags: u16, count: usize) -> Vec<u8> {
    let mut page = id.to_le_bytes().to_vec();
    page.extend(flags.to_le_bytes());
    page.extend(u16::try_from(count).unwrap().to_le_bytes());
    page.extend(0u32.to_le_bytes());
    page
}

fn length(len: usize) -> [u8; 4] {
    u32::try_from(len).unwrap().to_le_bytes()
}

fn leaf(id: u64, items: &[(&str, Value)]) -> Vec<u8> {
    let (mut page, mut data) = (header(id, 2, items.len()), Vec::new());
    for (index, (key, value)) in items.iter().enumerate() {
        let (flag, value) = match value {
            Value::Plain(value) => (0u32, value),
            Value::Bucket(value) => (1, value),
        };
        page.extend(flag.to_le_bytes());
        page.extend(length((items.len() - index) * 16 + data.len()));
        page.extend(length(key.len()));
        page.extend(length(value.len()));
        data.extend(key.as_bytes());
        data.extend(value);
    }
    [page, data].concat()
}

fn branch(id: u64, children: &[(&str, u64)]) -> Vec<u8> {
    let (mut page, mut data) = (header(id, 1, children.len()), Vec::new());
    for (index, (key, child)) in children.iter().enumerate() {
        page.extend(length((children.len() - index) * 16 + data.len()));
        page.extend(length(key.len()));
        page.extend(child.to_le_bytes());
        data.extend(key.as_bytes());
    }
    [page, data].concat()
}

impl Sketch {
    pub(crate) fn new(size: usize) -> Self {
        Self { size, bytes: vec![0; 2 * size] }
    }

    /// The number that the next page will have.
    pub(crate) fn next(&self) -> u64 {
        u64::try_from(self.bytes.len() / self.size).unwrap()
    }

    fn push(&mut self, mut page: Vec<u8>) -> u64 {
        let id = self.next();
        let pages = page.len().div_ceil(self.size);
        page[12..16].copy_from_slice(&length(pages - 1));
        page.resize(pages * self.size, 0);
        self.bytes.extend(page);
        id
    }

    pub(crate) fn leaf(&mut self, items: &[(&str, Value)]) -> u64 {
        self.push(leaf(self.next(), items))
    }

    pub(crate) fn branch(&mut self, children: &[(&str, u64)]) -> u64 {
        self.push(branch(self.next(), children))
    }

    /// Writes both metas: transaction 6 into the first, 7 into the second.
    pub(crate) fn seal(mut self, root: u64) -> Vec<u8> {
        let high_water = self.next();
        meta(&mut self.bytes, 0, self.size, root, high_water, 6);
        meta(&mut self.bytes, self.size, self.size, root, high_water, 7);
        self.bytes
    }
}

pub(crate) fn meta(bytes: &mut [u8], page_at: usize, size: usize, root: u64, high_water: u64, txid: u64) {
    let mut meta = 0xED0C_DAED_u32.to_le_bytes().to_vec();
    meta.extend(2u32.to_le_bytes());
    meta.extend(length(size));
    meta.extend(0u32.to_le_bytes());
    for field in [root, 0, u64::MAX, high_water, txid] {
        meta.extend(field.to_le_bytes());
    }
    meta.extend(fnv1a(&meta).to_le_bytes());
    bytes[page_at..page_at + 8].copy_from_slice(&u64::from(page_at > 0).to_le_bytes());
    let at = page_at + 16;
    bytes[at..at + 64].copy_from_slice(&meta);
}

/// A database with these values, each at a path of buckets and a key, which `apart` parts; a path that ends in it is an
/// empty bucket.
pub(crate) fn drawn<'v, V: AsRef<[u8]> + Ord + 'v>(apart: char, values: &'v [(&str, V)]) -> Vec<u8> {
    let mut sketch = Sketch::new(4096);
    let mut sorted: Vec<(Vec<&str>, &V)> = values.iter().map(|(path, v)| (path.split(apart).collect(), v)).collect();
    sorted.sort();
    let root = level(&mut sketch, &sorted);
    sketch.seal(root)
}

fn level<V: AsRef<[u8]>>(sketch: &mut Sketch, values: &[(Vec<&str>, &V)]) -> u64 {
    let mut items: Vec<(&str, Value)> = Vec::new();
    for group in values.chunk_by(|a, b| a.0[0] == b.0[0]) {
        let (path, value) = &group[0];
        let below: Vec<_> = group.iter().filter(|(p, _)| p.len() > 1).map(|(p, v)| (p[1..].to_vec(), *v)).collect();
        match (below.is_empty(), path[0]) {
            (_, "") => {}
            (true, name) => items.push((name, plain(value))),
            (false, name) => {
                let page = level(sketch, &below);
                items.push((name, bucket(page, 0)));
            }
        }
    }
    sketch.leaf(&items)
}

pub(crate) const PLAIN: u64 = 2;
pub(crate) const LEAVES: [u64; 3] = [3, 4, 5];
pub(crate) const BRANCH: u64 = 6;
pub(crate) const LONG: u64 = 7;
pub(crate) const TOP: u64 = 9;

/// A bucket of each shape: a leaf, a leaf with an overflow page, an inline one, a branch over three leaves. In the last
/// one's second leaf lies one more.
pub(crate) fn sample() -> Vec<u8> {
    let mut sketch = Sketch::new(PAGE);
    sketch.leaf(&[("k0", plain("zero")), ("k1", plain("one")), ("k2", plain("")), ("k3", plain("three"))]);
    let leaves = [
        sketch.leaf(&[("a0", plain("0")), ("a1", plain("1"))]),
        sketch.leaf(&[("b0", inline(5, &[("deep", plain("down"))])), ("b1", plain("1"))]),
        sketch.leaf(&[("c0", plain("0")), ("c1", plain("1"))]),
    ];
    let tree = sketch.branch(&[("a0", leaves[0]), ("b0", leaves[1]), ("c0", leaves[2])]);
    let long = sketch.leaf(&[("first", plain([b'x'; 300])), ("second", plain([b'y'; 300]))]);
    let small = inline(3, &[("x", plain("1")), ("y", plain("2"))]);
    let top = sketch.leaf(&[
        ("long", bucket(long, 1)),
        ("plain", bucket(PLAIN, 2)),
        ("small", small),
        ("tree", bucket(tree, 4)),
    ]);
    assert_eq!((leaves, tree, long, top), (LEAVES, BRANCH, LONG, TOP));
    sketch.seal(top)
}
