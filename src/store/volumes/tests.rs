//! Volumes with and without their database.

use crate::inventory::Inventory;
use crate::inventory::facts::Volume;
use crate::store::tests::{disk, found};
use crate::terms::Kind;

fn volume<'a>(inv: &'a Inventory, name: &str) -> &'a Volume {
    inv.of_kind(Kind::Volume).find(|(key, _)| &*key.id == name).unwrap().1.volume().unwrap()
}

#[test]
fn every_directory_is_a_volume_and_a_file_is_none() {
    let (_dir, disk) = disk(&[("volumes/a/_data/f", b"x"), ("volumes/b/c", b""), ("volumes/notes", b"")]);
    let inv = found(&disk, super::survey);
    assert_eq!(inv.of_kind(Kind::Volume).count(), 2);
    assert!(volume(&inv, "a").has_data && !volume(&inv, "b").has_data);
    assert_eq!(inv.of_kind(Kind::File).map(|(key, _)| &*key.id).collect::<Vec<_>>(), ["docker/volumes/notes"]);
    assert_eq!(inv.meters.iter().map(ToString::to_string).collect::<Vec<_>>(), ["docker/volumes/a/_data"]);
}

#[test]
fn without_its_database_it_is_not_known_that_a_volume_has_no_labels() {
    let (_dir, disk) = disk(&[("volumes/a/_data/f", b"x")]);
    let inv = found(&disk, super::survey);
    assert!(!volume(&inv, "a").database_read);
    assert_eq!(inv.problems[0].code, "missing-file");
    // it is made at the first start, volumes or not
    let (_dir, empty) = self::disk(&[("volumes/backingFsBlockDev", b"")]);
    assert_eq!(found(&empty, super::survey).problems.len(), 1);
}

#[test]
fn a_damaged_database_is_a_problem_and_the_volumes_stay() {
    let (_dir, disk) = disk(&[("volumes/a/_data/f", b"x"), ("volumes/metadata.db", b"garbage")]);
    let inv = found(&disk, super::survey);
    assert_eq!(inv.problems[0].at.to_string(), "docker/volumes/metadata.db");
    assert!(!volume(&inv, "a").database_read);
}

#[test]
fn options_say_whether_the_data_lies_elsewhere() {
    let opts = br#"{"MountType":"none","MountOpts":"bind","MountDevice":"/srv","Quota":{"Size":0}}"#;
    let (_dir, disk) =
        disk(&[("volumes/a/opts.json", opts), ("volumes/b/opts.json", b"{"), ("volumes/a/_data/f", b"")]);
    let inv = found(&disk, super::survey);
    assert!(volume(&inv, "a").needs_mount && !volume(&inv, "b").needs_mount);
    assert!(inv.problems.iter().any(|p| p.code == "bad-volume-options"));
}

#[test]
fn options_that_the_database_does_not_know_are_those_of_another_volume() {
    use crate::format::engine::volume::parse_options;
    let options = parse_options(br#"{"MountType":"none","MountOpts":"bind","MountDevice":"/srv"}"#).unwrap();
    let given = |device: &str| [("type", "none"), ("o", "bind"), ("device", device)].map(|(k, v)| (k.into(), v.into()));
    assert!(options.are(&given("/srv").into()));
    assert!(!options.are(&given("/other").into()));
    assert!(parse_options(br#"{"Quota":{"Size":1}}"#).unwrap().are(&[("size".into(), "1".into())].into()));
}
