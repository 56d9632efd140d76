//! What a walk costs, in counts that do not depend on what else the machine does: system calls, instructions, memory.
//! Each is measured on `examples/weigh`, with what the program costs on an empty directory taken off.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Directories, and files in each: about one in four is a directory, as in overlay2.
const DIRS: u64 = 600;
const FILES: u64 = 4;

fn tree(dirs: u64, files: u64) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for d in 0..dirs {
        let at = dir.path().join(format!("overlay2/layer-{}/diff/usr/share/package-{d}", d % 10));
        std::fs::create_dir_all(&at).unwrap();
        (0..files).for_each(|f| drop(std::fs::File::create(at.join(format!("file-of-usual-length-{f}"))).unwrap()));
    }
    dir
}

fn inodes(at: &Path) -> u64 {
    walkdir::WalkDir::new(at).into_iter().count() as u64
}

/// The example as `cargo test` built it, or as `cargo build --release --example weigh` did.
fn weigh(profile: &str) -> Option<PathBuf> {
    let exe = std::env::current_exe().unwrap();
    let built = exe.ancestors().nth(3)?.join(profile).join("examples/weigh");
    built.exists().then_some(built)
}

fn skip(why: &str) {
    assert!(std::env::var_os("REQUIRE_COUNTS").is_none(), "{why}");
    eprintln!("skipped: {why}");
}

fn run(command: &mut Command) -> Option<String> {
    let done = command.output().ok()?;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{command:?}: {said}");
    Some(said)
}

fn system_calls(weigh: &Path, at: &Path) -> Option<u64> {
    let table = tempfile::NamedTempFile::new().unwrap();
    run(Command::new("strace").args(["-f", "-c", "-o"]).arg(table.path()).arg(weigh).args(["-s", "-j", "2"]).arg(at))?;
    let table = std::fs::read_to_string(table.path()).unwrap();
    let total = table.lines().find(|line| line.ends_with("total")).unwrap();
    total.split_whitespace().nth(3).unwrap().parse().ok()
}

#[test]
fn a_walk_makes_one_statx_per_inode_and_four_calls_more_per_directory() {
    // a debug build asks of every descriptor that it closes whether it is open
    let Some(weigh) = weigh("release") else { return skip("the example is not built for release") };
    let (full, empty) = (tree(DIRS, FILES), tempfile::tempdir().unwrap());
    let (Some(calls), Some(start)) = (system_calls(&weigh, full.path()), system_calls(&weigh, empty.path())) else {
        return skip("there is no strace");
    };
    let (inodes, dirs) = (inodes(full.path()), DIRS + 42);
    let (spent, allowed) = (calls.saturating_sub(start), inodes + 4 * dirs);
    // how often threads wake each other is left to chance
    assert!(spent >= allowed - allowed / 50 && spent <= allowed + allowed / 20, "{spent} calls, {allowed} expected");
    assert!(spent * 100 <= inodes * 200, "{spent} calls for {inodes} inodes");
}

fn instructions(weigh: &Path, at: &Path) -> Option<u64> {
    let valgrind = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];
    let said = run(Command::new("valgrind").args(valgrind).arg(weigh).args(["-s", "-j", "1"]).arg(at))?;
    let line = said.lines().find(|line| line.contains("Collected")).unwrap();
    line.rsplit(' ').next().unwrap().parse().ok()
}

#[test]
fn a_walk_spends_few_instructions_on_an_inode() {
    let Some(weigh) = weigh("release") else { return skip("the example is not built for release") };
    let (full, empty) = (tree(DIRS, FILES), tempfile::tempdir().unwrap());
    let (Some(all), Some(start)) = (instructions(&weigh, full.path()), instructions(&weigh, empty.path())) else {
        return skip("there is no valgrind");
    };
    let each = all.saturating_sub(start) / inodes(full.path());
    assert!((50..=600).contains(&each), "{each} instructions an inode");
}

/// Peak memory in KiB, as the kernel counts it.
fn peak(weigh: &Path, at: &Path) -> Option<u64> {
    let said = run(Command::new("time").args(["-f", "peak %M"]).arg(weigh).args(["-s", "-j", "8"]).arg(at))?;
    said.lines().find_map(|line| line.strip_prefix("peak ")).and_then(|n| n.trim().parse().ok())
}

#[test]
fn the_memory_of_a_walk_does_not_grow_with_the_files() {
    let Some(weigh) = weigh("release").or_else(|| weigh("debug")) else { return skip("the example is not built") };
    let Some(peak) = peak(&weigh, Path::new("/usr")) else { return skip("there is no time") };
    // 3 MiB are the program and its threads; 100 bytes kept of each of a system's 50,000 files or more would be 5
    assert!(peak <= 6 << 10, "{peak} KiB");
}
