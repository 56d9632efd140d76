//! An access control list as an attribute: what it says besides the permissions, which change it and are compared themselves.
//!
//! ```text
//! version 2 (u32) | tag (u16) permissions (u16) id (u32) | …      little end first; Linux posix_acl_xattr.h
//! ```

pub(super) const ACCESS: &[u8] = b"system.posix_acl_access";

const USER: u16 = 0x01;
const GROUP: u16 = 0x04;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;

type Entry = (u16, u16, u32);

fn entries(value: &[u8]) -> Option<Vec<Entry>> {
    const LEN: usize = 8;
    let (version, rest) = value.split_at_checked(4)?;
    let half = |at: &[u8]| Some(u16::from_le_bytes(at.try_into().ok()?));
    let entry = |entry: &[u8]| {
        let id = u32::from_le_bytes(entry.get(4..LEN)?.try_into().ok()?);
        Some((half(entry.get(..2)?)?, half(entry.get(2..4)?)?, id))
    };
    (version == [2, 0, 0, 0]).then(|| rest.chunks(LEN).map(entry).collect())?
}

/// What a change of permissions leaves as it is: an engine sets these after the list.
// Linux fs/posix_acl.c __posix_acl_chmod_masq
fn beside_the_mode(value: &[u8]) -> Option<Vec<Entry>> {
    let all = entries(value)?;
    let group = if all.iter().any(|(tag, _, _)| *tag == MASK) { MASK } else { GROUP };
    let named = |tag: u16| matches!(tag, USER | GROUP | MASK | OTHER);
    let masked = |(tag, permissions, id): Entry| {
        let of_the_mode = matches!(tag, USER | OTHER) || tag == group;
        (tag, if of_the_mode { 0 } else { permissions }, if named(tag) { 0 } else { id })
    };
    Some(all.into_iter().map(masked).collect())
}

pub(super) fn same(one: &[u8], other: &[u8]) -> bool {
    beside_the_mode(one).is_some_and(|one| Some(one) == beside_the_mode(other))
}

/// The kernel keeps no list that says nothing more.
pub(super) fn is_only_a_mode(value: &[u8]) -> bool {
    entries(value).is_some_and(|all| all.iter().all(|(tag, _, _)| matches!(*tag, USER | GROUP | OTHER)))
}
