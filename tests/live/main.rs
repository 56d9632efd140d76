//! Against a real engine, started here: the byte law and `df` while it runs and after it stopped, and hundreds of reports while
//! something else builds, runs and removes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::indexing_slicing)]

#[path = "../common/df.rs"]
mod df;
mod engine;
mod lists;
mod plugin;
mod reclaim;
#[path = "../common/run.rs"]
mod run;
mod stored;
mod tree;
mod whatif;
mod writes;

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use engine::{Engine, absent};
use serde_json::Value;

/// `du` of the roots with every mount point below them excluded.
fn du(engine: &Engine) -> u64 {
    engine.roots().iter().map(|root| du_of(root)).sum()
}

fn du_of(root: &Path) -> u64 {
    let root = root.canonicalize().unwrap();
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let below = mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .filter(|at| Path::new(at) != root && Path::new(at).starts_with(&root));
    let mut du = Command::new("du");
    du.args(["-s", "--block-size=1"]).args(below.map(|at| format!("--exclude={at}"))).arg(&root);
    let out = du.output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().split_whitespace().next().unwrap().parse().unwrap()
}

/// The report's total is `du`'s; tried again where the daemon wrote in between.
fn assert_weighs_as_du(engine: &Engine, about: &str) -> Value {
    let mut seen = Vec::new();
    for _ in 0..10 {
        let (before, report, after) = (du(engine), run::report(engine.dir()), du(engine));
        let total = report["totals"]["on_disk_bytes"].as_u64().unwrap();
        if before == after && total == before {
            return report;
        }
        seen.push((before, total, after));
    }
    panic!("{about}: du, report, du: {seen:?}");
}

/// Our `df` is the engine's, which is returned: asked before and after, and again where the engine's own word changed meanwhile.
/// With containerd's store it adds up sizes while a collection runs, and says what it had when a snapshot went.
fn assert_df(engine: &Engine, about: &str) -> Value {
    let version = engine.version();
    let mut seen = Vec::new();
    for _ in 0..10 {
        let before = engine.json("/system/df");
        let ours = run::deadweight_now(engine.dir(), &["df", "--format", "json", "--engine", &version]).json();
        let after = engine.json("/system/df");
        seen = df::differences(&before, &after);
        if seen.is_empty() {
            df::assert_same(&ours, &after, about);
            return after;
        }
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    panic!("{about}: the engine's own answers differ:\n{}", seen.join("\n"));
}

fn states(driver: &'static str) {
    if let Some(why) = absent() {
        println!("{why}");
        return;
    }
    let mut engine = Engine::start(driver);
    for recipe in ["shared-base", "forced-rmi"] {
        engine.recipe(recipe);
        let about = format!("{driver} {recipe}, running");
        assert_weighs_as_du(&engine, &about);
        assert_df(&engine, &about);
        lists::agree(&engine, &about);
    }
    engine.docker(&["stop", "-t", "1", "running", "web-1"]);
    let (answer, version) = (assert_df(&engine, &format!("{driver}, its containers stopped")), engine.version());
    engine.stop();
    let about = format!("{driver}, stopped");
    let report = assert_weighs_as_du(&engine, &about);
    let ours = run::deadweight(engine.dir(), &["df", "--format", "json", "--engine", &version]).json();
    df::assert_same(&ours, &answer, &about);
    no_false_orphan(&report, &about);
    let pinned: Vec<&Value> = of_class(&report, "layers-pinned-by-stopped-container").collect();
    assert_eq!(pinned.len(), 4, "{about}: report, the two workers, nightly, import: {pinned:#?}");
}

fn of_class<'a>(report: &'a Value, class: &'a str) -> impl Iterator<Item = &'a Value> {
    report["findings"].as_array().unwrap().iter().filter(move |finding| finding["class"] == class)
}

/// Nothing that an engine needs is called garbage with any certainty.
fn no_false_orphan(report: &Value, about: &str) {
    for class in ["orphan-driver-directory", "unreferenced-layer", "half-removed-container"] {
        for finding in of_class(report, class) {
            assert_eq!(finding["confidence"], "unknown", "{about}: {finding:#}");
            assert_eq!(finding["remedy"]["commands"], serde_json::json!([]), "{about}: {finding:#}");
        }
    }
}

#[test]
fn an_overlay2_engine_is_weighed_and_answered_for() {
    states("overlay2");
}

#[test]
fn a_vfs_engine_is_weighed_and_answered_for() {
    states("vfs");
}

/// What goes on meanwhile: builds, containers that run and go, images that come and go.
fn churn(engine: &Engine, round: u32) {
    let tag = format!("churn:{}", round % 5);
    let context = engine.dir().join("context");
    std::fs::create_dir_all(&context).unwrap();
    let kit = ["0", "1"][(round % 2) as usize];
    let recipe = format!(
        "FROM base:1\nRUN [\"/tiny\", \"write\", \"/f{round}\", \"20000\", \"{round}\"]\nRUN [\"/tiny\", \"write\", \"/g\", \"9000\", \"g{round}\"]\n"
    );
    std::fs::write(context.join("Dockerfile"), recipe).unwrap();
    let mut build = engine.client("docker");
    build.env("DOCKER_BUILDKIT", kit).args(["build", "-q", "--network", "none", "-t", &tag]).arg(&context);
    build.output().unwrap();
    let name = format!("c{round}");
    engine.docker(&[
        "run",
        "--network",
        "none",
        "--name",
        &name,
        "-v",
        &format!("v{}:/v", round % 3),
        &tag,
        "/tiny",
        "write",
        "/rw",
        "30000",
        "rw",
    ]);
    match round % 4 {
        0 => drop(engine.docker(&["rmi", "-f", &tag])),
        1 => drop(engine.docker(&["rm", "-v", &name])),
        2 => drop(engine.docker(&["system", "prune", "-f"])),
        _ => drop(engine.docker(&["builder", "prune", "-af"])),
    }
}

#[test]
fn hundreds_of_reports_beside_a_busy_engine_call_nothing_an_orphan() {
    if let Some(why) = absent() {
        println!("{why}");
        return;
    }
    let full = std::env::var("DEADWEIGHT_LIVE").is_ok_and(|word| word == "full");
    let reports = if full { 3000 } else { 300 };
    let engine = Engine::start("overlay2");
    engine.recipe("vfs");
    let done = AtomicBool::new(false);
    let rounds = std::thread::scope(|scope| {
        let busy = scope.spawn(|| {
            let mut round = 0;
            while !done.load(Ordering::Relaxed) {
                churn(&engine, round);
                round += 1;
            }
            round
        });
        for number in 0..reports {
            let said = run::deadweight(engine.dir(), &["report", "--format", "json"]);
            let report = said.json();
            let about = format!("report {number}");
            assert!(
                report["problems"].as_array().unwrap().iter().all(|p| p["code"] != "internal"),
                "{about}: {report:#}"
            );
            no_false_orphan(&report, &about);
        }
        done.store(true, Ordering::Relaxed);
        busy.join().unwrap()
    });
    assert!(rounds > 3, "the engine was not busy");
    println!("{reports} reports beside {rounds} rounds of building, running and removing");
}
