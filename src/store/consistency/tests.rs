//! What one half says against the other.

use std::fs;

use crate::store::sample::{CONTAINER, MOUNT, Sample, put};
use crate::terms::{Kind, LinkKind, Lost};

fn swap(a: &std::path::Path, b: &std::path::Path) {
    let (one, other) = (fs::read(a).unwrap(), fs::read(b).unwrap());
    fs::write(a, other).unwrap();
    fs::write(b, one).unwrap();
}

fn codes(sample: &Sample) -> Vec<&'static str> {
    let mut codes: Vec<_> = sample.survey().problems.iter().map(|problem| problem.code).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

fn lost(sample: &Sample, code: &str) -> Vec<LinkKind> {
    let problems = sample.survey().problems;
    let Some(Lost::Links(kinds)) = problems.iter().find(|problem| problem.code == code).map(|p| p.lost.clone()) else {
        panic!("{code} in {problems:?}")
    };
    kinds
}

#[test]
fn a_layer_whose_directory_is_gone_is_told() {
    let sample = Sample::overlay2();
    fs::remove_dir_all(sample.data(1)).unwrap();
    assert_eq!(lost(&sample, "layer-missing-directory"), [LinkKind::StoredIn]);
    let sample = Sample::of("vfs");
    fs::remove_dir_all(sample.home(MOUNT)).unwrap();
    fs::remove_dir_all(sample.home(&format!("{MOUNT}-init"))).unwrap();
    assert_eq!(lost(&sample, "mount-missing-directory"), [LinkKind::StoredIn]);
    assert_eq!(lost(&sample, "mount-missing-init-directory"), [LinkKind::InitLayer]);
}

#[test]
fn a_cache_id_of_another_layer_is_told_by_the_chain_of_the_driver() {
    let sample = Sample::overlay2();
    swap(&sample.layer(0).join("cache-id"), &sample.layer(1).join("cache-id"));
    assert_eq!(lost(&sample, "lower-mismatch"), [LinkKind::Parent, LinkKind::StoredIn]);
}

#[test]
fn a_lower_that_is_gone_or_of_another_is_told() {
    let sample = Sample::overlay2();
    fs::remove_file(sample.data(1).join("lower")).unwrap();
    assert!(codes(&sample).contains(&"lower-mismatch"));
    let sample = Sample::overlay2();
    swap(&sample.data(1).join("lower"), &sample.data(2).join("lower"));
    assert!(codes(&sample).contains(&"lower-mismatch"));
}

#[test]
fn a_short_name_that_is_gone_or_of_another_is_told() {
    let sample = Sample::overlay2();
    fs::remove_file(sample.data(1).join("link")).unwrap();
    assert_eq!(codes(&sample), ["missing-file"]);
    let sample = Sample::overlay2();
    swap(&sample.data(0).join("link"), &sample.data(1).join("link"));
    assert_eq!(codes(&sample), ["missing-short-link"]);
    let sample = Sample::overlay2();
    fs::remove_dir_all(sample.path("overlay2/l")).unwrap();
    assert_eq!(codes(&sample), ["lower-missing-link", "missing-directory", "missing-short-link"]);
}

#[test]
fn a_directory_that_a_live_one_stands_on_is_never_without_a_word() {
    let sample = Sample::overlay2();
    let (unnamed, named) = ("a".repeat(64), "b".repeat(64));
    sample.directory(&unnamed, &[]);
    sample.directory(&named, &[&unnamed]);
    assert_eq!(codes(&sample), [""; 0]);
    let entry = sample.image("layerdb/mounts/x");
    put(&entry.join("mount-id"), named.as_bytes());
    assert_eq!(codes(&sample), ["lower-mismatch", "lower-without-owner"]);
    assert_eq!(lost(&sample, "lower-without-owner"), [LinkKind::StoredIn]);
}

#[test]
fn an_init_directory_without_init_id_is_told() {
    for driver in ["overlay2", "vfs"] {
        let sample = Sample::of(driver);
        fs::remove_file(sample.mount_entry().join("init-id")).unwrap();
        assert_eq!(lost(&sample, "missing-file"), [LinkKind::InitLayer], "{driver}");
        put(&sample.mount_entry().join("init-id"), "a".repeat(64).as_bytes());
        assert_eq!(lost(&sample, "init-mismatch"), [LinkKind::InitLayer, LinkKind::StoredIn], "{driver}");
    }
}

#[test]
fn a_mount_stands_on_the_top_of_its_containers_image() {
    for driver in ["overlay2", "vfs"] {
        let sample = Sample::of(driver);
        fs::remove_file(sample.mount_entry().join("parent")).unwrap();
        assert!(codes(&sample).contains(&"mount-parent-mismatch"), "{driver}");
        fs::write(sample.mount_entry().join("parent"), sample.chain[0].0.as_str()).unwrap();
        assert_eq!(lost(&sample, "mount-parent-mismatch"), [LinkKind::StandsOn], "{driver}");
    }
}

#[test]
fn a_mount_without_parent_is_told_when_the_image_is_gone_too() {
    for driver in ["overlay2", "vfs"] {
        let sample = Sample::of(driver);
        fs::remove_file(sample.mount_entry().join("parent")).unwrap();
        fs::remove_file(sample.image("imagedb/content/sha256").join(sample.images[1].hex())).unwrap();
        fs::remove_dir_all(sample.image("imagedb/metadata/sha256").join(sample.images[1].hex())).unwrap();
        sample.tag(&[("base:1", &sample.images[0])]);
        assert!(!codes(&sample).is_empty(), "{driver}");
    }
}

#[test]
fn a_container_without_a_mount_may_own_what_nothing_names() {
    let sample = Sample::overlay2();
    fs::remove_dir_all(sample.mount_entry()).unwrap();
    assert_eq!(codes(&sample), ["container-without-mount"]);
    assert!(lost(&sample, "container-without-mount").contains(&LinkKind::StoredIn));
    for id in [MOUNT.to_owned(), format!("{MOUNT}-init")] {
        fs::remove_dir_all(sample.home(&id)).unwrap();
    }
    // the engine was killed while it removed the container: nothing is unknown
    assert_eq!(codes(&sample), [""; 0]);
}

#[test]
fn containers_of_a_driver_without_images_are_damage() {
    let sample = Sample::overlay2();
    fs::remove_dir_all(sample.path("image/overlay2")).unwrap();
    assert_eq!(codes(&sample), ["missing-directory"]);
    assert!(lost(&sample, "missing-directory").contains(&LinkKind::StoredIn));
    fs::remove_dir_all(sample.path("containers").join(CONTAINER)).unwrap();
    assert_eq!(codes(&sample), [""; 0]);
    assert_eq!(sample.survey().of_kind(Kind::Store).count(), 1);
}

#[test]
fn the_content_of_a_live_directory_is_there() {
    let sample = Sample::overlay2();
    fs::remove_dir_all(sample.data(0).join("diff")).unwrap();
    assert_eq!(codes(&sample), ["missing-directory"]);
}

#[test]
fn what_the_removal_of_a_dead_container_has_not_left_is_missed_by_nobody() {
    let spoil = |sample: &Sample| {
        fs::remove_file(sample.home(MOUNT).join("lower")).unwrap();
        fs::remove_dir_all(sample.home(&format!("{MOUNT}-init"))).unwrap();
    };
    let sample = Sample::overlay2();
    spoil(&sample);
    assert!(!codes(&sample).is_empty());
    let sample = Sample::overlay2();
    spoil(&sample);
    let config = sample.path("containers").join(CONTAINER).join("config.v2.json");
    let text = fs::read_to_string(&config).unwrap();
    put(&config, text.replace("\"State\":{}", "\"State\":{\"Dead\":true}").as_bytes());
    assert_eq!(codes(&sample), Vec::<&str>::new());
}
