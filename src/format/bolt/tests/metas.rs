//! Which meta counts, and what is no database.

use super::sketch::{PAGE, Sketch, TOP, meta, plain, sample};
use crate::format::bolt::{Bolt, BoltError, MetaFault, best_txid, head_len};

fn opened(bytes: Vec<u8>) -> (u64, Option<MetaFault>) {
    let bolt = Bolt::open(bytes).unwrap();
    (bolt.txid(), bolt.stepped_back())
}

#[test]
fn the_higher_transaction_counts_on_either_page() {
    assert_eq!(opened(sample()), (7, None));
    let mut bytes = sample();
    meta(&mut bytes, 0, PAGE, TOP, 10, 8);
    assert_eq!(opened(bytes), (8, None));
}

#[test]
fn a_torn_meta_leaves_the_state_before_it() {
    let mut bytes = sample();
    bytes[PAGE + 16 + 48] ^= 1;
    assert_eq!(opened(bytes), (6, Some(MetaFault::Checksum)));
}

#[test]
fn the_second_meta_is_found_at_any_page_size() {
    for size in [512, 1024, 4096, 16384, 65536, 1 << 24] {
        let mut sketch = Sketch::new(size);
        let top = sketch.leaf(&[("key", plain("value"))]);
        let mut bytes = sketch.seal(top);
        assert_eq!(opened(bytes.clone()), (7, None), "{size}");
        bytes[16] ^= 1;
        let bolt = Bolt::open(bytes).unwrap();
        assert_eq!((bolt.page_size(), bolt.txid()), (size, 7));
        assert_eq!(bolt.read().root().get(b"key"), Some(&b"value"[..]));
    }
}

#[test]
fn a_meta_that_names_another_page_size_does_not_count() {
    let mut bytes = sample();
    meta(&mut bytes, PAGE, 4096, TOP, 10, 9);
    assert_eq!(opened(bytes), (6, Some(MetaFault::PageSize(4096))));
    let mut bytes = sample();
    meta(&mut bytes, 0, 768, TOP, 10, 9);
    assert_eq!(opened(bytes), (7, Some(MetaFault::PageSize(768))));
}

#[test]
fn what_is_no_database_is_named_as_such() {
    assert_eq!(Bolt::open(vec![]).unwrap_err(), BoltError::Empty);
    assert_eq!(Bolt::open(vec![0; 79]).unwrap_err(), BoltError::TooShort { len: 79 });
    assert_eq!(Bolt::open(vec![0; 65536]).unwrap_err(), BoltError::NotBolt);
    assert_eq!(Bolt::open(b"SQLite format 3\0".repeat(512)).unwrap_err(), BoltError::NotBolt);
}

#[test]
fn a_big_endian_database_is_named_as_such() {
    let mut bytes = sample();
    for at in [16, PAGE + 16] {
        bytes[at..at + 4].reverse();
        bytes[at + 4..at + 8].reverse();
    }
    assert_eq!(Bolt::open(bytes).unwrap_err(), BoltError::BigEndian);
}

#[test]
fn two_invalid_metas_are_refused_with_both_causes() {
    let mut bytes = sample();
    bytes[16 + 60] ^= 1;
    bytes[PAGE + 16 + 4] = 3;
    let (first, second) = (MetaFault::Checksum, MetaFault::Version(3));
    assert_eq!(Bolt::open(bytes.clone()).unwrap_err(), BoltError::BothMetas { first, second });
    bytes.truncate(PAGE);
    let second = MetaFault::Missing;
    assert_eq!(Bolt::open(bytes).unwrap_err(), BoltError::BothMetas { first, second });
}

#[test]
fn the_head_alone_tells_the_transaction() {
    let bytes = sample();
    let len = head_len(&bytes[..80]);
    assert_eq!(len, PAGE + 80);
    assert_eq!(best_txid(&bytes[..len]), Some(7));
    assert_eq!(head_len(b""), (1 << 24) + 80);
    assert_eq!(best_txid(b""), None);
}
