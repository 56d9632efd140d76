//! containerd's snapshotters that Docker does not use by itself: btrfs, blockfile, erofs and native, as containerd 2.1 wrote
//! them (`tests/data/snapshotters/recipe.sh`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "common/run.rs"]
mod run;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use deadweight::docker::sizes::Size;
use deadweight::docker::stored::Usages;
use deadweight::report::{Analysis, Options, Reading};
use serde_json::Value;

const ALL: &[&str] = &["blockfile", "btrfs", "erofs", "native"];

fn data(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/snapshotters").join(file)
}

fn root() -> tempfile::TempDir {
    common::unpacked(&data("root.tar.zst"))
}

/// What `ctr snapshot ls` and `ctr snapshot usage` said.
fn said() -> Value {
    serde_json::from_slice(&fs::read(data("said.json")).unwrap()).unwrap()
}

fn home(dir: &Path, snapshotter: &str) -> PathBuf {
    dir.join("containerd").join(format!("io.containerd.snapshotter.v1.{snapshotter}"))
}

/// What a command says if `daemon.json` names this snapshotter.
fn with(dir: &Path, snapshotter: &str, args: &[&str]) -> Value {
    let config = dir.join("daemon.json");
    let text = format!(r#"{{"features":{{"containerd-snapshotter":true}},"storage-driver":"{snapshotter}"}}"#);
    fs::write(&config, text).unwrap();
    let config = ["--format", "json", "--daemon-config", config.to_str().unwrap()];
    run::deadweight(dir, &[args, &config].concat()).json()
}

#[test]
fn every_snapshot_is_listed_owned_and_weighed_and_nothing_is_called_an_orphan() {
    let (dir, said) = (root(), said());
    let report = run::report(dir.path());
    run::assert_byte_law(dir.path(), &report, "snapshotters");
    let problems: Vec<&Value> =
        report["problems"].as_array().unwrap().iter().filter(|it| it["lost"] != "nothing").collect();
    assert!(problems.is_empty(), "{problems:#?}");
    let classes: BTreeSet<&str> =
        report["findings"].as_array().unwrap().iter().map(|it| it["class"].as_str().unwrap()).collect();
    let wrong = ["orphan-driver-directory", "interrupted-leftover", "foreign-file", "damaged-metadata"];
    assert!(wrong.iter().all(|class| !classes.contains(class)), "{classes:?}");
    for name in ALL {
        let listed = run::deadweight(dir.path(), &["ls", "layers", "--store", name, "--format", "json"]).json();
        let ids = |it: &Value| it["id"].as_str().unwrap().to_owned();
        let listed: BTreeSet<String> = listed["rows"].as_array().unwrap().iter().map(ids).collect();
        let named = said[name].as_object().unwrap().keys().cloned();
        assert_eq!(listed, named.chain(["other/theirs".to_owned()]).collect(), "{name}");
        for owner in
            report["owners"].as_array().unwrap().iter().filter(|it| it["store"] == *name && it["kind"] == "snapshot")
        {
            let at = dir.path().join(owner["path"].as_str().unwrap());
            assert_eq!(owner["on_disk_bytes"], run::weigh(&[&at]).0, "{name}: {at:?}");
        }
    }
}

#[test]
fn what_containerd_recorded_of_a_committed_snapshot_is_its_usage() {
    let (dir, said) = (root(), said());
    let options = Options {
        root: Some(dir.path().join("docker")),
        containerd_root: Some(dir.path().join("containerd")),
        ..Options::at(run::NOW.parse().unwrap())
    };
    let reading = Reading::of(options, &|_, _| {}).unwrap();
    let analysis = Analysis::of(&reading);
    let sizes = reading.sizes();
    let mut seen = 0;
    for stored in analysis.stored.iter().filter(|stored| *stored.namespace == *"moby") {
        let usages = Usages { stored, sizes: &sizes };
        for (name, it) in said[&*stored.store].as_object().unwrap() {
            let size = usages.of(name).expect(name);
            let about = format!("{} {name}: {size:?}", stored.store);
            match (it["kind"].as_str().unwrap(), &*stored.store) {
                ("Committed", _) | ("Active", "blockfile") => {
                    assert_eq!(size, Size::Known(it["usage"].as_u64().unwrap()), "{about}");
                    seen += 1;
                }
                // of the difference between two subvolumes nothing is said
                ("Active", "btrfs") => assert!(size.doubt().is_some(), "{about}"),
                // a directory has no blocks on btrfs, where this was recorded
                ("Active", _) => assert!(size.value() >= it["usage"].as_i64().unwrap(), "{about}"),
                _ => {}
            }
        }
    }
    assert_eq!(seen, 4 * 4 + 2);
}

/// Seen with containerd 2.1: when a snapshot is removed, overlayfs and erofs remove what lies among theirs and is none.
#[test]
fn what_an_interruption_left_goes_by_itself_only_where_the_snapshotter_looks_for_it() {
    let dir = root();
    for name in ALL {
        let below = if *name == "btrfs" { "active" } else { "snapshots" };
        for stray in ["rm-77", "99"] {
            fs::create_dir(home(dir.path(), name).join(below).join(stray)).unwrap();
        }
    }
    for name in ALL {
        let (report, sweeps) = (with(dir.path(), name, &["report"]), *name == "erofs");
        let of = |class: &str, at: &str| {
            let found: Vec<&Value> =
                report["findings"].as_array().unwrap().iter().filter(|it| it["class"] == class).collect();
            // of the others, which are stranded, nothing is said
            let [found] = &found[..] else { panic!("{name}: {found:#?}") };
            let paths = found["paths"].to_string();
            assert!(paths.contains(at) && paths.contains(&format!("v1.{name}/")), "{found:#}");
            found.to_string()
        };
        for said in [of("orphan-driver-directory", "/99"), of("interrupted-leftover", "/rm-77")] {
            let stays = said.contains("does not look for it") || said.contains("and no restart");
            assert_eq!(stays, !sweeps, "{said}");
        }
        // the view that nothing keeps goes with the next collection, and with it what the snapshotter then looks for
        let foretold = with(dir.path(), name, &["what-if", "image prune"]);
        let foretold = foretold["also_at_next_collection"].to_string();
        let has_directory = matches!(*name, "erofs" | "btrfs");
        assert_eq!(foretold.contains(&format!("v1.{name}/")), has_directory, "{name}: {foretold}");
        for stray in ["/rm-77", "/99"] {
            assert_eq!(foretold.contains(&format!("v1.{name}/snapshots{stray}")), sweeps, "{name}: {foretold}");
            assert!(!foretold.contains(&format!("active{stray}")), "{name}: {foretold}");
        }
    }
}

/// btrfs commits by a snapshot of the subvolume, and deletes that one only then.
#[test]
fn a_subvolume_that_was_committed_is_an_orphan_and_what_it_became_is_none() {
    let dir = root();
    let of_btrfs = home(dir.path(), "btrfs");
    let number = fs::read_dir(of_btrfs.join("snapshots")).unwrap().next().unwrap().unwrap().file_name();
    let stale = of_btrfs.join("active").join(&number);
    fs::create_dir(&stale).unwrap();
    let report = with(dir.path(), "btrfs", &["report"]);
    run::assert_byte_law(dir.path(), &report, "stale subvolume");
    let orphans: Vec<&Value> =
        report["findings"].as_array().unwrap().iter().filter(|it| it["class"] == "orphan-driver-directory").collect();
    let [orphan] = &orphans[..] else { panic!("{orphans:#?}") };
    let number = number.to_str().unwrap();
    assert_eq!(orphan["objects"][0]["id"], format!("active/{number}"));
    assert_eq!(orphan["paths"].as_array().unwrap().len(), 1);
    // where only one of the two is there it is the snapshot's, whatever its kind seems to be
    fs::remove_dir(&stale).unwrap();
    fs::rename(of_btrfs.join("snapshots").join(number), &stale).unwrap();
    let report = with(dir.path(), "btrfs", &["report"]);
    assert!(report["findings"].as_array().unwrap().iter().all(|it| it["class"] != "orphan-driver-directory"));
}

/// The copy that native makes of a directory has the time at which it was made.
#[test]
fn copies_of_native_are_intact_and_what_changes_in_one_is_found() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can unpack the owners of files");
        return;
    }
    let dir = root();
    let checked = |dir: &Path| {
        let said = run::deadweight(dir, &["check", "--content", "--format", "json"]).json();
        let of_native = |it: &&Value| it["store"] == "native" && it["outcome"] != "not-checked";
        said["checked"].as_array().unwrap().iter().filter(of_native).cloned().collect::<Vec<Value>>()
    };
    let before = checked(dir.path());
    assert_eq!(before.len(), 3);
    assert!(before.iter().all(|it| it["outcome"] == "intact"), "{before:#?}");
    let top = home(dir.path(), "native").join("snapshots/3");
    assert_eq!(fs::read(top.join("etc/top")).unwrap(), b"top");
    // of the copied directory only the time says nothing
    fs::set_permissions(top.join("bin"), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let after = checked(dir.path());
    let wrong: Vec<&Value> = after.iter().filter(|it| it["outcome"] == "differs").collect();
    let [wrong] = &wrong[..] else { panic!("{after:#?}") };
    assert_eq!(wrong["differences"][0]["what"], "mode", "{wrong:#}");
}
