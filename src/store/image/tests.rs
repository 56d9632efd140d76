//! The image and layer stores, whole and spoilt.

use std::fs;

use crate::inventory::{Inventory, Keeps};
use crate::store::sample::{CONTAINER, Sample, put, said};
use crate::terms::{Digest, Kind, LinkKind, Lost};

fn lost(inv: &Inventory, code: &str) -> Vec<LinkKind> {
    match inv.problems.iter().find(|problem| problem.code == code).map(|problem| &problem.lost) {
        Some(Lost::Links(kinds)) => kinds.clone(),
        Some(Lost::Nothing) => Vec::new(),
        other => panic!("{code}: {other:?} among {:?}", said(inv)),
    }
}

fn links(inv: &Inventory, kind: LinkKind) -> Vec<(String, String, String)> {
    let same = inv.links.iter().filter(|link| link.kind == kind);
    same.map(|l| (l.from.id.to_string(), l.to.id.to_string(), l.evidence.to_string())).collect()
}

#[test]
fn a_sound_root_has_no_problem_and_every_link() {
    let sample = Sample::overlay2();
    let inv = sample.survey();
    assert_eq!(said(&inv), [""; 0]);
    let count = |kind| links(&inv, kind).len();
    assert_eq!((count(LinkKind::Names), count(LinkKind::BuiltOn), count(LinkKind::TopLayer)), (2, 1, 2));
    assert_eq!((count(LinkKind::Parent), count(LinkKind::StoredIn), count(LinkKind::InitLayer)), (2, 4, 1));
    assert_eq!((count(LinkKind::StandsOn), count(LinkKind::Lower)), (1, 4));
    let (from, to, evidence) = links(&inv, LinkKind::StandsOn).remove(0);
    assert_eq!((from.as_str(), to.as_str()), (CONTAINER, sample.chain[2].0.as_str()));
    assert_eq!(evidence, format!("docker/image/overlay2/layerdb/mounts/{CONTAINER}/parent"));
    assert!(inv.links.iter().all(|link| inv.get(&link.to).is_some()));
    assert!(inv.of_kind(Kind::File).all(|(key, _)| !key.id.contains("image") && !key.id.contains("overlay2")));
}

#[test]
fn an_image_is_told_by_its_config_and_metadata() {
    let sample = Sample::overlay2();
    put(&sample.image("imagedb/metadata/sha256").join(sample.images[1].hex()).join("builtLocally"), b"\x01");
    let inv = sample.survey();
    let (_, thing) = inv.of_kind(Kind::Image).find(|(key, _)| &*key.id == sample.images[1].as_str()).unwrap();
    let image = thing.image().unwrap();
    assert_eq!(image.chain, sample.chain);
    assert!(image.broken.is_none() && image.built_locally && image.parent.as_ref() == Some(&sample.images[0]));
    assert_eq!(image.last_updated.unwrap().to_string(), "2026-11-21T00:15:38.153991859Z");
    assert!(thing.keeps.is_none() && thing.lots.len() == 2);
}

#[test]
fn an_image_without_a_reference_keeps_itself() {
    let sample = Sample::overlay2();
    sample.tag(&[("base:1", &sample.images[0])]);
    let inv = sample.survey();
    let keeps: Vec<_> = inv.of_kind(Kind::Image).map(|(key, thing)| (key.id.to_string(), thing.keeps)).collect();
    assert!(keeps.contains(&(sample.images[0].to_string(), None)));
    assert!(keeps.contains(&(sample.images[1].to_string(), Some(Keeps::UntaggedImage))));
    assert!(inv.of_kind(Kind::Tag).all(|(_, thing)| thing.keeps == Some(Keeps::Tag)));
}

#[test]
fn a_config_that_is_not_what_its_name_says_needs_nothing() {
    let sample = Sample::overlay2();
    let at = sample.image("imagedb/content/sha256").join(sample.images[1].hex());
    let text = fs::read_to_string(&at).unwrap().replace("linux", "Linux");
    fs::write(&at, text).unwrap();
    let inv = sample.survey();
    assert_eq!(lost(&inv, "image-hash-mismatch"), [LinkKind::TopLayer, LinkKind::BuiltOn]);
    assert_eq!(links(&inv, LinkKind::TopLayer).len(), 1);
    let (_, thing) = inv.of_kind(Kind::Image).find(|(key, _)| &*key.id == sample.images[1].as_str()).unwrap();
    assert!(thing.image().unwrap().broken.is_some() && thing.keeps.is_none());
}

#[test]
fn metadata_without_a_config_is_damage() {
    let sample = Sample::overlay2();
    fs::remove_file(sample.image("imagedb/content/sha256").join(sample.images[1].hex())).unwrap();
    let inv = sample.survey();
    assert_eq!(lost(&inv, "metadata-no-image"), [LinkKind::TopLayer, LinkKind::BuiltOn]);
    // its tag finds an image that is broken
    assert_eq!(inv.problems.len(), 1, "{:?}", said(&inv));
}

#[test]
fn a_tag_of_a_missing_image_means_a_lost_config() {
    let sample = Sample::overlay2();
    fs::remove_file(sample.image("imagedb/content/sha256").join(sample.images[0].hex())).unwrap();
    let inv = sample.survey();
    assert_eq!(lost(&inv, "tag-missing-image"), [LinkKind::TopLayer, LinkKind::BuiltOn]);
    assert_eq!(lost(&inv, "parent-missing-image"), [LinkKind::TopLayer, LinkKind::BuiltOn]);
}

#[test]
fn without_repositories_the_names_are_unknown() {
    let sample = Sample::overlay2();
    fs::remove_file(sample.image("repositories.json")).unwrap();
    let inv = sample.survey();
    assert_eq!(lost(&inv, "missing-file"), [LinkKind::Names]);
    assert!(inv.of_kind(Kind::Image).all(|(_, thing)| thing.keeps.is_some()));
    fs::write(sample.image("repositories.json"), b"{\"Repositories\":{").unwrap();
    assert_eq!(lost(&sample.survey(), "damaged-file"), [LinkKind::Names]);
    fs::write(sample.image("repositories.json"), br#"{"Repositories":{"a":{"a:1":"what"}}}"#).unwrap();
    assert_eq!(lost(&sample.survey(), "damaged-reference"), [LinkKind::Names]);
}

#[test]
fn a_missing_layer_is_told_by_whoever_needs_it() {
    let sample = Sample::overlay2();
    fs::remove_dir_all(sample.layer(2)).unwrap();
    let inv = sample.survey();
    assert_eq!(lost(&inv, "image-missing-layer"), [LinkKind::Parent, LinkKind::StoredIn]);
    assert_eq!(lost(&inv, "mount-missing-layer"), [LinkKind::Parent, LinkKind::StoredIn]);
    let sample = Sample::overlay2();
    fs::remove_dir_all(sample.layer(1)).unwrap();
    assert_eq!(lost(&sample.survey(), "layer-missing-parent"), [LinkKind::Parent, LinkKind::StoredIn]);
}

#[test]
fn each_file_of_a_layer_takes_its_own_links_along() {
    let cases: &[(&str, &[LinkKind])] = &[
        ("diff", &[LinkKind::Parent]),
        ("size", &[LinkKind::Parent]),
        ("cache-id", &[LinkKind::StoredIn]),
        ("tar-split.json.gz", &[]),
    ];
    for (name, kinds) in cases {
        let sample = Sample::overlay2();
        fs::remove_file(sample.layer(1).join(name)).unwrap();
        let inv = sample.survey();
        assert_eq!(lost(&inv, "missing-file"), *kinds, "{name}");
        let broken = inv.of_kind(Kind::Layer).filter(|(_, thing)| thing.layer().unwrap().broken.is_some()).count();
        assert_eq!(broken, usize::from(*name != "tar-split.json.gz"), "{name}");
        fs::create_dir(sample.layer(1).join(name)).unwrap();
        assert_eq!(lost(&sample.survey(), "damaged-file"), *kinds, "{name}");
    }
    let sample = Sample::overlay2();
    fs::write(sample.layer(1).join("size"), b"64\n").unwrap();
    assert_eq!(lost(&sample.survey(), "damaged-file"), [LinkKind::Parent]);
}

#[test]
fn the_name_of_a_layer_is_the_hash_of_what_it_says() {
    let sample = Sample::overlay2();
    fs::remove_file(sample.layer(1).join("parent")).unwrap();
    assert_eq!(lost(&sample.survey(), "chain-mismatch"), [LinkKind::Parent]);
    let sample = Sample::overlay2();
    fs::write(sample.layer(1).join("diff"), Digest::of(b"other").as_str()).unwrap();
    assert_eq!(lost(&sample.survey(), "chain-mismatch"), [LinkKind::Parent]);
}

#[test]
fn two_layers_of_one_directory_contradict_each_other() {
    let sample = Sample::overlay2();
    fs::write(sample.layer(1).join("cache-id"), Sample::id(0)).unwrap();
    let inv = sample.survey();
    assert_eq!(inv.problems.iter().filter(|problem| problem.code == "shared-cache-id").count(), 2);
    assert_eq!(lost(&inv, "shared-cache-id"), [LinkKind::StoredIn]);
}

#[test]
fn a_cache_id_never_leads_outside() {
    let sample = Sample::overlay2();
    fs::write(sample.layer(1).join("cache-id"), "../../..").unwrap();
    let inv = sample.survey();
    assert_eq!(lost(&inv, "damaged-file"), [LinkKind::StoredIn]);
    assert!(!inv.links.iter().any(|link| link.to.id.contains("..")));
}

#[test]
fn what_was_being_made_or_removed_is_a_leftover_with_its_directory() {
    let sample = Sample::overlay2();
    let hex = "9".repeat(64);
    for (entry, id) in [(format!("layerdb/sha256/{hex}-0123-removing"), 'a'), ("layerdb/tmp/write-set-1".into(), 'b')] {
        let id = id.to_string().repeat(64);
        put(&sample.image(&entry).join("cache-id"), id.as_bytes());
        sample.directory(&id, &[]);
    }
    put(&sample.image("imagedb/content/sha256/.tmp-abc123"), b"x");
    let inv = sample.survey();
    assert_eq!(said(&inv), [""; 0]);
    let left: Vec<_> = inv.of_kind(Kind::Leftover).map(|(_, thing)| thing.leftover().unwrap().what).collect();
    assert_eq!(left, ["temporary file", "-removing layer", "write-set"]);
    assert_eq!(links(&inv, LinkKind::Interrupted).len(), 2);
    // a write-set may not have got that far
    fs::remove_file(sample.image("layerdb/tmp/write-set-1/cache-id")).unwrap();
    assert_eq!(sample.problems(), [""; 0]);
}

#[test]
fn each_file_of_a_mount_takes_its_own_links_along() {
    let sample = Sample::overlay2();
    fs::remove_file(sample.mount_entry().join("mount-id")).unwrap();
    assert_eq!(lost(&sample.survey(), "missing-file"), [LinkKind::StoredIn]);
    for (name, kind) in
        [("mount-id", LinkKind::StoredIn), ("init-id", LinkKind::InitLayer), ("parent", LinkKind::StandsOn)]
    {
        let sample = Sample::overlay2();
        fs::write(sample.mount_entry().join(name), b"no\0name").unwrap();
        let inv = sample.survey();
        assert_eq!(lost(&inv, "damaged-file"), [kind], "{name}");
        assert!(inv.of_kind(Kind::Mount).all(|(_, thing)| thing.mount().unwrap().broken.is_some()));
    }
}

#[test]
fn a_mount_named_after_a_reference_with_a_slash_lies_deeper() {
    let sample = Sample::overlay2();
    let id = "e".repeat(64);
    sample.directory(&id, &[&Sample::id(0)]);
    let at = sample.image("layerdb/mounts").join(format!("{CONTAINER}-team/web:1"));
    put(&at.join("mount-id"), id.as_bytes());
    put(&at.join("parent"), sample.chain[0].0.as_str().as_bytes());
    let inv = sample.survey();
    let name = format!("{CONTAINER}-team/web:1");
    let (_, thing) = inv.of_kind(Kind::Mount).find(|(key, _)| *key.id == *name).unwrap();
    assert!(thing.mount().unwrap().broken.is_some());
    assert_eq!(said(&inv), [""; 0]);
    assert_eq!(links(&inv, LinkKind::StandsOn).len(), 2);
}

#[test]
fn a_parent_image_is_the_bottom_of_its_child() {
    let sample = Sample::overlay2();
    let [base, top] = &sample.images[..] else { panic!() };
    put(&sample.image("imagedb/metadata/sha256").join(base.hex()).join("parent"), top.as_str().as_bytes());
    assert_eq!(lost(&sample.survey(), "image-parent-mismatch"), [LinkKind::BuiltOn]);
}

#[test]
fn the_maps_of_the_registry_client_agree() {
    let sample = Sample::overlay2();
    let (blob, diff) = (Digest::of(b"blob"), Digest::of(b"1"));
    let by_digest = sample.image("distribution/diffid-by-digest/sha256").join(blob.hex());
    let list = format!(r#"[{{"Digest":"{blob}","SourceRepository":"docker.io/library/x","HMAC":""}}]"#);
    put(&by_digest, diff.as_str().as_bytes());
    // a push drops associations from one map only
    assert_eq!(sample.problems(), [""; 0]);
    let by_diff = sample.image("distribution/v2metadata-by-diffid/sha256").join(diff.hex());
    put(&by_diff, list.as_bytes());
    assert_eq!(sample.problems(), [""; 0]);
    put(&by_digest, Digest::of(b"2").as_str().as_bytes());
    assert_eq!(lost(&sample.survey(), "distribution-mismatch"), []);
    put(&by_digest, b"");
    assert_eq!(lost(&sample.survey(), "damaged-file"), []);
    fs::remove_file(&by_digest).unwrap();
    assert_eq!(lost(&sample.survey(), "distribution-mismatch"), []);
}

#[test]
fn a_directory_that_the_engine_makes_and_that_is_gone_is_damage() {
    let cases: &[(&str, &[LinkKind])] = &[
        ("imagedb", &[LinkKind::TopLayer, LinkKind::BuiltOn]),
        ("imagedb/content", &[LinkKind::TopLayer, LinkKind::BuiltOn]),
        ("imagedb/metadata/sha256", &[LinkKind::BuiltOn]),
        ("distribution", &[]),
        ("layerdb", &[LinkKind::Parent, LinkKind::StoredIn, LinkKind::StandsOn, LinkKind::InitLayer]),
        ("layerdb/mounts", &[LinkKind::StoredIn, LinkKind::InitLayer, LinkKind::StandsOn]),
    ];
    for (below, kinds) in cases {
        let sample = Sample::overlay2();
        fs::remove_dir_all(sample.image(below)).unwrap();
        assert_eq!(lost(&sample.survey(), "missing-directory"), *kinds, "{below}");
    }
    // no layer is left of those that images need
    let sample = Sample::overlay2();
    fs::remove_dir_all(sample.image("layerdb/sha256")).unwrap();
    assert_eq!(lost(&sample.survey(), "image-missing-layer"), [LinkKind::Parent, LinkKind::StoredIn]);
}

#[test]
fn a_faulty_disk_is_told_where_it_fails() {
    let sample = Sample::overlay2();
    for (below, code) in [
        (format!("layerdb/sha256/{}", sample.chain[1].0.hex()), "unreadable-directory"),
        (format!("layerdb/mounts/{CONTAINER}"), "unreadable-directory"),
        (format!("imagedb/content/sha256/{}", sample.images[1].hex()), "unreadable-file"),
        ("repositories.json".into(), "unreadable-file"),
        (format!("layerdb/sha256/{}/parent", sample.chain[1].0.hex()), "damaged-file"),
    ] {
        let mut disk = sample.disk();
        disk.inject(crate::terms::Place::tree("docker").join("image/overlay2").join(&below), 5);
        let inv = crate::store::survey(&disk);
        assert!(!lost(&inv, code).is_empty(), "{below}");
        assert_eq!((inv.of_kind(Kind::Layer).count(), inv.of_kind(Kind::Mount).count()), (3, 1), "{below}");
    }
}

#[test]
fn a_file_where_the_directory_of_a_layer_or_mount_was_says_what_is_lost() {
    for entry in [|sample: &Sample| sample.layer(1), Sample::mount_entry] {
        let sample = Sample::overlay2();
        fs::remove_dir_all(entry(&sample)).unwrap();
        put(&entry(&sample), b"x");
        assert!(lost(&sample.survey(), "not-a-directory").contains(&LinkKind::StoredIn));
    }
}
