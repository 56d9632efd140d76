//! What a walk and a whole report cost, in counts that do not depend on what else the machine does: system calls,
//! instructions, memory. The walk is measured on `examples/weigh`; of each, what the program costs on a tree without
//! files is taken off.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Directories, and files in each: about one in four is a directory, as in overlay2.
const DIRS: u64 = 600;
const FILES: u64 = 4;

/// A volume with so many directories, and the little that makes the directory above it a data root.
fn tree(dirs: u64, files: u64) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for made in ["image/overlay2/layerdb/sha256", "image/overlay2/imagedb/content/sha256", "containers", "overlay2/l"] {
        std::fs::create_dir_all(dir.path().join(made)).unwrap();
    }
    std::fs::create_dir_all(dir.path().join("volumes/many/_data")).unwrap();
    for d in 0..dirs {
        let at = dir.path().join(format!("volumes/many/_data/layer-{}/usr/share/package-{d}", d % 10));
        std::fs::create_dir_all(&at).unwrap();
        (0..files).for_each(|f| drop(std::fs::File::create(at.join(format!("file-of-usual-length-{f}"))).unwrap()));
    }
    dir
}

fn entries(at: &Path) -> impl Iterator<Item = walkdir::DirEntry> {
    walkdir::WalkDir::new(at).into_iter().map(Result::unwrap)
}

fn inodes(at: &Path) -> u64 {
    entries(at).count() as u64
}

fn directories(at: &Path) -> u64 {
    entries(at).filter(|entry| entry.file_type().is_dir()).count() as u64
}

/// The example as `cargo test` built it, or as `cargo build --release --example weigh` did.
fn weigh(profile: &str) -> Option<Program> {
    built(profile, "examples/weigh").map(|built| Program { built, words: &["-s"] })
}

/// The command, likewise.
fn report(profile: &str) -> Option<Program> {
    let words = &["report", "--format", "json", "--no-progress", "--root"];
    built(profile, "deadweight").map(|built| Program { built, words })
}

fn built(profile: &str, name: &str) -> Option<PathBuf> {
    let exe = std::env::current_exe().unwrap();
    let built = exe.ancestors().nth(3)?.join(profile).join(name);
    built.exists().then_some(built)
}

/// What is measured, and the words before the tree that it reads.
struct Program {
    built: PathBuf,
    words: &'static [&'static str],
}

impl Program {
    /// What some tool says on stderr of a run with so many threads; none if there is no such tool.
    fn under(&self, tool: &mut Command, threads: u8, at: &Path) -> Option<String> {
        let tool = tool.arg(&self.built).args(["-j", &threads.to_string()]).args(self.words).arg(at);
        let done = tool.output().ok()?;
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        // a report on a data root that lacks files says so in its exit status
        assert!(done.status.success() || !done.stdout.is_empty(), "{tool:?}: {said}");
        Some(said)
    }

    fn system_calls(&self, at: &Path) -> Option<u64> {
        let table = tempfile::NamedTempFile::new().unwrap();
        self.under(Command::new("strace").args(["-f", "-c", "-o"]).arg(table.path()), 2, at)?;
        let table = std::fs::read_to_string(table.path()).unwrap();
        let total = table.lines().find(|line| line.ends_with("total")).unwrap();
        total.split_whitespace().nth(3).unwrap().parse().ok()
    }

    fn instructions(&self, at: &Path) -> Option<u64> {
        let valgrind = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];
        let said = self.under(Command::new("valgrind").args(valgrind), 1, at)?;
        let line = said.lines().find(|line| line.contains("Collected")).unwrap();
        line.rsplit(' ').next().unwrap().parse().ok()
    }

    /// Peak memory in KiB, as the kernel counts it.
    fn peak(&self, at: &Path) -> Option<u64> {
        let said = self.under(Command::new("time").args(["-f", "peak %M"]), 8, at)?;
        said.lines().find_map(|line| line.strip_prefix("peak ")).and_then(|n| n.trim().parse().ok())
    }
}

fn skip(why: &str) {
    assert!(std::env::var_os("REQUIRE_COUNTS").is_none(), "{why}");
    eprintln!("skipped: {why}");
}

/// One `statx` for each inode, and four calls more for a directory: `openat`, `getdents64` twice, `close`.
fn holds_to_the_calls(program: &Program, more: u64) {
    let (full, empty) = (tree(DIRS, FILES), tree(0, 0));
    let (Some(calls), Some(start)) = (program.system_calls(full.path()), program.system_calls(empty.path())) else {
        return skip("there is no strace");
    };
    let inodes = inodes(full.path()) - inodes(empty.path());
    let dirs = directories(full.path()) - directories(empty.path());
    let (spent, allowed) = (calls.saturating_sub(start), inodes + 4 * dirs);
    // how often threads wake each other is left to chance
    assert!(spent >= allowed - allowed / 50, "{spent} calls, {allowed} expected");
    assert!(spent <= allowed + allowed / 20 + more, "{spent} calls, {allowed} expected");
    assert!(spent * 100 <= inodes * 200 + more * 100, "{spent} calls for {inodes} inodes");
}

#[test]
fn a_walk_makes_one_statx_per_inode_and_four_calls_more_per_directory() {
    // a debug build asks of every descriptor that it closes whether it is open
    let Some(weigh) = weigh("release") else { return skip("the example is not built for release") };
    holds_to_the_calls(&weigh, 0);
}

#[test]
fn a_report_makes_no_more_calls_for_a_file_than_the_walk() {
    let Some(report) = report("release") else { return skip("the command is not built for release") };
    // threads that wait for each other before the walk begins
    holds_to_the_calls(&report, 100);
}

fn instructions_for_each(program: &Program) -> Option<u64> {
    let (full, empty) = (tree(DIRS, FILES), tree(0, 0));
    let (all, start) = (program.instructions(full.path())?, program.instructions(empty.path())?);
    Some(all.saturating_sub(start) / (inodes(full.path()) - inodes(empty.path())))
}

#[test]
fn a_walk_spends_few_instructions_on_an_inode() {
    let Some(weigh) = weigh("release") else { return skip("the example is not built for release") };
    let Some(each) = instructions_for_each(&weigh) else { return skip("there is no valgrind") };
    assert!((50..=600).contains(&each), "{each} instructions an inode");
}

#[test]
fn a_report_spends_few_instructions_on_an_inode() {
    let Some(report) = report("release") else { return skip("the command is not built for release") };
    let Some(each) = instructions_for_each(&report) else { return skip("there is no valgrind") };
    assert!((50..=700).contains(&each), "{each} instructions an inode");
}

#[test]
fn the_memory_of_a_walk_does_not_grow_with_the_files() {
    let Some(weigh) = weigh("release").or_else(|| weigh("debug")) else { return skip("the example is not built") };
    let Some(peak) = weigh.peak(Path::new("/usr")) else { return skip("there is no time") };
    // 3 MiB are the program and its threads; 100 bytes kept of each of a system's 50,000 files or more would be 5
    assert!(peak <= 6 << 10, "{peak} KiB");
}

#[test]
fn the_memory_of_a_report_does_not_grow_with_the_files() {
    let Some(report) = report("release").or_else(|| report("debug")) else { return skip("the command is not built") };
    let (few, many) = (tree(DIRS, FILES), tree(DIRS, FILES + 100));
    let (Some(few), Some(many)) = (report.peak(few.path()), report.peak(many.path())) else {
        return skip("there is no time");
    };
    // 100 bytes kept of each of the 60,000 files more would be 6 MB
    assert!(many <= few + (2 << 10), "{few} KiB, with 60,000 files more {many}");
}
