//! Sums of changes, checked on small trees.

use std::fs::{self, FileTimes, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::*;
use crate::disk::Tree;

struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, at: &str) -> PathBuf {
        self.0.path().join(at)
    }

    /// A file of some length, with a time that all files share.
    fn file(&self, at: &str, len: usize) -> &Self {
        fs::create_dir_all(self.path(at).parent().unwrap()).unwrap();
        fs::write(self.path(at), "x".repeat(len)).unwrap();
        self.at_time(at, 1_000_000_000, 500)
    }

    fn at_time(&self, at: &str, seconds: u64, nanos: u32) -> &Self {
        let time = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
        let file = fs::File::options().write(true).open(self.path(at)).unwrap();
        file.set_times(FileTimes::new().set_modified(time)).unwrap();
        self
    }

    fn dir(&self, at: &str) -> &Self {
        fs::create_dir_all(self.path(at)).unwrap();
        self
    }

    fn sum(&self, below: &Below) -> Result<u64, Halt> {
        let disk = Disk::new([Tree::open("docker", self.0.path()).unwrap()]).unwrap();
        let marks = if let Below::Stack(_, marks) = below { *marks } else { Marks::None };
        sum(&disk, &place("new"), marks, below)
    }

    fn plain(&self) -> u64 {
        self.sum(&Below::Tree(place("old"))).unwrap()
    }

    fn stacked(&self, layers: &[&str]) -> u64 {
        self.sum(&Below::Stack(layers.iter().map(|at| place(at)).collect(), Marks::DevicesAndFiles)).unwrap()
    }
}

fn place(at: &str) -> Place {
    Place::tree("docker").join(at)
}

#[test]
fn what_is_new_or_differs_is_counted_and_what_was_deleted_is_not() {
    let bench = Bench::new();
    bench.file("old/d/same", 10).file("old/longer", 10).file("old/touched", 30).file("old/gone", 1000);
    bench.file("new/d/same", 10).file("new/longer", 11).file("new/touched", 30).file("new/d/e/added", 7);
    bench.at_time("new/touched", 1_000_000_001, 0);
    assert_eq!(bench.plain(), 11 + 30 + 7);
}

#[test]
fn times_are_equal_if_one_has_lost_its_fraction() {
    let bench = Bench::new();
    bench.file("old/a", 3).file("new/a", 3).at_time("new/a", 1_000_000_000, 0);
    bench.file("old/b", 5).file("new/b", 5).at_time("new/b", 1_000_000_000, 501);
    assert_eq!(bench.plain(), 5);
}

#[test]
fn a_file_with_other_permissions_counts_whole_and_links_count_their_length() {
    let bench = Bench::new();
    bench.file("old/f", 40).file("new/f", 40);
    fs::set_permissions(bench.path("new/f"), Permissions::from_mode(0o755)).unwrap();
    symlink("abcdefg", bench.path("new/l")).unwrap();
    assert_eq!(bench.plain(), 47);
}

#[test]
fn of_several_links_to_one_inode_one_is_counted() {
    let bench = Bench::new();
    bench.dir("old").file("new/a", 100).dir("new/d");
    fs::hard_link(bench.path("new/a"), bench.path("new/d/b")).unwrap();
    assert_eq!(bench.plain(), 100);
    assert_eq!(bench.sum(&Below::Nothing).unwrap(), 100);
}

#[test]
fn a_directory_in_place_of_a_file_is_new_with_all_below() {
    let bench = Bench::new();
    bench.file("old/x", 9).file("new/x/in", 4).file("old/y/in", 4).file("new/y", 2);
    assert_eq!(bench.plain(), 4 + 2);
}

#[test]
fn a_tree_that_is_not_there_has_no_sum() {
    let bench = Bench::new();
    bench.dir("new");
    assert_eq!(bench.sum(&Below::Tree(place("old"))), Err(Halt::Vanished));
}

#[test]
fn a_stack_shows_the_uppermost_file_that_nothing_hides() {
    let bench = Bench::new();
    // of the same look in both layers: copied up, and not changed
    bench.file("new/a", 10).file("low/a", 10).dir("init");
    // the nearer layer decides
    bench.file("new/b", 10).file("init/b", 11).file("low/b", 10);
    // deleted in between, so new
    bench.file("new/c", 5).file("init/.wh.c", 0).file("low/c", 5);
    bench.file("new/d/e", 3).file("init/d/.wh..wh..opq", 0).file("low/d/e", 3);
    // marks of the layer itself are no files
    bench.file("new/.wh.gone", 50).file("new/f/.wh..wh..opq", 60);
    assert_eq!(bench.stacked(&["init", "low"]), 10 + 5 + 3);
}

#[test]
fn the_kernels_overlay_knows_no_marks_that_are_files() {
    let bench = Bench::new();
    bench.file("new/a", 10).file("init/.wh.a", 0).file("low/a", 10).file("new/.wh.b", 6);
    let layers = ["init", "low"].map(place).to_vec();
    assert_eq!(bench.sum(&Below::Stack(layers, Marks::Devices)).unwrap(), 6);
}

#[test]
fn a_file_ends_the_stack_below_a_name() {
    let bench = Bench::new();
    bench.file("new/d/e", 3).file("init/d", 8).file("low/d/e", 3);
    assert_eq!(bench.stacked(&["init", "low"]), 3);
    fs::remove_file(bench.path("init/d")).unwrap();
    assert_eq!(bench.stacked(&["init", "low"]), 0);
}

#[test]
fn a_deep_tree_is_compared_without_deep_recursion() {
    let bench = Bench::new();
    let mut at = PathBuf::from("new");
    // as deep as a path may be long
    while at.as_os_str().len() < 3000 {
        at.push("d");
    }
    bench.dir("old").dir(at.to_str().unwrap());
    fs::write(bench.path(at.to_str().unwrap()).join(Path::new("f")), "12345").unwrap();
    assert_eq!(bench.plain(), 5);
}
