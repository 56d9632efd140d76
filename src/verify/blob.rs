//! A file that is called by its SHA-256.

use std::io::Read as _;

use sha2::{Digest as _, Sha256};

use super::desk::{Desk, TimeIsUp};
use super::verdict::{Verdict, What};
use crate::terms::Digest;

pub(super) fn check(desk: &mut Desk<'_>, size: Option<u64>, verdict: Verdict) -> Verdict {
    let mut verdict = verdict;
    match hash(desk, size, &mut verdict) {
        Ok(None) => {}
        Ok(Some(digest)) if digest.as_str() == &*verdict.key.id => {}
        Ok(Some(digest)) => {
            let detail = format!("its bytes have the digest {digest}");
            verdict.differs(verdict.at.clone(), What::Content, detail);
        }
        Err(TimeIsUp) => verdict.unchecked("the time that was given is over"),
    }
    verdict
}

fn hash(desk: &mut Desk<'_>, size: Option<u64>, verdict: &mut Verdict) -> Result<Option<Digest>, TimeIsUp> {
    let mut stream = match desk.disk.stream(&verdict.at) {
        Ok(stream) => stream,
        Err(cause) if cause.is_missing() => {
            verdict.differs(verdict.at.clone(), What::Missing, "not there");
            return Ok(None);
        }
        Err(cause) => {
            verdict.unchecked(cause.to_string());
            return Ok(None);
        }
    };
    if let Some(why) = is_too_long(stream.stat.size, size) {
        verdict.differs(verdict.at.clone(), What::Content, why);
        return Ok(None);
    }
    let mut hash = Sha256::new();
    verdict.files = 1;
    loop {
        let read = match stream.read(&mut desk.buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(cause) => {
                verdict.unchecked(cause.to_string());
                return Ok(None);
            }
        };
        hash.update(desk.buffer.get(..read).unwrap_or_default());
        verdict.bytes = verdict.bytes.saturating_add(read as u64);
        desk.tell(0, read as u64)?;
    }
    desk.tell(1, 0)?;
    Ok(Some(Digest::of_hash(hash)))
}

/// A blob that is much longer than the database has it is another one, and as long as anybody likes: it is not read.
pub(super) fn is_too_long(is: u64, was: Option<u64>) -> Option<String> {
    // the database may be what is wrong
    const FREE: u64 = 256 << 20;
    was.filter(|was| is > was.saturating_mul(2).saturating_add(FREE)).map(|was| format!("{is} bytes instead of {was}"))
}
