//! One fault at a time: it is named with its page, and costs its bucket only.

use super::reading::shown;
use super::sketch::{BRANCH, LEAVES, LONG, PAGE, PLAIN, Sketch, TOP, bucket, inline, plain, sample};
use crate::format::bolt::{Bolt, Fault, Tree};

fn at(page: u64, offset: usize) -> usize {
    usize::try_from(page).unwrap() * PAGE + offset
}

/// The offset of a field of a page's element.
fn element(page: u64, index: usize, field: usize) -> usize {
    at(page, 16 + index * 16 + field)
}

const ID: usize = 0;
/// Flags and count.
const FLAGS: usize = 8;
const OVERFLOW: usize = 12;
const LEAF_FLAGS: usize = 0;
const LEAF_POS: usize = 4;
const LEAF_KEY: usize = 8;
const LEAF_VALUE: usize = 12;
const BRANCH_CHILD: usize = 8;

fn damaged(change: impl FnOnce(&mut [u8])) -> Tree {
    let mut bytes = sample();
    change(&mut bytes);
    Bolt::open(bytes).unwrap().read()
}

fn put(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

fn listed(tree: &Tree) -> Vec<String> {
    tree.damage().map(|damage| damage.to_string()).collect()
}

#[test]
fn a_broken_leaf_costs_its_bucket_only() {
    let all = "k0 k1 k2 k3";
    for (at, value, fault, left) in [
        (at(PLAIN, ID), 99, Fault::PageId(99), ""),
        (at(PLAIN, FLAGS), 4 | 4 << 16, Fault::PageFlags(4), ""),
        (at(PLAIN, FLAGS), 3 | 4 << 16, Fault::PageFlags(3), ""),
        (at(PLAIN, FLAGS), 1 | 4 << 16, Fault::Element(0), ""),
        (at(PLAIN, FLAGS), 2 | 0xFFFF << 16, Fault::Table, ""),
        (at(PLAIN, FLAGS), 2 | 400 << 16, Fault::Table, ""),
        (at(PLAIN, FLAGS), 2 | 5 << 16, Fault::Element(0), ""),
        (at(PLAIN, FLAGS), 2 | 3 << 16, Fault::Gap(0), "k0 k1 k2"),
        (at(PLAIN, OVERFLOW), 1, Fault::Overflow(1), all),
        (at(PLAIN, OVERFLOW), u32::MAX, Fault::PageNumber, ""),
        (element(PLAIN, 1, LEAF_FLAGS), 2, Fault::ElementFlags(1), "k0"),
        (element(PLAIN, 1, LEAF_POS), 0, Fault::Element(1), "k0"),
        (element(PLAIN, 1, LEAF_POS), u32::MAX, Fault::Element(1), "k0"),
        (element(PLAIN, 1, LEAF_KEY), 0, Fault::KeyLength(1), "k0"),
        (element(PLAIN, 1, LEAF_KEY), 32769, Fault::KeyLength(1), "k0"),
        (element(PLAIN, 1, LEAF_KEY), 32768, Fault::Element(1), "k0"),
        (element(PLAIN, 1, LEAF_VALUE), u32::MAX, Fault::Element(1), "k0"),
        (element(PLAIN, 1, LEAF_VALUE), 4, Fault::Element(2), "k0 k1"),
        (element(PLAIN, 1, LEAF_VALUE), 2, Fault::Gap(2), all),
        (element(PLAIN, 3, LEAF_VALUE), 4, Fault::Leftover, all),
        (at(PLAIN, FLAGS), 2, Fault::Leftover, ""),
        (element(PLAIN, 1, LEAF_VALUE), 1 << 30, Fault::Element(1), "k0"),
        (at(PLAIN, 16 + 4 * 16 + 6), u32::from_le_bytes(*b"k/on"), Fault::KeyOrder(1), "k0"),
    ] {
        let tree = damaged(|bytes| put(bytes, at, value));
        assert_eq!(listed(&tree), [format!("bucket plain, page {PLAIN}: {fault}")], "{at}");
        let rest = "small(3)[x y] tree(4)[a0 a1 b0(5)[deep] b1 c0 c1]";
        assert_eq!(shown(tree.root()), format!("long(1)[first second] plain(2)[{left}] {rest}"), "{at}");
        let plain = tree.at(&[b"plain"]).unwrap();
        assert!(!plain.is_whole() && !plain.is_whole_below() && !tree.is_whole());
        assert!(tree.root().is_whole() && !tree.root().is_whole_below());
        assert!(tree.root().buckets().all(|(name, bucket)| bucket.is_whole_below() == (name != b"plain")));
    }
}

#[test]
fn a_broken_page_in_a_tree_leaves_the_other_pages() {
    let last = LEAVES[2];
    for (at, value, page, fault, left) in [
        (at(LEAVES[1], ID), 9, LEAVES[1], Fault::PageId(9), "a0 a1 c0 c1"),
        (element(BRANCH, 2, BRANCH_CHILD), 0, 0, Fault::PageNumber, "a0 a1 b0(5)[deep] b1"),
        (element(BRANCH, 2, BRANCH_CHILD), 10, 10, Fault::PageNumber, "a0 a1 b0(5)[deep] b1"),
        (element(BRANCH, 2, BRANCH_CHILD), 6, 6, Fault::ReachedTwice, "a0 a1 b0(5)[deep] b1"),
        (element(BRANCH, 2, BRANCH_CHILD), 3, 3, Fault::ReachedTwice, "a0 a1 b0(5)[deep] b1"),
        (at(last, 16 + 2 * 16), u32::from_le_bytes(*b"b900"), last, Fault::KeyOrder(0), "a0 a1 b0(5)[deep] b1"),
        (at(last, FLAGS), 2, last, Fault::NoElements, "a0 a1 b0(5)[deep] b1"),
        (
            at(LEAVES[0], 16 + 2 * 16 + 3),
            u32::from_le_bytes(*b"c110"),
            LEAVES[0],
            Fault::KeyOrder(1),
            "a0 b0(5)[deep] b1 c0 c1",
        ),
        (at(BRANCH, FLAGS), 1 | 2 << 16, BRANCH, Fault::Gap(0), "a0 a1 b0(5)[deep] b1"),
    ] {
        let tree = damaged(|bytes| put(bytes, at, value));
        assert_eq!(listed(&tree), [format!("bucket tree, page {page}: {fault}")], "{at} {value}");
        let rest = "long(1)[first second] plain(2)[k0 k1 k2 k3] small(3)[x y]";
        assert_eq!(shown(tree.root()), format!("{rest} tree(4)[{left}]"), "{at} {value}");
    }
}

#[test]
fn two_buckets_that_share_a_page_are_both_marked() {
    let tree = damaged(|bytes| put(bytes, element(BRANCH, 0, BRANCH_CHILD), u32::try_from(PLAIN).unwrap()));
    assert_eq!(
        listed(&tree),
        [
            format!("bucket plain, page {PLAIN}: {}", Fault::ReachedTwice),
            format!("bucket tree, page {PLAIN}: {}", Fault::ReachedTwice),
        ]
    );
    assert_eq!(tree.at(&[b"plain"]).map(|bucket| (bucket.len(), bucket.is_whole())), Some((4, false)));
}

#[test]
fn an_overflow_that_runs_into_another_bucket_is_found() {
    // The long leaf's overflow page is taken for a leaf of its own.
    let tree = damaged(|bytes| {
        let page = bytes[at(PLAIN, 0)..at(PLAIN + 1, 0)].to_vec();
        bytes[at(LONG + 1, 0)..at(LONG + 2, 0)].copy_from_slice(&page);
        put(bytes, at(LONG + 1, ID), u32::try_from(LONG + 1).unwrap());
        let root = bytes[at(TOP, 0)..].windows(5).position(|window| window == b"plain").unwrap();
        put(bytes, at(TOP, root + 5), u32::try_from(LONG + 1).unwrap());
    });
    let page = LONG + 1;
    assert_eq!(
        listed(&tree),
        [
            format!("bucket long, page {page}: {}", Fault::ReachedTwice),
            format!("bucket plain, page {page}: {}", Fault::ReachedTwice),
        ]
    );
}

#[test]
fn broken_bucket_values_keep_their_names() {
    let with = |value: super::sketch::Value| {
        let mut sketch = Sketch::new(PAGE);
        let top = sketch.leaf(&[("broken", value), ("sound", inline(1, &[("key", plain("value"))]))]);
        Bolt::open(sketch.seal(top)).unwrap().read()
    };
    let cut = |len: usize| match inline(7, &[("key", plain("value"))]) {
        super::sketch::Value::Bucket(value) => super::sketch::Value::Bucket(value[..len].to_vec()),
        plain => plain,
    };
    let changed = |offset: usize, byte: u8| match inline(7, &[("key", plain("value"))]) {
        super::sketch::Value::Bucket(mut value) => {
            value[offset] = byte;
            super::sketch::Value::Bucket(value)
        }
        plain => plain,
    };
    let longer = match inline(7, &[("key", plain("value"))]) {
        super::sketch::Value::Bucket(value) => super::sketch::Value::Bucket([value, vec![0]].concat()),
        plain => plain,
    };
    for (value, fault, left) in [
        (cut(0), Fault::BucketHeader, "broken(0)[]"),
        (cut(15), Fault::BucketHeader, "broken(0)[]"),
        (cut(16), Fault::BucketHeader, "broken(0)[]"),
        (cut(31), Fault::BucketHeader, "broken(0)[]"),
        (cut(32), Fault::Table, "broken(7)[]"),
        (cut(50), Fault::Element(0), "broken(7)[]"),
        (longer, Fault::InlineLength, "broken(7)[key]"),
        (changed(16, 1), Fault::PageId(1), "broken(7)[]"),
        (changed(24, 1), Fault::PageFlags(1), "broken(7)[]"),
        (changed(24, 4), Fault::PageFlags(4), "broken(7)[]"),
        (bucket(0, 0), Fault::BucketHeader, "broken(0)[]"),
    ] {
        let tree = with(value);
        assert_eq!(listed(&tree), [format!("bucket broken: {fault}")]);
        assert_eq!(shown(tree.root()), format!("{left} sound(1)[key]"));
        assert!(tree.root().is_whole() && !tree.at(&[b"broken"]).unwrap().is_whole());
    }
    let nested = with(inline(7, &[("in", inline(8, &[("key", plain(""))])), ("key", plain(""))]));
    assert_eq!(listed(&nested), [format!("bucket broken/in: {}", Fault::InlineBucket)]);
    assert_eq!(shown(nested.root()), "broken(7)[in(0)[] key] sound(1)[key]");
}

#[test]
fn a_file_that_is_cut_off_says_so() {
    let cut = |pages: usize| {
        let mut bytes = sample();
        bytes.truncate(pages * PAGE);
        Bolt::open(bytes).unwrap().read()
    };
    let truncated = |have| format!("the database: {}", Fault::Truncated { have, want: 10 });
    assert_eq!(listed(&cut(9)), [truncated(9), format!("the database, page {TOP}: {}", Fault::OutsideFile)]);
    assert!(!cut(9).root().is_whole());
    // Free pages at the end are no loss but a sign.
    let mut sketch = Sketch::new(PAGE);
    let top = sketch.leaf(&[("key", plain("value"))]);
    sketch.leaf(&[]);
    let mut bytes = sketch.seal(top);
    bytes.truncate(3 * PAGE);
    let tree = Bolt::open(bytes).unwrap().read();
    assert_eq!(listed(&tree), [format!("the database: {}", Fault::Truncated { have: 3, want: 4 })]);
    assert!(tree.root().is_whole() && tree.root().len() == 1);
}

#[test]
fn names_are_shown_harmlessly_and_cut() {
    let long = "n".repeat(200);
    let mut sketch = Sketch::new(PAGE);
    let top = sketch.leaf(&[("\x1b[2J\n", bucket(99, 0)), (long.as_str(), bucket(99, 0))]);
    let tree = Bolt::open(sketch.seal(top)).unwrap().read();
    let cut = "n".repeat(80);
    let cause = format!("page 99: {}", Fault::PageNumber);
    assert_eq!(listed(&tree), [format!("bucket \\u{{1b}}[2J\\n, {cause}"), format!("bucket {cut}…, {cause}")]);
}
