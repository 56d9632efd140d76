//! The command as its users meet it: exit status, usage, pipes, the plugin's handshake, what `why` and `--fail-on` say.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "common/run.rs"]
mod run;

use std::io::Read as _;
use std::process::{Command, Stdio};

use deadweight::cli::{self, Exit};
use run::deadweight;
use serde_json::Value;

fn bare(args: &[&str]) -> (Exit, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let line = std::iter::once("deadweight").chain(args.iter().copied()).map(Into::into).collect();
    let exit = cli::run(line, &mut out, &mut err);
    (exit, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

#[test]
fn a_wrong_word_is_a_usage_error_and_says_so_on_stderr() {
    for args in [
        &["nonsense"][..],
        &["ls"],
        &["ls", "nonsense"],
        &["ls", "--dead", "--live"],
        &["why"],
        &["--engine", "new"],
        &["ls", "images", "--filter", "colour=red"],
        &["ls", "containers", "--filter", "status=gone"],
        &["ls", "layers", "--filter", "label=a"],
        &["report", "--filter", "label=a"],
        &["df", "--api-version", "new"],
        &["ls", "images", "--api-version", "new"],
        &["ls", "layers", "--api-version", "1.51"],
        &["--now", "yesterday"],
        &["--format", "xml"],
        &["-j", "0"],
        &["report", "--fail-on", "no-such-class"],
        &["report", "--fail-on", "dangling-image:much"],
        &["--root", "/a", "--host", "/b"],
    ] {
        let (exit, out, err) = bare(args);
        assert_eq!((exit, out.as_str()), (Exit::Usage, ""), "{args:?}: {err}");
        assert!(!err.is_empty(), "{args:?}");
    }
}

#[test]
fn a_root_that_cannot_be_read_is_three_and_names_the_path_and_the_cause() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for (path, cause) in [("/nowhere/at/all", "No such file"), (file.path().to_str().unwrap(), "not a directory")] {
        let (exit, out, err) = bare(&["--root", path]);
        assert_eq!((exit, out.as_str()), (Exit::Unreadable, ""));
        assert!(err.contains(path) && err.contains(cause), "{err}");
    }
    let config = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(config.path(), "{nonsense").unwrap();
    let (exit, _, err) = bare(&["--root", "/tmp", "--daemon-config", config.path().to_str().unwrap()]);
    assert_eq!(exit, Exit::Unreadable);
    assert!(err.contains(config.path().to_str().unwrap()), "{err}");
}

#[test]
fn a_directory_that_no_engine_wrote_is_doubted() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().to_str().unwrap().to_owned();
    assert!(!bare(&["--root", &root]).1.contains("is this a Docker data root?"), "an empty one may become one");
    std::fs::write(dir.path().join("notes.txt"), "no engine wrote this").unwrap();
    assert!(bare(&["--root", &root]).1.contains("is this a Docker data root?"));
    let (exit, _, err) = bare(&["ls", "images", "--root", &root]);
    assert!(exit == Exit::Done && err.contains("is this a Docker data root?"), "{err}");
    std::fs::create_dir_all(dir.path().join("overlay2/l")).unwrap();
    assert!(!bare(&["--root", &root]).1.contains("is this a Docker data root?"));
    assert_eq!(bare(&["ls", "images", "--root", &root]).2, "");
}

#[test]
fn who_names_a_directory_above_a_data_root_is_told_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    for below in
        ["srv/the disk/docker/image/overlay2/layerdb", "srv/the disk/containerd/io.containerd.metadata.v1.bolt"]
    {
        std::fs::create_dir_all(dir.path().join(below)).unwrap();
    }
    let top = dir.path().canonicalize().unwrap().display().to_string();
    let there =
        format!("`deadweight --root '{top}/srv/the disk/docker' --containerd-root '{top}/srv/the disk/containerd'`");
    for (option, at) in [("--root", "srv/the disk"), ("--root", "srv"), ("--host", "srv"), ("--host", "")] {
        let (_, out, err) = bare(&[option, &format!("{top}/{at}")]);
        assert!((out + &err).contains(&there), "{option} {at}");
    }
}

#[test]
fn help_and_version_are_answers() {
    for args in [&["--help"][..], &["--version"], &["why", "--help"], &["help", "ls"]] {
        let (exit, out, err) = bare(args);
        assert_eq!((exit, err.as_str()), (Exit::Done, ""), "{args:?}");
        assert!(!out.is_empty());
    }
}

#[test]
fn the_docker_client_takes_it_for_a_plugin() {
    let (exit, out, _) = bare(&["docker-cli-plugin-metadata"]);
    assert_eq!(exit, Exit::Done);
    let metadata: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(metadata["SchemaVersion"], "0.1.0");
    let root = common::fixture("vfs").join("docker");
    let line =
        ["/usr/libexec/docker/cli-plugins/docker-deadweight", "deadweight", "status", "--root", root.to_str().unwrap()];
    let (mut out, mut err) = (Vec::new(), Vec::new());
    assert_eq!(
        cli::run(line.map(Into::into).to_vec(), &mut out, &mut err),
        Exit::Done,
        "{}",
        String::from_utf8_lossy(&err)
    );
}

#[test]
fn what_was_asked_to_fail_on_fails() {
    let dir = common::fixture("forced-rmi");
    let exit = |rule: &str| deadweight(&dir, &["report", "--fail-on", rule]).exit;
    assert_eq!(exit("layers-pinned-by-stopped-container"), Exit::Found);
    assert_eq!(exit("layers-pinned-by-stopped-container:1MB"), Exit::Found);
    assert_eq!(exit("layers-pinned-by-stopped-container:1GB"), Exit::Done);
    assert_eq!(exit("orphan-driver-directory"), Exit::Done);
}

#[test]
fn a_partial_answer_outranks_a_finding() {
    let dir = common::fresh("forced-rmi");
    std::fs::write(dir.path().join("docker/image/overlay2/repositories.json"), "{").unwrap();
    assert_eq!(deadweight(dir.path(), &["report", "--fail-on", "container-logs"]).exit, Exit::Partial);
    assert_eq!(deadweight(dir.path(), &["status"]).exit, Exit::Partial);
}

#[test]
fn a_closed_pipe_is_no_error() {
    let root = common::fixture("shared-base").join("docker");
    for args in [&["graph"][..], &["report", "--format", "json"], &["ls", "layers"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_deadweight"))
            .arg("--root")
            .arg(&root)
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = [0u8; 1];
        child.stdout.take().unwrap().read_exact(&mut first).unwrap();
        let done = child.wait_with_output().unwrap();
        assert!(done.status.success(), "{args:?}: {:?}", done.status);
        assert_eq!(String::from_utf8_lossy(&done.stderr), "", "{args:?}");
    }
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let root = common::fixture("vfs").join("docker");
    let mut command = Command::new(env!("CARGO_BIN_EXE_deadweight"));
    let status = command.arg("--root").arg(root).stdout(full).stderr(Stdio::null()).status().unwrap();
    assert!(!status.success());
}

/// Every place below the driver's home leads to what keeps it.
#[test]
fn why_leads_from_a_path_to_the_container_that_pins_it() {
    let dir = common::fixture("forced-rmi");
    let report = run::report(&dir);
    let pinned =
        report["findings"].as_array().unwrap().iter().filter(|f| f["class"] == "layers-pinned-by-stopped-container");
    let mut asked = 0;
    for finding in pinned {
        let names: Vec<&str> = finding["objects"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|o| o["kind"] == "container")
            .map(|o| o["name"].as_str().unwrap())
            .collect();
        for path in finding["paths"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p.as_str().unwrap())
            .filter(|p| p.starts_with("docker/overlay2/") && !p.contains("/l/"))
        {
            for path in [
                path.to_owned(),
                format!("{path}/diff"),
                path.replacen("docker/", "", 1),
                dir.join(path).display().to_string(),
            ] {
                let why = deadweight(&dir, &["why", &path, "--format", "json"]).json();
                let roots: Vec<&str> =
                    why["paths"].as_array().unwrap().iter().map(|p| p[0]["name"].as_str().unwrap()).collect();
                assert!(names.iter().all(|name| roots.contains(name)), "{path}: {names:?} in {roots:?}");
                assert_eq!(why["owners"].as_array().unwrap().len(), 1, "{path}");
                asked += 1;
            }
        }
    }
    assert!(asked > 10, "{asked}");
}

#[test]
fn why_of_nothing_is_one_and_of_an_engines_directory_an_answer() {
    let dir = common::fixture("forced-rmi");
    let nothing = deadweight(&dir, &["why", "no-such-thing"]);
    assert_eq!((nothing.exit, nothing.out.len()), (Exit::Found, 0));
    assert!(nothing.err.contains("deadweight ls"), "{}", nothing.err);
    let own = deadweight(&dir, &["why", "overlay2"]);
    assert!(own.exit == Exit::Done && own.text().contains("the engine's own directory"), "{}", own.text());
    let own = deadweight(&dir, &["why", "overlay2", "--format", "json"]).json();
    let object = serde_json::json!({"kind": "scaffold", "id": "docker/overlay2", "name": "docker/overlay2"});
    assert_eq!((&own["object"], &own["owners"][0]["kind"]), (&object, &"scaffold".into()));
    assert_eq!((&own["paths"][0][0]["id"], &own["paths"][0][0]["link"]), (&object["id"], &Value::Null), "it is a root");
    let container = deadweight(&dir, &["why", "shop-1"]);
    assert!(container.text().contains("shop-1"), "{}", container.text());
}

#[test]
fn a_dead_hosts_file_system_is_read_below_its_mount_point() {
    let root = common::fixture("vfs").join("docker");
    let host = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(host.path().join("etc/docker")).unwrap();
    std::fs::create_dir_all(host.path().join("srv")).unwrap();
    std::fs::write(
        host.path().join("etc/docker/daemon.json"),
        r#"{"data-root": "/srv/docker", "storage-driver": "vfs"}"#,
    )
    .unwrap();
    let copied = Command::new("cp").arg("-a").arg(&root).arg(host.path().join("srv/docker")).status().unwrap();
    assert!(copied.success());
    let (exit, out, err) = bare(&["--host", host.path().to_str().unwrap(), "status", "--format", "json"]);
    assert_eq!(exit, Exit::Done, "{err}");
    let status: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(status["roots"][0]["path"], host.path().join("srv/docker").to_str().unwrap());
    assert_eq!(status["stores"][0]["name"], "vfs");
    assert!(status["active_because"].to_string().contains("daemon.json"), "{out}");
}
