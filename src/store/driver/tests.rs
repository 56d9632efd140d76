//! The homes of drivers, whole and spoilt.

use std::fs;

use crate::inventory::{Inventory, OwnerKind, Owners};
use crate::store::sample::{GZIP, MOUNT, Sample, put, said};
use crate::terms::{Kind, LinkKind};

fn directory_ids(inv: &Inventory) -> Vec<String> {
    inv.of_kind(Kind::DriverDirectory).map(|(key, _)| key.id.to_string()).collect()
}

fn leftovers(inv: &Inventory) -> Vec<(&'static str, String)> {
    inv.of_kind(Kind::Leftover).map(|(key, thing)| (thing.leftover().unwrap().what, key.id.to_string())).collect()
}

#[test]
fn a_directory_knows_its_content_its_name_and_what_is_below() {
    let inv = Sample::overlay2().survey();
    let (_, thing) = inv.of_kind(Kind::DriverDirectory).find(|(key, _)| &*key.id == MOUNT).unwrap();
    let facts = thing.driver_directory().unwrap();
    assert_eq!(facts.content.as_ref().unwrap().to_string(), format!("docker/overlay2/{MOUNT}/diff"));
    assert_eq!(facts.lower.len(), 4);
    assert_eq!(*facts.lower[0], format!("{MOUNT}-init"));
    assert_eq!(*facts.lower[3], Sample::id(0));
    assert!(facts.link.is_some() && facts.mtime.0 > 0 && thing.lots.len() == 2);
    assert!(inv.meters.contains(facts.content.as_ref().unwrap()) && inv.meters.len() == 5);
}

#[test]
fn each_directory_and_its_short_link_belong_to_its_holder() {
    let inv = Sample::overlay2().survey();
    let owners = Owners::of(&inv);
    let of = |kind| owners.iter().filter(|(_, owner)| owner.key.kind == kind).map(|(_, o)| o.lots.len()).collect();
    let (layers, rw, init): (Vec<_>, Vec<_>, Vec<_>) =
        (of(OwnerKind::Layer), of(OwnerKind::RwLayer), of(OwnerKind::InitLayer));
    // the directory, the short link, the entry of the layer store
    assert_eq!((layers, rw, init), (vec![3; 3], vec![3], vec![2]));
    let strangers = owners.iter().filter(|(_, owner)| owner.key.kind == OwnerKind::Unclaimed && !owner.lots.is_empty());
    assert_eq!(strangers.count(), 0);
}

#[test]
fn a_directory_that_nothing_names_stands_alone() {
    let sample = Sample::overlay2();
    fs::create_dir_all(sample.home(&"b".repeat(64)).join("diff")).unwrap();
    let inv = sample.survey();
    assert_eq!(said(&inv), [""; 0]);
    assert!(directory_ids(&inv).contains(&"b".repeat(64)));
    assert!(!inv.links.iter().any(|link| *link.to.id == "b".repeat(64)));
}

#[test]
fn links_to_nothing_probes_and_removals_are_leftovers() {
    let sample = Sample::overlay2();
    sample.short_link("GONE", &format!("../{}/diff", "c".repeat(64)));
    sample.directory(&format!("{}-removing", "f".repeat(64)), &[]);
    fs::create_dir_all(sample.home("opaque-bug-check123/l1")).unwrap();
    fs::create_dir_all(sample.path("check-overlayfs-support9")).unwrap();
    let inv = sample.survey();
    let (mut what, places): (Vec<_>, Vec<_>) = leftovers(&inv).into_iter().unzip();
    what.sort_unstable();
    assert_eq!(what, ["-removing directory", "dangling l/ link", "feature probe", "feature probe"]);
    assert!(places.contains(&"docker/check-overlayfs-support9".to_owned()));
    assert_eq!(said(&inv), [""; 0]);
    assert_eq!(inv.links.iter().filter(|link| link.kind == LinkKind::Interrupted).count(), 1);
}

#[test]
fn a_short_link_that_leads_elsewhere_is_told_and_not_followed() {
    let sample = Sample::overlay2();
    for (name, target) in [("EVIL", "/etc"), ("UP", "../../../etc/diff"), ("SIDE", "../a/b/diff")] {
        sample.short_link(name, target);
    }
    let inv = sample.survey();
    let told = said(&inv);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told.iter().all(|line| line.starts_with("damaged-link docker/overlay2/l/")));
}

#[test]
fn a_lower_that_names_nothing_is_told() {
    let sample = Sample::overlay2();
    fs::write(sample.home(MOUNT).join("lower"), "l/NONE").unwrap();
    assert!(sample.problems().contains(&format!("lower-missing-link docker/overlay2/{MOUNT}/lower")));
    fs::write(sample.home(MOUNT).join("lower"), "../../etc").unwrap();
    assert_eq!(sample.problems(), [format!("damaged-file docker/overlay2/{MOUNT}/lower")]);
}

#[test]
fn copies_are_directories_of_their_own() {
    let sample = Sample::of("vfs");
    let inv = sample.survey();
    assert_eq!(said(&inv), [""; 0]);
    assert_eq!(directory_ids(&inv).len(), 5);
    let store = inv.stores.iter().find(|store| &*store.name == "vfs").unwrap();
    assert!(store.populated && store.read_in_full && store.newest.is_some());
    let (_, thing) = inv.of_kind(Kind::DriverDirectory).next().unwrap();
    let facts = thing.driver_directory().unwrap();
    assert!(facts.content == facts.at && inv.meters.is_empty());
}

#[test]
fn a_btrfs_home_has_subvolumes_and_quotas() {
    let sample = Sample::overlay2();
    fs::create_dir_all(sample.path("image/btrfs/layerdb")).unwrap();
    fs::create_dir_all(sample.path("btrfs/subvolumes/abc")).unwrap();
    put(&sample.path("btrfs/quotas/abc"), b"1000");
    put(&sample.path("btrfs/quotas/gone"), b"1000");
    let inv = sample.survey();
    let (_, thing) = inv.of_kind(Kind::DriverDirectory).find(|(key, _)| &*key.id == "abc").unwrap();
    let lots: Vec<_> = thing.lots.iter().map(|lot| lot.at.to_string()).collect();
    assert_eq!(lots, ["docker/btrfs/subvolumes/abc", "docker/btrfs/quotas/abc"]);
    assert_eq!(leftovers(&inv), [("quota of a missing subvolume", "docker/btrfs/quotas/gone".to_owned())]);
}

#[test]
fn a_home_that_nothing_explains_has_one_owner() {
    let sample = Sample::overlay2();
    put(&sample.path("aufs/diff/x/file"), b"x");
    put(&sample.path("vfs/dir/y/file"), b"x");
    fs::create_dir_all(sample.path("btrfs")).unwrap();
    let inv = sample.survey();
    let stores: Vec<_> = inv.of_kind(Kind::Store).map(|(key, thing)| (key.id.to_string(), thing.lots.len())).collect();
    assert_eq!(stores, [("aufs".to_owned(), 1), ("btrfs".to_owned(), 1), ("vfs".to_owned(), 1)]);
    assert_eq!(directory_ids(&inv).len(), 5);
    let info: Vec<_> = inv.stores.iter().map(|s| (&*s.name, s.populated, s.read_in_full)).collect();
    assert_eq!(info, [("aufs", true, false), ("btrfs", false, false), ("overlay2", true, true), ("vfs", true, false)]);
}

#[test]
fn a_driver_of_the_past_owns_what_its_layers_name_and_nothing_in_it_is_an_orphan() {
    let sample = Sample::overlay2();
    let held = "a".repeat(64);
    let entry = sample.path("image/aufs/layerdb/sha256").join(sample.chain[0].0.hex());
    for (name, text) in [("diff", sample.chain[0].0.as_str()), ("cache-id", held.as_str()), ("size", "1")] {
        put(&entry.join(name), text.as_bytes());
    }
    put(&entry.join("tar-split.json.gz"), GZIP);
    for id in [held.as_str(), "idle"] {
        put(&sample.path("aufs/diff").join(id).join("file"), b"x");
        put(&sample.path("aufs/layers").join(id), b"");
        fs::create_dir_all(sample.path("aufs/mnt").join(id)).unwrap();
    }
    let inv = sample.survey();
    let aufs: Vec<_> = inv.of_kind(Kind::DriverDirectory).filter(|(key, _)| &*key.store == "aufs").collect();
    assert_eq!(aufs.len(), 1);
    assert!(*aufs[0].0.id == *held && aufs[0].1.lots.len() == 3);
    assert_eq!(inv.of_kind(Kind::Store).count(), 1);
}

#[test]
fn a_dataset_is_known_by_name_only() {
    let sample = Sample::overlay2();
    let entry = sample.path("image/zfs/layerdb/sha256").join(sample.chain[0].0.hex());
    for (name, text) in [("diff", sample.chain[0].0.as_str()), ("cache-id", "dataset"), ("size", "1")] {
        put(&entry.join(name), text.as_bytes());
    }
    fs::create_dir_all(sample.path("zfs/graph")).unwrap();
    let inv = sample.survey();
    let (_, thing) = inv.of_kind(Kind::DriverDirectory).find(|(key, _)| &*key.store == "zfs").unwrap();
    assert!(thing.lots.is_empty());
    assert!(!said(&inv).iter().any(|line| line.starts_with("layer-missing-directory")));
}

#[test]
fn a_home_that_is_no_directory_is_foreign() {
    let sample = Sample::overlay2();
    put(&sample.path("vfs"), b"no directory");
    let inv = sample.survey();
    assert!(inv.stores.iter().all(|store| &*store.name != "vfs"));
    assert!(inv.of_kind(Kind::File).any(|(key, _)| &*key.id == "docker/vfs"));
}
