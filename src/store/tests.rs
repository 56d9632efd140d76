//! Surveys, checked.

use super::*;
use crate::disk::Tree;
use crate::terms::Lost;

/// A disk with one tree, `docker`, that holds these files.
pub(super) fn disk(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Disk) {
    let dir = tempfile::tempdir().unwrap();
    for (path, bytes) in files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let disk = Disk::new([Tree::open("docker", dir.path()).unwrap()]).unwrap();
    (dir, disk)
}

/// What one store finds in the first root of a disk.
pub(super) fn found(disk: &Disk, survey: fn(&Site<'_>) -> Inventory) -> Inventory {
    let roots = site::roots(disk).found;
    survey(&Site::new(disk, &roots[0], &roots)).seal()
}

#[test]
fn a_database_that_cannot_be_read_says_why_and_one_that_is_not_there_says_nothing() {
    let (_dir, mut disk) = disk(&[("empty.db", b""), ("text.db", &[b'x'; 9000]), ("faulty.db", b"")]);
    disk.inject(Place::tree("docker").join("faulty.db"), 5);
    let roots = [Root::new(Place::tree("docker"))];
    let site = Site::new(&disk, &roots[0], &roots);
    let mut inv = Inventory::default();
    for name in ["none.db", "empty.db", "text.db", "faulty.db"] {
        let at = site.at(name);
        assert!(bolt_file::read(&site, &mut inv, &at, &Lost::Links(vec![LinkKind::Uses])).is_none());
    }
    let said: Vec<_> = inv.problems.iter().map(|p| format!("{} {}: {}", p.at, p.code, p.cause)).collect();
    assert_eq!(
        said,
        [
            "docker/empty.db damaged-database: the file is empty: no database was ever written to it",
            "docker/text.db damaged-database: not a bolt database: the magic number is in neither meta page",
            "docker/faulty.db unreadable-database: Input/output error (os error 5)",
        ]
    );
}

#[test]
fn a_containerd_inside_a_data_root_is_weighed_and_said_to_be_unread() {
    let (_dir, disk) = disk(&[
        ("containerd/daemon/io.containerd.content.v1.content/blobs/sha256/x", b"x"),
        ("containerd/daemon/io.containerd.snapshotter.v1.native/snapshots/1/x", b"x"),
        ("containerd/daemon/io.containerd.snapshotter.v1.btrfs/x", b"x"),
        ("containerd/daemon/strange", b"x"),
    ]);
    let inv = survey(&disk);
    let owned = inv.of_kind(crate::terms::Kind::Store).map(|(key, _)| key.id.to_string());
    assert_eq!(
        owned.collect::<Vec<_>>(),
        [
            "io.containerd.content.v1.content",
            "io.containerd.snapshotter.v1.btrfs",
            "io.containerd.snapshotter.v1.native"
        ]
    );
    let stores: Vec<_> = inv.stores.iter().map(|store| (&*store.name, store.populated)).collect();
    assert_eq!(stores, [("native", true)]);
    let said: Vec<_> = inv.problems.iter().map(|problem| (problem.code, &problem.lost)).collect();
    assert_eq!(said, [("not-read-in-detail", &Lost::Nothing)]);
    let strangers: Vec<_> = inv.of_kind(crate::terms::Kind::File).map(|(key, _)| key.id.to_string()).collect();
    assert_eq!(strangers, ["docker/containerd/daemon/strange"]);
}

#[test]
fn what_looks_wrong_under_a_daemon_must_look_wrong_twice() {
    use std::cell::Cell;
    let (dir, disk) = disk(&[("volumes/metadata.db", b"x")]);
    let root = Root::new(Place::tree("docker"));
    let at = root.place.join("x");
    // a new flaw at each of the first looks, then none
    let looks = Cell::new(0);
    let look = |flaws: usize| {
        looks.set(looks.get() + 1);
        let mut inv = Inventory { roots: vec![root.clone()], ..Inventory::default() };
        if looks.get() <= flaws {
            inv.problem("flaw", &at.join(looks.get().to_string()), Lost::Nothing, "");
        }
        inv
    };
    assert_eq!((steady::survey(&disk, || look(2)).problems.len(), looks.take()), (1, 1), "nobody is at work");
    let lock = std::fs::File::open(dir.path().join("volumes/metadata.db")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    assert_eq!((steady::survey(&disk, || look(0)).problems.len(), looks.take()), (0, 1), "nothing is wrong");
    assert_eq!((steady::survey(&disk, || look(2)).problems.len(), looks.take()), (0, 3), "it was under way");
    assert_eq!(steady::survey(&disk, || look(usize::MAX)).problems.len(), 1, "it never came to rest");
}

#[test]
fn a_container_of_a_containerd_inside_a_data_root_misses_no_layer_store() {
    let id = "aa00000000000000000000000000000000000000000000000000000000000000";
    let config = format!(r#"{{"ID":"{id}","Driver":"overlayfs","Name":"/a"}}"#);
    let (_dir, disk) = disk(&[
        ("containerd/daemon/io.containerd.snapshotter.v1.overlayfs/snapshots/1/x", b"x"),
        (&format!("containers/{id}/config.v2.json"), config.as_bytes()),
        (&format!("containers/{id}/hostconfig.json"), b"{}"),
    ]);
    let inv = survey(&disk);
    assert_eq!(inv.problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), ["not-read-in-detail"]);
}
