//! Surveys, checked.

use super::*;
use crate::disk::Tree;
use crate::inventory::Root;
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
    let roots = site::roots(disk, site::trees(disk)).found;
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
fn a_containerd_inside_a_data_root_is_part_of_it_and_without_its_database_nothing_is_concluded() {
    let blob = format!("containerd/daemon/io.containerd.content.v1.content/blobs/sha256/{}", "ab".repeat(32));
    let (_dir, disk) = disk(&[
        (&blob, b"x"),
        ("containerd/daemon/io.containerd.snapshotter.v1.native/snapshots/1/x", b"x"),
        ("containerd/daemon/io.containerd.snapshotter.v1.devmapper/x", b"x"),
        ("containerd/daemon/io.containerd.grpc.v1.introspection/uuid", b"x"),
        ("containerd/daemon/strange", b"x"),
    ]);
    let inv = survey(&disk);
    let ids = |kind| inv.of_kind(kind).map(|(key, _)| key.id.to_string()).collect::<Vec<_>>();
    use crate::terms::Kind;
    assert_eq!(ids(Kind::Blob), [format!("sha256:{}", "ab".repeat(32))]);
    assert_eq!(ids(Kind::DriverDirectory), ["1"]);
    assert_eq!(ids(Kind::Store), ["docker/containerd/daemon/io.containerd.snapshotter.v1.devmapper/x"]);
    assert_eq!(ids(Kind::Scaffold), ["io.containerd.grpc.v1.introspection"]);
    assert_eq!(ids(Kind::File), ["docker/containerd/daemon/strange"]);
    let stores: Vec<_> = inv.stores.iter().map(|store| (&*store.name, store.populated)).collect();
    assert_eq!(stores, [("native", true)]);
    let said: Vec<_> = inv.problems.iter().map(|problem| (problem.at.to_string(), problem.code)).collect();
    let home = "docker/containerd/daemon/io.containerd";
    assert_eq!(
        said,
        [
            (format!("{home}.metadata.v1.bolt/meta.db"), "missing-database"),
            (format!("{home}.snapshotter.v1.native/metadata.db"), "missing-database")
        ]
    );
    let withheld = |kind| inv.problems.iter().all(|p| matches!(&p.lost, Lost::Links(kinds) if kinds.contains(&kind)));
    assert!(withheld(LinkKind::StoredIn));
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
    assert_eq!(
        inv.problems.iter().map(|problem| problem.code).collect::<Vec<_>>(),
        ["missing-database", "missing-database"]
    );
}

#[test]
fn an_engine_that_had_an_id_misses_it() {
    let missed = |files: &[(&str, &[u8])]| {
        let inv = survey(&disk(files).1);
        let missed = inv.problems.into_iter().filter(|problem| problem.code == "missing-file");
        missed.map(|problem| problem.at.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(missed(&[("containers/x", b""), ("buildkit/history.db", b"")]), ["docker/engine-id"]);
    assert!(missed(&[("containers/x", b""), ("engine-id", b"x"), ("buildkit/history.db", b"")]).is_empty());
    assert!(missed(&[("containers/x", b""), ("buildkit/cache.db", b"")]).is_empty());
    assert!(
        missed(&[("buildkit/history.db", b"")]).is_empty(),
        "a builder's own state, where no engine was ever started"
    );
}
