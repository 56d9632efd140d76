//! The recordings themselves: what is unpacked is what was recorded.

#![allow(clippy::unwrap_used)]

mod common;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::Command;

fn output_of(command: &mut Command) -> String {
    let out = command.output().unwrap();
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

fn du(tree: &Path) -> u64 {
    let tops = std::fs::read_dir(tree).unwrap().map(|e| e.unwrap().path());
    let text = output_of(Command::new("du").args(["-sc", "--block-size=1"]).args(tops));
    text.lines().last().unwrap().split_whitespace().next().unwrap().parse().unwrap()
}

/// Names need not be text.
fn find(tree: &Path, tests: &[&str], print: &str) -> Vec<Vec<u8>> {
    let mut find = Command::new("find");
    let found = find.arg(tree).args(["-mindepth", "1"]).args(tests).args(["-printf", print]).output().unwrap();
    assert!(found.status.success());
    found.stdout.split(|byte| *byte == 0).filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
}

/// Of every inode its kind, mode, owner, links, size, blocks, time, target, name, and all attributes; sorted.
fn listing(tree: &Path) -> Vec<String> {
    let shown = |line: Vec<u8>| line.escape_ascii().to_string();
    let mut lines: Vec<String> =
        find(tree, &["!", "-type", "d"], "%P %y %m %U:%G %n %s %b %T@ %l\\0").into_iter().map(shown).collect();
    lines.extend(find(tree, &["-type", "d"], "%P %m %U:%G %T@\\0").into_iter().map(shown));
    for name in find(tree, &[], "%P\\0") {
        let path = tree.join(OsStr::from_bytes(&name));
        for attribute in xattr::list(&path).unwrap() {
            let value = xattr::get(&path, &attribute).unwrap();
            lines.push(format!("{} {attribute:?}={value:?}", name.escape_ascii()));
        }
    }
    lines.sort();
    lines
}

#[test]
fn unpacked_recording_is_what_tar_unpacks() {
    for name in common::names() {
        let (ours, whole) = common::fresh_whole(&name);
        assert!(ours.path().join("docker").is_dir(), "{name}");
        if !whole {
            eprintln!("{name}: not compared, for it takes root with every right to unpack it whole");
            continue;
        }
        let (ours, theirs) = (ours.path(), tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap());
        let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(&name).join("root.tar.zst");
        let mut tar = Command::new("tar");
        tar.args(["--xattrs", "--xattrs-include=*", "--numeric-owner", "--use-compress-program=unzstd", "-xf"]);
        assert!(tar.arg(&archive).arg("-C").arg(theirs.path()).status().unwrap().success());
        // A directory of more than four blocks may need one more for its map, as the disk happens to be fragmented.
        let slack = 4096 * find(ours, &["-type", "d", "-size", "+32"], ".\\0").len() as u64;
        assert!(du(ours).abs_diff(du(theirs.path())) <= slack, "{name}: {} {}", du(ours), du(theirs.path()));
        let (ours, theirs) = (listing(ours), listing(theirs.path()));
        assert_eq!(ours.len(), theirs.len(), "{name}");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours, theirs, "{name}");
        }
    }
}

#[test]
fn recording_says_what_it_weighs() {
    for name in common::names() {
        assert!(!common::about(&name, "shows").unwrap().is_empty());
        assert!(common::truth(&name)["system_df"]["LayersSize"].is_number(), "{name}");
        if rustix::process::geteuid().is_root() {
            let recorded: u64 = common::about(&name, "du_bytes").unwrap().parse().unwrap();
            // Blocks of directories differ between file systems; content does not.
            let (got, slack) = (du(&common::fixture(&name)), recorded / 20);
            assert!(got.abs_diff(recorded) <= slack, "{name}: {got} is not {recorded}");
        }
    }
}

#[test]
fn copy_of_ones_own_is_apart_from_the_shared_one() {
    let (shared, own) = (common::fixture("forced-rmi"), common::fresh("forced-rmi"));
    std::fs::remove_dir_all(own.path().join("docker/image")).unwrap();
    assert!(shared.join("docker/image").is_dir());
}
