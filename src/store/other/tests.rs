//! The top of a root.

use crate::inventory::{Inventory, OwnerKind};
use crate::store::tests::{disk, found};
use crate::terms::{Kind, Lost};

const HEX: &str = "aa00000000000000000000000000000000000000000000000000000000000000";

fn survey(files: &[(&str, &str)]) -> Inventory {
    let files: Vec<(String, &[u8])> =
        files.iter().map(|(at, text)| (at.replace("HEX", HEX), text.as_bytes())).collect();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(at, text)| (at.as_str(), *text)).collect();
    found(&disk(&files).1, super::survey)
}

fn ids(inv: &Inventory, kind: Kind) -> Vec<String> {
    inv.of_kind(kind).map(|(key, _)| key.id.replace(HEX, "HEX")).collect()
}

#[test]
fn the_engines_own_files_have_owners_and_a_core_dump_is_a_stranger() {
    let inv = survey(&[
        ("core.4242", "x"),
        ("engine-id", "x"),
        ("network/files/local-kv.db", "x"),
        ("swarm/state.json", "x"),
        ("runtimes/x/y", "x"),
        ("image/overlay2/repositories.json", "x"),
        ("lost+found/#12", "x"),
    ]);
    assert_eq!(ids(&inv, Kind::Scaffold), ["engine-id", "runtimes"]);
    assert_eq!((ids(&inv, Kind::Network), ids(&inv, Kind::Swarm)), (vec!["network".into()], vec!["swarm".into()]));
    // image/ itself is another survey's
    assert_eq!(ids(&inv, Kind::File), ["docker/core.4242", "docker/image", "docker/lost+found/#12"]);
}

#[test]
fn each_temporary_thing_is_a_leftover_and_only_tmp_goes_by_itself() {
    let inv = survey(&[
        ("tmp/GetImageBlob1", "x"),
        ("tmp/docker-builder2/ctx/file", "x"),
        ("tmp-old/docker-import-55/layer.tar", "x"),
        (".tmp-engine-id3", "x"),
        ("check-overlayfs-support4/x", "x"),
    ]);
    let left: Vec<_> =
        inv.of_kind(Kind::Leftover).map(|(key, thing)| (&*key.id, thing.leftover().unwrap().by_itself)).collect();
    assert_eq!(
        left,
        [
            ("docker/.tmp-engine-id3", false),
            ("docker/check-overlayfs-support4", false),
            ("docker/tmp-old", false),
            ("docker/tmp/GetImageBlob1", true),
            ("docker/tmp/docker-builder2", true)
        ]
    );
    assert!(inv.of_kind(Kind::Leftover).all(|(_, thing)| thing.lots[0].owner == OwnerKind::Temporary));
    assert!(ids(&inv, Kind::File).is_empty());
}

#[test]
fn a_plugin_holds_its_blobs_and_one_being_removed_is_a_leftover() {
    let config = format!(r#"{{"plugin":{{"Enabled":true,"Id":"{HEX}","Name":"x:1"}},"Config":"sha256:{HEX}"}}"#);
    let inv = survey(&[
        ("plugins/HEX/config.json", &config),
        ("plugins/HEX-removing/rootfs/x", "x"),
        ("plugins/storage/blobs/sha256/HEX", "x"),
        ("plugins/storage/ingest/1/data", "x"),
        ("plugins/tmp/.rootfs1/x", "x"),
    ]);
    let (key, plugin) = inv.of_kind(Kind::Plugin).next().unwrap();
    assert!(plugin.name == "x:1" && plugin.plugin().unwrap().enabled);
    assert!(inv.get(&inv.links[0].to).is_some() && &inv.links[0].from == key);
    assert_eq!(
        ids(&inv, Kind::Leftover),
        ["docker/plugins/HEX-removing", "docker/plugins/storage/ingest/1", "docker/plugins/tmp/.rootfs1"]
    );
    assert!(ids(&inv, Kind::File).is_empty());
}

#[test]
fn a_plugin_without_a_readable_config_loses_its_blobs() {
    for config in [("plugins/HEX/config.json", "{"), ("plugins/HEX/rootfs/x", "")] {
        let inv = survey(&[config]);
        assert_eq!(inv.problems[0].lost, Lost::Links(super::SAID_BY_PLUGINS.to_vec()));
        assert_eq!(ids(&inv, Kind::Plugin), ["HEX"]);
    }
}

#[test]
fn the_mount_point_of_a_container_that_is_gone_is_a_leftover() {
    let inv = survey(&[("rootfs/overlayfs/here/x", ""), ("containers/here/x", ""), ("rootfs/overlayfs/gone/x", "")]);
    assert_eq!(ids(&inv, Kind::Leftover), ["docker/rootfs/overlayfs/gone"]);
    assert_eq!(ids(&inv, Kind::Scaffold), ["docker/rootfs/overlayfs/here"]);
}

#[test]
fn a_remapped_root_inside_is_not_the_outer_ones() {
    let (_dir, disk) = disk(&[("100000.100000/image/x", b""), ("100000.100000/engine-id", b"")]);
    let inv = crate::store::survey(&disk);
    let of = |root: &str| inv.of_kind(Kind::Scaffold).filter(|(key, _)| &*key.root == root).count();
    assert_eq!((of("docker"), of("docker/100000.100000")), (0, 1));
    assert!(!ids(&inv, Kind::File).contains(&"docker/100000.100000".to_owned()));
}

#[test]
fn what_is_wrong_with_the_engines_own_files_is_said() {
    let inv = survey(&[("image/identity-cache.db", "garbage")]);
    let said: Vec<_> = inv.problems.iter().map(|problem| format!("{} {}", problem.at, problem.code)).collect();
    assert_eq!(said, ["docker/image/identity-cache.db damaged-database"]);
    assert!(inv.problems.iter().all(|problem| problem.lost == Lost::Nothing));
}
