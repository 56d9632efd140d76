//! Build cache beside what the engines said of it: `/system/df`, and what `docker builder prune` took.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use deadweight::disk::{Disk, Tree};
use deadweight::docker::cache::{CacheRow, prunable, rows};
use deadweight::docker::seen::{Seen, Triple};
use deadweight::docker::sizes::{Measures, Sizes};
use deadweight::inventory::Inventory;
use deadweight::terms::Kind;
use deadweight::usage::{Claims, default_threads, measure};
use jiff::Timestamp;
use serde_json::Value;

/// The rows of the only root that holds images or build cache, as an engine with this driver and version sees it.
fn listed(docker: &Path, driver: &str, version: Triple) -> Vec<CacheRow> {
    let disk = Disk::new([Tree::open("docker", docker).unwrap()]).unwrap();
    let inv = deadweight::store::survey(&disk);
    let measures = measured(&disk, &inv);
    let used =
        |name: &str| inv.entities.keys().any(|k| *k.root == *name && matches!(k.kind, Kind::Image | Kind::CacheRecord));
    let Some(root) = inv.roots.iter().find(|root| used(&root.name)) else { return Vec::new() };
    rows(&Seen::of(&inv, &root.name, driver, version), &Sizes { disk: &disk, measures: &measures })
}

fn measured(disk: &Disk, inv: &Inventory) -> Measures {
    let mut claims = Claims::new();
    for (number, at) in inv.meters.iter().enumerate() {
        claims.meter(at, u32::try_from(number).unwrap());
    }
    let ledger = measure(disk, &claims, 0, inv.meters.len(), default_threads(), &|_, _| ());
    inv.meters.iter().cloned().zip(ledger.meters).collect()
}

fn triple(version: &Value) -> Triple {
    let mut numbers = version.as_str().unwrap().split(['.', '+', '-']).map(|n| n.parse().unwrap_or(0));
    (numbers.next().unwrap(), numbers.next().unwrap(), numbers.next().unwrap())
}

/// A row as the engine's API gives it, the times as moments.
type Shown = (String, Vec<String>, String, String, bool, bool, i64, Timestamp, Option<Timestamp>, i64);

fn said(row: &Value) -> Shown {
    let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
    // up to 20.10 a row has one parent; "" is none
    let parents = match row.get(" Parents").and_then(Value::as_array) {
        Some(parents) => parents.iter().map(|p| p.as_str().unwrap().to_owned()).collect(),
        None => row["Parent"].as_str().filter(|p| !p.is_empty()).map(str::to_owned).into_iter().collect(),
    };
    (
        text("ID"),
        parents,
        text("Type"),
        text("Description"),
        row["InUse"].as_bool().unwrap(),
        row["Shared"].as_bool().unwrap(),
        row["Size"].as_i64().unwrap(),
        row["CreatedAt"].as_str().unwrap().parse().unwrap(),
        row["LastUsedAt"].as_str().map(|t| t.parse().unwrap()),
        row["UsageCount"].as_i64().unwrap(),
    )
}

fn ours(row: &CacheRow) -> Shown {
    assert!(row.size.doubt().is_none(), "{row:?}");
    (
        row.id.clone(),
        row.parents.clone(),
        row.record_type.clone(),
        row.description.clone(),
        row.in_use,
        row.shared,
        row.size.value(),
        row.created_at.unwrap(),
        row.last_used_at,
        row.usage_count,
    )
}

/// `later`: what the engine said when it was asked for build cache once more.
fn compare(name: &str, rows: &[CacheRow], truth: &Value, later: Option<&Value>) -> usize {
    let shown = |answer: &Value| {
        let mut rows: Vec<Shown> = answer["BuildCache"].as_array().into_iter().flatten().map(said).collect();
        rows.sort();
        rows
    };
    let (ours, said) = (rows.iter().map(ours).collect::<Vec<Shown>>(), shown(truth));
    assert_eq!(ours.len(), said.len(), "{name}");
    for (ours, said) in ours.iter().zip(&said) {
        if !is_touched(ours, said) {
            assert_eq!(ours, said, "{name}");
        }
    }
    if let Some(later) = later {
        assert_eq!(ours, shown(later), "{name}, asked again");
    }
    ours.len()
}

/// When an engine first weighs what no build has committed, a cache mount, it uses it: its answer has the time and count
/// of before, the disk and every later answer those of after. buildkit cache/manager.go: DiskUsage, Get.
fn is_touched(ours: &Shown, said: &Shown) -> bool {
    let before = (said.0.clone(), said.2.clone(), said.6, said.7, said.9 + 1);
    let after = (ours.0.clone(), ours.2.clone(), ours.6, ours.7, ours.9);
    before == after && ours.2 == "exec.cachemount" && ours.8 > said.8
}

#[test]
fn build_cache_of_every_recording_is_listed_as_its_engine_listed_it() {
    let mut compared = 0;
    for name in common::names() {
        let truth = common::truth(&name);
        let Some(driver) = truth["driver"].as_str().filter(|driver| *driver != "overlayfs") else { continue };
        let rows = listed(&common::fixture(&name).join("docker"), driver, triple(&truth["version"]["Version"]));
        compared += compare(&name, &rows, &truth["system_df"], None);
    }
    assert!(compared > 20, "{compared}");
}

/// `docker builder prune`'s own list: one ID a line, from 23.0 on in a table with a star for mutable records.
fn taken(out: &str) -> Vec<String> {
    let id = |line: &str| line.split_whitespace().next().map(|word| word.trim_end_matches('*').to_owned());
    out.lines().filter_map(id).filter(|id| id.len() == 25 && id.bytes().all(|b| b.is_ascii_alphanumeric())).collect()
}

/// `Total: 2.32MB`, `Total reclaimed space: 2.32MB`: bytes, to four digits.
fn total(out: &str) -> f64 {
    let word = out.lines().find(|line| line.starts_with("Total")).unwrap().split_whitespace().next_back().unwrap();
    let (digits, unit) = word.split_at(word.find(|c: char| c.is_ascii_alphabetic()).unwrap());
    let scale =
        [("B", 1.0), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9)].into_iter().find(|(name, _)| *name == unit).unwrap().1;
    digits.parse::<f64>().unwrap() * scale
}

fn compare_prune(name: &str, rows: &[CacheRow], op: &Value, all: bool) {
    let out = op["out"].as_str().unwrap();
    let (ours, theirs) = (prunable(rows, all), taken(out));
    let ids = |rows: &[&CacheRow]| rows.iter().map(|row| row.id.clone()).collect::<BTreeSet<_>>();
    assert_eq!(ids(&ours), theirs.iter().cloned().collect(), "{name} {all}");
    // within a round the engine's order is chance; of two rounds it is ours
    let place: BTreeMap<&str, usize> = theirs.iter().enumerate().map(|(at, id)| (id.as_str(), at)).collect();
    for row in &ours {
        for parent in row.parents.iter().filter_map(|parent| place.get(parent.as_str())) {
            assert!(place[row.id.as_str()] < *parent, "{name}: {} after its parent", row.id);
        }
    }
    let sum: i64 = ours.iter().map(|row| row.size.value()).sum();
    assert!((sum as f64 - total(out)).abs() <= total(out) * 0.0005, "{name}: {sum} where Docker says {}", total(out));
}

fn json(path: PathBuf) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

fn below(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn build_cache_of_the_larger_corpus_is_listed_and_pruned_as_its_engines_did() {
    let Some(corpus) = common::corpus() else { return };
    let (mut compared, mut pruned) = (0, 0);
    for scenario in below(&corpus).iter().flat_map(|engine| below(engine)) {
        let name = scenario.strip_prefix(&corpus).unwrap().display().to_string();
        let truth = |file: &str| json(scenario.join("truth").join(file));
        let (Some(df), Some(info)) = (truth("api/system_df.json"), truth("api/info.json")) else { continue };
        let driver = info["Driver"].as_str().unwrap();
        // containerd's snapshotters
        if matches!(driver, "overlayfs" | "native" | "fuse-overlayfs-snapshotter") {
            continue;
        }
        let dir = common::unpacked(&scenario.join("root.tar.zst"));
        let rows = listed(&dir.path().join("docker"), driver, triple(&info["ServerVersion"]));
        compared += compare(&name, &rows, &df, truth("api/system_df_type_build-cache.json").as_ref());
        for op in truth("freed.json").iter().flat_map(|freed| freed["ops"].as_array().unwrap()) {
            let all = match op["op"].as_str().unwrap() {
                "builder prune -f" => false,
                "builder prune -af" => true,
                _ => continue,
            };
            compare_prune(&name, &rows, op, all);
            pruned += 1;
        }
    }
    eprintln!("{compared} rows and {pruned} prunes compared");
    assert!(compared > 0);
}
