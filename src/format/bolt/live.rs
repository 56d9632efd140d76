//! Reading a database that somebody may be writing to.
//!
//! bbolt copies on write: what state N consists of stays in place until transaction N+2 begins to write. So a reading is
//! consistent when the transaction was the same before it, after it, and in what was read. Otherwise it is done again.

use std::io;

use thiserror::Error;

use super::Bolt;
use super::error::BoltError;
use super::meta::{best_txid, head_len};

/// The bytes that show the page size, if the first meta is valid.
const START: usize = 80;

#[derive(Debug, Error)]
pub enum LiveError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Bolt(#[from] BoltError),
}

/// Reads until two looks at the metas and the reading between them agree, `tries` times at most. `read(n)` answers with
/// the first n bytes of the file, or with all of it when it is shorter.
pub fn read_stable(tries: usize, mut read: impl FnMut(usize) -> io::Result<Vec<u8>>) -> Result<Bolt, LiveError> {
    for _ in 0..tries {
        let before = txid(&mut read)?;
        let bolt = Bolt::open(read(usize::MAX)?);
        let after = txid(&mut read)?;
        match bolt {
            Ok(bolt) if before == Some(bolt.txid()) && after == before => return Ok(bolt),
            // Nothing to read before, then, and now.
            Err(error) if before.is_none() && after.is_none() => return Err(error.into()),
            _ => {}
        }
    }
    Err(BoltError::Changing.into())
}

fn txid(read: &mut impl FnMut(usize) -> io::Result<Vec<u8>>) -> io::Result<Option<u64>> {
    let start = read(START)?;
    Ok(best_txid(&read(head_len(&start))?))
}
