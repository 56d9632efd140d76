//! The mount points below a tree, from `/proc/self/mountinfo`. They are listed and not entered: an overlay's `merged`
//! shows its layers again, and a volume may be mounted from elsewhere.

use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// One mount point below a tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MountPoint {
    /// Relative to the tree.
    pub inside: Vec<u8>,
    pub fs_type: String,
}

/// The mounts strictly below an absolute path, in order, each once.
pub(super) fn below(root: &Path) -> Vec<MountPoint> {
    let text = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    parse(&text, root)
}

/// The device that the kernel gives a subvolume's file system itself, which is none that `stat` tells; none elsewhere.
pub(super) fn device_behind(path: &Path) -> Option<(u32, u32)> {
    behind(&std::fs::read("/proc/self/mountinfo").unwrap_or_default(), path)
}

pub(super) fn behind(text: &[u8], path: &Path) -> Option<(u32, u32)> {
    let mount = |line: &[u8]| {
        let mut fields = line.split(|b| *b == b' ');
        let device = String::from_utf8(fields.nth(2)?.to_owned()).ok()?;
        let point = PathBuf::from(std::ffi::OsString::from_vec(unescape(fields.nth(1)?)));
        let fs_type = fields.skip_while(|field| *field != b"-").nth(1)?;
        let (major, minor) = device.split_once(':')?;
        let device = (major.parse().ok()?, minor.parse().ok()?);
        path.starts_with(&point).then(|| (point, fs_type == b"btrfs", device))
    };
    // of mounts at one point the last one hides the others
    let mounts = text.split(|b| *b == b'\n').filter_map(mount);
    let (_, has_subvolumes, device) = mounts.max_by_key(|(point, ..)| point.as_os_str().len())?;
    has_subvolumes.then_some(device)
}

pub(super) fn parse(text: &[u8], root: &Path) -> Vec<MountPoint> {
    let mut found: Vec<MountPoint> = text.split(|b| *b == b'\n').filter_map(|line| one(line, root)).collect();
    found.sort();
    found.dedup_by(|later, first| later.inside == first.inside);
    found
}

/// `36 35 98:0 /sub /mnt/point rw,noatime shared:1 - ext4 /dev/x rw`
fn one(line: &[u8], root: &Path) -> Option<MountPoint> {
    let mut fields = line.split(|b| *b == b' ');
    let point = PathBuf::from(std::ffi::OsString::from_vec(unescape(fields.nth(4)?)));
    let fs_type = fields.skip_while(|field| *field != b"-").nth(1)?;
    let inside = point.strip_prefix(root).ok().filter(|rest| !rest.as_os_str().is_empty())?;
    Some(MountPoint {
        inside: inside.as_os_str().as_bytes().to_owned(),
        fs_type: String::from_utf8_lossy(fs_type).into_owned(),
    })
}

/// Blanks, tabs, newlines and backslashes stand as `\ooo`.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, tail)) = rest.split_first() {
        let octal = tail.get(..3).filter(|_| *first == b'\\').and_then(|d| std::str::from_utf8(d).ok());
        match octal.and_then(|d| u8::from_str_radix(d, 8).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = tail.get(3..).unwrap_or_default();
            }
            None => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    out
}
