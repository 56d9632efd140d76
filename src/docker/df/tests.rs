//! Rows and sums, by version, checked on small tables.

use super::*;
use crate::disk::Disk;
use crate::docker::seen::Seen;
use crate::docker::seen::table::{NOW, Table, digest};
use crate::docker::sizes::{Measures, Size};
use crate::terms::Kind;
use crate::usage::Measure;

fn df<'a>(seen: &Seen<'a>, measures: &Measures) -> DiskUsage<'a> {
    let disk = Disk::default();
    DiskUsage::of(seen, &Sizes { disk: &disk, measures }, Vec::new())
}

fn row(id: &str, size: u64, shared: bool) -> CacheRow {
    CacheRow {
        key: Table::new().root.key("buildkit", Kind::CacheRecord, id),
        id: id.to_owned(),
        parents: Vec::new(),
        record_type: "regular".to_owned(),
        description: String::new(),
        in_use: false,
        shared,
        size: Size::Known(size),
        created_at: None,
        last_used_at: None,
        usage_count: 0,
        blob_only: false,
    }
}

/// A base of 100, an image in use of 7 more, an unused one of 20 more, and one that only a container needs.
fn host() -> Table {
    let mut table = Table::new();
    table.layer_of("base", None, 100).layer_of("used", Some("base"), 7).layer_of("free", Some("base"), 20);
    table.layer_of("gone", None, 5000);
    table.image("used", &["base", "used"], None).tag("used:1", "used");
    table.image("free", &["base", "free"], None).tag("free:1", "free");
    table.mount("c1", "used").container("c1", "used", "used:1");
    table.mount("c2", "gone").container("c2", "gone", "gone:1");
    table
}

#[test]
fn layers_that_only_a_container_needs_are_not_in_layers_size() {
    let table = host();
    let df = df(&table.seen(NOW), &Measures::new());
    assert_eq!(df.layers_size, 127);
    let sizes: Vec<_> = df.images.iter().map(|row| (row.size, row.shared, row.containers)).collect();
    assert!(sizes.contains(&(107, 100, 1)) && sizes.contains(&(120, 100, 0)));
}

#[test]
fn reclaimable_images_are_computed_as_that_version_does() {
    let table = host();
    let reclaimable = |version| df(&table.seen(version), &Measures::new()).image_total().reclaimable;
    assert_eq!(reclaimable((28, 5, 2)), 120, "all but what the used image alone has");
    assert_eq!(reclaimable((29, 0, 0)), 107, "upside down");
    assert_eq!(reclaimable((29, 3, 1)), 107);
    assert_eq!(reclaimable((29, 4, 0)), 20, "what the unused image alone has");
}

#[test]
fn from_23_on_an_image_shares_its_layers_with_its_own_intermediate_parent() {
    let mut table = Table::new();
    table.layer("a", None).layer("b", Some("a"));
    table.image("step", &["a"], None).image("built", &["a", "b"], Some("step")).tag("built:1", "built");
    let shared = |version| df(&table.seen(version), &Measures::new()).images[0].shared;
    assert_eq!((shared((20, 10, 24)), shared((23, 0, 0))), (0, 10));
}

#[test]
fn a_container_that_lost_its_layer_has_no_sizes() {
    let mut table = Table::new();
    table.container("c1", "i", "i");
    let seen = table.seen((29, 7, 2));
    let df = df(&seen, &Measures::new());
    assert_eq!((df.containers[0].size_rw, df.containers[0].size_root_fs), (0, 0));
    assert_eq!(df.containers[0].image, digest("i").to_string());
}

#[test]
fn what_cannot_be_measured_is_minus_one_and_summed_for_containers_only() {
    let mut table = host();
    table.volume("v", true).volume("w", true);
    let mut measures = Measures::new();
    let data = |name: &str| table.root.place.join("volumes").join(name).join("_data");
    measures.insert(data("v"), Measure { unreadable: true, ..Measure::default() });
    measures.insert(data("w"), Measure { walked: 50, ..Measure::default() });
    let old = df(&table.seen((28, 5, 2)), &measures);
    assert_eq!(old.containers.iter().map(|row| row.size_rw).collect::<Vec<_>>(), [-1, -1]);
    assert_eq!(old.container_total().size, -2);
    // both containers refer to a volume called v
    let line = old.volume_total();
    assert_eq!((line.total, line.active, line.size, line.reclaimable), (2, 1, 50, 50));
    table.inventory.entities.retain(|key, _| key.kind != Kind::Container);
    let active = |version| df(&table.seen(version), &measures).volume_total().active;
    assert_eq!((active((28, 5, 2)), active((29, 0, 0))), (0, 1), "29 takes it for active");
}

#[test]
fn a_place_that_was_not_measured_is_a_doubt_and_no_number() {
    let mut table = Table::new();
    table.volume("v", true);
    let df = df(&table.seen(NOW), &Measures::new());
    assert_eq!(df.doubts.iter().map(|(key, _)| &*key.id).collect::<Vec<_>>(), ["v"]);
}

#[test]
fn shared_cache_records_are_in_the_sum_from_29_on() {
    let table = Table::new();
    let line = |version| {
        let mut df = df(&table.seen(version), &Measures::new());
        df.cache = vec![row("a", 10, true), row("b", 3, false)];
        let total = df.cache_total();
        assert_eq!(df.docker_says(), total.size);
        (total.total, total.size, total.reclaimable)
    };
    assert_eq!(line((28, 5, 2)), (2, 3, 3));
    assert_eq!(line((29, 0, 0)), (2, 13, 3));
}
