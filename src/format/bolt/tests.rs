//! Unit tests (more in `tests/bolt.rs`, on databases of real engines).
use super::*;

#[test]
fn what_is_no_database_is_named_as_such() {
    assert_eq!(Bolt::open(vec![]).unwrap_err(), BoltError::Empty);
    assert_eq!(Bolt::open(vec![0; 79]).unwrap_err(), BoltError::TooShort { len: 79 });
    assert_eq!(Bolt::open(vec![0; 65536]).unwrap_err(), BoltError::NotBolt);
}
