//! The build cache.

use super::table::{Table, WEIGHT, digest};
use crate::finding::{build_cache, zero_size_cache_record};
use crate::inventory::facts::CacheRecord;
use crate::terms::Kind;

/// `base` and `built` are held by the cache alone: a record of 0 B and one of 10.
fn cached() -> Table {
    let mut table = Table::new();
    table.layer("base", None).layer("built", Some("base")).record("b", "base", 0).record("r", "built", 10);
    table
}

#[test]
fn a_record_of_0_bytes_keeps_the_layers_of_a_base_image_that_is_gone() {
    let [finding] = cached().findings(&zero_size_cache_record::RULE).try_into().unwrap();
    let ids: Vec<&str> = finding.objects.iter().map(|key| &*key.id).collect();
    assert_eq!(ids, ["b", digest("base").as_str()]);
    assert_eq!(
        (finding.on_disk_bytes, finding.remedy.commands.as_slice()),
        (WEIGHT, &["docker builder prune".to_owned()][..])
    );
}

#[test]
fn layers_that_an_image_or_a_container_needs_are_not_hidden_behind_a_record() {
    let mut table = cached();
    table.image("base", &["base"], None).tag("base:1", "base");
    assert!(table.findings(&zero_size_cache_record::RULE).is_empty());
    let mut table = cached();
    table.whole_container("c", "gone", "base:1", "base");
    assert!(table.findings(&zero_size_cache_record::RULE).is_empty());
}

#[test]
fn what_goes_with_the_records_is_what_nothing_else_needs() {
    let [finding] = cached().findings(&build_cache::RULE).try_into().unwrap();
    assert_eq!((finding.objects.len(), finding.on_disk_bytes), (2, 2 * WEIGHT));
    assert_eq!(finding.remedy.commands, ["docker builder prune"]);
}

#[test]
fn records_shared_with_an_image_need_prune_a_and_leave_the_layers() {
    let mut table = cached();
    table.image("app", &["base", "built"], None).tag("app:1", "app");
    let [finding] = table.findings(&build_cache::RULE).try_into().unwrap();
    assert_eq!(
        (finding.on_disk_bytes, finding.remedy.commands.as_slice()),
        (0, &["docker builder prune -a".to_owned()][..])
    );
    assert!(finding.cause.contains("2 of them shared with images"), "{}", finding.cause);
}

#[test]
fn a_record_on_its_way_out_is_no_record() {
    let mut table = cached();
    let key = table.key(Kind::CacheRecord, "r");
    let thing = table.inventory.entities.get_mut(&key).unwrap();
    thing.facts = CacheRecord { deleted: true, ..CacheRecord::default() }.into();
    assert_eq!(table.findings(&build_cache::RULE)[0].objects.len(), 1);
}
