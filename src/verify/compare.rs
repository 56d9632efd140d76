//! A header of a layer's stream beside the inode that was made of it.

use super::acl;
use super::habits::Habits;
use super::owners::Owned;
use super::verdict::What;
use crate::disk::{Attributes, FileKind, Traits};
use crate::format::tar::{Header, Kind};

/// What differs, in words.
pub(super) type Found = Vec<(What, String)>;

const PERMISSIONS: u16 = 0o7777;

/// Type, permissions, owner, time, device number; whether the time is the same to the second and no further.
pub(super) fn inode(header: &Header, traits: &Traits, habits: &Habits, found: &mut Found) -> bool {
    if !is_kind(header.kind, traits.kind) {
        found.push((What::Kind, format!("is a {}", traits.kind)));
        return false;
    }
    let mode = u32::from(traits.mode & PERMISSIONS);
    // a symbolic link has no permissions of its own, whatever its names are
    if traits.kind != FileKind::Symlink && mode != header.mode {
        found.push((What::Mode, format!("{mode:04o} instead of {:04o}", header.mode)));
    }
    if let Owned::Wrong(owner, wanted) = habits.shift.judge(header, traits) {
        found.push((What::Owner, format!("{}:{} instead of {}:{}", owner.0, owner.1, wanted.0, wanted.1)));
    }
    let device = (u64::from(traits.rdev.0), u64::from(traits.rdev.1));
    if matches!(header.kind, Kind::Char | Kind::Block) && device != header.device {
        let (is, was) = (device, header.device);
        found.push((What::Device, format!("{}:{} instead of {}:{}", is.0, is.1, was.0, was.1)));
    }
    // last: whoever asks may take it off again
    let same = is_time(header.mtime, traits.mtime);
    let about = !same && is_about(header.mtime, traits.mtime, habits);
    if !same && !about {
        found.push((What::Time, format!("{} instead of {}", time(traits.mtime), time(header.mtime))));
    }
    about
}

/// The same of two inodes, one of which was copied from the other; of directories the time says nothing.
pub(super) fn inodes(is: &Traits, was: &Traits, found: &mut Found) {
    if is.kind != was.kind {
        found.push((What::Kind, format!("is a {}", is.kind)));
        return;
    }
    if is.mode & PERMISSIONS != was.mode & PERMISSIONS {
        let (is, was) = (is.mode & PERMISSIONS, was.mode & PERMISSIONS);
        found.push((What::Mode, format!("{is:04o} instead of {was:04o}")));
    }
    if (is.uid, is.gid) != (was.uid, was.gid) {
        found.push((What::Owner, format!("{}:{} instead of {}:{}", is.uid, is.gid, was.uid, was.gid)));
    }
    if is.rdev != was.rdev {
        found.push((What::Device, format!("{}:{} instead of {}:{}", is.rdev.0, is.rdev.1, was.rdev.0, was.rdev.1)));
    }
    if is.kind != FileKind::Dir && is.mtime != was.mtime {
        found.push((What::Time, format!("{} instead of {}", time(is.mtime), time(was.mtime))));
    }
}

/// What copies a root keeps no hard links of devices and pipes, and nobody can tell.
pub(super) fn is_same_device(one: &Traits, other: &Traits) -> bool {
    let special = matches!(one.kind, FileKind::CharDevice | FileKind::BlockDevice | FileKind::Fifo);
    special && one.kind == other.kind && one.rdev == other.rdev
}

fn is_kind(kind: Kind, is: FileKind) -> bool {
    matches!(
        (kind, is),
        (Kind::File, FileKind::File)
            | (Kind::Symlink, FileKind::Symlink)
            | (Kind::Char, FileKind::CharDevice)
            | (Kind::Block, FileKind::BlockDevice)
            | (Kind::Dir, FileKind::Dir)
            | (Kind::Fifo, FileKind::Fifo)
    ) || (kind == Kind::Link && is != FileKind::Dir)
}

/// Both engines set the time that the header has, and 1970 for one that the system cannot hold.
// moby pkg/system/chtimes.go, containerd pkg/archive/time.go boundTime
fn is_time(wanted: (i64, u32), is: (i64, u32)) -> bool {
    /// The last second of file systems with 32 bits for it.
    const LAST: i64 = i32::MAX as i64;
    is == wanted || (wanted.0 < 0 && is == (0, 0)) || (wanted.0 > LAST && (is.0 == LAST || is == (0, 0)))
}

/// The stream, or the file system, has whole seconds.
fn is_about(wanted: (i64, u32), is: (i64, u32), habits: &Habits) -> bool {
    let coarse = habits.from_directory && wanted.1 == 0 || !habits.fine_times;
    coarse && is.0 == wanted.0
}

/// The same, when nothing more is known.
pub(super) fn fraction(is: (i64, u32)) -> String {
    format!("{}, to the second what it was; the file was changed after the layer was made", time(is))
}

pub(super) fn time((seconds, nanos): (i64, u32)) -> String {
    let shown = i32::try_from(nanos).ok().and_then(|nanos| jiff::Timestamp::new(seconds, nanos).ok());
    shown.map_or_else(|| format!("{seconds}.{nanos:09}"), |time| time.to_string())
}

/// What a file's own attributes say besides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    /// Whatever lies below is hidden.
    pub(super) opaque: bool,
    /// The content, or the children, are those of a file elsewhere.
    pub(super) elsewhere: bool,
    /// An attribute that would not be in the stream even if it had been there.
    pub(super) unknown: Option<String>,
}

/// Attributes of a file beside those of its header.
pub(super) fn attributes(header: &[(Vec<u8>, Vec<u8>)], is: &Attributes, habits: &Habits, found: &mut Found) -> Marks {
    let mut marks = Marks::default();
    let was_set = |name: &[u8]| !(habits.none_of_the_administrators && name.starts_with(b"trusted."));
    for (name, value) in is {
        if let Some(mark) = overlay_mark(name) {
            marks.opaque |= mark == b"opaque" && value == b"y";
            marks.elsewhere |= matches!(mark, b"metacopy" | b"redirect");
            continue;
        }
        if is_of_the_host(name) || was_set(name) && header.iter().any(|(known, _)| known == name) {
            continue;
        }
        // moby and containerd write this one alone into a stream
        if habits.from_directory && name != CAPABILITY {
            marks.unknown.get_or_insert_with(|| shown(name));
        } else {
            found.push((What::Attribute, is_strange(name)));
        }
    }
    let set = |name: &[u8]| was_set(name) && overlay_mark(name).is_none() && !is_of_the_host(name);
    for (name, wanted) in header.iter().filter(|(name, _)| set(name)) {
        match is.iter().find(|(known, _)| known == name) {
            Some((_, value)) if value == wanted || is_same_capability(name, value, wanted) => {}
            Some((_, value)) if name == acl::ACCESS && acl::same(value, wanted) => {}
            None if name == acl::ACCESS && acl::is_only_a_mode(wanted) => {}
            Some(_) => found.push((What::Attribute, format!("{} has another value", shown(name)))),
            None if wanted.is_empty() && habits.empty_is_none => {}
            None => found.push((What::Attribute, is_missing(name))),
        }
    }
    marks
}

pub(super) fn is_missing(name: &[u8]) -> String {
    format!("{} is missing", shown(name))
}

pub(super) fn is_strange(name: &[u8]) -> String {
    format!("{} is there, and was not", shown(name))
}

pub(super) const CAPABILITY: &[u8] = b"security.capability";

/// The third version of the value ends with whose root it is for; a stream has the second.
fn is_same_capability(name: &[u8], is: &[u8], wanted: &[u8]) -> bool {
    const REVISION: usize = 3;
    let third = name == CAPABILITY && is.len() == 24 && is.get(REVISION) == Some(&3);
    third
        && wanted.get(REVISION) == Some(&2)
        && is.get(..REVISION) == wanted.get(..REVISION)
        && is.get(4..20) == wanted.get(4..)
}

/// What overlay keeps for itself.
// Linux fs/overlayfs/overlayfs.h
fn overlay_mark(name: &[u8]) -> Option<&[u8]> {
    const MARKS: [&[u8]; 9] =
        [b"opaque", b"redirect", b"origin", b"impure", b"nlink", b"upper", b"metacopy", b"protattr", b"uuid"];
    let mark = name.strip_prefix(b"trusted.overlay.").or_else(|| name.strip_prefix(b"user.overlay."))?;
    (MARKS.contains(&mark)).then_some(mark)
}

/// Whether a header has the very attribute that says that a directory hides what lies below.
pub(super) fn is_opaque(header: &[(Vec<u8>, Vec<u8>)], habits: &Habits) -> bool {
    let was_set = |name: &[u8]| !(habits.none_of_the_administrators && name.starts_with(b"trusted."));
    header.iter().any(|(name, value)| was_set(name) && overlay_mark(name) == Some(b"opaque") && value == b"y")
}

/// What a host's own security modules put on every file.
fn is_of_the_host(name: &[u8]) -> bool {
    matches!(name, b"security.selinux" | b"security.ima" | b"security.evm" | b"security.SMACK64")
        || name.starts_with(b"user.fuseoverlayfs.")
}

/// Where a link leads, and led.
pub(super) fn targets(is: &[u8], was: &[u8]) -> String {
    format!("{} instead of {}", shown(is), shown(was))
}

pub(super) fn not_linked(target: &[u8]) -> String {
    format!("no longer the same file as {}", shown(target))
}

fn shown(name: &[u8]) -> String {
    crate::terms::Printable(name).to_string()
}
