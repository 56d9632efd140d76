//! What lies in a layer, by kind of file.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// A file is of the first kind that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// The layer's own directory.
    Top,
    /// A device, or a file of this name, that hides something below.
    Whiteout,
    OpaqueDirectory,
    AttributedDirectory,
    Directory,
    Symlink,
    Fifo,
    Device,
    Empty,
    SetId,
    HardLink,
    Sparse,
    Attributed,
    OtherName,
    LongName,
    File,
}

/// Attributes of a file but those that overlay and the host keep for themselves.
pub(crate) fn attributes(path: &Path) -> Vec<std::ffi::OsString> {
    const OTHERS: &[&[u8]] =
        &[b"trusted.overlay.", b"user.overlay.", b"user.fuseoverlayfs.", b"security.selinux", b"security.ima"];
    let names = xattr::list(path).into_iter().flatten();
    names.filter(|name| !OTHERS.iter().any(|other| name.as_bytes().starts_with(other))).collect()
}

pub(crate) fn is_opaque(path: &Path) -> bool {
    let by_name = [".wh..wh..opq", ".wh..opq"].iter().any(|name| path.join(name).symlink_metadata().is_ok());
    let has = |name: &str| xattr::get(path, name).is_ok_and(|value| value.is_some());
    by_name || has("trusted.overlay.opaque") || has("user.overlay.opaque") || has("user.fuseoverlayfs.opaque")
}

fn class(path: &Path, layer: &Path) -> Class {
    let meta = path.symlink_metadata().unwrap();
    let kind = meta.file_type();
    let name = path.file_name().unwrap_or_default().as_bytes();
    let inside = path.strip_prefix(layer).unwrap().as_os_str();
    match () {
        () if path == layer => Class::Top,
        () if kind.is_char_device() && meta.rdev() == 0 || name.starts_with(b".wh.") => Class::Whiteout,
        () if kind.is_dir() && is_opaque(path) => Class::OpaqueDirectory,
        () if kind.is_dir() && !attributes(path).is_empty() => Class::AttributedDirectory,
        () if kind.is_dir() => Class::Directory,
        () if kind.is_symlink() => Class::Symlink,
        () if kind.is_fifo() => Class::Fifo,
        () if kind.is_char_device() || kind.is_block_device() => Class::Device,
        () if meta.nlink() > 1 => Class::HardLink,
        () if meta.len() == 0 => Class::Empty,
        () if meta.mode() & 0o6000 != 0 => Class::SetId,
        () if meta.blocks() * 512 < meta.len() => Class::Sparse,
        () if !attributes(path).is_empty() => Class::Attributed,
        () if std::str::from_utf8(name).is_err() => Class::OtherName,
        () if inside.len() > 100 => Class::LongName,
        () => Class::File,
    }
}

/// All of a layer, the directory itself first.
pub(crate) fn of(layer: &Path) -> Vec<(Class, PathBuf)> {
    let entries = walkdir::WalkDir::new(layer).sort_by_file_name().into_iter().map(Result::unwrap);
    entries.map(|entry| (class(entry.path(), layer), entry.into_path())).collect()
}
