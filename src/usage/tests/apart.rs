//! Tests that need a process of their own: with mounts that nobody else sees, with other rights, with few descriptors.
//! Each runs this very test program again, for itself alone, under a shell that prepares the ground.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use super::*;

/// Set in the process apart: the directory that was prepared.
const APART: &str = "WALK_APART";

/// Where we are the process apart, its directory. Otherwise runs it: `shell` prepares `$DIR` and ends in `&& "$@"`,
/// with exit code 77 if it cannot. `$MOUNTS` before a command gives it mounts of its own.
fn apart(test: &str, shell: &str, uid: Option<u32>) -> Option<PathBuf> {
    if let Some(dir) = std::env::var_os(APART) {
        return Some(dir.into());
    }
    let dir = tempfile::tempdir().unwrap();
    write(dir.path().join("tree/layer/file"), 5000);
    write(dir.path().join("tree/closed/f"), 5000);
    write(dir.path().join("tree/listed/f"), 5000);
    for (name, mode) in [("", 0o755), ("tree/closed", 0o700), ("tree/listed", 0o744)] {
        std::fs::set_permissions(dir.path().join(name), PermissionsExt::from_mode(mode)).unwrap();
    }
    let test = format!("usage::tests::apart::{test}");
    let mut command = Command::new("sh");
    command.args(["-c", shell, "sh"]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", &test, "--nocapture", "--test-threads=1"]).env("DIR", dir.path()).env(APART, dir.path());
    uid.map(|uid| command.uid(uid).gid(uid));
    let done = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    match done.status.code() {
        Some(77 | 126 | 127) => eprintln!("skipped: {test} cannot be prepared here: {}", said.trim()),
        code => assert!(code == Some(0) && said.contains("1 passed"), "{said}"),
    }
    None
}

fn mounted(shell: &str) -> String {
    format!("unshare --mount --propagation private sh -c '{{ {shell}; }} || exit 77; exec \"$@\"' sh \"$@\"")
}

#[test]
fn a_mounted_file_system_is_listed_with_its_type_and_left_out_as_du_would() {
    let shell = mounted(
        "mkdir $DIR/tree/m && mount -t tmpfs none $DIR/tree/m && mkdir $DIR/tree/m/x && echo 1 >$DIR/tree/m/x/f",
    );
    let test = "a_mounted_file_system_is_listed_with_its_type_and_left_out_as_du_would";
    let Some(dir) = apart(test, &shell, None) else { return };
    let tree = dir.join("tree");
    let ledger = whole(&disk(&tree), 3);
    assert_eq!(ledger.mounts, [(top().join("m"), "tmpfs".to_owned())]);
    assert_eq!((ledger.total.inodes, ledger.problems), (7, vec![]));
    assert_eq!(ledger.total.allocated, du(&[&tree], &["--exclude=m"]).unwrap_or(ledger.total.allocated));
}

#[test]
fn what_is_mounted_after_the_tree_was_opened_is_told_by_its_mount_id() {
    use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
    let test = "what_is_mounted_after_the_tree_was_opened_is_told_by_its_mount_id";
    let Some(dir) = apart(test, &mounted("mkdir $DIR/tree/m && : >$DIR/tree/f"), None) else { return };
    // without the right to mount there is no view of our own, and what is mounted later is seen
    let all = capabilities(None).unwrap();
    let mut few = all;
    few.effective.remove(CapabilitySet::SYS_ADMIN);
    set_capabilities(None, few).unwrap();
    let disk = disk(&dir.join("tree"));
    set_capabilities(None, all).unwrap();
    assert!(!disk.trees().next().unwrap().is_quiet());
    let mount = |script: &str| assert!(Command::new("sh").args(["-c", script]).status().unwrap().success());
    // the same file system again: no device number tells
    mount("mount --bind $DIR/tree/layer $DIR/tree/m && mount --bind $DIR/tree/layer/file $DIR/tree/f");
    let ledger = whole(&disk, 3);
    let places: Vec<_> = ledger.mounts.into_iter().map(|(at, _)| at).collect();
    assert_eq!(places, [top().join("f"), top().join("m")]);
    assert_eq!(ledger.total.inodes, 7);
}

#[test]
fn every_subvolume_of_btrfs_is_entered_though_its_device_differs() {
    let shell = mounted(
        "truncate -s 128M $DIR/image && mkfs.btrfs -q $DIR/image && mkdir $DIR/b && mount -o loop $DIR/image $DIR/b && \
         cd $DIR/b && mkdir s && btrfs -q subvolume create s/one && mkdir s/one/d && echo 1 >s/one/d/f && \
         ln s/one/d/f s/one/g && btrfs -q subvolume create s/one/nested && echo 2 >s/one/nested/h && \
         btrfs -q subvolume snapshot s/one s/two && head -c 100000 /dev/zero >s/two/big && sync",
    );
    let test = "every_subvolume_of_btrfs_is_entered_though_its_device_differs";
    let Some(dir) = apart(test, &shell, None) else { return };
    let ledger = agrees(&dir.join("b"));
    assert!(ledger.total.inodes >= 11 && ledger.mounts.is_empty(), "{ledger:?}");
    assert_eq!(ledger.outside_links, 0);
}

#[test]
fn a_listing_that_does_not_tell_directories_is_walked_all_the_same() {
    let shell = mounted(
        "truncate -s 32M $DIR/image && mkfs.ext4 -q -O ^filetype $DIR/image && mkdir $DIR/b && \
         mount -o loop $DIR/image $DIR/b && mkdir -p $DIR/b/x/y/z && echo 1 >$DIR/b/x/y/z/f && \
         mkdir $DIR/b/many && cd $DIR/b/many && for n in $(seq 3000); do : >a-file-of-this-name-$n; done && mkdir d && echo 1 >d/f",
    );
    let test = "a_listing_that_does_not_tell_directories_is_walked_all_the_same";
    let Some(dir) = apart(test, &shell, None) else { return };
    agrees(&dir.join("b"));
}

#[test]
fn with_few_descriptors_nothing_is_left_out() {
    let shell = "ulimit -n 64 && exec \"$@\"";
    let Some(dir) = apart("with_few_descriptors_nothing_is_left_out", shell, None) else { return };
    let tree = dir.join("tree");
    // chains in which each directory has neighbours that wait, so that their parents stay open
    for chain in 0..4 {
        let mut at = tree.join(chain.to_string());
        for depth in 0..150 {
            (0..4).for_each(|side| write(at.join(format!("{side}{depth}/f")), 100));
            at.push("d");
        }
    }
    let expected = oracle(&[&tree]);
    for threads in [1, 4, 32] {
        let ledger = whole(&disk(&tree), threads);
        assert_eq!((ledger.total.allocated, ledger.total.inodes), (expected.0, expected.2));
        assert_eq!(ledger.problems, []);
    }
}

#[test]
fn without_any_descriptor_the_walk_ends_and_says_so() {
    let shell = "ulimit -n 40 && exec \"$@\"";
    let Some(dir) = apart("without_any_descriptor_the_walk_ends_and_says_so", shell, None) else { return };
    let disk = disk(&dir.join("tree"));
    let taken: Vec<_> = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect();
    let ledger = whole(&disk, 2);
    drop(taken);
    assert_eq!(ledger.problems.len(), 1);
    assert_eq!((&ledger.problems[0].at, ledger.problems[0].cause.as_str()), (&top(), "too many open files"));
    assert!(ledger.meters[0].unreadable && !ledger.meters[0].missing);
}

#[test]
fn without_rights_closed_directories_are_told_and_the_rest_is_weighed() {
    if !rustix::process::geteuid().is_root() && std::env::var_os(APART).is_none() {
        return eprintln!("skipped: only root can make files of others");
    }
    // root reads everything: let nobody look at what root made
    let test = "without_rights_closed_directories_are_told_and_the_rest_is_weighed";
    let Some(dir) = apart(test, "test -x \"$1\" || exit 77; exec \"$@\"", Some(65534)) else { return };
    let disk = disk(&dir.join("tree"));
    assert!(!disk.trees().next().unwrap().is_quiet());
    let ledger = whole(&disk, 3);
    assert_eq!(ledger.total.inodes, 5);
    let told: Vec<_> = ledger.problems.iter().map(|p| (p.at.clone(), p.cause.as_str())).collect();
    let denied = "Permission denied (os error 13)";
    assert_eq!(told, [(top().join("closed"), denied), (top().join("listed/f"), denied)]);
    assert!(ledger.meters[0].unreadable);
}
