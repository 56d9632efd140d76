//! Build cache, surveyed on drawn databases.

use super::*;
use crate::disk::Disk;
use crate::format::bolt::tests::sketch::{Sketch, bucket, drawn, plain};
use crate::inventory::{Keeps, OwnerKind, Owners, Root};
use crate::store::tests::disk;

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaa";
const K: &str = "kkkkkkkkkkkkkkkkkkkkkkkkk";
const M: &str = "mmmmmmmmmmmmmmmmmmmmmmmmm";
const N: &str = "nnnnnnnnnnnnnnnnnnnnnnnnn";

fn draw(values: &[(&str, &str)]) -> Vec<u8> {
    drawn('/', values)
}

fn chain() -> String {
    format!("sha256:{}", "c".repeat(64))
}

/// A base layer, a committed step N in directory K, and a source that is paired: M holds the data of A.
fn cache() -> Vec<(String, Vec<u8>)> {
    let chain = chain();
    let snapshots = draw(&[
        (&format!("{chain}/"), ""),
        (&format!("{K}/parent"), &chain),
        (&format!("{K}/iscommitted"), ""),
        (&format!("{N}/committed"), K),
        (&format!("{M}/parent"), ""),
    ]);
    let value = |v: &str| format!("{{\"value\":{v}}}");
    let records = draw(&[
        ("_index/", ""),
        ("_main/base/cache.snapshot", &value(&format!("\"{chain}\""))),
        ("_main/base/snapshot.committed", &value("true")),
        ("_main/base/snapshot.size", &value("0")),
        (&format!("_main/{N}/cache.parent"), &value("\"base\"")),
        (&format!("_main/{N}/cache.equalMutable"), ""),
        (&format!("_main/{N}/snapshot.size"), &value("12")),
        (&format!("_main/{N}/cache.usageCount"), &value("3")),
        (&format!("_main/{N}/cache.lastUsedAt"), &value("1700000000000000001")),
        (&format!("_main/{M}/cache.recordType"), &value("\"source.local\"")),
        (&format!("_main/{M}/cache.lastUsedAt"), &value("1700000000000000001")),
        (&format!("_main/{A}/cache.equalMutable"), &value(&format!("\"{M}\""))),
        (&format!("_main/{A}/snapshot.committed"), &value("true")),
    ]);
    let leases = draw(&[
        (&format!("v1/buildkit/leases/{N}/snapshots/default/{N}"), ""),
        (&format!("v1/buildkit/leases/{M}/snapshots/default/{M}"), ""),
        ("v1/buildkit/leases/gone/snapshots/default/gone", ""),
    ]);
    vec![
        ("buildkit/snapshots.db".to_owned(), snapshots),
        ("buildkit/metadata_v2.db".to_owned(), records),
        ("buildkit/containerdmeta.db".to_owned(), leases),
        ("buildkit/cache.db".to_owned(), draw(&[("_result/", "")])),
        (format!("overlay2/{K}/diff/f"), b"twelve bytes".to_vec()),
        (format!("overlay2/{M}/diff/f"), b"context".to_vec()),
        (format!("image/overlay2/layerdb/sha256/{}/size", "c".repeat(64)), b"1".to_vec()),
    ]
}

fn surveyed(files: &[(String, Vec<u8>)]) -> Inventory {
    let files: Vec<(&str, &[u8])> = files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    let (_dir, disk) = disk(&files);
    on(&disk)
}

fn on(disk: &Disk) -> Inventory {
    let roots = [Root::new(Place::tree("docker"))];
    survey(&Site::new(disk, &roots[0], &roots)).seal()
}

fn links(inv: &Inventory, kind: LinkKind) -> Vec<String> {
    let named = |key: &crate::terms::Key| format!("{} {}", key.kind, key.id);
    inv.links.iter().filter(|l| l.kind == kind).map(|l| format!("{} -> {}", named(&l.from), named(&l.to))).collect()
}

fn losses(inv: &Inventory) -> Vec<String> {
    inv.problems.iter().map(|p| format!("{} {} {:?}", p.at, p.code, p.lost)).collect()
}

#[test]
fn a_record_keeps_its_snapshot_and_a_pair_keeps_the_data_of_its_mutable_half() {
    let inv = surveyed(&cache());
    assert_eq!(inv.problems, []);
    assert_eq!(
        links(&inv, LinkKind::Caches),
        [
            format!("cache-record {A} -> cache-record {M}"),
            format!("cache-record base -> cache-snapshot {}", chain()),
            format!("cache-record {M} -> cache-snapshot {M}"),
            format!("cache-record {N} -> cache-snapshot {N}"),
        ]
    );
    assert_eq!(links(&inv, LinkKind::RecordParent), [format!("cache-record {N} -> cache-record base")]);
    assert_eq!(
        links(&inv, LinkKind::HoldsLease),
        [format!("cache-record {M} -> lease buildkit/{M}"), format!("cache-record {N} -> lease buildkit/{N}")]
    );
    assert!(inv.of_kind(crate::terms::Kind::CacheRecord).all(|(_, record)| record.keeps == Some(Keeps::CacheRecord)));
}

#[test]
fn a_committed_snapshot_owns_the_directory_that_was_made_under_another_name() {
    let inv = surveyed(&cache());
    assert_eq!(
        links(&inv, LinkKind::StoredIn),
        [
            format!("cache-snapshot {M} -> driver-directory {M}"),
            format!("cache-snapshot {N} -> cache-snapshot {K}"),
            format!("cache-snapshot {N} -> driver-directory {K}"),
        ]
    );
    assert_eq!(links(&inv, LinkKind::SnapshotParent), [format!("cache-snapshot {K} -> cache-snapshot {}", chain())]);
    assert_eq!(links(&inv, LinkKind::SharesLayer), [format!("cache-snapshot {0} -> layer {0}", chain())]);
}

#[test]
fn every_database_is_an_owner_and_nothing_of_buildkit_is_foreign() {
    let mut files = cache();
    for extra in ["cache.db.bbbbbbbbbbbbbbbbbbbbbbbbb.bak", "executor/resolv.conf", "net/x", "core.1"] {
        files.push((format!("buildkit/{extra}"), Vec::new()));
    }
    let inv = surveyed(&files);
    let owners = Owners::of(&inv);
    let owned =
        |kind| owners.iter().filter(|(_, o)| o.key.kind == kind).map(|(_, o)| o.path.to_string()).collect::<Vec<_>>();
    assert_eq!(
        owned(OwnerKind::Database),
        ["cache.db", "containerdmeta.db", "metadata_v2.db", "snapshots.db"].map(|n| format!("docker/buildkit/{n}"))
    );
    assert_eq!(
        owned(OwnerKind::Temporary),
        ["executor", "net", "cache.db.bbbbbbbbbbbbbbbbbbbbbbbbb.bak"].map(|n| format!("docker/buildkit/{n}"))
    );
    let foreign: Vec<_> = inv.of_kind(crate::terms::Kind::File).map(|(key, _)| key.id.to_string()).collect();
    assert_eq!(foreign, ["docker/buildkit/core.1"]);
}

#[test]
fn a_directory_is_sought_in_every_driver_and_found_where_it_lies() {
    let mut files = cache();
    files.retain(|(path, _)| !path.contains(&format!("overlay2/{M}")));
    files.push((format!("vfs/dir/{M}/f"), Vec::new()));
    let inv = surveyed(&files);
    let stores: Vec<_> = inv
        .links
        .iter()
        .filter(|l| l.to.kind == crate::terms::Kind::DriverDirectory)
        .map(|l| l.to.to_string())
        .collect();
    assert_eq!(stores, [format!("docker:vfs:driver-directory:{M}"), format!("docker:overlay2:driver-directory:{K}")]);
    files.retain(|(path, _)| !path.contains(&format!("vfs/dir/{M}")));
    files.push(("vfs/dir/other/f".to_owned(), Vec::new()));
    assert_eq!(losses(&surveyed(&files)), ["docker/buildkit/snapshots.db missing-driver-directory Nothing"]);
}

#[test]
fn a_missing_database_is_missed_while_its_siblings_or_its_directories_are_there() {
    for name in ["snapshots.db", "metadata_v2.db", "containerdmeta.db", "cache.db"] {
        let mut files = cache();
        files.retain(|(path, _)| !path.ends_with(name));
        let missed: Vec<_> = surveyed(&files).problems.iter().map(|p| format!("{} {}", p.at, p.code)).collect();
        assert_eq!(missed, [format!("docker/buildkit/{name} missing-database")], "{name}");
    }
    let mut files = cache();
    files.retain(|(path, _)| !path.starts_with("buildkit"));
    let lost = Lost::Links(snapshots::LOST.to_vec());
    assert_eq!(losses(&surveyed(&files)), [format!("docker/buildkit/snapshots.db missing-database {lost:?}")]);
    files.retain(|(path, _)| !path.starts_with("overlay2"));
    assert_eq!(losses(&surveyed(&files)), [""; 0]);
}

#[test]
fn an_engine_before_leases_misses_none() {
    let mut files = cache();
    files.retain(|(path, _)| !path.ends_with("containerdmeta.db"));
    for (path, _) in &mut files {
        *path = path.replace("metadata_v2.db", "metadata.db");
    }
    let inv = surveyed(&files);
    assert_eq!(inv.problems, []);
    assert_eq!(inv.of_kind(crate::terms::Kind::CacheRecord).count(), 4);
}

#[test]
fn databases_that_changed_places_are_not_believed() {
    let mut files = cache();
    for (path, _) in &mut files {
        *path = match path.as_str() {
            "buildkit/snapshots.db" => "buildkit/metadata_v2.db".to_owned(),
            "buildkit/metadata_v2.db" => "buildkit/snapshots.db".to_owned(),
            "buildkit/cache.db" => "buildkit/containerdmeta.db".to_owned(),
            "buildkit/containerdmeta.db" => "buildkit/cache.db".to_owned(),
            other => other.to_owned(),
        };
    }
    let inv = surveyed(&files);
    let codes: Vec<_> = inv.problems.iter().map(|p| p.code).collect();
    assert_eq!(codes, ["swapped-database"; 4]);
    assert_eq!(inv.links, []);
}

#[test]
fn a_key_that_does_not_parse_loses_what_it_may_have_said() {
    let mut files = cache();
    files[1].1 = draw(&[
        ("_main/x/cache.parent", "{\"value\":"),
        ("_main/x/snapshot.size", "{\"value\":\"many\"}"),
        ("_main/y/cache.snapshot", "{\"value\":[]}"),
    ]);
    let inv = surveyed(&files);
    let bad: Vec<_> = inv.problems.iter().map(|p| (p.cause.as_str(), p.lost == Lost::Nothing)).collect();
    assert_eq!(
        bad,
        [
            ("cache.parent of cache record x: EOF while parsing a value at line 1 column 9", false),
            ("cache.snapshot of cache record y: not of the type it should be", false),
            ("snapshot.size of cache record x: not of the type it should be", true),
        ]
    );
}

#[test]
fn a_snapshot_that_names_a_path_opens_nothing() {
    let mut files = cache();
    files[0].1 = draw(&[("a/committed", ".."), ("b/chainid", "sha256:..")]);
    let at = Place::tree("docker");
    let mut inv = Inventory::default();
    let mut sketch = Sketch::new(4096);
    let inner = sketch.leaf(&[("committed", plain("../../etc"))]);
    let root = sketch.leaf(&[("..", bucket(inner, 0)), ("a/b", bucket(inner, 0))]);
    let tree = crate::format::bolt::Bolt::open(sketch.seal(root)).unwrap().read();
    assert!(snapshots::parse(&mut inv, &at, &tree).is_empty());
    assert_eq!(inv.problems.len(), 2);
    let inv = surveyed(&files);
    let said: Vec<_> = inv.problems.iter().map(|p| p.cause.as_str()).collect();
    assert_eq!(said, ["snapshot a is committed as .., which is no directory", "snapshot b has the chain ID sha256:.."]);
    assert_eq!(links(&inv, LinkKind::SharesLayer), [""; 0]);
}

#[test]
fn sizes_that_no_file_tells_are_weighed() {
    let inv = surveyed(&cache());
    assert_eq!(inv.meters.iter().map(ToString::to_string).collect::<Vec<_>>(), [format!("docker/overlay2/{M}/diff")]);
}
