//! A layer's stream made again from its record and its files.

use std::fmt::Display;

use crc::{CRC_64_GO_ISO, Crc, Table};
use sha2::{Digest as _, Sha256};

use super::ahead::Ahead;
use super::crew::Fetched;
use super::desk::{Desk, TimeIsUp};
use super::examine::{Examiner, Met};
use super::path::Path;
use super::verdict::What;
use crate::disk::{Halt, Unreadable};
use crate::format::tar::{Event, Kind, Scanner};
use crate::format::tarsplit::{Limits, Piece, TarSplit};
use crate::terms::{Digest, Place};

/// tar-split tar/storage/getter.go CRCTable
pub(super) static SUM: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_GO_ISO);

/// A content with the right length and a wrong sum.
pub(super) const OTHER_BYTES: &str = "other bytes than the layer had";

/// How far making a stream came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Made {
    /// Every byte of it.
    Whole(Digest),
    /// A file is gone or has another size.
    Broken,
    /// The record is not to be followed any further; why is in the verdict.
    Refused,
}

/// Makes the stream again, comparing each file with its header on the way.
pub(super) fn make(desk: &mut Desk<'_>, examiner: &mut Examiner, record: &Place) -> Result<Made, TimeIsUp> {
    let mut making = Making { hash: Sha256::new(), tar: Scanner::default(), whole: true };
    let mut pieces = match desk.disk.stream(record) {
        Ok(stream) => TarSplit::new(stream, Limits::default()),
        Err(cause) => return Ok(no_record(examiner, record, &cause)),
    };
    let mut ahead = Ahead::default();
    loop {
        ahead.fill(&mut pieces, desk.crew, examiner.tree.at());
        if let Some(batch) = ahead.next() {
            for (kept, fetched) in batch {
                if let Err(cause) = making.take(desk, examiner, kept.piece(), fetched)? {
                    return Ok(refused(examiner, record, cause));
                }
            }
            continue;
        }
        let next = match ahead.end() {
            Some(end) => end.map(|()| None),
            None => pieces.next(),
        };
        match next {
            Err(cause) => return Ok(refused(examiner, record, cause)),
            Ok(None) => break,
            Ok(Some(piece)) => {
                if let Err(cause) = making.take(desk, examiner, piece, None)? {
                    return Ok(refused(examiner, record, cause));
                }
            }
        }
    }
    if !making.tar.may_stop() {
        return Ok(refused(examiner, record, "the stream that it describes stops in the middle of an entry"));
    }
    Ok(if making.whole { Made::Whole(Digest::of_hash(making.hash)) } else { Made::Broken })
}

/// A stream as far as it has come.
struct Making {
    hash: Sha256,
    tar: Scanner,
    whole: bool,
}

impl Making {
    /// The next piece; why the record is not to be followed, if so.
    fn take(
        &mut self,
        desk: &mut Desk<'_>,
        examiner: &mut Examiner,
        piece: Piece<'_>,
        fetched: Option<Fetched>,
    ) -> Result<Result<(), String>, TimeIsUp> {
        match piece {
            Piece::Bytes(bytes) => {
                self.hash.update(bytes);
                examiner.verdict.bytes = examiner.verdict.bytes.saturating_add(bytes.len() as u64);
                if let Err(cause) = headers(&mut self.tar, bytes) {
                    return Ok(Err(cause));
                }
                desk.tell(0, bytes.len() as u64)?;
            }
            Piece::File { name, size, .. } => {
                let met = examiner.meet(name, self.tar.header(), fetched.as_ref());
                let size = if self.tar.header().kind == Kind::File { size } else { 0 };
                if let Err(cause) = self.tar.skip(size) {
                    return Ok(Err(cause.to_string()));
                }
                if size == 0 {
                    desk.tell(1, 0)?;
                } else {
                    self.content(desk, examiner, (name, size), met, fetched)?;
                }
            }
        }
        Ok(Ok(()))
    }

    /// The content of a file, where it is as long as it was.
    fn content(
        &mut self,
        desk: &mut Desk<'_>,
        examiner: &mut Examiner,
        (name, size): (&[u8], u64),
        met: Met,
        fetched: Option<Fetched>,
    ) -> Result<(), TimeIsUp> {
        let read = match (met, fetched) {
            (Met::File(content, traits), _) if traits.size == size => {
                note(desk, examiner, name);
                desk.read(&content, size, |part| self.hash.update(part))?
            }
            (Met::Fetched, Some(fetched)) => {
                note(desk, examiner, name);
                self.hash.update(&fetched.content);
                desk.tell(1, size)?;
                Ok(true)
            }
            _ => Ok(false),
        };
        match read {
            Ok(true) => examiner.verdict.bytes = examiner.verdict.bytes.saturating_add(size),
            Ok(false) => self.whole = false,
            Err(halt) => {
                self.whole = false;
                unreadable(examiner, name, &halt);
            }
        }
        Ok(())
    }
}

fn note(desk: &Desk<'_>, examiner: &Examiner, name: &[u8]) {
    if desk.disk.has_a_journal()
        && let Some(path) = Path::of(name)
    {
        desk.disk.note(&examiner.tree.place(path.bytes()));
    }
}

/// Goes through the record once more and names every file whose content has another sum; how many there were.
pub(super) fn name_the_changed(desk: &mut Desk<'_>, examiner: &mut Examiner, record: &Place) -> Result<u64, TimeIsUp> {
    let Ok(stream) = desk.disk.stream(record) else { return Ok(0) };
    let mut pieces = TarSplit::new(stream, Limits::default());
    let mut changed = 0_u64;
    while let Ok(Some(piece)) = pieces.next() {
        let Piece::File { name, size: size @ 1.., sum: Some(sum) } = piece else { continue };
        let Some((content, path)) = examiner.open(name, size) else { continue };
        let mut digest = SUM.digest();
        let read = desk.read(&content, size, |part| digest.update(part))?;
        if read.is_ok_and(|all| all) && digest.finalize() != sum {
            let at = examiner.tree.place(&path);
            examiner.verdict.differs(at, What::Content, OTHER_BYTES);
            changed = changed.saturating_add(1);
        }
    }
    Ok(changed)
}

/// Reads the headers in a part of the stream.
pub(super) fn headers(tar: &mut Scanner, mut bytes: &[u8]) -> Result<(), String> {
    loop {
        match tar.next(&mut bytes).map_err(|cause| cause.to_string())? {
            Event::More => return Ok(()),
            // what belongs to it comes with the next piece
            Event::Header => {}
            Event::Content(_) => return Err("the content of a file stands in the record itself".to_owned()),
        }
    }
}

fn no_record(examiner: &mut Examiner, record: &Place, cause: &Unreadable) -> Made {
    examiner.verdict.unchecked(match cause {
        Unreadable::Missing => "no tar-split record: what the layer was made of is unknown".to_owned(),
        cause => format!("{record}: {cause}"),
    });
    Made::Refused
}

/// A record that is damaged, or made to do harm.
fn refused(examiner: &mut Examiner, record: &Place, cause: impl Display) -> Made {
    examiner.verdict.differs(record.clone(), What::Record, cause.to_string());
    Made::Refused
}

fn unreadable(examiner: &mut Examiner, name: &[u8], halt: &Halt) {
    let name = crate::terms::Printable(name);
    let at = examiner.tree.at().clone();
    examiner.verdict.unchecked(format!("{at}: {name}: {halt}"));
}
