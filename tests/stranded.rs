//! What an engine no longer uses, or no longer shows: stores of another driver, roots of another user mapping, images that
//! were removed by force.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "common/run.rs"]
mod run;

use std::path::Path;

use common::corpus;
use serde_json::Value;

fn of_class<'r>(report: &'r Value, class: &str) -> Vec<&'r Value> {
    report["findings"].as_array().unwrap().iter().filter(|it| it["class"] == class).collect()
}

fn bytes(at: &Path) -> u64 {
    run::weigh(&[at]).0
}

#[test]
fn an_image_removed_by_name_says_what_keeps_it_on_each_engine_with_containerds_store() {
    let forced = corpus::of_containerd().into_iter().filter(|it| it.name.ends_with("/forced-rmi"));
    for it in forced {
        let report = run::report(&it.unpacked());
        let found = of_class(&report, "untagged-image-pinned-by-container");
        assert!(!found.is_empty(), "{it}");
        for finding in found {
            let commands = finding["remedy"]["commands"].as_array().unwrap();
            assert!(commands.len() > 1, "{it}: the container, and then the image: {finding:#}");
            assert!(commands[0].as_str().unwrap().starts_with("docker "), "{it}: {finding:#}");
            assert_eq!(finding["confidence"], "certain", "{it}: {finding:#}");
        }
    }
}

#[test]
fn a_hidden_tree_is_named_with_its_bytes_and_listed_by_its_name() {
    for it in corpus::recordings("-containerd/stranded") {
        let top = it.unpacked();
        let report = run::report(&top);
        let [finding] = of_class(&report, "stranded-store")[..] else { panic!("{it}: one store is stranded") };
        let paths: Vec<&str> = finding["paths"].as_array().unwrap().iter().map(|at| at.as_str().unwrap()).collect();
        assert!(paths.contains(&"docker/overlay2") && paths.contains(&"docker/image/overlay2"), "{paths:?}");
        let whole: u64 = paths.iter().map(|at| bytes(&top.join(at))).sum();
        assert_eq!(finding["on_disk_bytes"], whole, "{it}");
        for what in ["images", "containers"] {
            let listed = run::deadweight(&top, &["ls", what, "--store", "overlay2", "-q"]);
            assert_ne!(listed.text().lines().count(), 0, "{it}: {what}");
        }
        let status = run::deadweight(&top, &["status", "--format", "json"]).json();
        let stores = status["stores"].as_array().unwrap();
        assert!(stores.iter().all(|store| store["images"] != 0 && store["containers"] != 0), "{it}: {stores:#?}");
    }
    for it in corpus::recordings("/upgraded") {
        let report = run::report(&it.unpacked());
        assert_eq!(of_class(&report, "stranded-store"), Vec::<&Value>::new(), "{it}");
    }
}

#[test]
fn a_containerd_store_that_was_turned_off_is_stranded_before_the_next_start() {
    let dir = common::fresh("containerd");
    let config = dir.path().join("daemon.json");
    std::fs::write(&config, r#"{"features":{"containerd-snapshotter":false}}"#).unwrap();
    let said =
        run::deadweight(dir.path(), &["report", "--format", "json", "--daemon-config", config.to_str().unwrap()]);
    let report = said.json();
    assert_eq!(of_class(&report, "stranded-store").len(), 1, "{:#}", report["findings"]);
    assert!(of_class(&report, "stopped-container").is_empty(), "{:#}", report["findings"]);
}

#[test]
fn a_root_that_user_mapping_led_to_is_left_over_once_it_is_off_and_the_plain_one_is_used() {
    let dir = common::fresh("userns");
    let config = dir.path().join("daemon.json");
    std::fs::write(&config, "{}").unwrap();
    let stranded = |dir: &Path| {
        let args = ["report", "--format", "json", "--daemon-config", config.to_str().unwrap()];
        of_class(&run::deadweight(dir, &args).json(), "stranded-store").into_iter().cloned().collect::<Vec<_>>()
    };
    assert_eq!(stranded(dir.path()), Vec::<Value>::new(), "it alone holds anything");
    std::fs::create_dir_all(dir.path().join("docker/volumes/new/_data")).unwrap();
    let [finding] = &stranded(dir.path())[..] else { panic!("one root is left over") };
    assert!(finding["cause"].as_str().unwrap().contains("docker/100000.100000"), "{finding:#}");
    assert_ne!(finding["confidence"], "certain");
}

#[test]
fn between_two_roots_that_hold_something_nothing_is_answered_until_it_is_said_which() {
    let dir = common::fresh("shared-base");
    let from = common::fixture("userns").join("docker/100000.100000");
    let copied = std::process::Command::new("cp").arg("-a").arg(from).arg(dir.path().join("docker")).status();
    assert!(copied.unwrap().success());
    let config = dir.path().join("daemon.json");
    std::fs::write(&config, r#"{"userns-remap":"default"}"#).unwrap();
    for args in [&["df"][..], &["what-if", "system prune -af"], &["plan", "--free", "1MB"]] {
        let said = run::deadweight(dir.path(), args);
        assert!(said.out.is_empty() && said.exit != deadweight::cli::Exit::Done, "{args:?}: {}", said.text());
        assert!(said.err.contains("(docker, docker/100000.100000)"), "{args:?}: {}", said.err);
        assert!(said.err.contains("--daemon-config"), "{args:?}: {}", said.err);
        let told = [args, &["--daemon-config", config.to_str().unwrap()]].concat();
        assert!(!run::deadweight(dir.path(), &told).out.is_empty(), "{args:?}");
    }
}

fn names_in(root: &str, finding: &Value) -> bool {
    finding["paths"].as_array().unwrap().iter().any(|at| at.as_str().unwrap().starts_with(root))
}

/// The same names may be in both roots: a command would mean those of the one in use.
#[test]
fn volumes_of_a_root_that_is_left_over_are_told_with_it_and_no_command_names_them() {
    let dir = common::fresh("shared-base");
    let (plain, remapped) = (dir.path().join("docker"), "docker/100000.100000");
    let from = common::fixture("userns").join(remapped);
    assert!(std::process::Command::new("cp").arg("-a").arg(from).arg(&plain).status().unwrap().success());
    let config = dir.path().join("daemon.json");
    let report = |text: &str| {
        std::fs::write(&config, text).unwrap();
        let args = ["report", "--format", "json", "--daemon-config", config.to_str().unwrap()];
        run::deadweight(dir.path(), &args).json()
    };
    let du = run::weigh(&[&dir.path().join(remapped)]).0;
    let both = run::weigh(&[&plain]).0;
    for (text, is_left, bytes) in [("{}", true, du), (r#"{"userns-remap":"default"}"#, false, both - du)] {
        let report = report(text);
        let [left] = &of_class(&report, "stranded-store")[..] else { panic!("{text}: one root is left over") };
        assert_eq!((&left["confidence"], &left["on_disk_bytes"]), (&"likely".into(), &bytes.into()), "{text}");
        assert!(left["remedy"]["commands"].as_array().unwrap().is_empty());
        let note = left["remedy"]["note"].as_str().unwrap();
        assert!(note.contains("pruning volumes once the engine uses this root again, loses them"), "{note}");
        assert_eq!(note.contains("but for `docker/100000.100000`"), !is_left, "{note}");
        assert_eq!(names_in(remapped, left), is_left, "{left:#}");
        let volume = if is_left { "unused" } else { "forgotten" };
        assert!(left["objects"].as_array().unwrap().iter().any(|it| it["kind"] == "volume" && it["id"] == volume));
        // nothing else is said of it, and what is said of the root in use stays
        for other in report["findings"].as_array().unwrap().iter().filter(|it| it["class"] != "stranded-store") {
            assert_eq!(names_in(remapped, other), !is_left, "{other:#}");
        }
        assert!(!of_class(&report, "unreferenced-volume").is_empty());
    }
}
