//! Who is counted, checked on small tables.

use super::*;
use crate::disk::Disk;
use crate::docker::cache;
use crate::docker::seen::table::{NOW, Table, chain, digest};
use crate::docker::sizes::{Measures, Sizes};
use crate::inventory::Entity;
use crate::inventory::facts::{CacheRecord, CacheSnapshot, DriverDirectory};
use crate::terms::{Kind, LinkKind};
use crate::usage::Measure;

fn owners_counted(table: &Table, measures: &Measures, version: (u32, u32, u32)) -> Vec<String> {
    let (disk, seen) = (Disk::default(), table.seen(version));
    let sizes = Sizes { disk: &disk, measures };
    let df = DiskUsage::of(&seen, &sizes, cache::rows(&seen, &sizes));
    let found = counted(&seen, &sizes, &df, &Owners::of(&table.inventory));
    found.into_iter().map(|key| format!("{} {}", key.kind.name(), key.id)).collect()
}

fn layer(name: &str) -> String {
    format!("layer {}", digest(name))
}

/// A committed record with its snapshot, in a driver directory of its own or as a layer.
fn record(table: &mut Table, id: &str, size: u64, layer: Option<&str>) {
    let key = |kind, id: &str| table.root.key("buildkit", kind, id);
    let (record, snapshot) = (key(Kind::CacheRecord, id), key(Kind::CacheSnapshot, id));
    let directory = table.key(Kind::DriverDirectory, &format!("{id}-dir"));
    let facts = CacheRecord { committed: true, size: Some(size), snapshot: id.to_owned(), ..CacheRecord::default() };
    table.inventory.add(record.clone(), Entity::new(facts));
    let committed_as = Some(format!("{id}-dir"));
    let facts = CacheSnapshot { committed_as, chain: layer.map(chain), ..CacheSnapshot::default() };
    table.inventory.add(snapshot.clone(), Entity::new(facts));
    let at = table.root.place.join("overlay2").join(&*directory.id);
    let facts = DriverDirectory { at: Some(at.clone()), ..DriverDirectory::default() };
    table.inventory.add(directory.clone(), Entity::new(facts).tree(at.clone(), OwnerKind::Unclaimed));
    table.inventory.link(&record, LinkKind::Caches, snapshot.clone(), &at);
    table.inventory.link(&snapshot, LinkKind::StoredIn, directory, &at);
}

#[test]
fn layers_of_listed_images_are_counted_and_those_that_only_a_container_needs_are_not() {
    let mut table = Table::new();
    table.layer("base", None).layer("pinned", Some("base")).layer_of("empty", None, 0);
    table.image("i", &["base"], None).tag("i:1", "i").image("nothing", &["empty"], None).tag("n:1", "nothing");
    table.mount("c1", "pinned").container("c1", "gone", "gone");
    assert_eq!(owners_counted(&table, &Measures::new(), NOW), [layer("base")]);
}

#[test]
fn a_volume_is_counted_if_its_row_is_not_zero() {
    let mut table = Table::new();
    table.volume("full", true).volume("empty", true);
    let data = |name: &str| table.root.place.join("volumes").join(name).join("_data");
    let measure = |walked| Measure { walked, ..Measure::default() };
    let measures = Measures::from([(data("full"), measure(5)), (data("empty"), measure(0))]);
    assert_eq!(owners_counted(&table, &measures, NOW), ["volume full"]);
}

#[test]
fn a_record_counts_for_its_own_files_and_one_of_0_bytes_for_nothing() {
    let mut table = Table::new();
    table.layer("base", None).layer("built", Some("base"));
    record(&mut table, "own", 7, None);
    record(&mut table, "layered", 8, Some("built"));
    record(&mut table, "zero", 0, Some("base"));
    assert_eq!(owners_counted(&table, &Measures::new(), NOW), ["cache-record own".to_owned(), layer("built")]);
}

#[test]
fn a_record_that_is_shared_counts_by_its_image_or_from_29_on_by_itself_too() {
    let mut table = Table::new();
    table.layer("built", None).image("i", &["built"], None).tag("i:1", "i");
    record(&mut table, "layered", 8, Some("built"));
    for version in [(28, 5, 2), (29, 7, 2)] {
        assert_eq!(owners_counted(&table, &Measures::new(), version), [layer("built")]);
    }
}
