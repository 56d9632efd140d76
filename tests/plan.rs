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
        assert_eq!(commands.is_empty(), work["safe_because"] == "", "{work:#}");
    }
    for step in answer["steps"].as_array().unwrap() {
        assert_eq!(step["argv"][0], "docker", "{step:#}");
    }
}

/// The ways by hand of one class, with what `daemon.json` says.
fn ways(dir: &std::path::Path, config: &str, class: &str) -> Vec<(Value, Vec<String>)> {
    let file = dir.join("daemon.json");
    std::fs::write(&file, config).unwrap();
    let (answer, _) = plan(dir, "1", &["--daemon-config", file.to_str().unwrap()]);
    let works = answer["by_hand"].as_array().unwrap().iter().filter(|work| work["class"] == class);
    let line = |line: &Value| line.as_str().unwrap().to_owned();
    works.map(|work| (work.clone(), work["by_hand"].as_array().unwrap().iter().map(line).collect())).collect()
}

#[test]
fn a_log_that_only_grows_is_emptied_once_it_has_grown_and_no_other_is_touched() {
    let dir = common::fresh("logs");
    assert!(ways(dir.path(), "{}", "container-logs").iter().all(|(_, commands)| commands.is_empty()));
    let containers = dir.path().join("docker/containers");
    for entry in std::fs::read_dir(containers).unwrap() {
        let (at, id) = {
            let entry = entry.unwrap();
            (entry.path(), entry.file_name().into_string().unwrap())
        };
        for log in [at.join(format!("{id}-json.log")), at.join("local-logs/container.log")] {
            if log.is_file() {
                std::fs::write(&log, "x".repeat(1_200_000)).unwrap();
            }
        }
    }
    let ways = ways(dir.path(), "{}", "container-logs");
    let lines: Vec<&String> = ways.iter().flat_map(|(_, commands)| commands).collect();
    // endless, and the one that runs; neither of the limited ones, nor one of another driver
    assert_eq!(lines.len(), 2, "{lines:#?}");
    for line in lines {
        let path = line.strip_prefix("truncate -s 0 -- ").unwrap();
        let options = std::path::Path::new(path).with_file_name("hostconfig.json");
        let text: Value = serde_json::from_slice(&std::fs::read(options).unwrap()).unwrap();
        assert_eq!(
            (&text["LogConfig"]["Type"], &text["LogConfig"]["Config"]),
            (&"json-file".into(), &serde_json::json!({}))
        );
    }
    let (work, _) = ways.iter().find(|(_, commands)| !commands.is_empty()).unwrap();
    assert!(work["safe_because"].as_str().unwrap().contains("is lost"), "{work:#}");
    assert!(work["paths"].as_array().unwrap().iter().all(|at| at.as_str().unwrap().contains("-json.log")), "{work:#}");
}

/// An engine's data with containerd's store and with overlay2, of which it uses one.
fn both_halves() -> tempfile::TempDir {
    let dir = common::fresh("containerd");
    let other = common::fixture("build-cache").join("docker");
    let parts = ["image", "overlay2"].map(|part| other.join(part));
    let builds = ["snapshots.db", "metadata_v2.db", "containerdmeta.db", "content"]
        .map(|name| other.join("buildkit").join(name));
    for (from, to) in [(&parts[..], "docker"), (&builds[..], "docker/buildkit")] {
        let to = dir.path().join(to);
        assert!(std::process::Command::new("cp").arg("-a").args(from).arg(to).status().unwrap().success());
    }
    dir
}

#[test]
fn a_stranded_half_in_containerd_goes_by_its_own_tool_and_only_the_engines_files_are_removed() {
    let dir = both_halves();
    let ways = ways(dir.path(), r#"{"storage-driver":"overlay2"}"#, "stranded-store");
    let [(work, commands)] = &ways[..] else { panic!("one store is stranded: {ways:#?}") };
    let (tool, files) = commands.split_at(commands.iter().position(|line| line.starts_with("systemctl stop")).unwrap());
    assert!(tool[0].starts_with("ctr --namespace moby images rm docker.io/"), "{tool:#?}");
    assert!(tool[1..].iter().all(|line| line.contains(" leases rm --sync ")) && tool.len() > 1, "{tool:#?}");
    let containers = std::fs::read_dir(dir.path().join("docker/containers")).unwrap();
    for container in containers {
        let id = container.unwrap().file_name().into_string().unwrap();
        assert!(tool.iter().any(|line| line.contains(&id)), "{id}: {tool:#?}");
        assert!(files.iter().any(|line| line.ends_with(&format!("/docker/containers/{id}"))), "{id}: {files:#?}");
    }
    assert!(!commands.iter().any(|line| line.contains("moby-image-")), "{commands:#?}");
    for line in &files[1..files.len() - 1] {
        let path = line.strip_prefix("rm -rf --one-file-system -- ").unwrap();
        let inside = std::path::Path::new(path).strip_prefix(dir.path().join("docker")).unwrap().to_owned();
        assert!(inside.starts_with("containers") || inside.starts_with("buildkit"), "{line}");
        assert!(std::path::Path::new(path).exists() && !path.ends_with("cache.db"), "{line}");
    }
    assert!(work["safe_because"].as_str().unwrap().contains("Volumes stay"), "{work:#}");
}

#[test]
fn a_stranded_half_of_a_graph_driver_takes_along_what_buildkit_recorded_of_its_layers() {
    let dir = both_halves();
    let told = ways(dir.path(), r#"{"features":{"containerd-snapshotter":true}}"#, "stranded-store");
    let [(_, commands)] = &told[..] else { panic!("one store is stranded: {told:#?}") };
    let ends = |end: &str| commands.iter().any(|line| line.ends_with(end));
    for end in ["/docker/overlay2", "/docker/image/overlay2", "/snapshots.db", "/metadata_v2.db", "/buildkit/content"] {
        assert!(ends(end), "{end}: {commands:#?}");
    }
    // both stores have results there
    assert!(!ends("cache.db"), "{commands:#?}");
    // a guess about the driver costs nobody anything
    let guessed = ways(dir.path(), "{}", "stranded-store");
    assert!(guessed.iter().all(|(_, commands)| commands.is_empty()), "{guessed:#?}");
}

#[test]
fn what_is_being_written_while_an_engine_works_is_said_to_be_in_no_number() {
    let dir = common::fresh("containerd");
    let ingest = dir.path().join("containerd/io.containerd.content.v1.content/ingest").join("a".repeat(64));
    std::fs::create_dir_all(&ingest).unwrap();
    std::fs::write(ingest.join("data"), "half a blob").unwrap();
    let notes = || {
        let answer = run::deadweight(dir.path(), &["what-if", "--format", "json", "system prune -af"]).json();
        answer["steps"][0]["notes"].to_string()
    };
    assert!(!notes().contains("being written"));
    let database = std::fs::File::open(dir.path().join("docker/volumes/metadata.db")).unwrap();
    rustix::fs::flock(&database, rustix::fs::FlockOperation::LockExclusive).unwrap();
    assert!(notes().contains("1 blob is being written"), "{}", notes());
}
