//! Build cache as the engine would list it, on small tables.

use super::graph::STORE;
use super::*;
use crate::disk::Disk;
use crate::docker::seen::Seen;
use crate::docker::sizes::Measures;
use crate::inventory::facts::{CacheSnapshot, DriverDirectory};
use crate::inventory::{Entity, Inventory, Root};
use crate::terms::Place;
use crate::usage::Measure;

fn root() -> Root {
    Root::new(Place::tree("docker"))
}

/// A record that the engine made and did not yet use.
fn record(inv: &mut Inventory, id: &str, change: impl FnOnce(&mut CacheRecord)) {
    let mut facts =
        CacheRecord { committed: true, snapshot: id.into(), record_type: "regular".into(), ..Default::default() };
    change(&mut facts);
    inv.add(root().key(STORE, Kind::CacheRecord, id), Entity::new(facts));
}

fn snapshot(inv: &mut Inventory, id: &str, change: impl FnOnce(&mut CacheSnapshot)) {
    let mut facts = CacheSnapshot::default();
    change(&mut facts);
    inv.add(root().key(STORE, Kind::CacheSnapshot, id), Entity::new(facts));
}

fn listed(inv: Inventory) -> Vec<CacheRow> {
    let inv = inv.seal();
    let seen = Seen::of(&inv, "docker", "overlay2", (28, 5, 2));
    let (disk, measures) = (Disk::default(), BTreeMap::new());
    rows(&seen, &Sizes { disk: &disk, measures: &measures })
}

fn ids(rows: &[CacheRow]) -> Vec<&str> {
    rows.iter().map(|row| row.id.as_str()).collect()
}

#[test]
fn of_a_pair_the_mutable_half_is_listed_with_the_size_of_the_other() {
    let mut inv = Inventory::default();
    snapshot(&mut inv, "m", |s| s.prepared = true);
    record(&mut inv, "m", |r| (r.committed, r.description) = (false, "the source".into()));
    record(&mut inv, "f", |r| (r.equal_mutable, r.size) = (Some("m".into()), Some(7)));
    let rows = listed(inv);
    assert_eq!(ids(&rows), ["m"]);
    assert_eq!((&rows[0].size, rows[0].description.as_str()), (&Size::Known(7), "the source"));
}

#[test]
fn the_two_halves_of_a_pair_have_the_same_parent() {
    let mut inv = Inventory::default();
    snapshot(&mut inv, "m", |s| s.prepared = true);
    record(&mut inv, "base", |_| ());
    record(&mut inv, "m", |r| (r.committed, r.parents) = (false, vec!["base".into()]));
    record(&mut inv, "f", |r| (r.equal_mutable, r.parents) = (Some("m".into()), vec!["base".into()]));
    assert_eq!(ids(&listed(inv)), ["base", "m"]);
}

#[test]
fn what_does_not_load_is_not_listed() {
    let mut inv = Inventory::default();
    snapshot(&mut inv, "some", |_| ());
    record(&mut inv, "deleted", |r| r.deleted = true);
    record(&mut inv, "mutable-without-snapshot", |r| r.committed = false);
    record(&mut inv, "child-of-none", |r| r.parents = vec!["none".into()]);
    record(&mut inv, "child-of-deleted", |r| r.parents = vec!["deleted".into()]);
    record(&mut inv, "half-without-either", |r| r.equal_mutable = Some("none".into()));
    record(&mut inv, "a-cycle", |r| r.parents = vec!["b-cycle".into()]);
    record(&mut inv, "b-cycle", |r| r.parents = vec!["a-cycle".into()]);
    record(&mut inv, "itself", |r| r.parents = vec!["itself".into()]);
    record(&mut inv, "sound", |_| ());
    assert_eq!(ids(&listed(inv)), ["sound"]);
}

#[test]
fn a_half_that_has_a_snapshot_of_its_own_outlives_the_other() {
    let mut inv = Inventory::default();
    snapshot(&mut inv, "f", |s| s.committed_as = Some("m".into()));
    snapshot(&mut inv, "m", |s| (s.prepared, s.size) = (true, Some(3)));
    record(&mut inv, "f", |r| r.equal_mutable = Some("m".into()));
    assert_eq!(ids(&listed(inv)), ["f"]);
}

#[test]
fn without_a_recorded_size_the_snapshots_is_taken() {
    let mut inv = Inventory::default();
    snapshot(&mut inv, "s", |s| (s.prepared, s.size) = (true, Some(40)));
    record(&mut inv, "s", |r| r.committed = false);
    record(&mut inv, "blob-only", |r| (r.blob_only, r.snapshot) = (true, "s".into()));
    let rows = listed(inv);
    let sizes: Vec<_> = rows.iter().map(|row| row.size.clone()).collect();
    assert_eq!(sizes, [Size::Known(0), Size::Known(40)]);
}

#[test]
fn a_size_that_no_file_tells_is_weighed() {
    let mut inv = Inventory::default();
    snapshot(&mut inv, "n", |s| s.committed_as = Some("k".into()));
    snapshot(&mut inv, "k", |s| (s.prepared, s.is_committed, s.parent) = (true, true, Some("below".into())));
    snapshot(&mut inv, "below", |s| s.committed_as = Some("j".into()));
    record(&mut inv, "n", |_| ());
    let content = Place::tree("docker").join("overlay2/k/diff");
    let directory = DriverDirectory { content: Some(content.clone()), lower: vec!["j".into()], ..Default::default() };
    inv.add(root().key("overlay2", Kind::DriverDirectory, "k"), Entity::new(directory));
    let (inv, disk) = (inv.seal(), Disk::default());
    let seen = Seen::of(&inv, "docker", "overlay2", (28, 5, 2));
    let size = |measures: &Measures| rows(&seen, &Sizes { disk: &disk, measures })[0].size.clone();
    let measure = Measure { walked: 12, inodes: 2, ..Measure::default() };
    assert_eq!(size(&BTreeMap::from([(content, measure)])), Size::Known(12));
    assert!(matches!(size(&BTreeMap::new()), Size::Unknown(_)));
}

#[test]
fn a_deep_line_of_parents_is_no_trouble() {
    let mut inv = Inventory::default();
    for n in 0..20_000 {
        record(&mut inv, &n.to_string(), |r| r.parents = vec![(n + 1).to_string()]);
    }
    record(&mut inv, "20000", |_| ());
    assert_eq!(listed(inv).len(), 20_001);
}

fn row(id: &str, parents: &[&str], shared: bool) -> CacheRow {
    CacheRow {
        key: root().key(STORE, Kind::CacheRecord, id),
        id: id.into(),
        parents: parents.iter().map(|p| (*p).to_owned()).collect(),
        record_type: "regular".into(),
        description: String::new(),
        in_use: false,
        shared,
        size: Size::Known(1),
        created_at: None,
        last_used_at: None,
        usage_count: 0,
        blob_only: false,
    }
}

#[test]
fn a_prune_takes_children_before_parents_and_leaves_what_images_share() {
    let rows = [row("a", &[], true), row("b", &["a"], true), row("c", &["b"], false), row("d", &["c"], false)];
    let taken = |all| prunable(&rows, all).into_iter().map(|row| row.id.as_str()).collect::<Vec<_>>();
    assert_eq!(taken(false), ["d", "c"]);
    assert_eq!(taken(true), ["d", "c", "b", "a"]);
}

#[test]
fn a_prune_leaves_what_a_record_that_stays_stands_on() {
    let mut rows = [row("a", &[], false), row("b", &["a"], false)];
    rows[1].record_type = "internal".into();
    assert_eq!(prunable(&rows, false), [] as [&CacheRow; 0]);
    assert_eq!(prunable(&rows, true).len(), 2);
}
