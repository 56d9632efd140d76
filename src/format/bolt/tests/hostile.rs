//! Shapes that somebody chose to exhaust a reader.

use std::time::{Duration, Instant};

use super::sketch::{PAGE, Sketch, bucket, inline, plain};
use crate::format::bolt::{Bolt, Bucket, Fault};

fn faults(tree: &crate::format::bolt::Tree) -> Vec<Fault> {
    tree.damage().map(|damage| damage.cause).collect()
}

#[test]
fn a_bucket_that_holds_itself_ends() {
    let mut sketch = Sketch::new(PAGE);
    let top = sketch.next();
    sketch.leaf(&[("self", bucket(top, 0))]);
    let tree = Bolt::open(sketch.seal(top)).unwrap().read();
    assert_eq!(faults(&tree), [Fault::ReachedTwice, Fault::ReachedTwice]);
    assert!(!tree.root().is_whole() && !tree.at(&[b"self"]).unwrap().is_whole());
}

#[test]
fn a_lattice_of_shared_pages_does_not_grow() {
    // Each of 60 branches names the next one twice: 2^60 paths to the leaf.
    let mut sketch = Sketch::new(PAGE);
    let mut page = sketch.leaf(&[("a", plain(""))]);
    for _ in 0..60 {
        page = sketch.branch(&[("a", page), ("b", page)]);
    }
    let start = Instant::now();
    let tree = Bolt::open(sketch.seal(page)).unwrap().read();
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(tree.reached_pages(), 61);
    assert!(faults(&tree).contains(&Fault::ReachedTwice));
}

#[test]
fn a_tree_of_too_many_floors_is_left() {
    let build = |floors: usize| {
        let mut sketch = Sketch::new(PAGE);
        let mut page = sketch.leaf(&[("a", plain(""))]);
        for _ in 1..floors {
            page = sketch.branch(&[("a", page)]);
        }
        Bolt::open(sketch.seal(page)).unwrap().read()
    };
    assert!(build(64).is_whole());
    assert_eq!(faults(&build(65)), [Fault::TooDeep]);
}

#[test]
fn buckets_nested_too_deeply_are_left() {
    let build = |levels: usize| {
        let mut sketch = Sketch::new(PAGE);
        let mut page = sketch.leaf(&[("a", inline(0, &[]))]);
        for _ in 1..levels {
            page = sketch.leaf(&[("a", bucket(page, 0))]);
        }
        Bolt::open(sketch.seal(page)).unwrap().read()
    };
    assert!(build(32).is_whole());
    let tree = build(40);
    assert_eq!(faults(&tree), [Fault::TooNested]);
    assert_eq!(tree.damage().next().unwrap().path.len(), 33);
    let chain = std::iter::successors(Some(tree.root()), |bucket: &Bucket<'_>| bucket.bucket(b"a"));
    assert!(chain.clone().all(|bucket| !bucket.is_whole_below()));
    assert_eq!(chain.filter(|bucket| !bucket.is_whole()).count(), 1);
}

#[test]
fn long_pages_over_the_same_ground_are_tried_once() {
    // 2000 buckets, each of whose pages claims everything behind it.
    let mut sketch = Sketch::new(PAGE);
    let names: Vec<String> = (0..2000).map(|n| format!("{n:04}")).collect();
    let first = sketch.next();
    for _ in &names {
        sketch.leaf(&[("k", plain(""))]);
    }
    let items: Vec<_> = names.iter().zip(first..).map(|(name, page)| (name.as_str(), bucket(page, 0))).collect();
    let top = sketch.leaf(&items);
    let mut bytes = sketch.seal(top);
    for page in 0..names.len() {
        let at = (usize::try_from(first).unwrap() + page) * PAGE;
        let rest = names.len() - 1 - page;
        bytes[at + 12..at + 16].copy_from_slice(&u32::try_from(rest).unwrap().to_le_bytes());
        let value = (rest * PAGE).to_le_bytes();
        bytes[at + 28..at + 32].copy_from_slice(&value[..4]);
    }
    let start = Instant::now();
    let tree = Bolt::open(bytes).unwrap().read();
    assert!(start.elapsed() < Duration::from_secs(1));
    assert!(tree.root().is_whole() && tree.root().len() == 2000);
    assert_eq!(tree.damage().count(), 1000);
    assert!(tree.unlisted_damage() > 2000);
}

#[test]
fn numbers_at_the_limit_do_not_overflow() {
    for number in [0, 1, 10, u64::from(u32::MAX), 1 << 52, u64::MAX / 2, u64::MAX - 1, u64::MAX] {
        let mut sketch = Sketch::new(PAGE);
        let leaf = sketch.leaf(&[("b", bucket(number, u64::MAX)), ("c", inline(u64::MAX, &[]))]);
        let top = sketch.branch(&[("a", leaf), ("d", number)]);
        let tree = Bolt::open(sketch.seal(top)).unwrap().read();
        assert!(!tree.root().is_whole(), "{number}");
        assert!(tree.at(&[b"c"]).unwrap().is_whole(), "{number}");
        // The metas may say anything, too.
        let mut bytes = Sketch::new(PAGE).seal(number);
        super::sketch::meta(&mut bytes, 0, PAGE, number, number, u64::MAX);
        assert!(!Bolt::open(bytes).unwrap().read().is_whole(), "{number}");
    }
}
