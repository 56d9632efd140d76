//! How a layer got onto the disk: what its files must look like follows from who unpacked them, and into what.

use super::owners::Shift;

/// What became of a `.wh.` entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whiteouts {
    /// A character device 0:0, or an attribute of the directory.
    Overlay,
    /// The same, as fuse-overlayfs's mount leaves it: files of the names `.wh.…` beside, or instead.
    FuseMount,
    /// A file of that very name.
    // moby daemon/graphdriver/fuse-overlayfs/fuseoverlayfs.go ApplyDiff
    Files,
    /// What it hides was removed from the copy of the layers below.
    Removed,
}

impl Whiteouts {
    /// The directory has its own marks for what its stream has as entries.
    pub(super) fn are_marks(self) -> bool {
        matches!(self, Self::Overlay | Self::FuseMount)
    }
}

/// The habits of a store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Habits {
    pub(super) whiteouts: Whiteouts,
    pub(super) shift: Shift,
    /// The stream was made from the directory, not the directory from the stream: times in whole seconds, and of the
    /// attributes only file capabilities.
    // moby pkg/archive/archive.go FileInfoHeader, ReadSecurityXattrToTarHeader
    pub(super) from_directory: bool,
    /// No entry of the stream has a time after some moment, whatever the time of its file.
    pub(super) times_may_be_cut: bool,
    /// An attribute with an empty value was not set.
    // Go's archive/tar: such a record takes back another; Docker read no others until it kept all of them
    pub(super) empty_is_none: bool,
    /// Attributes that only the administrator may set were not set.
    // containerd pkg/archive/tar_unix.go setxattr: none that begins with trusted.
    pub(super) none_of_the_administrators: bool,
    /// What aufs kept for itself was unpacked like anything else.
    // moby pkg/archive/archive.go Unpack, containerd pkg/archive/tar.go; moby's UnpackLayer passes over it
    pub(super) keeps_marks_of_aufs: bool,
    /// Those of symbolic links may have been set on what the links lead to.
    pub(super) attributes_may_move: bool,
    /// Device nodes were left out, as in a user namespace.
    pub(super) no_devices: bool,
    /// Whiteouts were made by a mount, which makes none where there is nothing to hide.
    pub(super) through_a_mount: bool,
    /// The file system keeps nanoseconds.
    pub(super) fine_times: bool,
    /// The layer's own directory has the owner of the one below.
    pub(super) top_has_any_owner: bool,
    /// Attributes that only the kernel's own administrator sees are seen.
    pub(super) sees_all: bool,
}
