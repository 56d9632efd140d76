//! An engine with containerd's image store: weighed and answered for while it runs and after it stopped; what removals by
//! force leave; and what a collection takes, held against what we said it would.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use deadweight::disk::{Disk, Tree};
use deadweight::docker::mark::{Fate, Marked};
use deadweight::graph::Graph;
use deadweight::inventory::Inventory;
use deadweight::store;
use deadweight::terms::{Key, Kind, LinkKind};
use serde_json::Value;

use crate::engine::Engine;
use crate::{assert_df, assert_weighs_as_du, df, lists, of_class, run, tree};

fn docker(engine: &Engine, args: &[&str]) -> String {
    let (ok, said) = engine.docker(args);
    assert!(ok, "docker {args:?}: {said}");
    said.trim().to_owned()
}

/// Images that came in every way: imported, loaded, from scratch; a volume in use and one that is not; a log.
fn more_states(engine: &Engine) {
    let at = |name: &str| engine.dir().join(name).display().to_string();
    docker(engine, &["save", "-o", &at("saved.tar"), "keep:1"]);
    docker(engine, &["load", "-i", &at("saved.tar")]);
    docker(engine, &["export", "-o", &at("flat.tar"), "keep-1"]);
    docker(engine, &["import", &at("flat.tar"), "flat:1"]);
    from_scratch(engine, "scratch:1", "scratch", 150_000);
    docker(engine, &["volume", "create", "idle"]);
    docker(engine, &["create", "--network", "none", "--name", "never", "-v", "used:/data", "keep:1"]);
    docker(engine, &["tag", "keep:1", "also:1"]);
}

fn from_scratch(engine: &Engine, tag: &str, text: &str, bytes: usize) {
    let context = engine.dir().join("context");
    std::fs::create_dir_all(&context).unwrap();
    let line = format!("{text}: a line of a file\n");
    std::fs::write(context.join("file"), line.repeat(bytes / line.len())).unwrap();
    std::fs::write(context.join("Dockerfile"), "FROM scratch\nCOPY file /file\n").unwrap();
    let mut build = engine.client("docker");
    let out = build.env("DOCKER_BUILDKIT", "1").args(["build", "-q", "-t", tag]).arg(&context).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn an_engine_with_containerds_store_is_weighed_and_answered_for() {
    states(false);
}

#[test]
fn an_engine_that_started_containerd_itself_is_weighed_and_answered_for() {
    states(true);
}

fn states(managed: bool) {
    if let Some(why) = tree::absent() {
        println!("{why}");
        return;
    }
    let mut engine = Engine::start_stored(managed);
    engine.recipe("containerd");
    more_states(&engine);
    let version = engine.version();
    assert_weighs_as_du(&engine, "running");
    assert_df(&engine, "running");
    docker(
        &engine,
        &["run", "-d", "--name", "up", "--network", "none", "-v", "live:/v", "keep:1", "/tiny", "sleep", "900"],
    );
    assert_weighs_as_du(&engine, "with a container that runs");
    assert_df(&engine, "with a container that runs");
    lists::agree(&engine, "with a container that runs");
    docker(&engine, &["stop", "-t", "1", "up"]);
    let answer = assert_df(&engine, "with all containers stopped");
    engine.stop();
    let report = assert_weighs_as_du(&engine, "stopped");
    let ours = run::deadweight_now(engine.dir(), &["df", "--format", "json", "--engine", &version]).json();
    df::assert_same(&ours, &answer, "stopped");
    forced(&report);
    nothing_is_called_an_orphan(&report);
}

/// Removed by name: an untagged record keeps all. Removed by ID: the containers' leases keep what is unpacked.
fn forced(report: &Value) {
    let commands = |class: &str| -> BTreeSet<String> {
        let all = of_class(report, class).flat_map(|it| it["remedy"]["commands"].as_array().unwrap());
        all.map(|command| command.as_str().unwrap().to_owned()).collect()
    };
    let by_name = commands("untagged-image-pinned-by-container");
    assert!(by_name.iter().any(|command| command.contains("by-name-1")), "{by_name:?}");
    let by_id = commands("layers-pinned-by-stopped-container");
    for container in ["by-id-1", "pair-1", "pair-2"] {
        assert!(by_id.iter().any(|command| command.contains(container)), "{container}: {by_id:?}");
    }
}

fn nothing_is_called_an_orphan(report: &Value) {
    let classes = ["orphan-driver-directory", "half-removed-container", "interrupted-leftover", "foreign-file"];
    for class in classes.iter().chain(&["stale-lease"]) {
        for finding in of_class(report, class) {
            // leases of builds that are over expire after minutes
            let expired = *class == "stale-lease" && finding["cause"].as_str().unwrap().contains("expired");
            assert!(expired || finding["confidence"] == "unknown", "{finding:#}");
        }
    }
}

pub(crate) fn survey(engine: &Engine) -> Inventory {
    let open = |name: &str| Tree::open(name, &engine.dir().join(name)).unwrap();
    store::survey(&Disk::new(["docker", "containerd"].map(open)).unwrap())
}

/// Where the blobs and snapshots lie.
fn stored(inventory: &Inventory) -> BTreeSet<String> {
    let kinds = [Kind::Blob, Kind::Snapshot, Kind::DriverDirectory, Kind::Leftover, Kind::Ingest];
    let things = inventory.entities.iter().filter(|(key, _)| kinds.contains(&key.kind));
    let places = things.flat_map(|(_, thing)| &thing.lots).map(|lot| lot.at.to_string());
    places.filter(|at| at.starts_with("containerd/")).collect()
}

fn places(inventory: &Inventory, key: &Key) -> Vec<String> {
    let lots = inventory.get(key).map(|thing| thing.lots.as_slice()).unwrap_or_default();
    lots.iter().map(|lot| lot.at.to_string()).filter(|at| at.starts_with("containerd/")).collect()
}

/// What goes when a name goes, and then the image with it; and all that the collector would take besides.
fn foretold(inventory: &Inventory, name: &str) -> BTreeSet<String> {
    let graph = Graph::of(inventory);
    let marked = Marked::of(inventory, &graph, jiff::Timestamp::now());
    let tag = inventory.of_kind(Kind::Tag).find(|(key, _)| *key.id == *name).expect("the image is there").0;
    let image = inventory.links.iter().find(|link| link.from == *tag && link.kind == LinkKind::Names).unwrap();
    let gone = [graph.node(tag).unwrap(), graph.node(&image.to).unwrap()];
    let freed = graph.freed_without(&gone).into_iter().filter_map(|node| graph.key(node));
    let swept = marked.iter().filter(|(_, fate)| matches!(fate, Fate::Collectable | Fate::Unowned));
    let directories = inventory.of_kind(Kind::DriverDirectory).map(|(key, _)| key);
    let leftovers = inventory
        .of_kind(Kind::Leftover)
        .filter(|(_, thing)| thing.leftover().is_some_and(|it| it.what.contains("snapshot")));
    let all = freed.chain(swept.map(|(key, _)| key)).chain(directories).chain(leftovers.map(|(key, _)| key));
    all.flat_map(|key| places(inventory, key)).collect()
}

/// Files that no metadata names: they go with the first collection that takes something of the same store.
fn plant(engine: &Engine) {
    let containerd = engine.dir().join("containerd");
    let write = |path: &str| {
        let path = containerd.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "planted ".repeat(9000)).unwrap();
    };
    let snapshots = "io.containerd.snapshotter.v1.overlayfs/snapshots";
    write(&format!("{snapshots}/99991/fs/file"));
    write(&format!("{snapshots}/new-1234567890/fs/file"));
    write(&format!("io.containerd.content.v1.content/blobs/sha256/{}", "5".repeat(64)));
}

fn settled(engine: &Engine) -> Inventory {
    let mut last = survey(engine);
    for _ in 0..50 {
        std::thread::sleep(Duration::from_millis(300));
        let next = survey(engine);
        if stored(&next) == stored(&last) {
            return next;
        }
        last = next;
    }
    last
}

#[test]
fn a_collection_takes_what_was_called_collectable_and_nothing_else() {
    if let Some(why) = tree::absent() {
        println!("{why}");
        return;
    }
    let engine = Engine::start_stored(false);
    engine.recipe("containerd");
    let archive = engine.dir().join("away.tar").display().to_string();
    pack(&engine, Path::new(&archive));
    docker(&engine, &["import", &archive, "away:1"]);
    plant(&engine);
    let before = settled(&engine);
    let expected = foretold(&before, "away:1");
    assert!(expected.len() >= 3 + 3, "the planted, and of the image: {expected:#?}");
    docker(&engine, &["rmi", "away:1"]);
    let after = settled(&engine);
    let went: BTreeSet<String> = stored(&before).difference(&stored(&after)).cloned().collect();
    assert_eq!(went, expected, "on the left what went, on the right what was foretold");
    println!("a collection took {} blobs and snapshots, as foretold", went.len());
}

/// An archive of one file that nothing else has.
fn pack(engine: &Engine, to: &Path) {
    let at = engine.dir().join("away");
    std::fs::create_dir_all(&at).unwrap();
    std::fs::write(at.join("file"), "away and gone ".repeat(20_000)).unwrap();
    let packed = std::process::Command::new("tar").arg("-cf").arg(to).arg("-C").arg(&at).arg("file").status().unwrap();
    assert!(packed.success());
}
