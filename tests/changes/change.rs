//! Ways to change a file of a layer and nothing else that `stat` shows, and what is to be said of each.

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _, lchown, symlink};
use std::path::{Path, PathBuf};

use nix::sys::stat::{Mode, SFlag, UtimensatFlags, mknod, utimensat};
use nix::sys::time::TimeSpec;

use crate::Dice;
use crate::files::{self, Class};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    Flip,
    Shorten,
    Lengthen,
    Mode,
    SetId,
    Owner,
    Group,
    AddTrusted,
    AddUser,
    AddCapability,
    OtherAttribute,
    RemoveAttribute,
    Target,
    Second,
    Nanosecond,
    Remove,
    AddFile,
    AddDirectory,
    AddHardLink,
    BreakHardLink,
    Replace,
    Number,
    Hide,
    Opaque,
}

pub(crate) const CHANGES: &[Change] = &[
    Change::Flip,
    Change::Shorten,
    Change::Lengthen,
    Change::Mode,
    Change::SetId,
    Change::Owner,
    Change::Group,
    Change::AddTrusted,
    Change::AddUser,
    Change::AddCapability,
    Change::OtherAttribute,
    Change::RemoveAttribute,
    Change::Target,
    Change::Second,
    Change::Nanosecond,
    Change::Remove,
    Change::AddFile,
    Change::AddDirectory,
    Change::AddHardLink,
    Change::BreakHardLink,
    Change::Replace,
    Change::Number,
    Change::Hide,
    Change::Opaque,
];

/// How the layer was made: some of what lies in it says nothing then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layer {
    /// Its stream was made of its directory.
    pub(crate) built: bool,
    pub(crate) fuse: bool,
    /// The directory has all of the layers below as well.
    pub(crate) copy: bool,
}

impl Change {
    fn fits(self, class: Class) -> bool {
        use Class::{AttributedDirectory, Device, Directory, Empty, OpaqueDirectory, Symlink, Top, Whiteout};
        let is_dir = matches!(class, Top | OpaqueDirectory | AttributedDirectory | Directory);
        let is_file = !is_dir && !matches!(class, Whiteout | Symlink | Class::Fifo | Device);
        match self {
            // an entry of this name gives the file nothing but its name
            Self::Remove => class != Top,
            Self::Replace => !is_dir && class != Whiteout,
            _ if class == Whiteout => false,
            Self::Flip | Self::Shorten => is_file && class != Empty,
            Self::Lengthen | Self::SetId | Self::AddHardLink | Self::AddCapability => is_file,
            Self::Mode => class != Symlink,
            Self::AddUser | Self::OtherAttribute | Self::RemoveAttribute => is_file || is_dir,
            Self::Owner | Self::Group | Self::AddTrusted | Self::Second | Self::Nanosecond => true,
            Self::Target => class == Symlink,
            Self::AddFile | Self::AddDirectory | Self::Hide | Self::Opaque => is_dir,
            Self::BreakHardLink => class == Class::HardLink,
            Self::Number => class == Device,
        }
    }

    pub(crate) fn is_rare(self) -> bool {
        matches!(self, Self::OtherAttribute | Self::RemoveAttribute | Self::Number | Self::BreakHardLink | Self::Target)
    }

    /// Whether it can be tried on a file, and must then be found.
    pub(crate) fn is_for(self, class: Class, path: &Path, layer: Layer) -> bool {
        let has_attribute = || !files::attributes(path).is_empty();
        let has_mark = || xattr::get(path, "trusted.overlay.opaque").is_ok_and(|mark| mark.is_some());
        self.fits(class)
            && match self {
                Self::OtherAttribute | Self::RemoveAttribute => has_attribute(),
                Self::AddCapability => !xattr::get(path, "security.capability").is_ok_and(|is| is.is_some()),
                // a build through a mount copies up what it links, and the directories on the way, and the difference does not
                // have them: with these gone, the same below shows
                Self::Remove if layer.built => {
                    !layer.fuse
                        && !matches!(class, Class::HardLink | Class::Whiteout)
                        && (!path.is_dir() || has_file(path))
                }
                Self::BreakHardLink => !layer.built,
                // overlay's own mark means nothing where layers are copies; a file says the same to fuse-overlayfs; the kernel sets
                // it on what is made where something was, whether that was a directory or not
                Self::Opaque => !layer.copy && (class != Class::OpaqueDirectory || has_mark() && !layer.built),
                _ => true,
            }
    }
}

fn has_file(dir: &Path) -> bool {
    let mut entries = walkdir::WalkDir::new(dir).into_iter().map(Result::unwrap);
    entries.any(|entry| entry.metadata().is_ok_and(|meta| meta.is_file() && meta.nlink() == 1))
}

/// What is to be said: one of these paths, with one of these words.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) what: &'static [&'static str],
}

/// Times, put back after a change that is not about them.
#[derive(Clone, Copy)]
struct Times {
    atime: (i64, i64),
    mtime: (i64, i64),
}

impl Times {
    fn of(path: &Path) -> Self {
        let meta = path.symlink_metadata().unwrap();
        Self { atime: (meta.atime(), meta.atime_nsec()), mtime: (meta.mtime(), meta.mtime_nsec()) }
    }

    fn set(&self, path: &Path) {
        let spec = |(seconds, nanos)| TimeSpec::new(seconds, nanos);
        let how = UtimensatFlags::NoFollowSymlink;
        utimensat(nix::fcntl::AT_FDCWD, path, &spec(self.atime), &spec(self.mtime), how).unwrap();
    }
}

/// An owner takes away the bits which let others run it as that owner.
fn own(path: &Path, uid: u32, gid: u32) {
    let meta = path.symlink_metadata().unwrap();
    lchown(path, Some(uid), Some(gid)).unwrap();
    if !meta.file_type().is_symlink() {
        fs::set_permissions(path, Permissions::from_mode(meta.mode() & 0o7777)).unwrap();
    }
}

/// Does it.
pub(crate) fn make(how: Change, path: &Path, layer: &Path, dice: &mut Dice) -> Expected {
    let meta = path.symlink_metadata().unwrap();
    let kind = meta.file_type();
    let above = path.parent().unwrap();
    let (times, above_times) = (Times::of(path), Times::of(above));
    let chmod = |mode: u32| fs::set_permissions(path, Permissions::from_mode(mode & 0o7777)).unwrap();
    let open = || OpenOptions::new().read(true).write(true).open(path).unwrap();
    let said = |what| Expected { paths: vec![path.to_owned()], what };
    let added = format!("added-{}", dice.below(1 << 40));
    let new = |what| Expected { paths: vec![path.join(&added)], what };
    let expected = match how {
        Change::Flip => {
            let at = dice.below(usize::try_from(meta.len()).unwrap()) as u64;
            let (file, mut byte) = (open(), [0]);
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_all_at(&[byte[0] ^ 1 << dice.below(8)], at).unwrap();
            said(&["content"])
        }
        Change::Shorten => {
            open().set_len(meta.len() - 1).unwrap();
            said(&["content"])
        }
        Change::Lengthen => {
            open().set_len(meta.len() + 1).unwrap();
            said(&["content"])
        }
        Change::Mode => {
            chmod(meta.mode() ^ [0o020, 0o002, 0o100, 0o1000][dice.below(4)]);
            said(&["mode"])
        }
        Change::SetId => {
            chmod(meta.mode() ^ [0o4000, 0o2000][dice.below(2)]);
            said(&["mode"])
        }
        Change::Owner => {
            own(path, meta.uid() + 1, meta.gid());
            said(&["owner"])
        }
        Change::Group => {
            own(path, meta.uid(), meta.gid() + 1);
            said(&["owner"])
        }
        Change::AddTrusted => {
            xattr::set(path, "trusted.changed", b"x").unwrap();
            said(&["xattr"])
        }
        Change::AddUser => {
            xattr::set(path, "user.changed", b"").unwrap();
            said(&["xattr"])
        }
        Change::AddCapability => {
            let value = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            xattr::set(path, "security.capability", &value).unwrap();
            said(&["xattr"])
        }
        Change::OtherAttribute | Change::RemoveAttribute => {
            let names = files::attributes(path);
            let name = &names[dice.below(names.len())];
            if how == Change::RemoveAttribute {
                xattr::remove(path, name).unwrap();
            } else {
                // of a capability any other byte would not be taken
                let mut value = xattr::get(path, name).unwrap().unwrap();
                match value.get_mut(5) {
                    Some(byte) => *byte ^= 1,
                    None => value.push(b'x'),
                }
                xattr::set(path, name, &value).unwrap();
            }
            said(&["xattr"])
        }
        Change::Target => {
            let mut target = fs::read_link(path).unwrap().into_os_string().into_encoded_bytes();
            let last = target.last_mut().unwrap();
            *last = if *last == b'x' { b'y' } else { b'x' };
            fs::remove_file(path).unwrap();
            symlink(std::ffi::OsStr::new(&*String::from_utf8_lossy(&target)), path).unwrap();
            own(path, meta.uid(), meta.gid());
            said(&["target"])
        }
        Change::Second => {
            Times { mtime: (times.mtime.0 + 1, times.mtime.1), ..times }.set(path);
            // a directory that is only there as the one below is
            return said(&["time", "added"]);
        }
        Change::Nanosecond => {
            Times { mtime: (times.mtime.0, times.mtime.1 ^ 1), ..times }.set(path);
            return said(&["time", "added"]);
        }
        Change::Remove => {
            if kind.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
            above_times.set(above);
            let hidden = path.file_name().unwrap().to_string_lossy().into_owned();
            let mut paths = vec![path.to_owned()];
            if let Some(hidden) = hidden.strip_prefix(".wh.") {
                paths.push(path.with_file_name(hidden));
                // all of the directory
                paths.push(above.to_owned());
            }
            return Expected { paths, what: &["missing", "hard-link", "whiteout"] };
        }
        Change::AddFile => {
            fs::write(path.join(&added), "x").unwrap();
            new(&["added"])
        }
        Change::AddDirectory => {
            fs::create_dir(path.join(&added)).unwrap();
            new(&["added"])
        }
        Change::AddHardLink => {
            let new = above.join(&added);
            fs::hard_link(path, &new).unwrap();
            above_times.set(above);
            // of the file itself it is told that it was changed
            return Expected { paths: vec![new, path.to_owned()], what: &["added"] };
        }
        Change::BreakHardLink => {
            let copy = above.join("copy");
            assert!(std::process::Command::new("cp").arg("-a").arg(path).arg(&copy).status().unwrap().success());
            fs::rename(&copy, path).unwrap();
            above_times.set(above);
            // the record names the later of two as the link
            return Expected { paths: vec![layer.to_owned()], what: &["hard-link"] };
        }
        Change::Replace => {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
            above_times.set(above);
            return said(&["kind"]);
        }
        Change::Number => {
            fs::remove_file(path).unwrap();
            let flag = SFlag::from_bits_truncate(meta.mode() & SFlag::S_IFMT.bits());
            mknod(path, flag, Mode::empty(), nix::sys::stat::makedev(200, 7)).unwrap();
            lchown(path, Some(meta.uid()), Some(meta.gid())).unwrap();
            chmod(meta.mode());
            said(&["device"])
        }
        Change::Hide => {
            mknod(&path.join(&added), SFlag::S_IFCHR, Mode::empty(), 0).unwrap();
            new(&["whiteout", "added"])
        }
        Change::Opaque => {
            match xattr::get(path, "trusted.overlay.opaque").unwrap() {
                Some(_) => xattr::remove(path, "trusted.overlay.opaque").unwrap(),
                None => xattr::set(path, "trusted.overlay.opaque", b"y").unwrap(),
            }
            said(&["whiteout"])
        }
    };
    times.set(path);
    if how == Change::Target || how == Change::Number {
        above_times.set(above);
    }
    expected
}
