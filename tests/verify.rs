//! Contents: every layer of every undamaged root is what it was, and whatever is changed in one is found and named.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use common::corpus;
use deadweight::disk::{Disk, Tree};
use deadweight::terms::{Kind, Place};
use deadweight::verify::{self, Orders, Outcome, Part, Verdict, What};

fn disk(dir: &Path) -> Disk {
    let trees = ["docker", "containerd"].into_iter().filter(|name| dir.join(name).is_dir());
    Disk::new(trees.map(|name| Tree::open(name, &dir.join(name)).unwrap())).unwrap()
}

fn verdicts_with(dir: &Path, threads: usize) -> Vec<Verdict> {
    let disk = disk(dir);
    let inventory = deadweight::store::survey(&disk);
    let subjects = verify::subjects(&inventory);
    verify::run(&disk, subjects, Orders { threads, until: None }, &|_, _| ())
}

fn verdicts(dir: &Path) -> Vec<Verdict> {
    verdicts_with(dir, 4)
}

/// Everything that is not intact, in words.
fn complaints(verdicts: &[Verdict]) -> Vec<String> {
    let mut found = Vec::new();
    let wrong = |verdict: &&Verdict| verdict.outcome() != Outcome::Intact && !verdict.by_design;
    for verdict in verdicts.iter().filter(wrong) {
        found.extend(verdict.differences.iter().map(|d| format!("{} {}: {}", d.at, d.what.name(), d.detail)));
        found.extend(verdict.unchecked.iter().map(|why| format!("{}: {why}", verdict.key)));
    }
    found
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Roots in which nothing was damaged on purpose, and nobody was killed.
fn sound(name: &str) -> bool {
    !name.contains("crash")
}

#[test]
fn every_layer_of_every_undamaged_root_is_what_it_was() {
    if !is_root() {
        return eprintln!("skipped: owners, devices and overlay's own attributes are unpacked by root only");
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for recording in corpus::recordings("").into_iter().filter(|recording| sound(&recording.name)) {
        let verdicts = verdicts(&recording.unpacked());
        assert_eq!(complaints(&verdicts), Vec::<String>::new(), "{recording}");
        for verdict in &verdicts {
            *counts.entry(verdict.key.kind.name()).or_default() += 1;
        }
    }
    for name in common::names().into_iter().filter(|name| !["crashed", "remains"].contains(&name.as_str())) {
        let verdicts = verdicts(&common::fixture(&name));
        assert_eq!(complaints(&verdicts), Vec::<String>::new(), "{name}");
        assert!(!verdicts.is_empty(), "{name}: nothing was checked");
    }
    eprintln!("intact: {counts:?}");
}

#[test]
fn what_was_planted_is_found_and_named() {
    for recording in corpus::recordings("crash-planted") {
        let planted: serde_json::Value = serde_json::from_str(&recording.truth("planted.json")).unwrap();
        let verdicts = verdicts(&recording.unpacked());
        let found: BTreeSet<String> = verdicts
            .iter()
            .flat_map(|verdict| &verdict.differences)
            .filter(|difference| difference.what == What::Content)
            .map(|difference| difference.at.to_string())
            .collect();
        let flipped = planted.as_array().unwrap().iter().filter(|planted| {
            let kind = planted["kind"].as_str().unwrap();
            kind == "bitflip-layer-file" || kind == "bitflip-layer-blob"
        });
        let flipped: BTreeSet<String> = flipped.map(|planted| planted["path"].as_str().unwrap().to_owned()).collect();
        assert!(!flipped.is_empty());
        assert!(flipped.is_subset(&found), "{recording}: {flipped:?} is not all of {found:?}");
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let dir = common::fixture("shared-base");
    let said = |threads| format!("{:?}", verdicts_with(&dir, threads));
    assert_eq!(said(1), said(16));
}

#[test]
fn every_subject_is_in_one_part_of_so_many() {
    let disk = disk(&common::fixture("shared-base"));
    let subjects = verify::subjects(&deadweight::store::survey(&disk));
    for subject in &subjects {
        let parts = (1..=5).filter(|number| Part { number: *number, of: 5 }.has(subject)).count();
        assert_eq!(parts, 1, "{}", subject.key);
    }
}

/// A way to change a file of a layer, and what is to be said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Flip,
    Shorten,
    Mode,
    Owner,
    AddAttribute,
    Target,
    Time,
    Remove,
    Add,
    AddHardLink,
    BreakHardLink,
    Replace,
    Hide,
    Opaque,
}

const CHANGES: &[Change] = &[
    Change::Flip,
    Change::Shorten,
    Change::Mode,
    Change::Owner,
    Change::AddAttribute,
    Change::Target,
    Change::Time,
    Change::Remove,
    Change::Add,
    Change::AddHardLink,
    Change::BreakHardLink,
    Change::Replace,
    Change::Hide,
    Change::Opaque,
];

/// Everything in a layer's directory that an entry of its stream names: all but what stands for a file that is gone.
fn files_of(layer: &Path) -> Vec<PathBuf> {
    let entries = walkdir::WalkDir::new(layer).min_depth(1).sort_by_file_name().into_iter().map(Result::unwrap);
    let mut found: Vec<PathBuf> = entries.map(walkdir::DirEntry::into_path).collect();
    found.retain(|path| {
        let meta = path.symlink_metadata().unwrap();
        let is_mark = path.file_name().unwrap().to_string_lossy().starts_with(".wh.");
        !is_mark && (!meta.file_type().is_char_device() || meta.rdev() != 0)
    });
    found
}

/// Times, put back after a change that is not about them.
#[derive(Clone, Copy)]
struct Times {
    at: (i64, i64),
    mtime: (i64, i64),
}

impl Times {
    fn of(path: &Path) -> Self {
        let meta = path.symlink_metadata().unwrap();
        Self { at: (meta.atime(), meta.atime_nsec()), mtime: (meta.mtime(), meta.mtime_nsec()) }
    }

    fn set(&self, path: &Path) {
        use nix::sys::stat::{UtimensatFlags, utimensat};
        let spec = |(seconds, nanos)| nix::sys::time::TimeSpec::new(seconds, nanos);
        let how = UtimensatFlags::NoFollowSymlink;
        utimensat(nix::fcntl::AT_FDCWD, path, &spec(self.at), &spec(self.mtime), how).unwrap();
    }
}

/// Changes a file and nothing else that `stat` shows; what must be said, and of which path. None if this kind of file
/// cannot be changed so.
fn change(how: Change, path: &Path, layer: &Path) -> Option<(PathBuf, Vec<What>)> {
    let meta = path.symlink_metadata().unwrap();
    let kind = meta.file_type();
    let above = path.parent().unwrap();
    let (times, above_times) = (Times::of(path), Times::of(above));
    let said = match how {
        Change::Flip if kind.is_file() && meta.len() > 0 => {
            let mut bytes = fs::read(path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(path, bytes).unwrap();
            times.set(path);
            (path.to_owned(), vec![What::Content])
        }
        Change::Shorten if kind.is_file() && meta.len() > 0 => {
            fs::OpenOptions::new().write(true).open(path).unwrap().set_len(meta.len() - 1).unwrap();
            times.set(path);
            (path.to_owned(), vec![What::Content])
        }
        Change::Mode if !kind.is_symlink() => {
            fs::set_permissions(path, fs::Permissions::from_mode(meta.mode() & 0o7777 ^ 0o020)).unwrap();
            (path.to_owned(), vec![What::Mode])
        }
        Change::Owner => {
            std::os::unix::fs::lchown(path, Some(meta.uid() + 1), Some(meta.gid())).unwrap();
            // that clears the bits which let others run it as its owner
            if !kind.is_symlink() {
                fs::set_permissions(path, fs::Permissions::from_mode(meta.mode() & 0o7777)).unwrap();
            }
            (path.to_owned(), vec![What::Owner])
        }
        Change::AddAttribute if kind.is_file() || kind.is_dir() => {
            xattr::set(path, "trusted.changed", b"x").unwrap();
            (path.to_owned(), vec![What::Attribute])
        }
        Change::Target if kind.is_symlink() => {
            fs::remove_file(path).unwrap();
            std::os::unix::fs::symlink("elsewhere", path).unwrap();
            std::os::unix::fs::lchown(path, Some(meta.uid()), Some(meta.gid())).unwrap();
            times.set(path);
            above_times.set(above);
            (path.to_owned(), vec![What::Target])
        }
        Change::Time => {
            let later = Times { mtime: (times.mtime.0 + 1, times.mtime.1), ..times };
            later.set(path);
            // a directory that is only there as the one below is
            (path.to_owned(), vec![What::Time, What::Added])
        }
        Change::Remove => {
            if kind.is_dir() {
                fs::remove_dir_all(path).unwrap()
            } else {
                fs::remove_file(path).unwrap()
            }
            above_times.set(above);
            (path.to_owned(), vec![What::Missing, What::HardLink])
        }
        Change::Add if kind.is_dir() => {
            let new = path.join("added");
            fs::write(&new, "x").unwrap();
            times.set(path);
            (new, vec![What::Added])
        }
        Change::AddHardLink if kind.is_file() => {
            let new = above.join("added");
            fs::hard_link(path, &new).unwrap();
            above_times.set(above);
            (new, vec![What::Added])
        }
        Change::BreakHardLink if kind.is_file() && meta.nlink() > 1 => {
            let copy = above.join("copy");
            fs::copy(path, &copy).unwrap();
            fs::rename(&copy, path).unwrap();
            std::os::unix::fs::lchown(path, Some(meta.uid()), Some(meta.gid())).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(meta.mode() & 0o7777)).unwrap();
            times.set(path);
            above_times.set(above);
            // the record names the later of two as the link
            (layer.to_owned(), vec![What::HardLink])
        }
        Change::Replace if !kind.is_dir() => {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
            above_times.set(above);
            (path.to_owned(), vec![What::Kind])
        }
        Change::Hide => {
            let new = above.join("a-hidden-name");
            let mode = nix::sys::stat::Mode::empty();
            nix::sys::stat::mknod(&new, nix::sys::stat::SFlag::S_IFCHR, mode, 0).unwrap();
            above_times.set(above);
            (new, vec![What::Whiteout, What::Added])
        }
        // a file says the same to fuse-overlayfs
        Change::Opaque if kind.is_dir() && !path.join(".wh..wh..opq").exists() => {
            let was = xattr::get(path, "trusted.overlay.opaque").unwrap();
            match was {
                Some(_) => xattr::remove(path, "trusted.overlay.opaque").unwrap(),
                None => xattr::set(path, "trusted.overlay.opaque", b"y").unwrap(),
            }
            (path.to_owned(), vec![What::Whiteout])
        }
        _ => return None,
    };
    Some(said)
}

/// The directories that hold layers of a root: those that there is something to check with.
fn layers(dir: &Path) -> Vec<(Place, PathBuf, bool)> {
    let disk = disk(dir);
    let layers = verdicts(dir).into_iter().filter(|verdict| matches!(verdict.key.kind, Kind::Layer | Kind::Snapshot));
    let with_path = layers.filter(|verdict| !verdict.by_design).map(|verdict| {
        let path = disk.host_path(&verdict.at).unwrap();
        // a build through a mount copies up what it links, and the difference does not have it: with that gone, the same
        // file below shows
        let built = match verdict.key.kind {
            Kind::Snapshot => !verdict.key.id.contains("sha256:"),
            _ => path.ends_with("diff") && path.parent().unwrap().file_name().unwrap().len() != 64,
        };
        (verdict.at, path, built)
    });
    with_path.collect()
}

/// The verdict of one layer.
fn verdict_of(dir: &Path, at: &Place) -> Vec<Verdict> {
    let disk = disk(dir);
    let mut subjects = verify::subjects(&deadweight::store::survey(&disk));
    subjects.retain(|subject| subject.at == *at);
    verify::run(&disk, subjects, Orders { threads: 1, until: None }, &|_, _| ())
}

fn is_said(verdicts: &[Verdict], place: &Place, what: &[What]) -> bool {
    let mut all = verdicts.iter().flat_map(|verdict| &verdict.differences);
    all.any(|difference| what.contains(&difference.what) && difference.at.starts_with(place))
}

/// Tries every kind of change on some files of every layer of a root. The root is copied for each, and checked again.
fn try_changes(name: &str, archive: &dyn Fn() -> tempfile::TempDir, turn: &mut usize) -> usize {
    let dir = archive();
    let mut tried = 0;
    for (place, layer, built) in layers(dir.path()) {
        let files = files_of(&layer);
        let fuse = place.to_string().contains("/fuse-overlayfs/");
        for how in CHANGES {
            *turn += 7;
            // some file of the layer that can be changed in this way
            let start = *turn % files.len().max(1);
            let candidates = files.iter().cycle().skip(start).take(files.len());
            let backup = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
            let copy = backup.path().join("layer");
            let saved = std::process::Command::new("cp").arg("-a").arg(&layer).arg(&copy).status().unwrap();
            assert!(saved.success());
            let inodes: BTreeMap<PathBuf, u64> =
                files.iter().map(|file| (file.clone(), file.symlink_metadata().unwrap().ino())).collect();
            let may_be_a_copy = |file: &Path| match how {
                Change::Remove => built && (fuse || file.symlink_metadata().unwrap().nlink() > 1),
                Change::BreakHardLink => built,
                // the kernel sets it on what is made where something was, whether that was a directory or not
                Change::Opaque => built && xattr::get(file, "trusted.overlay.opaque").unwrap().is_some(),
                _ => false,
            };
            let mut changed = candidates.filter(|file| !may_be_a_copy(file));
            let Some((path, what)) = changed.find_map(|file| change(*how, file, &layer)) else { continue };
            tried += 1;
            // a file with several names is found under one of them
            let named = |path: &Path| {
                let inside = path.strip_prefix(&layer).unwrap().as_os_str();
                let inside = std::os::unix::ffi::OsStrExt::as_bytes(inside);
                if inside.is_empty() { place.clone() } else { place.join(inside) }
            };
            let same = files.iter().filter(|file| inodes.get(&path).is_some_and(|ino| inodes[*file] == *ino));
            let names: Vec<Place> = same.chain([&path]).map(|path| named(path)).collect();
            let verdicts = verdict_of(dir.path(), &place);
            // overlay's own attribute means nothing where layers are copies
            let is_copy = !place.to_string().contains("/diff") && !place.to_string().ends_with("/fs");
            if !(is_copy && *how == Change::Opaque) {
                let found = names.iter().any(|at| is_said(&verdicts, at, &what));
                assert!(found, "{name}: {how:?} of {names:?} is not found: {:?}", complaints(&verdicts));
            }
            fs::remove_dir_all(&layer).unwrap();
            let restored = std::process::Command::new("cp").arg("-a").arg(&copy).arg(&layer).status().unwrap();
            assert!(restored.success());
            // a copy of a root ends with the directories
            let above = layer.parent().unwrap();
            fs::set_permissions(above, above.metadata().unwrap().permissions()).unwrap();
        }
        assert_eq!(complaints(&verdicts(dir.path())), Vec::<String>::new(), "{name}: not put back as it was");
    }
    tried
}

#[test]
fn whatever_is_changed_in_a_layer_is_found_and_named() {
    if !is_root() {
        return eprintln!("skipped: only root can change owners and make devices");
    }
    let mut turn = 0;
    let mut tried = 0;
    let odd = ["odd-files", "odd-files-vfs", "odd-files-fuse", "odd-files-containerd"];
    for name in ["shared-base", "userns", "vfs", "containerd"].into_iter().chain(odd) {
        tried += try_changes(name, &|| common::fresh(name), &mut turn);
    }
    assert!(tried > 30, "{tried}");
}
