//! What operations left, and what nothing names.

use super::table::{Table, WEIGHT, digest, id, paths};
use crate::finding::{
    Confidence, damaged_metadata, dead_container, half_removed_container, interrupted_leftover,
    orphan_driver_directory, stranded_store, unreferenced_layer,
};
use crate::inventory::facts::{Container, State};
use crate::terms::{Kind, LinkKind};

/// An image with one layer, and a container of it.
fn healthy() -> Table {
    let mut table = Table::new();
    table.layer("base", None).image("base", &["base"], None).tag("base:1", "base");
    table.whole_container("c", "base", "base:1", "base");
    table
}

#[test]
fn a_sound_root_has_no_orphans() {
    let table = healthy();
    for rule in
        [orphan_driver_directory::RULE, unreferenced_layer::RULE, half_removed_container::RULE, damaged_metadata::RULE]
    {
        assert!(table.findings(&rule).is_empty(), "{}", rule.class);
    }
}

#[test]
fn a_directory_that_nothing_names_is_an_orphan() {
    let mut table = healthy();
    table.directory("lost", &[]).directory("only-init", &[]);
    let [finding] = table.findings(&orphan_driver_directory::RULE).try_into().unwrap();
    assert_eq!(paths(&finding), ["docker/overlay2/lost", "docker/overlay2/only-init"]);
    assert_eq!(finding.on_disk_bytes, 2 * WEIGHT);
    assert!(finding.remedy.commands.is_empty());
}

#[test]
fn what_a_directory_in_use_stands_on_is_no_orphan_whatever_the_layer_store_says() {
    let mut table = healthy();
    table.directory("below", &[]).directory("lower", &["below"]);
    let (from, to) = (table.key(Kind::DriverDirectory, "base"), table.key(Kind::DriverDirectory, "lower"));
    let at = table.at("overlay2/base/lower");
    table.inventory.link(&from, LinkKind::Lower, to, &at);
    assert!(table.findings(&orphan_driver_directory::RULE).is_empty());
}

#[test]
fn a_young_orphan_on_a_live_root_is_apart_from_the_old_ones() {
    let mut table = healthy();
    table.directory("old", &[]).directory("young", &[]).changed("young", (3000, 0));
    table.live_since = Some((2000, 0));
    let (findings, withheld) = table.ask(&orphan_driver_directory::RULE);
    let mut said: Vec<_> = findings.iter().map(|it| (paths(it), it.confidence)).collect();
    said.sort();
    assert_eq!(
        said,
        [
            (vec!["docker/overlay2/old".to_owned()], Confidence::Certain),
            (vec!["docker/overlay2/young".to_owned()], Confidence::Unknown),
        ]
    );
    assert_eq!(withheld.len(), 1);
}

#[test]
fn an_unreadable_cache_id_leaves_every_orphan_unknown() {
    let mut table = healthy();
    table.directory("lost", &[]).hole("image/overlay2/layerdb/sha256/x/cache-id", &[LinkKind::StoredIn]);
    assert_eq!(table.ask(&orphan_driver_directory::RULE).0[0].confidence, Confidence::Unknown);
}

#[test]
fn a_layer_that_nothing_needs_is_unreferenced_with_its_directory() {
    let mut table = healthy();
    table.layer("half", Some("base")).layer("pulled", Some("half"));
    let [finding] = table.findings(&unreferenced_layer::RULE).try_into().unwrap();
    assert_eq!((finding.objects.len(), finding.on_disk_bytes), (2, 2 * WEIGHT));
    assert!(paths(&finding).contains(&"docker/overlay2/pulled".to_owned()));
    assert!(table.findings(&orphan_driver_directory::RULE).is_empty(), "its entry owns the directory");
}

#[test]
fn a_layer_of_an_image_that_does_not_load_is_the_images() {
    let mut table = healthy();
    table.layer("half", Some("base")).image("broken", &["base", "half", "gone"], None);
    assert!(table.findings(&unreferenced_layer::RULE).is_empty());
}

#[test]
fn an_entry_without_its_directory_is_damage_and_no_unreferenced_layer() {
    let mut table = healthy();
    table.layer("half", Some("base"));
    let key = table.key(Kind::DriverDirectory, "half");
    table.inventory.entities.remove(&key);
    assert!(table.findings(&unreferenced_layer::RULE).is_empty());
}

#[test]
fn a_read_write_layer_without_container_takes_the_layers_that_only_it_keeps() {
    let mut table = healthy();
    table.layer("lost", Some("base")).mount("stray", "lost");
    let [finding] = table.findings(&half_removed_container::RULE).try_into().unwrap();
    let kinds: Vec<Kind> = finding.objects.iter().map(|key| key.kind).collect();
    assert_eq!(kinds, [Kind::Mount, Kind::Layer]);
    assert_eq!(finding.on_disk_bytes, 3 * WEIGHT, "read-write layer, init layer, layer");
    assert!(table.findings(&unreferenced_layer::RULE).is_empty());
}

#[test]
fn a_container_without_its_entry_has_the_pair_of_directories_that_nothing_names() {
    let mut table = healthy();
    table.container("bare", "base", "base:1").directory("x-init", &["base"]).directory("x", &["x-init", "base"]);
    let [finding] = table.findings(&half_removed_container::RULE).try_into().unwrap();
    let directories = finding.objects.iter().filter(|key| key.kind == Kind::DriverDirectory).count();
    assert_eq!((directories, finding.remedy.commands.len()), (2, 0));
    assert!(finding.cause.contains("so that no Docker command shows it"), "{}", finding.cause);
    assert!(table.findings(&orphan_driver_directory::RULE).is_empty(), "the pair is the container's");
    table.version = (29, 4, 0);
    assert_eq!(table.findings(&half_removed_container::RULE)[0].remedy.commands, ["docker rm bare"]);
}

#[test]
fn a_container_whose_config_has_not_got_its_name_was_not_made_to_the_end() {
    let mut table = healthy();
    table.container("x", "base", "base:1").change("x", |facts| facts.broken = Some(Container::NO_CONFIG.to_owned()));
    table.inventory.links.retain(|link| *link.from.id != *id("x"));
    let cause = |table: &Table| table.findings(&half_removed_container::RULE).remove(0).cause;
    assert!(cause(&table).contains("or its removal did not come to its end"), "{}", cause(&table));
    table.leftover(&format!("containers/{}/.tmp-config.v2.json123", id("x")), "temporary file", None);
    assert!(!cause(&table).contains("removal"), "{}", cause(&table));
}

#[test]
fn a_pair_of_directories_on_another_layer_is_not_the_containers() {
    let mut table = healthy();
    table.layer("other", None).image("other", &["other"], None).tag("other:1", "other");
    table.container("bare", "base", "base:1").directory("x-init", &["other"]).directory("x", &["x-init", "other"]);
    assert_eq!(table.findings(&half_removed_container::RULE)[0].objects.len(), 1);
    assert_eq!(table.findings(&orphan_driver_directory::RULE)[0].objects.len(), 2);
}

#[test]
fn a_removal_that_released_the_layer_left_no_directories() {
    let mut table = healthy();
    table.container("bare", "base", "base:1").state("bare", State { dead: true, ..State::default() });
    table.directory("x-init", &["base"]).directory("x", &["x-init", "base"]);
    assert_eq!(table.findings(&half_removed_container::RULE)[0].objects.len(), 1);
    assert_eq!(table.findings(&orphan_driver_directory::RULE)[0].objects.len(), 2);
}

#[test]
fn a_directory_without_config_is_a_container_half_made_or_half_removed() {
    let mut table = healthy();
    table.container("torn", "base", "base:1").change("torn", |it| {
        it.broken = Some(crate::inventory::facts::Container::NO_CONFIG.to_owned());
    });
    let causes: Vec<String> = table.findings(&half_removed_container::RULE).into_iter().map(|it| it.cause).collect();
    assert!(causes.iter().any(|cause| cause.contains("has no config.v2.json and no read-write layer")), "{causes:?}");
}

#[test]
fn a_dead_container_is_removed_by_force() {
    let mut table = healthy();
    table.state("c", State { dead: true, ..State::default() });
    let [finding] = table.findings(&dead_container::RULE).try_into().unwrap();
    assert_eq!(finding.remedy.commands, ["docker rm -f c"]);
    assert_eq!(finding.on_disk_bytes, 4 * WEIGHT);
}

#[test]
fn leftovers_of_one_kind_are_one_finding_with_what_they_had() {
    let mut table = healthy();
    table.leftover("tmp/a", "temporary file", None).leftover("tmp/b", "temporary file", None);
    table.directory("filled", &[]).leftover("image/overlay2/layerdb/tmp/write-set-1", "write-set", Some("filled"));
    let found = table.findings(&interrupted_leftover::RULE);
    let said: Vec<_> = found.iter().map(|it| (it.objects.len(), it.on_disk_bytes)).collect();
    assert_eq!(said, [(2, 2 * WEIGHT), (1, WEIGHT)]);
    assert!(paths(&found[1]).contains(&"docker/overlay2/filled".to_owned()));
    assert!(table.findings(&orphan_driver_directory::RULE).is_empty(), "it belongs to the transaction");
}

#[test]
fn inside_a_store_that_is_not_in_use_nothing_is_judged() {
    let mut table = healthy();
    table.directory("lost", &[]).layer("loose", None).mount("stray", "base").image("old", &["base"], None);
    table.store("vfs");
    table.active = Some("vfs");
    for rule in crate::finding::RULES.iter().filter(|rule| rule.class != "stranded-store") {
        let found = table.findings(rule);
        assert!(found.iter().all(|it| it.class == "container-logs"), "{}: {found:?}", rule.class);
    }
    let [finding] = table.findings(&stranded_store::RULE).try_into().unwrap();
    let all = table.owners().iter().filter(|(_, owner)| &*owner.key.store == "overlay2").count();
    assert_eq!(finding.inodes, u64::try_from(all).unwrap());
    assert!(finding.cause.contains("with 2 images, 1 container and 2 layers"), "{}", finding.cause);
    assert_eq!(finding.confidence, Confidence::Likely, "no daemon.json says so");
}

#[test]
fn problems_of_one_file_are_one_finding_about_the_thing_it_belongs_to() {
    let mut table = healthy();
    let file = format!("containers/{}/config.v2.json", id("c"));
    table.hole(&file, &[LinkKind::Uses]).hole(&file, &[LinkKind::RunsFrom]).hole("repositories.json", &[]);
    let found = table.findings(&damaged_metadata::RULE);
    assert_eq!(found.len(), 2);
    let of_container = found.iter().find(|it| !it.objects.is_empty()).unwrap();
    assert_eq!(of_container.objects, [table.key(Kind::Container, id("c"))]);
    assert!(found.iter().all(|it| it.remedy.commands.is_empty()));
    assert_eq!(digest("c").hex(), id("c"));
}
