//! `df` against what real engines answered: every recorded root of either kind of store, where the corpus is at hand, and the
//! fixtures in any case.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "common/df.rs"]
mod df;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use deadweight::disk::{Disk, Tree};
use deadweight::docker::api::Api;
use deadweight::docker::df::DiskUsage;
use deadweight::docker::df_json::{Setting, answer};
use deadweight::docker::seen::Seen;
use deadweight::docker::sizes::{Measures, Sizes};
use deadweight::docker::stored::Stored;
use deadweight::docker::{View, cache, df_text};
use deadweight::store;
use deadweight::usage::{Claims, default_threads, measure};
use df::{Compared, Passed};
use serde_json::Value;

/// What was recorded of an engine.
struct Recorded {
    name: String,
    /// The graph driver, or the snapshotter.
    driver: String,
    containerd: bool,
    version: (u32, u32, u32),
    /// `docker`, or the root of remapped users in it.
    root: String,
    df: Value,
    /// The same in older APIs.
    older: BTreeMap<String, Value>,
    summary: Option<String>,
    verbose: Option<String>,
    /// One ran while the engine answered.
    alive: bool,
    /// The disk was recorded before the start that the answer was given after; such a start repairs the build cache.
    before_start: bool,
}

/// What we answer.
struct Computed {
    df: Value,
    older: BTreeMap<String, Value>,
    summary: String,
    verbose: String,
}

fn compute(recorded: &Recorded, dir: &Path) -> Computed {
    let mut trees = vec![Tree::open("docker", &dir.join("docker")).unwrap()];
    if dir.join("containerd").is_dir() {
        trees.push(Tree::open("containerd", &dir.join("containerd")).unwrap());
    }
    let disk = Disk::new(trees).unwrap();
    let inventory = store::survey(&disk);
    let mut claims = Claims::new();
    for (ix, place) in inventory.meters.iter().enumerate() {
        claims.meter(place, u32::try_from(ix).unwrap());
    }
    let ledger = measure(&disk, &claims, 0, inventory.meters.len(), default_threads(), &|_, _| ());
    let measures: Measures = inventory.meters.iter().cloned().zip(ledger.meters).collect();
    let (root, store, version) = (&recorded.root, &recorded.driver, recorded.version);
    let home = inventory.stores.iter().find(|it| *it.name == **store).map_or("containerd".into(), |it| it.root.clone());
    let stored = recorded.containerd.then(|| Stored::of(&inventory, root, &home, store, version));
    let seen = Seen::of(&inventory, root, store, version);
    let view = stored.as_ref().map_or_else(|| View::from(&seen), View::from);
    let sizes = Sizes { disk: &disk, measures: &measures };
    let df = DiskUsage::of(view, &sizes, cache::rows(view, &sizes));
    assert_eq!(df.doubts, [], "{}", recorded.name);
    let now = "2026-11-21T12:00:00Z".parse().unwrap();
    let setting = Setting { now, data_root: "/var/lib/docker".to_owned(), api: None, as_recorded: false };
    let in_api = |api: &str| answer(&df, &Setting { api: Api::parse(api), ..setting.clone() }, Value::Null);
    Computed {
        df: answer(&df, &setting, Value::Null),
        older: recorded.older.keys().map(|api| (api.clone(), in_api(api))).collect(),
        summary: df_text::summary(&df),
        verbose: df_text::verbose(&df, &setting),
    }
}

/// Every difference, in words.
fn differences(recorded: &Recorded, computed: &Computed) -> Vec<String> {
    let field = |id: &str, row: &Value, field: &str| {
        matches!(field, "UsageCount" | "LastUsedAt") && contradicts_itself(recorded, id, row)
    };
    let passed = Passed { alive: recorded.alive, cache: recorded.before_start, field: &field };
    let mut found = Compared::default();
    found.answers(&recorded.df, &computed.df, &passed);
    for (api, engine) in &recorded.older {
        let mut older = Compared::default();
        older.answers(engine, &computed.older[api], &passed);
        found.0.extend(older.0.into_iter().map(|line| format!("API {api}: {line}")));
    }
    found.0.extend(text_differences(recorded, computed));
    found.0
}

/// To size a record that it has not sized yet the engine takes it in use, so that the answer itself changes its last use
/// (docs/formats/df.md): the answer that was recorded first is no longer what the disk says, the text recorded after it is.
fn contradicts_itself(recorded: &Recorded, id: &str, row: &Value) -> bool {
    let verbose = recorded.verbose.as_deref().unwrap_or("");
    let line = verbose.lines().find(|line| line.starts_with(&format!("{} ", &id[..12])));
    line.is_some_and(|line| cells(line)[5].parse().ok() != row["UsageCount"].as_u64())
}

fn text_differences(recorded: &Recorded, computed: &Computed) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(text) = &recorded.summary {
        let (engine, ours): (Vec<&str>, Vec<&str>) = (text.lines().collect(), computed.summary.lines().collect());
        for at in 0..engine.len().max(ours.len()) {
            let (engine, ours) = (engine.get(at).copied().unwrap_or(""), ours.get(at).copied().unwrap_or(""));
            let stopped = |line: &str| {
                let cells: Vec<String> = cells(line);
                let running = recorded.alive && line.starts_with("Containers");
                if running { vec![cells[0].clone(), cells[1].clone(), cells[3].clone()] } else { vec![line.to_owned()] }
            };
            let repaired = recorded.before_start && engine.starts_with("Build Cache");
            if !repaired && stopped(engine) != stopped(ours) {
                found.push(format!("summary: engine {engine:?}, deadweight {ours:?}"));
            }
        }
    }
    if let Some(text) = &recorded.verbose {
        let (mut engine, mut ours) = (tables(text), tables(&computed.verbose));
        if recorded.before_start {
            engine.pop();
            ours.pop();
        }
        if engine != ours {
            found.push(format!("verbose: engine {engine:#?}, deadweight {ours:#?}"));
        }
    }
    found
}

fn cells(line: &str) -> Vec<String> {
    line.split("   ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
}

/// The rows of `df -v` in any order, without the columns that tell ages; headings as they are.
fn tables(text: &str) -> Vec<Vec<String>> {
    let mut tables: Vec<Vec<String>> = Vec::new();
    let mut header = String::new();
    for line in text.lines() {
        if line.contains("usage:") {
            tables.push(vec![line.to_owned()]);
            header.clear();
        } else if line.is_empty() {
        } else if header.is_empty() {
            header = line.to_owned();
        } else if let Some(table) = tables.last_mut() {
            table.push(ageless(&header, line));
        }
    }
    for table in &mut tables {
        table.sort();
    }
    tables
}

fn ageless(header: &str, line: &str) -> String {
    let line: Vec<char> = line.chars().collect();
    let mut starts = Vec::new();
    let mut at = 0;
    for name in cells(header) {
        at += header[at..].find(&name).unwrap();
        starts.push((name.clone(), at));
        at += name.len();
    }
    let mut kept = Vec::new();
    for (ix, (name, from)) in starts.iter().enumerate() {
        let to = starts.get(ix + 1).map_or(line.len(), |(_, to)| *to).min(line.len());
        if !matches!(name.as_str(), "CREATED" | "STATUS" | "LAST USED") {
            kept.push(line[(*from).min(to)..to].iter().collect::<String>().trim().to_owned());
        }
    }
    kept.join("|")
}

fn version(text: &str) -> (u32, u32, u32) {
    let mut parts = text.split(['.', '+', '-']).map(|part| part.parse().unwrap());
    (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap())
}

fn json(at: &Path) -> Value {
    serde_json::from_slice(&fs::read(at).unwrap_or_else(|error| panic!("{}: {error}", at.display()))).unwrap()
}

fn subdirectories(of: &Path) -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> =
        fs::read_dir(of).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    dirs.sort();
    dirs
}

/// The answers in older APIs: `system_df_v1.51.json`.
fn older(api: &Path) -> BTreeMap<String, Value> {
    let named = fs::read_dir(api).unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    let versions = named.filter_map(|name| Some(name.strip_prefix("system_df_v")?.strip_suffix(".json")?.to_owned()));
    let told = versions.filter(|version| Api::parse(version).is_some());
    told.map(|version| (version.clone(), json(&api.join(format!("system_df_v{version}.json"))))).collect()
}

/// What the corpus has of one engine and scenario; nothing if no engine answered.
fn capture(at: &Path) -> Option<Recorded> {
    let truth = at.join("truth");
    let info = truth.join("info.json").is_file().then(|| json(&truth.join("info.json")))?;
    let driver = info["Driver"].as_str()?.to_owned();
    // a name of containerd's snapshotters or of a graph driver
    let containerd = info["DriverStatus"].to_string().contains("io.containerd.snapshotter");
    let mut df = json(&truth.join("api/system_df.json"));
    let text = |name: &str| {
        let text = fs::read_to_string(truth.join("cli").join(name)).ok()?;
        Some(text.split_once('\n')?.1.to_owned())
    };
    // a record that a killed build left is gone with the first answer that has it (docs/formats/df.md)
    if let (Some(later), Some(rows)) = (text("system_df_v.txt"), df["BuildCache"].as_array_mut()) {
        rows.retain(|row| row["Size"] != 0 || later.contains(&row["ID"].as_str().unwrap()[..12]));
    }
    let alive = df["Containers"].as_array()?.iter().any(|row| row["State"] == "running");
    let inside = info["DockerRootDir"].as_str()?.trim_start_matches("/var/lib/docker").trim_matches('/').to_owned();
    Some(Recorded {
        name: format!("{}", at.display()),
        version: version(info["ServerVersion"].as_str()?),
        root: if inside.is_empty() { "docker".to_owned() } else { format!("docker/{inside}") },
        driver,
        containerd,
        df,
        older: older(&truth.join("api")),
        summary: text("system_df.txt"),
        verbose: text("system_df_v.txt"),
        alive,
        before_start: false,
    })
}

#[test]
fn df_of_every_recorded_root_is_what_the_engine_answered() {
    let Some(corpus) = common::corpus() else { return };
    let only = std::env::var("DEADWEIGHT_ONLY").unwrap_or_default();
    let mut failed = Vec::new();
    let mut held = 0;
    for at in subdirectories(&corpus).iter().flat_map(|engine| subdirectories(engine)) {
        let Some(recorded) = capture(&at).filter(|recorded| recorded.name.contains(&only)) else { continue };
        let restarted = at.join("root-after-restart.tar.zst");
        let archive = if restarted.is_file() { restarted } else { at.join("root.tar.zst") };
        let root = common::unpacked(&archive);
        let differences = differences(&recorded, &compute(&recorded, root.path()));
        held += usize::from(differences.is_empty());
        failed.extend(differences.into_iter().map(|line| format!("{}: {line}", recorded.name)));
    }
    assert!(failed.is_empty(), "{held} held\n{}", failed.join("\n"));
    assert!(held > 0, "the corpus holds no root");
}

/// What a fixture has.
fn fixture(name: &str) -> Recorded {
    let truth = common::truth(name);
    let text = |key: &str| truth[key].as_str().map(str::to_owned);
    let inside = subdirectories(&common::fixture(name).join("docker"))
        .into_iter()
        .filter_map(|dir| dir.file_name().unwrap().to_str().map(str::to_owned))
        .find(|name| name.split_once('.').is_some_and(|(uid, _)| uid.parse::<u32>().is_ok()));
    Recorded {
        name: name.to_owned(),
        containerd: text("driver").unwrap() == "overlayfs",
        driver: text("driver").unwrap(),
        version: version(truth["version"]["Version"].as_str().unwrap()),
        root: inside.map_or("docker".to_owned(), |inside| format!("docker/{inside}")),
        alive: truth["system_df"]["Containers"].as_array().unwrap().iter().any(|row| row["State"] == "running"),
        df: truth["system_df"].clone(),
        older: BTreeMap::new(),
        summary: text("system_df_text"),
        verbose: text("system_df_verbose_text"),
        before_start: name == "crashed",
    }
}

#[test]
fn df_of_every_fixture_is_what_the_engine_answered() {
    let failed: Vec<String> = common::names()
        .into_iter()
        // what was taken away by hand after the engine had answered is in its answer still
        .filter(|name| name != "containerd-remains")
        .map(|name| fixture(&name))
        .flat_map(|recorded| {
            let computed = compute(&recorded, &common::fixture(&recorded.name));
            let differences = differences(&recorded, &computed);
            differences.into_iter().map(|line| format!("{}: {line}", recorded.name)).collect::<Vec<_>>()
        })
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
