//! containerd's stores, surveyed on drawn databases.

use super::*;
use crate::disk::{Disk, Tree as Top};
use crate::format::bolt::tests::sketch::drawn;
use crate::inventory::facts::SnapshotKind;
use crate::terms::{Key, Kind};

/// A value at a path of buckets and a key, which are parted by `|`; a path that ends in one is an empty bucket.
pub(crate) type Drawn<'a> = (&'a str, &'a [u8]);

pub(crate) fn draw(values: &[Drawn<'_>]) -> Vec<u8> {
    drawn('|', values)
}

pub(crate) fn digest(letter: char) -> String {
    format!("sha256:{}", letter.to_string().repeat(64))
}

/// A host whose containerd has this `meta.db`, and these snapshots: name in the snapshotter, number, kind.
pub(crate) fn host(meta: &[Drawn<'_>], snapshots: &[(&str, u8, u8)]) -> (tempfile::TempDir, Disk) {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("containerd");
    let write = |path: &str, bytes: &[u8]| {
        let path = home.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    let meta: Vec<Drawn<'_>> = meta.iter().copied().chain([("v1|version", b"\x08".as_slice())]).collect();
    write("io.containerd.metadata.v1.bolt/meta.db", &draw(&meta));
    let mut values: Vec<(String, Vec<u8>)> = Vec::new();
    for (name, number, kind) in snapshots {
        values.push((format!("v1|snapshots|{name}|id"), vec![*number]));
        values.push((format!("v1|snapshots|{name}|kind"), vec![*kind]));
        write(&format!("io.containerd.snapshotter.v1.overlayfs/snapshots/{number}/fs/file"), b"x");
    }
    values.push(("v1|parents|".to_owned(), Vec::new()));
    let values: Vec<Drawn<'_>> = values.iter().map(|(path, value)| (path.as_str(), value.as_slice())).collect();
    write("io.containerd.snapshotter.v1.overlayfs/metadata.db", &draw(&values));
    std::fs::create_dir_all(dir.path().join("docker/containers")).unwrap();
    let top = |name: &str| Top::open(name, &dir.path().join(name)).unwrap();
    let disk = Disk::new([top("docker"), top("containerd")]).unwrap();
    (dir, disk)
}

fn ids(inv: &Inventory, kind: Kind) -> Vec<String> {
    inv.of_kind(kind).map(|(key, _)| key.id.to_string()).collect()
}

fn key(store: &str, kind: Kind, id: &str) -> Key {
    Key { root: "containerd".into(), store: store.into(), kind, id: id.into() }
}

#[test]
fn images_are_what_records_with_one_target_are_and_names_are_familiar() {
    let (a, b) = (digest('a'), digest('b'));
    let dangling = format!("moby-dangling@{b}");
    let mut meta: Vec<(String, &[u8])> = Vec::new();
    for (name, target) in [("docker.io/library/web:1", &a), ("docker.io/team/web:2", &a), (&dangling, &b)] {
        meta.push((format!("v1|moby|images|{name}|target|digest"), target.as_bytes()));
        meta.push((format!("v1|moby|images|{name}|target|size"), b"\x90\x03"));
    }
    meta.push(("v1|other|images|docker.io/library/web:1|target|digest".to_owned(), a.as_bytes()));
    let meta: Vec<Drawn<'_>> = meta.iter().map(|(path, value)| (path.as_str(), *value)).collect();
    let (_dir, disk) = host(&meta, &[]);
    let inv = crate::store::survey(&disk);
    assert_eq!(ids(&inv, Kind::Tag), ["other/web:1", "team/web:2", "web:1"]);
    assert_eq!(ids(&inv, Kind::Image), [format!("other/{a}"), a.clone(), b.clone()]);
    let image = inv.get(&key("containerd", Kind::Image, &a)).unwrap();
    let records = &image.stored_image().unwrap().records;
    assert_eq!(records.iter().map(|record| record.size).collect::<Vec<_>>(), [Some(200), Some(200)]);
    assert_eq!(image.keeps, None);
    let untagged = inv.get(&key("containerd", Kind::Image, &b)).unwrap();
    assert_eq!(untagged.keeps, Some(Keeps::UntaggedImage));
    let namespaces: Vec<bool> =
        inv.of_kind(Kind::Namespace).map(|(_, thing)| thing.namespace().unwrap().of_engine).collect();
    assert_eq!(namespaces, [true, false]);
}

#[test]
fn a_container_owns_the_two_snapshots_that_its_lease_lists_and_no_init_of_a_build() {
    let (own, built) = ("1".repeat(64), "2".repeat(64));
    let mut meta: Vec<(String, String)> = Vec::new();
    for (number, name) in [own.clone(), format!("{own}-init"), format!("{built}-init")].iter().enumerate() {
        meta.push((format!("v1|moby|snapshots|overlayfs|{name}|name"), format!("moby/{}/{name}", number + 1)));
    }
    meta.push((format!("v1|moby|leases|{own}|snapshots|overlayfs|{own}"), String::new()));
    meta.push((format!("v1|moby|leases|{own}|snapshots|overlayfs|{own}-init"), String::new()));
    let meta: Vec<Drawn<'_>> = meta.iter().map(|(path, value)| (path.as_str(), value.as_bytes())).collect();
    let (rw, init) = (format!("moby/1/{own}"), format!("moby/2/{own}-init"));
    let left = format!("moby/3/{built}-init");
    let (dir, _) = host(&meta, &[(&rw, 11, 2), (&init, 12, 3), (&left, 13, 3)]);
    let config = format!(r#"{{"ID":"{own}","Driver":"overlayfs","Name":"/a"}}"#);
    let at = dir.path().join("docker/containers").join(&own);
    std::fs::create_dir_all(&at).unwrap();
    std::fs::write(at.join("config.v2.json"), config).unwrap();
    let top = |name: &str| Top::open(name, &dir.path().join(name)).unwrap();
    let inv = crate::store::survey(&Disk::new([top("docker"), top("containerd")]).unwrap());
    let owners: Vec<(String, OwnerKind)> = inv
        .of_kind(Kind::Snapshot)
        .flat_map(|(_, thing)| &thing.lots)
        .map(|lot| (String::from_utf8_lossy(lot.at.name()).into_owned(), lot.owner))
        .collect();
    let wanted = [("11", OwnerKind::RwLayer), ("12", OwnerKind::InitLayer), ("13", OwnerKind::Snapshot)];
    assert_eq!(owners, wanted.map(|(number, owner)| (number.to_owned(), owner)));
    let held: Vec<_> = inv.links.iter().filter(|link| link.kind == LinkKind::HoldsLease).collect();
    assert_eq!(held.len(), 1);
    assert_eq!((&*held[0].from.id, &*held[0].to.id), (own.as_str(), format!("moby/{own}").as_str()));
    // the usage of what is active is measured now, of what is committed it was recorded
    let meters: Vec<String> = inv.meters.iter().map(ToString::to_string).filter(|at| at.contains("/fs")).collect();
    assert_eq!(meters, ["containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/11/fs"]);
}

#[test]
fn of_a_remapped_engine_the_namespace_is_part_of_the_name() {
    let (dir, disk) = host(
        &[
            ("v1|moby-100000.100000|snapshots|overlayfs|x|name", b"moby-100000.100000/1/x"),
            ("v1|moby-100000.100000_history|leases|ref_a|", b""),
            ("v1|plugins.moby-100000.100000|containers|p|", b""),
            ("v1|moby-a.b|leases|z|", b""),
        ],
        &[("moby-100000.100000/1/x", 1, 2)],
    );
    let inv = crate::store::survey(&disk);
    assert_eq!(ids(&inv, Kind::Snapshot), ["moby-100000.100000/x"]);
    let of_engine: Vec<bool> =
        inv.of_kind(Kind::Namespace).map(|(_, thing)| thing.namespace().unwrap().of_engine).collect();
    assert_eq!(of_engine, [true, true, false, true], "{:?}", ids(&inv, Kind::Namespace));
    let snapshot = inv.of_kind(Kind::Snapshot).next().unwrap().1.snapshot().unwrap();
    assert_eq!(snapshot.backend.as_ref().unwrap().kind, SnapshotKind::Active);
    drop(dir);
}

#[test]
fn what_no_namespace_knows_is_a_thing_all_the_same() {
    let (dir, _) = host(&[("v1|moby|leases|", b"")], &[("moby/7/gone", 7, 3)]);
    let content = dir.path().join("containerd/io.containerd.content.v1.content");
    let blob = digest('e');
    std::fs::create_dir_all(content.join("blobs/sha256")).unwrap();
    std::fs::write(content.join("blobs/sha256").join("e".repeat(64)), b"x").unwrap();
    let name = crate::terms::Digest::of(b"moby/1/layer").hex().to_owned();
    std::fs::create_dir_all(content.join("ingest").join(&name)).unwrap();
    std::fs::write(content.join("ingest").join(&name).join("ref"), b"moby/1/layer").unwrap();
    let overlay = dir.path().join("containerd/io.containerd.snapshotter.v1.overlayfs/snapshots");
    for name in ["99", "new-1", "rm-3", "strange"] {
        std::fs::create_dir_all(overlay.join(name)).unwrap();
    }
    let top = |name: &str| Top::open(name, &dir.path().join(name)).unwrap();
    let inv = crate::store::survey(&Disk::new([top("docker"), top("containerd")]).unwrap());
    assert_eq!(ids(&inv, Kind::Snapshot), ["backend/moby/7/gone"]);
    assert_eq!(ids(&inv, Kind::DriverDirectory), ["99"]);
    assert_eq!(ids(&inv, Kind::Blob), [blob]);
    let ingest = inv.of_kind(Kind::Ingest).next().unwrap().1.ingest().unwrap();
    assert_eq!((ingest.namespace.as_deref(), ingest.backend_reference.as_deref()), (None, Some("moby/1/layer")));
    assert_eq!(ids(&inv, Kind::Leftover).len(), 2);
    assert!(ids(&inv, Kind::File).iter().any(|id| id.ends_with("/strange")));
}

#[test]
fn databases_that_changed_places_are_told_by_what_is_in_them() {
    let (dir, _) = host(&[("v1|moby|leases|", b"")], &[("moby/7/gone", 7, 3)]);
    let home = dir.path().join("containerd");
    let (meta, own) = (
        home.join("io.containerd.metadata.v1.bolt/meta.db"),
        home.join("io.containerd.snapshotter.v1.overlayfs/metadata.db"),
    );
    let (first, second) = (std::fs::read(&meta).unwrap(), std::fs::read(&own).unwrap());
    std::fs::write(&meta, second).unwrap();
    std::fs::write(&own, first).unwrap();
    let top = |name: &str| Top::open(name, &dir.path().join(name)).unwrap();
    let inv = crate::store::survey(&Disk::new([top("docker"), top("containerd")]).unwrap());
    let swapped: Vec<_> = inv.problems.iter().filter(|problem| problem.code == "swapped-database").collect();
    assert_eq!(swapped.len(), 2, "{:?}", inv.problems);
    assert!(
        swapped
            .iter()
            .all(|problem| matches!(&problem.lost, Lost::Links(kinds) if kinds.contains(&LinkKind::StoredIn)))
    );
}

#[test]
fn a_pulled_image_of_a_graph_driver_holds_the_lease_that_is_called_after_it() {
    let config = br#"{"os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
    let image = crate::terms::Digest::of(config);
    let (mine, other) = (format!("moby-image-{image}"), format!("moby-image-{}", digest('9')));
    let kept = |lease: &str| format!("v1|moby|leases|{lease}|content|{}", digest('a'));
    let (first, second) = (kept(&mine), kept(&other));
    let (dir, _) = host(&[(&first, b""), (&second, b"")], &[]);
    let store = dir.path().join("docker/image/overlay2");
    std::fs::create_dir_all(store.join("imagedb/content/sha256")).unwrap();
    std::fs::write(store.join("imagedb/content/sha256").join(image.hex()), config).unwrap();
    let top = |name: &str| Top::open(name, &dir.path().join(name)).unwrap();
    let inv = crate::store::survey(&Disk::new([top("docker"), top("containerd")]).unwrap());
    let held: Vec<String> =
        inv.links.iter().filter(|link| link.kind == LinkKind::HoldsLease).map(|link| link.to.id.to_string()).collect();
    assert_eq!(held, [format!("moby/{mine}")]);
}
