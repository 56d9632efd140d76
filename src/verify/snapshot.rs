//! A committed snapshot beside the blob that it was unpacked from.

use std::io::Read as _;

use sha2::{Digest as _, Sha256};

use super::blob;
use super::budget::Budget;
use super::desk::{Desk, TimeIsUp};
use super::examine::{Examiner, Met};
use super::habits::{Habits, Whiteouts};
use super::merged;
use super::owners::Shift;
use super::split::OTHER_BYTES;
use super::subject::SnapshotFiles;
use super::tree::Tree;
use super::unpack::Unpacked;
use super::verdict::{Verdict, What};
use crate::disk::{Content, Disk};
use crate::format::tar::{Event, Scanner};
use crate::terms::{Digest, Place};

pub(super) fn check(desk: &mut Desk<'_>, files: &SnapshotFiles, verdict: Verdict) -> Verdict {
    let mut verdict = verdict;
    let tree = match Tree::open(desk.disk, &files.content) {
        Ok(tree) => tree,
        Err(halt) => {
            verdict.unchecked(format!("{}: {halt}", files.content));
            return verdict;
        }
    };
    let mut examiner = Examiner::new(tree, habits(desk.disk, files), verdict, files.copy.is_some());
    // a blob may be older than what was unpacked of it
    let made = files.made.and_then(|time| Some((time.as_second(), u32::try_from(time.subsec_nanosecond()).ok()?)));
    examiner.changes.begin(desk.disk, &files.content, &files.source.at, made.unwrap_or_default());
    examiner.open_lowers(desk.disk, &files.lowers);
    match compare(desk, &mut examiner, files) {
        Err(TimeIsUp) => examiner.verdict.unchecked("the time that was given is over"),
        Ok(Ok(())) => {}
        Ok(Err(Refused::Bomb(why))) => examiner.verdict.differs(files.source.at.clone(), What::Record, why),
        Ok(Err(Refused::Unreadable(why))) => {
            // what such a blob says of the files is worth nothing
            examiner.verdict.differences.clear();
            examiner.verdict.more = 0;
            examiner.verdict.unchecked(why);
        }
    }
    examiner.verdict()
}

/// Why a blob is not followed to its end.
#[derive(Debug)]
enum Refused {
    Unreadable(String),
    /// It was made to do harm.
    Bomb(String),
}

fn unreadable(cause: impl std::fmt::Display) -> Refused {
    Refused::Unreadable(cause.to_string())
}

fn compare(
    desk: &mut Desk<'_>,
    examiner: &mut Examiner,
    files: &SnapshotFiles,
) -> Result<Result<(), Refused>, TimeIsUp> {
    let at = &files.source.at;
    let stream = desk.disk.stream(at).map_err(unreadable);
    let stream = stream.and_then(|stream| match blob::is_too_long(stream.stat.size, files.size) {
        None => Ok(stream),
        Some(why) => Err(unreadable(why)),
    });
    let read = match stream {
        Ok(stream) => stream_of(desk, examiner, stream)?,
        Err(cause) => Err(cause),
    };
    let (packed, unpacked) = match read {
        Ok(digests) => digests,
        Err(Refused::Unreadable(cause)) => {
            return Ok(Err(Refused::Unreadable(format!("its blob cannot be read: {at}: {cause}"))));
        }
        Err(bomb) => return Ok(Err(bomb)),
    };
    if packed.as_str() != files.digest {
        return Ok(Err(Refused::Unreadable(format!("its blob is damaged: {at} has the digest {packed}"))));
    }
    if let Some(diff) = &files.diff
        && unpacked != diff.0
    {
        let detail = format!("unpacks to a stream with the digest {unpacked}, and its config says {}", diff.0);
        examiner.verdict.differs(at.clone(), What::Record, detail);
    }
    match &files.copy {
        Some(copy) => merged::finish(desk, examiner, &files.source, copy)?,
        None => {
            examiner.finish();
            examiner.hand_over_weight();
        }
    }
    examiner.judge_changes();
    Ok(Ok(()))
}

/// A file whose content comes in parts.
struct Open {
    content: Content,
    at: Place,
    same: bool,
    /// Nothing before has had the file's bytes.
    first: bool,
}

/// Goes through the stream; the digests of the blob and of what is in it.
fn stream_of(
    desk: &mut Desk<'_>,
    examiner: &mut Examiner,
    stream: crate::disk::Stream,
) -> Result<Result<(Digest, Digest), Refused>, TimeIsUp> {
    let mut blob = match Unpacked::new(stream) {
        Ok(blob) => blob,
        Err(cause) => return Ok(Err(unreadable(cause))),
    };
    let mut budget = Budget::default();
    let mut hash = Sha256::new();
    let mut tar = Scanner::default();
    let mut part = vec![0; 256 << 10];
    let mut open: Option<Open> = None;
    loop {
        let read = match blob.read(&mut part) {
            Ok(0) => break,
            Ok(read) => read,
            Err(cause) => return Ok(Err(unreadable(cause))),
        };
        budget.came(read as u64);
        let mut bytes = part.get(..read).unwrap_or_default();
        hash.update(bytes);
        examiner.verdict.bytes = examiner.verdict.bytes.saturating_add(read as u64);
        desk.tell(0, read as u64)?;
        loop {
            match tar.next(&mut bytes) {
                Err(cause) => return Ok(Err(unreadable(cause))),
                Ok(Event::More) => break,
                Ok(Event::Header) => {
                    close(examiner, open.take());
                    open = entry(desk, examiner, &tar);
                    desk.tell(1, 0)?;
                }
                Ok(Event::Content(content)) => {
                    if open.as_ref().is_some_and(|open| open.first) {
                        budget.explain(content.len() as u64);
                    }
                    if let Some(open) = open.as_mut().filter(|open| open.same) {
                        open.same = desk.is_next(&open.content, content);
                    }
                }
            }
        }
        if let Some(why) = budget.is_spent(blob.taken()) {
            return Ok(Err(Refused::Bomb(why)));
        }
    }
    close(examiner, open);
    if !tar.may_stop() {
        return Ok(Err(unreadable("the stream in it stops in the middle of an entry")));
    }
    let packed = blob.digest().map_err(unreadable);
    Ok(packed.map(|packed| (packed, Digest::of_hash(hash))))
}

fn entry(desk: &Desk<'_>, examiner: &mut Examiner, tar: &Scanner) -> Option<Open> {
    let header = tar.header();
    let Met::File(content, traits) = examiner.meet(&header.name, header, None) else { return None };
    let path = super::path::Path::of(&header.name)?;
    let at = examiner.tree.place(path.bytes());
    if desk.disk.has_a_journal() {
        desk.disk.note(&at);
    }
    // another length has been told
    (traits.size == header.size).then_some(Open { content, at, same: true, first: examiner.first })
}

fn close(examiner: &mut Examiner, open: Option<Open>) {
    if let Some(Open { at, same: false, .. }) = open {
        examiner.verdict.differs(at, What::Content, OTHER_BYTES);
    }
}

fn habits(disk: &Disk, files: &SnapshotFiles) -> Habits {
    let shift = Shift::of_root("", disk, files.source.at.parent());
    Habits {
        whiteouts: match (&files.copy, files.has_parent) {
            (None, true) if files.through_a_mount => Whiteouts::FuseMount,
            (None, true) => Whiteouts::Overlay,
            // containerd core/diff/apply/apply_linux.go: nothing lies below a base, so that nothing is hidden
            _ => Whiteouts::Removed,
        },
        shift,
        from_directory: files.source.from_directory,
        times_may_be_cut: files.source.from_directory,
        empty_is_none: false,
        none_of_the_administrators: true,
        attributes_may_move: false,
        keeps_marks_of_aufs: true,
        // containerd pkg/archive/tar_unix.go skipFile
        no_devices: shift.is_rootless(),
        through_a_mount: files.through_a_mount,
        fine_times: disk.stat(&files.content).is_ok_and(|stat| stat.ctime.1 != 0),
        top_has_any_owner: files.has_parent,
        sees_all: disk.tree(files.content.tree_name()).is_some_and(crate::disk::Tree::is_quiet),
    }
}
