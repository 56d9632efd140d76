//! No command leaves a trace: every stat of the tree, access times too, is the same afterwards; a read-only mount and a
//! full disk do; and the answer does not depend on the number of threads.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

#[path = "common/mod.rs"]
mod common;
#[path = "common/run.rs"]
mod run;

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const COMMANDS: &[&[&str]] = &[
    &["report"],
    &["report", "--format", "json"],
    &["status", "--format", "json"],
    &["df"],
    &["df", "-v"],
    &["df", "--format", "json"],
    &["ls", "images", "--format", "json"],
    &["ls", "containers", "--format", "json"],
    &["ls", "layers"],
    &["ls", "volumes"],
    &["ls", "cache"],
    &["ls", "logs"],
    &["ls", "--dead"],
    &["ls", "--live"],
    &["ls", "--roots"],
    &["graph", "--format", "json"],
    &["graph", "--format", "dot"],
    &["why", "overlay2"],
    &["plan", "--free", "1MB"],
    &["plan", "--free", "1TB", "--format", "json"],
    &["check"],
    &["check", "--format", "json"],
    &["check", "--content"],
    &["check", "--content", "--format", "json"],
];

type Times = (i64, i64);

/// Everything that `stat` tells.
fn stats(top: &Path) -> BTreeMap<PathBuf, (Vec<u64>, [Times; 3])> {
    let entries = walkdir::WalkDir::new(top).into_iter().map(Result::unwrap);
    entries
        .map(|entry| {
            let s = entry.path().symlink_metadata().unwrap();
            let numbers = vec![
                s.ino(),
                s.mode().into(),
                s.nlink(),
                s.uid().into(),
                s.gid().into(),
                s.size(),
                s.blocks(),
                s.rdev(),
            ];
            let times = [(s.atime(), s.atime_nsec()), (s.mtime(), s.mtime_nsec()), (s.ctime(), s.ctime_nsec())];
            (entry.into_path(), (numbers, times))
        })
        .collect()
}

/// Makes every access time older than the last change, so that a relatime mount would move it at the next read.
fn age(top: &Path) {
    let old = rustix::fs::Timespec { tv_sec: 1_000_000_000, tv_nsec: 0 };
    let times = rustix::fs::Timestamps {
        last_access: old,
        last_modification: rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT },
    };
    for entry in walkdir::WalkDir::new(top) {
        let entry = entry.unwrap();
        rustix::fs::utimensat(rustix::fs::CWD, entry.path(), &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }
}

#[test]
fn nothing_below_the_root_is_touched() {
    for fixture in common::names() {
        let dir = common::fresh(&fixture);
        age(dir.path());
        let before = stats(dir.path());
        // walking itself reads directories and moves their access times
        age(dir.path());
        let aged =
            before.keys().map(|path| (path.clone(), path.symlink_metadata().unwrap().atime())).collect::<Vec<_>>();
        for args in COMMANDS {
            let said = run::deadweight(dir.path(), args);
            assert!(
                !said.out.is_empty() || !said.err.is_empty() || args.contains(&"--dead"),
                "{fixture} {args:?} said nothing"
            );
            let privileged = rustix::process::geteuid().is_root();
            for (path, atime) in &aged {
                let now = path.symlink_metadata().unwrap();
                // without the right to mount, a link's own access time may move: the report says so
                if privileged || !now.is_symlink() {
                    assert_eq!(now.atime(), *atime, "{fixture} {args:?}: {} was read", path.display());
                }
            }
        }
        let after = stats(dir.path());
        for (path, (numbers, [_, mtime, _])) in &before {
            let (n, [_, m, _]) = after.get(path).expect("is still there");
            assert_eq!((numbers, mtime), (n, m), "{fixture}: {}", path.display());
        }
        assert_eq!(before.len(), after.len(), "{fixture}: something appeared");
    }
}

#[test]
fn the_answer_does_not_depend_on_the_number_of_threads() {
    for fixture in common::names() {
        let dir = common::fixture(&fixture);
        for args in COMMANDS {
            let with = |jobs: &str| run::deadweight(&dir, &[args, &["-j", jobs][..]].concat()).out;
            assert_eq!(with("1"), with("8"), "{fixture} {args:?}");
        }
    }
}

/// Runs a shell script in a mount namespace of its own; none where that is not allowed.
fn in_own_mounts(script: &str) -> Option<std::process::Output> {
    if !rustix::process::geteuid().is_root() {
        println!("not root: mounts are not tested");
        return None;
    }
    let out = Command::new("unshare").args(["-m", "sh", "-ec", script]).output().expect("unshare can be started");
    Some(out)
}

#[test]
fn a_read_only_mount_and_a_full_disk_do() {
    let dir = common::fresh("shared-base");
    let binary = env!("CARGO_BIN_EXE_deadweight");
    let root = dir.path().join("docker");
    let here = run::deadweight(dir.path(), &["report", "--format", "json"]);
    let script = format!(
        "mount --bind {root} {root}; mount -o remount,bind,ro {root}; \
         mkdir -p {tmp}; mount -t tmpfs -o size=16k none {tmp}; head -c 1000000 /dev/zero > {tmp}/full 2>/dev/null || true; \
         cd {tmp}; TMPDIR={tmp} HOME={tmp} {binary} --root {root} --now {now} --format json",
        root = root.display(),
        tmp = dir.path().join("tmp").display(),
        now = run::NOW,
    );
    let Some(out) = in_own_mounts(&script) else { return };
    assert_eq!(String::from_utf8_lossy(&out.stderr), "");
    assert_eq!(out.stdout, here.out, "the answer differs on a read-only mount");
}
