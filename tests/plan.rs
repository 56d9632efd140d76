//! Plans on recorded roots: what they promise is what `what-if` predicts of the same commands; they reach what any allowed
//! removals reach; rules keep what they name; people can read them; and what they show beside is never offered as a command.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "common/run.rs"]
mod run;

use deadweight::cli::Exit;
use run::deadweight;
use serde_json::Value;

/// The plan for some bytes, and how it ended.
fn plan(dir: &std::path::Path, free: &str, more: &[&str]) -> (Value, Exit) {
    let said = deadweight(dir, &[&["plan", "--format", "json", "--free", free], more].concat());
    (said.json(), said.exit)
}

fn texts<'v>(value: &'v Value, key: &'v str) -> Vec<&'v str> {
    value.as_array().unwrap().iter().map(|row| row[key].as_str().unwrap()).collect()
}

const FIXTURES: &[&str] =
    &["forced-rmi", "shared-base", "build-cache", "logs", "vfs", "userns", "remains", "containerd"];

#[test]
fn a_plan_promises_what_what_if_predicts_and_reaches_what_can_be_reached() {
    for fixture in FIXTURES {
        let dir = common::fixture(fixture);
        let (whole, exit) = plan(&dir, "1TB", &[]);
        assert_eq!((whole["reached"].as_bool(), exit), (Some(false), Exit::Found), "{fixture}");
        let most = whole["at_most_bytes"].as_u64().unwrap();
        assert!(most > 0, "{fixture}");
        assert_eq!(whole["together"]["on_disk_bytes"], most, "{fixture}");
        for part in [1, 25, 60, 100] {
            let target = (most * part / 100).max(1);
            let (answer, exit) = plan(&dir, &target.to_string(), &[]);
            let about = format!("{fixture} {part}%");
            assert_eq!((answer["reached"].as_bool(), exit), (Some(true), Exit::Done), "{about}");
            assert_eq!(answer["optimal"], true, "{about}");
            let freed = answer["together"]["on_disk_bytes"].as_u64().unwrap();
            assert!(freed >= target && freed <= most, "{about}: {freed} of {target}");
            let actions = texts(&answer["steps"], "action");
            let predicted = deadweight(&dir, &[&["what-if", "--format", "json"], &actions[..]].concat()).json();
            assert_eq!(predicted["together"], answer["together"], "{about}");
            for (step, predicted) in
                answer["steps"].as_array().unwrap().iter().zip(predicted["steps"].as_array().unwrap())
            {
                assert_eq!(step["argv"], predicted["argv"], "{about}");
                assert_eq!(step["removes"], predicted["removes"], "{about}");
                assert!(!step["why"].as_str().unwrap().is_empty(), "{about}");
            }
        }
    }
}

#[test]
fn no_plan_takes_a_volume_with_data_or_anything_that_runs() {
    for fixture in FIXTURES {
        let dir = common::fixture(fixture);
        let (whole, _) = plan(&dir, "1TB", &[]);
        let containers = deadweight(&dir, &["ls", "containers", "--format", "json"]).json();
        let rows = containers.as_array().unwrap().iter();
        let alive = rows.filter(|row| matches!(row["State"].as_str(), Some("running" | "paused" | "restarting")));
        let running: Vec<&str> = alive.map(|row| row["Id"].as_str().unwrap()).collect();
        for step in whole["steps"].as_array().unwrap() {
            assert!(!running.contains(&step["id"].as_str().unwrap()), "{fixture}: {step:#}");
            let argv: Vec<&str> = step["argv"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
            assert!(!argv.iter().any(|word| matches!(*word, "--volumes" | "-v")), "{fixture}: {argv:?}");
            if argv[1] == "volume" {
                assert_eq!(
                    step["apparent_bytes"].as_u64().unwrap() / 4096 * 4096,
                    step["apparent_bytes"],
                    "{fixture}: {step:#}"
                );
            }
        }
    }
}

#[test]
fn what_a_rule_names_stays() {
    let dir = common::fixture("forced-rmi");
    let (whole, _) = plan(&dir, "1TB", &[]);
    let first = whole["steps"].as_array().unwrap().iter().find(|step| step["kind"] == "container").unwrap();
    let name = format!("name={}", first["name"].as_str().unwrap());
    let (kept, _) = plan(&dir, "1TB", &["--keep", &name]);
    assert!(kept["steps"].as_array().unwrap().iter().all(|step| step["id"] != first["id"]));
    assert!(texts(&kept["kept"], "rule").contains(&name.as_str()));
    let (none, exit) = plan(
        &dir,
        "1",
        &[
            "--keep",
            "kind=container",
            "--keep",
            "kind=image",
            "--keep",
            "kind=cache",
            "--keep",
            "kind=volume",
            "--keep",
            "kind=history",
        ],
    );
    assert_eq!(
        (none["steps"].as_array().unwrap().len(), none["reached"].as_bool(), exit),
        (0, Some(false), Exit::Found)
    );
    let (old, _) = plan(&dir, "1TB", &["--keep", "until=2000-01-01"]);
    let kinds = texts(&old["steps"], "kind");
    assert!(kinds.iter().all(|kind| *kind == "build-history"), "{kinds:?}");
}

#[test]
fn what_means_nothing_is_a_usage_error() {
    let dir = common::fixture("vfs");
    for args in [
        &["plan"][..],
        &["plan", "--free", "much"],
        &["plan", "--free", "0"],
        &["plan", "--free", "1GB", "--keep", "web"],
        &["plan", "--free", "1GB", "--keep", "size=3"],
    ] {
        let said = deadweight(&dir, args);
        assert_eq!((said.exit, said.out.len()), (Exit::Usage, 0), "{args:?}: {}", said.err);
    }
}

#[test]
fn a_plan_is_read_at_eighty_and_at_many_columns() {
    let dir = common::fixture("forced-rmi");
    let at = |columns: &str| {
        let out = std::process::Command::new(env!("CARGO_BIN_EXE_deadweight"))
            .env("COLUMNS", columns)
            .arg("--root")
            .arg(dir.join("docker"))
            .args(["--now", run::NOW, "plan", "--free", "1MB"])
            .output()
            .unwrap();
        String::from_utf8(out.stdout).unwrap()
    };
    for columns in ["80", "160"] {
        let text = at(columns);
        let limit: usize = columns.parse().unwrap();
        // a command to be copied is never broken
        let long: Vec<&str> =
            text.lines().filter(|line| line.chars().count() > limit && !line.starts_with("      ")).collect();
        assert!(long.is_empty(), "{columns}: {long:#?}");
        assert!(text.contains("docker rm ") && text.contains("deadweight reclaim"), "{text}");
    }
}

/// A directory of overlay2 that nothing names.
fn plant_an_orphan(root: &std::path::Path) -> String {
    let name = "5".repeat(64);
    let at = root.join("overlay2").join(&name);
    std::fs::create_dir_all(at.join("diff/etc")).unwrap();
    std::fs::write(at.join("diff/etc/passwd"), vec![b'x'; 70_000]).unwrap();
    std::fs::write(at.join("link"), "ABCDEFGHIJKLMNOPQRSTUVWXYZ").unwrap();
    let link = root.join("overlay2/l/ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    std::os::unix::fs::symlink(format!("../{name}/diff"), link).unwrap();
    name
}

#[test]
fn what_no_command_frees_is_listed_apart_with_the_way_by_hand() {
    let dir = common::fresh("shared-base");
    let name = plant_an_orphan(&dir.path().join("docker"));
    let (answer, _) = plan(dir.path(), "1", &[]);
    let works = answer["by_hand"].as_array().unwrap();
    let orphan = works.iter().find(|work| work["class"] == "orphan-driver-directory").expect("is told");
    let paths = [format!("docker/overlay2/{name}"), "docker/overlay2/l/ABCDEFGHIJKLMNOPQRSTUVWXYZ".to_owned()];
    assert_eq!(orphan["paths"], serde_json::json!(paths));
    let commands: Vec<&str> = orphan["by_hand"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert_eq!(commands.len(), 4, "{commands:?}");
    assert_eq!(
        (commands[0], commands[3]),
        ("systemctl stop docker.socket docker.service", "systemctl start docker.service")
    );
    assert!(commands[1].starts_with("rm -rf --one-file-system -- /") && commands[1].ends_with(&name), "{commands:?}");
    for work in works {
        let commands = work["by_hand"].as_array().unwrap();
        let paths = work["paths"].as_array().unwrap();
        assert!(commands.is_empty() || commands.len() == paths.len() + 2, "{work:#}");
    }
    for step in answer["steps"].as_array().unwrap() {
        assert_eq!(step["argv"][0], "docker", "{step:#}");
    }
}
