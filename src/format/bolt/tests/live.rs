//! Reading beside a writer.

use std::cell::Cell;
use std::io;

use super::sketch::{PAGE, TOP, meta, sample};
use crate::format::bolt::{Bolt, BoltError, LiveError, read_stable};

/// The file after `commits` more transactions.
fn after(commits: u64) -> Vec<u8> {
    let mut bytes = sample();
    for txid in 8..8 + commits {
        meta(&mut bytes, if txid % 2 == 0 { 0 } else { PAGE }, PAGE, TOP, 10, txid);
    }
    bytes
}

/// Reads beside a writer that commits once before each of these reads; a try reads five times.
fn beside(commits_before: &[u64], tries: usize) -> Result<Bolt, LiveError> {
    let reads = Cell::new(0u64);
    read_stable(tries, |limit| {
        reads.set(reads.get() + 1);
        let commits = commits_before.iter().filter(|read| **read <= reads.get()).count();
        let mut bytes = after(u64::try_from(commits).unwrap());
        bytes.truncate(limit);
        Ok(bytes)
    })
}

#[test]
fn a_quiet_file_is_read_once() {
    assert_eq!(beside(&[], 1).unwrap().txid(), 7);
}

#[test]
fn a_commit_before_or_after_the_reading_repeats_it() {
    for during in 3..=5 {
        assert!(matches!(beside(&[during], 1), Err(LiveError::Bolt(BoltError::Changing))), "read {during}");
        assert_eq!(beside(&[during], 2).unwrap().txid(), 8, "read {during}");
    }
}

#[test]
fn a_file_that_never_rests_is_given_up() {
    let always: Vec<u64> = (1..100).collect();
    assert!(matches!(beside(&always, 5), Err(LiveError::Bolt(BoltError::Changing))));
}

#[test]
fn what_cannot_be_read_is_not_tried_again() {
    let mut reads = 0;
    let nothing = read_stable(5, |_| {
        reads += 1;
        Ok(Vec::new())
    });
    assert!(matches!(nothing, Err(LiveError::Bolt(BoltError::Empty))));
    assert_eq!(reads, 5);
    let refused = read_stable(5, |_| Err(io::ErrorKind::PermissionDenied.into()));
    assert!(matches!(refused, Err(LiveError::Io(_))));
}
