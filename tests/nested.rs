//! Data roots inside volumes and containers: each is read as a root of its own, its bytes stay its owner's, and there is an end
//! to how deep it goes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "common/run.rs"]
mod run;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use common::corpus;
use serde_json::Value;

fn du(at: &Path) -> u64 {
    let out = Command::new("du").args(["-s", "--block-size=1"]).arg(at).output().unwrap();
    String::from_utf8(out.stdout).unwrap().split_whitespace().next().unwrap().parse().unwrap()
}

fn words(list: &Value, field: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|it| it[field].as_str().unwrap().to_owned()).collect()
}

/// Every nested root by its name.
fn nested(report: &Value) -> BTreeMap<String, &Value> {
    let all = report["nested"].as_array().unwrap().iter();
    all.flat_map(|inner| words(&inner["roots"], "name").into_iter().map(move |name| (name, inner))).collect()
}

/// Without the names of the roots, which say where they lie; a long name is cut in the causes of damage.
fn alike(report: &Value, from: &str, to: &str) -> BTreeSet<String> {
    let parts = ["findings", "owners", "problems", "withheld"].iter();
    let mut all: Vec<Value> = parts.flat_map(|part| report[part].as_array().unwrap().clone()).collect();
    all.iter_mut().filter(|it| it["class"] == "damaged-metadata").for_each(|it| it["cause"] = Value::Null);
    all.iter().map(|it| it.to_string().replace(from, to)).collect()
}

#[test]
fn each_nested_root_of_the_recordings_is_read_as_if_it_stood_alone() {
    let recordings = corpus::recordings("/nested");
    let mut seen = 0;
    for it in &recordings {
        let top = it.unpacked();
        let report = run::report(&top);
        run::assert_byte_law(&top, &report, &it.to_string());
        let names = words(&report["roots"], "name");
        for class in report["findings"].as_array().unwrap().iter().filter(|it| it["class"] == "nested-data-root") {
            let at = class["paths"][0].as_str().unwrap();
            assert!(names.iter().any(|name| name == at), "{it}: {at} is no root");
        }
        for (name, inner) in nested(&report) {
            let at = top.join(&name);
            assert_eq!(inner["totals"]["on_disk_bytes"], du(&at), "{it}: {name}");
            let owners: u64 =
                inner["owners"].as_array().unwrap().iter().map(|it| it["on_disk_bytes"].as_u64().unwrap()).sum();
            assert_eq!(owners, du(&at), "{it}: owners of {name}");
            let dir = tempfile::tempdir().unwrap();
            std::os::unix::fs::symlink(&at, dir.path().join("docker")).unwrap();
            let alone = run::report(dir.path());
            let (inner, alone) = (alike(inner, &name, "docker"), alike(&alone, &name, "docker"));
            let differ: Vec<_> = inner.symmetric_difference(&alone).collect();
            assert!(differ.is_empty(), "{it}: {name}: {differ:#?}");
            seen += 1;
        }
        let decoy = names.iter().any(|name| name.contains("notadocker") || name.contains("bkstate/"));
        assert!(!decoy, "{it}: {names:?}");
    }
    assert!(seen >= 2 * recordings.len(), "{seen} nested roots");
}

/// A data root that holds a volume with a data root that holds a volume…
fn one_in_another(depth: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut at = dir.path().join("docker");
    for _ in 0..=depth {
        std::fs::create_dir_all(at.join("image/overlay2/layerdb/sha256")).unwrap();
        std::fs::create_dir_all(at.join("containers")).unwrap();
        at = at.join("volumes/inner/_data");
        std::fs::create_dir_all(&at).unwrap();
        std::fs::write(at.join("file"), b"x").unwrap();
    }
    dir
}

#[test]
fn how_deep_it_goes_is_bounded_and_the_bound_is_said() {
    let dir = one_in_another(9);
    let report = run::report(dir.path());
    run::assert_byte_law(dir.path(), &report, "nine in one another");
    let depths: Vec<u64> =
        report["nested"].as_array().unwrap().iter().map(|it| it["depth"].as_u64().unwrap()).collect();
    assert_eq!(depths, [1, 2, 3, 4]);
    let said = report["problems"].as_array().unwrap().iter().filter(|it| it["code"] == "nested-too-deep");
    let said: Vec<&str> = said.map(|it| it["path"].as_str().unwrap()).collect();
    assert_eq!(said, [format!("docker{}", "/volumes/inner/_data".repeat(5))]);
    let deep = report["problems"].as_array().unwrap().iter().find(|it| it["code"] == "nested-too-deep").unwrap();
    assert_eq!(deep["lost"], "nothing");
    // the bytes are the outermost volume's
    let volume = report["owners"].as_array().unwrap().iter().find(|it| it["kind"] == "volume").unwrap();
    assert_eq!(volume["on_disk_bytes"], du(&dir.path().join("docker/volumes/inner")));
}

#[test]
fn how_many_are_read_is_bounded_and_the_bound_is_said() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..300 {
        let at = dir.path().join(format!("docker/volumes/v{number:03}/_data/image/vfs/layerdb"));
        std::fs::create_dir_all(at).unwrap();
    }
    let report = run::report(dir.path());
    assert_eq!(report["nested"].as_array().unwrap().len(), 256);
    let said = report["problems"].as_array().unwrap().iter().filter(|it| it["code"] == "too-many-nested");
    assert_eq!(said.count(), 44);
}

/// Only the upper part of it is what the container wrote; from that alone nothing follows.
#[test]
fn a_root_that_lies_in_several_layers_is_named_and_not_read() {
    let Some(it) = corpus::recordings("-overlay2/nested").pop() else { return };
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let copied = Command::new("cp").arg("-a").arg(it.unpacked().join("docker")).arg(dir.path()).status().unwrap();
    assert!(copied.success());
    let before = run::report(dir.path());
    let inner = nested(&before).into_keys().find(|name| name.contains("/overlay2/")).unwrap();
    let lower = inner.split('/').nth(2).unwrap();
    let lower = std::fs::read_to_string(dir.path().join("docker/overlay2").join(lower).join("lower")).unwrap();
    let below = dir.path().join("docker/overlay2").join(lower.trim().rsplit(':').next().unwrap());
    std::fs::create_dir_all(std::fs::canonicalize(below).unwrap().join("var/lib/image/overlay2/layerdb")).unwrap();
    let after = run::report(dir.path());
    assert!(!nested(&after).contains_key(&inner));
    let said = |it: &&Value| it["code"] == "nested-in-layers" && it["path"] == *inner;
    assert_eq!(after["problems"].as_array().unwrap().iter().filter(said).count(), 1, "{}", after["problems"]);
}

/// Where the roots of [`two_kinds`] lie.
const ENGINE: &str = "docker/volumes/inner/_data";
const NODE: &str = "docker/volumes/node/_data/lib/docker";
const DEEP: &str = "docker/volumes/inner/_data/volumes/deep/_data";

/// An engine with two volumes: in one the root of an engine with overlay2, which has a volume with one of vfs; in the other what a
/// node of kind has, with containerd's root beside the engine's.
fn two_kinds() -> tempfile::TempDir {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let put = |name: &str, at: &str| {
        std::fs::create_dir_all(dir.path().join(at)).unwrap();
        let from = common::fixture(name);
        let from = if at.ends_with("lib") { from.join(".") } else { from.join("docker/.") };
        let copied = Command::new("cp").arg("-a").arg(from).arg(dir.path().join(at)).status().unwrap();
        assert!(copied.success());
    };
    put("shared-base", ENGINE);
    put("containerd", "docker/volumes/node/_data/lib");
    put("vfs", DEEP);
    let image = dir.path().join("docker/image/overlay2");
    for empty in ["distribution", "imagedb/content/sha256", "imagedb/metadata/sha256", "layerdb/sha256"] {
        std::fs::create_dir_all(image.join(empty)).unwrap();
    }
    std::fs::write(image.join("repositories.json"), br#"{"Repositories":{}}"#).unwrap();
    let known = dir.path().join(ENGINE).join("volumes/metadata.db");
    std::fs::copy(known, dir.path().join("docker/volumes/metadata.db")).unwrap();
    dir
}

/// What depends on where a root lies, or on how it was asked for.
fn placeless(mut answer: Value, from: &[(&str, &str)]) -> String {
    fn strip(it: &mut Value) {
        match it {
            Value::Object(fields) => {
                fields.retain(|name, _| !matches!(name.as_str(), "roots" | "inside"));
                fields.values_mut().for_each(strip);
            }
            Value::Array(all) => all.iter_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut answer);
    from.iter().fold(answer.to_string(), |text, (from, to)| text.replace(from, to))
}

/// Every command that prints JSON.
const ASKED: &[&[&str]] = &[
    &["df"],
    &["ls", "images"],
    &["ls", "containers"],
    &["ls", "layers"],
    &["ls", "volumes"],
    &["ls", "cache"],
    &["ls", "logs"],
    &["graph"],
    &["check"],
    &["what-if", "container prune", "image prune -a"],
    &["plan", "--free", "100kB"],
];

/// The roots of one engine: the name to ask by, and where each lies for which name when it stands alone.
fn assert_alike(top: &Path, name: &str, roots: &[(&str, &str)], about: &str) {
    let dir = tempfile::tempdir().unwrap();
    for (from, to) in roots {
        std::os::unix::fs::symlink(top.join(from), dir.path().join(to)).unwrap();
    }
    for asked in ASKED {
        let inner = run::deadweight(top, &[asked, &["--format", "json", "--nested", name][..]].concat());
        let alone = run::deadweight(dir.path(), &[asked, &["--format", "json"][..]].concat());
        assert_eq!(inner.exit, alone.exit, "{about}: {asked:?}: {}", inner.err);
        if alone.out.is_empty() {
            assert!(inner.out.is_empty(), "{about}: {asked:?}");
            continue;
        }
        // kinds and IDs are ordered by root, and so by where it lies
        if roots.len() > 1 && asked[0] == "graph" {
            assert_eq!(
                inner.json()["nodes"].as_array().unwrap().len(),
                alone.json()["nodes"].as_array().unwrap().len()
            );
            continue;
        }
        let (inner, alone) = (placeless(inner.json(), roots), placeless(alone.json(), roots));
        assert_eq!(inner, alone, "{about}: {asked:?}");
    }
}

#[test]
fn each_command_answers_for_a_nested_root_as_if_it_stood_alone() {
    let dir = two_kinds();
    assert_alike(dir.path(), ENGINE, &[(ENGINE, "docker")], "graph driver");
    assert_alike(dir.path(), DEEP, &[(DEEP, "docker")], "two deep");
    let containerd = NODE.replace("lib/docker", "lib/containerd");
    assert_alike(dir.path(), NODE, &[(NODE, "docker"), (&containerd, "containerd")], "containerd's store");
    for it in corpus::recordings("/nested") {
        let top = it.unpacked();
        for name in nested(&run::report(&top)).into_keys() {
            assert_alike(&top, &name, &[(&name, "docker")], &format!("{it}: {name}"));
        }
    }
}

#[test]
fn a_nested_root_is_called_by_its_name_or_by_what_it_lies_in() {
    let dir = two_kinds();
    let ask = |name: &str| run::deadweight(dir.path(), &["status", "--format", "json", "--nested", name]);
    for name in [ENGINE, &format!("{ENGINE}/"), "inner"] {
        let said = ask(name);
        assert_eq!(said.exit, deadweight::cli::Exit::Done, "{name}: {}", said.err);
        assert_eq!(said.json()["roots"][0]["name"], ENGINE);
        assert_eq!(said.json()["engine"]["inside"]["object"]["id"], "inner");
        // what lies in it is told as what lies in any root
        assert_eq!(said.json()["nested"][0]["roots"][0], DEEP);
    }
    assert_eq!(words(&ask("node").json()["roots"], "name").len(), 2);
    let deep = ask(DEEP).json();
    assert_eq!((&deep["engine"]["inside"]["root"], &deep["roots"][0]["name"]), (&Value::from(ENGINE), &DEEP.into()));
    for (name, says) in [("nobody", "there are docker/volumes/inner/_data, "), ("inner/x", "there are ")] {
        let said = ask(name);
        assert_eq!(said.exit, deadweight::cli::Exit::Found);
        assert!(said.err.contains(says), "{}", said.err);
    }
    let none = run::deadweight(&common::fixture("shared-base"), &["df", "--nested", "x"]);
    assert!(none.err.contains("there is no data root inside"), "{}", none.err);
}

#[test]
fn commands_for_the_engine_inside_are_never_run_outside() {
    let dir = two_kinds();
    let said = run::deadweight(dir.path(), &["what-if", "image prune -a", "--nested", "inner"]);
    assert!(said.err.contains("for the engine inside volume inner"), "{}", said.err);
    let said = run::deadweight(dir.path(), &["reclaim", "image prune -a", "--nested", "inner"]);
    assert_eq!(said.exit, deadweight::cli::Exit::Usage);
    assert!(said.out.is_empty() && said.err.contains("what-if --nested"), "{}", said.err);
}

/// The first file below a directory, with links left alone.
fn some_file(at: &Path) -> std::path::PathBuf {
    let files = walkdir::WalkDir::new(at).sort_by_file_name().into_iter().map(Result::unwrap);
    let mut files = files.filter(|it| it.file_type().is_file() && it.metadata().unwrap().len() > 0);
    files.next().unwrap().into_path()
}

#[test]
fn check_goes_into_nested_roots_and_their_damage_is_the_wholes() {
    use deadweight::cli::Exit;
    let dir = two_kinds();
    let ask = |args: &[&str]| run::deadweight(dir.path(), &[&["check", "--format", "json"], args].concat());
    let whole = ask(&[]);
    let check = whole.json();
    let roots: Vec<&Value> = check["nested"].as_array().unwrap().iter().map(|it| &it["roots"][0]).collect();
    assert_eq!(roots, [ENGINE, NODE, DEEP]);
    assert_eq!((whole.exit, &check["state"]), (Exit::Done, &"consistent".into()), "{check:#}");
    assert!(check["verdict"][1].as_str().unwrap().contains("3 data roots inside volumes or containers: 3 consistent"));
    // the layers of all are read, and each is told where it lies
    let content = ask(&["--content"]).json();
    for inner in content["nested"].as_array().unwrap() {
        let alone = ask(&["--content", "--nested", inner["roots"][0].as_str().unwrap()]).json();
        assert_eq!(inner["checked"], alone["checked"]);
        assert_eq!(inner["totals"], alone["totals"]);
        assert!(inner["totals"]["intact"].as_u64().unwrap() > 0, "{inner:#}");
    }
    // an image's config is gone two deep, and a layer's file is changed in the node
    let image = some_file(&dir.path().join(DEEP).join("image/vfs/imagedb/content/sha256"));
    std::fs::remove_file(image).unwrap();
    let quick = ask(&[]);
    // what it referred to is not known any more
    assert_eq!((quick.exit, &quick.json()["state"]), (Exit::Partial, &"damaged".into()));
    let snapshots = NODE.replace("lib/docker", "lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/1/fs");
    let file = some_file(&dir.path().join(&snapshots));
    std::fs::write(&file, b"other").unwrap();
    let said = ask(&["--content"]);
    let check = said.json();
    assert_eq!((said.exit, &check["causes"]), (Exit::Partial, &serde_json::json!([])));
    assert_eq!(ask(&["--content", "--nested", "node"]).exit, Exit::Found);
    let damaged = |inner: &&Value| inner["state"] == "damaged";
    let damaged: Vec<&Value> = check["nested"].as_array().unwrap().iter().filter(damaged).collect();
    assert_eq!(damaged.iter().map(|it| it["roots"][0].as_str().unwrap()).collect::<Vec<_>>(), [NODE, DEEP]);
    assert!(damaged[0]["causes"][0]["path"].as_str().unwrap().starts_with(&snapshots), "{:#}", damaged[0]);
    let text = run::deadweight(dir.path(), &["check", "--content"]).text();
    assert!(text.starts_with("Of 3 data roots inside volumes or containers: 1 consistent, 2 damaged ("), "{text}");
    assert!(text.contains(&format!("\nIn {DEEP} (volume deep): Damaged: 1 cause")), "{text}");
    // the one that is asked for answers for what lies in it, and for nothing else
    let state = |name: &str| ask(&["--nested", name]).json()["state"].clone();
    assert_eq!((state("inner"), state("node")), ("damaged".into(), "consistent".into()));
    let quiet = run::deadweight(dir.path(), &["check", "-q"]).text();
    assert!(quiet.lines().count() == 1 && quiet.starts_with(DEEP), "{quiet}");
}

#[test]
fn a_directory_of_the_driver_is_checked_as_the_layer_in_it() {
    let dir = common::fixture("shared-base");
    let layers = std::fs::read_dir(dir.join("docker/image/overlay2/layerdb/sha256")).unwrap();
    let cache_id =
        std::fs::read_to_string(layers.into_iter().next().unwrap().unwrap().path().join("cache-id")).unwrap();
    for word in [cache_id.clone(), format!("overlay2/{cache_id}/diff")] {
        let check = run::deadweight(&dir, &["check", "--content", &word, "--format", "json"]).json();
        assert_eq!((&check["object"]["kind"], &check["totals"]["differs"]), (&"layer".into(), &0.into()));
        let rows = check["checked"].as_array().unwrap();
        assert!(rows.iter().any(|row| row["path"].as_str().unwrap().contains(&cache_id)), "{check:#}");
    }
}

#[test]
fn subsets_and_time_limits_hold_for_nested_roots_too() {
    let dir = two_kinds();
    let ask = |args: &[&str]| {
        let check = run::deadweight(dir.path(), &[&["check", "--content", "--format", "json"], args].concat());
        let told = check.json();
        let nested = told["nested"].as_array().unwrap().iter().flat_map(|it| it["checked"].as_array().unwrap());
        let rows = told["checked"].as_array().unwrap().iter().chain(nested);
        (check.exit, rows.map(|row| row["path"].to_string()).collect::<Vec<_>>())
    };
    let (_, whole) = ask(&[]);
    let (_, some) = ask(&["--subset", "1/2"]);
    let (_, others) = ask(&["--subset", "2/2"]);
    assert!(!some.is_empty() && !others.is_empty() && some.iter().all(|it| !others.contains(it)));
    let sorted = |mut list: Vec<String>| {
        list.sort();
        list
    };
    assert_eq!(sorted([some, others].concat()), sorted(whole));
    let (exit, _) = ask(&["--max-time", "0s"]);
    assert_eq!(exit, deadweight::cli::Exit::Partial);
}

#[test]
fn a_nested_root_that_cannot_be_read_leaves_the_check_incomplete() {
    let dir = one_in_another(9);
    let said = run::deadweight(dir.path(), &["check", "--format", "json"]);
    let check = said.json();
    let rows = check["nested"].as_array().unwrap();
    let last = rows.last().unwrap();
    assert_eq!((rows.len(), last["depth"].as_u64()), (5, Some(5)));
    assert!(last["cannot"].as_str().unwrap().contains("told by its signs"), "{last:#}");
    assert_eq!(check["complete"], false);
    assert_eq!(said.exit, deadweight::cli::Exit::Partial);
}

fn why(top: &Path, word: &str) -> Value {
    let said = run::deadweight(top, &["why", word, "--format", "json"]);
    assert_eq!(said.exit, deadweight::cli::Exit::Done, "{word}: {}", said.err);
    said.json()
}

#[test]
fn why_goes_through_the_owner_to_what_is_inside() {
    let dir = two_kinds();
    for (root, around) in [(ENGINE, &["inner"][..]), (DEEP, &["inner", "deep"]), (NODE, &["node"])] {
        let images = run::deadweight(dir.path(), &["ls", "images", "--nested", root, "-q", "--no-trunc"]);
        let image = images.text().lines().next().unwrap().to_owned();
        let alone = run::deadweight(dir.path(), &["why", &image, "--nested", root, "--format", "json"]).json();
        let told = why(dir.path(), &image);
        assert_eq!((&told["object"]["kind"], &told["object"]["id"]), (&"image".into(), &Value::from(image.as_str())));
        assert_eq!(told["paths"], alone["paths"], "{root}");
        assert_eq!(told["owners_inside"], alone["owners"], "{root}");
        let outside: Vec<&str> =
            told["inside"].as_array().unwrap().iter().map(|it| it["object"]["id"].as_str().unwrap()).collect();
        assert_eq!(outside, around);
        assert!(told["inside"].as_array().unwrap().iter().all(|it| !it["paths"].as_array().unwrap().is_empty()));
        // charged once, and outside
        let owners = words(&told["owners"], "id");
        assert_eq!(owners, [around[0]], "{root}");
    }
}

#[test]
fn a_path_belongs_to_the_innermost_thing_and_is_charged_to_the_outermost() {
    let dir = two_kinds();
    let vfs = dir.path().join(DEEP).join("vfs/dir");
    let layer = std::fs::read_dir(vfs).unwrap().next().unwrap().unwrap().file_name().into_string().unwrap();
    let told = why(dir.path(), &format!("{DEEP}/vfs/dir/{layer}"));
    assert_eq!(words(&told["owners"], "id"), ["inner"]);
    assert_ne!(told["object"]["kind"], "volume");
    assert!(told["owners_inside"][0]["path"].as_str().unwrap().contains(&layer), "{}", told["owners_inside"]);
    assert_eq!(told["inside"][1]["nested"], serde_json::json!([DEEP]));
    // its own directory is the volume's, as is what no engine wrote
    for place in [ENGINE.to_owned(), format!("{ENGINE}/image")] {
        let told = why(dir.path(), &place);
        assert_eq!((&told["object"]["kind"], &told["object"]["id"]), (&"volume".into(), &Value::from("inner")));
    }
}

#[test]
fn a_name_that_several_nested_roots_have_is_asked_about() {
    let dir = two_kinds();
    let twin = dir.path().join("docker/volumes/twin");
    assert!(
        Command::new("cp")
            .arg("-a")
            .arg(dir.path().join(DEEP).join("../..").join("deep"))
            .arg(twin)
            .status()
            .unwrap()
            .success()
    );
    let images = run::deadweight(dir.path(), &["ls", "images", "--nested", "twin", "-q", "--no-trunc"]);
    let image = images.text().lines().next().unwrap().to_owned();
    let said = run::deadweight(dir.path(), &["why", &image]);
    assert_eq!(said.exit, deadweight::cli::Exit::Found);
    assert!(
        said.err.contains(DEEP) && said.err.contains("docker/volumes/twin/_data") && said.err.contains("--nested"),
        "{}",
        said.err
    );
}
