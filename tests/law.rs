//! Every byte has exactly one owner, on every recording there is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

mod common;
#[path = "common/run.rs"]
mod run;

use std::path::Path;
use std::process::Command;

use deadweight::disk::{Disk, Tree};
use deadweight::graph::Graph;

#[test]
fn the_owners_of_every_fixture_add_up_to_what_du_prints() {
    for name in common::names() {
        let dir = common::fixture(&name);
        run::assert_byte_law(&dir, &run::report(&dir), &name);
    }
}

#[test]
fn the_owners_of_every_recorded_root_add_up_to_what_du_prints() {
    let Some(corpus) = common::corpus() else { return };
    let mut held = 0;
    for archive in common::archives(&corpus) {
        let about = archive.display().to_string();
        let dir = common::unpacked(&archive);
        if !dir.path().join("docker").is_dir() {
            // a standalone build daemon's state
            std::fs::rename(dir.path().join("buildkit"), dir.path().join("docker")).unwrap();
        }
        let report = run::report(dir.path());
        run::assert_byte_law(dir.path(), &report, &about);
        let du = Command::new("du").arg("-sc").arg("--block-size=1").args(roots(dir.path())).output().unwrap();
        let total = String::from_utf8(du.stdout).unwrap();
        let total: u64 = total.lines().last().unwrap().split_whitespace().next().unwrap().parse().unwrap();
        assert_eq!(report["totals"]["on_disk_bytes"], total, "{about}: du");
        assert!(report["problems"].as_array().unwrap().iter().all(|p| p["code"] != "internal"), "{about}: panicked");
        held += 1;
    }
    assert!(held > 0, "the corpus holds no root");
}

/// What `why` would say nothing of: things that lie on disk, and that nothing keeps.
fn unkept(dir: &Path) -> Vec<String> {
    let trees = ["docker", "containerd"].into_iter().filter(|name| dir.join(name).is_dir());
    let disk = Disk::new(trees.map(|name| Tree::open(name, &dir.join(name)).unwrap())).unwrap();
    let inventory = deadweight::store::survey(&disk);
    let graph = Graph::of(&inventory);
    let lie = inventory.entities.iter().filter(|(key, thing)| !thing.lots.is_empty() && !graph.is_live(key));
    lie.map(|(key, thing)| format!("{key} at {}", thing.lots[0].at)).collect()
}

#[test]
fn whatever_lies_in_an_undamaged_root_is_kept_by_something() {
    let sound = |name: &str| !["crash", "remains", "damage"].iter().any(|word| name.contains(word));
    for name in common::names().into_iter().filter(|name| sound(name)) {
        assert_eq!(unkept(&common::fixture(&name)), Vec::<String>::new(), "{name}");
    }
    for it in common::corpus::recordings("").into_iter().filter(|it| sound(&it.name)) {
        assert_eq!(unkept(&it.unpacked()), Vec::<String>::new(), "{it}");
    }
}

fn roots(dir: &Path) -> Vec<std::path::PathBuf> {
    ["docker", "containerd"].iter().map(|name| dir.join(name)).filter(|path| path.is_dir()).collect()
}

/// The file system itself, where it can be mounted: each subvolume has its own device number, extents are charged as `du` does.
#[test]
fn subvolumes_of_btrfs_are_entered_and_add_up() {
    let Some(corpus) = common::corpus() else { return };
    let image = corpus.join("20.10-btrfs/forced-rmi/btrfs.img.zst");
    if !image.is_file() || !rustix::process::geteuid().is_root() {
        println!("btrfs is not tested: no image, or not root");
        return;
    }
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (file, mount) = (dir.path().join("btrfs.img"), dir.path().join("docker"));
    let mut packed = zstd::Decoder::new(std::fs::File::open(&image).unwrap()).unwrap();
    packed.window_log_max(27).unwrap();
    std::io::copy(&mut packed, &mut std::fs::File::create(&file).unwrap()).unwrap();
    std::fs::create_dir(&mount).unwrap();
    let mounted = Command::new("mount").args(["-o", "loop,ro"]).arg(&file).arg(&mount).status().unwrap();
    if !mounted.success() {
        println!("btrfs is not tested: the image cannot be mounted here");
        return;
    }
    let report = std::panic::catch_unwind(|| {
        // `stat` gives a subvolume another device than the kernel's list of locks
        let at_work = || run::deadweight(dir.path(), &["status", "--format", "json"]).json()["daemon_at_work"].clone();
        assert_eq!(at_work(), false);
        let database = std::fs::File::open(mount.join("volumes/metadata.db")).unwrap();
        rustix::fs::flock(&database, rustix::fs::FlockOperation::LockExclusive).unwrap();
        assert_eq!(at_work(), true, "the lock of a daemon is not seen");
        drop(database);
        run::report(dir.path())
    });
    let weighed = report.map(|report| {
        let du = Command::new("du").args(["-s", "--block-size=1"]).arg(&mount).output().unwrap();
        let total = String::from_utf8(du.stdout).unwrap();
        (report, total.split_whitespace().next().unwrap().parse::<u64>().unwrap())
    });
    assert!(Command::new("umount").arg(&mount).status().unwrap().success());
    let (report, du) = weighed.unwrap();
    assert_eq!(report["totals"]["on_disk_bytes"], du);
    let said = report["verdict"].to_string();
    assert!(said.contains("share"), "that extents may be shared is said: {said}");
}
