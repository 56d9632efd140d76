//! The name of an entry as a path below the layer's directory.

use std::ffi::CStr;

/// What an entry's name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sense {
    /// The layer's own top.
    Top,
    File,
    /// Hides the file of that name in the layers below.
    Whiteout,
    /// Hides all of its directory.
    Opaque,
    /// Something that aufs kept for itself; neither engine unpacks it.
    Aufs,
}

/// The kernel follows no more links.
pub(super) const HOPS: usize = 40;

/// A path's parts, the last one first.
pub(super) fn parts(path: &[u8]) -> Vec<Vec<u8>> {
    path.rsplit(|byte| *byte == b'/').map(<[u8]>::to_vec).collect()
}

/// What following one part of a path does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Went {
    Nowhere,
    Up,
    Down,
}

/// Follows one part of a path from a directory below the top, which nothing leads out of.
pub(super) fn follow(way: &mut Vec<u8>, part: &[u8]) -> Went {
    match part {
        b"" | b"." => Went::Nowhere,
        b".." => {
            way.truncate(memchr::memrchr(b'/', way).unwrap_or(0));
            Went::Up
        }
        part => {
            if !way.is_empty() {
                way.push(b'/');
            }
            way.extend_from_slice(part);
            Went::Down
        }
    }
}

/// A cleaned path, and a NUL so that its last part can be handed to the kernel.
#[derive(Clone, Debug, Default)]
pub(super) struct Path {
    bytes: Vec<u8>,
    cut: usize,
}

impl Path {
    /// Takes a name as a stream has it, cleaned as the engines clean it, by its text alone; `false` if it leads outside.
    // moby pkg/archive/archive.go Unpack, containerd pkg/archive/tar.go applyNaive: filepath.Clean
    pub(super) fn set(&mut self, name: &[u8]) -> bool {
        self.bytes.clear();
        if is_clean(name) {
            self.bytes.extend_from_slice(name.strip_suffix(b"/").unwrap_or(name));
        } else if !self.clean(name) {
            return false;
        }
        self.cut = memchr::memrchr(b'/', &self.bytes).map_or(0, |at| at.saturating_add(1));
        self.bytes.push(0);
        true
    }

    fn clean(&mut self, name: &[u8]) -> bool {
        for part in name.split(|byte| *byte == b'/') {
            match part {
                b"" | b"." => {}
                b".." if self.bytes.is_empty() => return false,
                b".." => self.bytes.truncate(memchr::memrchr(b'/', &self.bytes).unwrap_or(0)),
                part if part.contains(&0) => return false,
                part => {
                    if !self.bytes.is_empty() {
                        self.bytes.push(b'/');
                    }
                    self.bytes.extend_from_slice(part);
                }
            }
        }
        true
    }

    pub(super) fn of(name: &[u8]) -> Option<Self> {
        let mut path = Self::default();
        path.set(name).then_some(path)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.split_last().map_or(&[], |(_, path)| path)
    }

    /// The directory that it lies in; empty for the top.
    pub(super) fn folder(&self) -> &[u8] {
        self.bytes.get(..self.cut.saturating_sub(1)).unwrap_or_default()
    }

    /// The last part.
    pub(super) fn name(&self) -> &CStr {
        let name = self.bytes.get(self.cut..).unwrap_or_default();
        CStr::from_bytes_with_nul(name).unwrap_or_default()
    }

    // image-spec layer.md; the engines' pkg/archive/whiteouts.go
    pub(super) fn sense(&self) -> Sense {
        let name = self.name().to_bytes();
        match name.strip_prefix(b".wh.") {
            _ if name.is_empty() => Sense::Top,
            None => Sense::File,
            Some(b".wh..opq") => Sense::Opaque,
            Some(hidden) if hidden.starts_with(b".wh.") => Sense::Aufs,
            Some(_) => Sense::Whiteout,
        }
    }

    /// Below a directory that aufs kept for itself.
    pub(super) fn is_below_aufs(&self) -> bool {
        self.bytes.starts_with(b".wh..wh.") && self.cut > 0
    }

    /// The path that a whiteout hides.
    pub(super) fn hidden(&self) -> Vec<u8> {
        let folder = self.bytes.get(..self.cut).unwrap_or_default();
        let name = self.name().to_bytes();
        [folder, name.strip_prefix(b".wh.").unwrap_or(name)].concat()
    }
}

/// Nothing in a name can mean anything but itself: so it is with nearly all.
fn is_clean(name: &[u8]) -> bool {
    let odd = |first: Option<&u8>| matches!(first, Some(b'/' | b'.'));
    let parts = || memchr::memchr_iter(b'/', name).map(|at| name.get(at.saturating_add(1)));
    !odd(name.first()) && !parts().any(odd) && memchr::memchr(0, name).is_none()
}
