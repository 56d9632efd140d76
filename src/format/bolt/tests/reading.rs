//! What a sound database gives.

use super::sketch::{Sketch, bucket, plain, sample};
use crate::format::bolt::{Bolt, Bucket, Entry};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `name(sequence)[contents]` for buckets, `key` for values.
pub(super) fn shown(bucket: Bucket<'_>) -> String {
    let item = |(key, entry): (&[u8], Entry<'_>)| match entry {
        Entry::Value(_) => text(key),
        Entry::Bucket(bucket) => format!("{}({})[{}]", text(key), bucket.sequence(), shown(bucket)),
    };
    bucket.iter().map(item).collect::<Vec<_>>().join(" ")
}

#[test]
fn buckets_and_keys_come_in_order() {
    let tree = Bolt::open(sample()).unwrap().read();
    assert_eq!(
        shown(tree.root()),
        "long(1)[first second] plain(2)[k0 k1 k2 k3] small(3)[x y] tree(4)[a0 a1 b0(5)[deep] b1 c0 c1]"
    );
    assert!(tree.is_whole() && tree.root().is_whole_below());
    assert_eq!(tree.reached_pages(), 8);
}

#[test]
fn keys_and_buckets_are_told_apart() {
    let tree = Bolt::open(sample()).unwrap().read();
    let long = tree.at(&[b"long"]).unwrap();
    assert_eq!(long.get(b"second"), Some(&[b'y'; 300][..]));
    assert_eq!(tree.at(&[b"tree", b"b0"]).unwrap().get(b"deep"), Some(&b"down"[..]));
    assert_eq!(tree.at(&[b"plain"]).unwrap().get(b"k2"), Some(&b""[..]));
    assert!(tree.at(&[b"tree"]).unwrap().get(b"b0").is_none(), "a bucket is no value");
    assert!(tree.at(&[b"tree", b"b1"]).is_none(), "a value is no bucket");
    assert!(tree.at(&[b"nothing"]).is_none());
    let tree = tree.at(&[b"tree"]).unwrap();
    assert_eq!((tree.buckets().count(), tree.entries().count(), tree.len()), (1, 5, 6));
}

#[test]
fn every_key_of_a_tree_of_many_pages_is_found() {
    let mut sketch = Sketch::new(4096);
    let keys: Vec<String> = (0..3000).map(|n| format!("key-{n:05}")).collect();
    let floor: Vec<(&str, u64)> = keys
        .chunks(40)
        .map(|keys| {
            let items: Vec<_> = keys.iter().map(|key| (key.as_str(), plain(key))).collect();
            (keys[0].as_str(), sketch.leaf(&items))
        })
        .collect();
    let middle: Vec<(&str, u64)> = floor.chunks(9).map(|pages| (pages[0].0, sketch.branch(pages))).collect();
    let root = sketch.branch(&middle);
    let top = sketch.leaf(&[("all", bucket(root, 0))]);
    let tree = Bolt::open(sketch.seal(top)).unwrap().read();
    let all = tree.at(&[b"all"]).unwrap();
    assert!(tree.is_whole());
    assert!(keys.iter().all(|key| all.get(key.as_bytes()) == Some(key.as_bytes())));
    assert!(all.entries().map(|(key, _)| key).eq(keys.iter().map(String::as_bytes)));
    assert!(all.get(b"key-00000x").is_none() && all.get(b"").is_none() && all.get(b"z").is_none());
}

#[test]
fn an_empty_database_is_whole() {
    let mut sketch = Sketch::new(4096);
    let top = sketch.leaf(&[]);
    let tree = Bolt::open(sketch.seal(top)).unwrap().read();
    assert!(tree.is_whole() && tree.root().is_empty());
}
