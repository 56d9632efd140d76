//! `reclaim` with a Docker CLI that is none: it does what a script says, and what comes of it is told truly. The engine is a
//! lock on a copy of a recorded root.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

mod common;
#[path = "common/run.rs"]
mod run;

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// What the script does when it is called: it notes its arguments, and then acts as `mode` says.
const SCRIPT: &str = r#"#!/bin/bash
here=$(dirname "$0")
printf '%s ' "$@" >> "$here/calls"; echo >> "$here/calls"
[ "$1" = --host ] && shift 2
mode=$(cat "$here/mode")
case $1 in
context) cat "$here/context" ;;
info)
  [ "$mode" = hang-info ] && exec sleep 600
  [ "$mode" = garbage ] && { echo '<html>'; exit 0; }
  [ -f "$here/meanwhile" ] && bash "$here/meanwhile"
  cat "$here/info" ;;
ps) cat "$here/containers" ;;
images) cat "$here/images" ;;
rm|rmi|builder|buildx|volume)
  case $mode in
  fail) echo 'Error response from daemon: no' >&2; exit 1 ;;
  hang) exec sleep 600 ;;
  lie) exit 0 ;;
  slow) sleep 2 ;;
  half) head -n 1 "$here/removes/${@: -1}" | tr '\n' '\0' | xargs -0 rm -rf; echo 'Error: half' >&2; exit 1 ;;
  greedy) cat "$here"/removes/* | tr '\n' '\0' | xargs -0 rm -rf; exit 0 ;;
  esac
  tr '\n' '\0' < "$here/removes/${@: -1}" | xargs -0 rm -rf
  echo "${@: -1}" ;;
*) echo "unknown: $*" >&2; exit 9 ;;
esac
"#;

/// A root with an engine that is a lock, and a client that is a script.
struct Stage {
    dir: tempfile::TempDir,
    bin: PathBuf,
    /// The plan's steps.
    steps: Vec<Value>,
    free: u64,
    _lock: nix::fcntl::Flock<File>,
    _socket: UnixListener,
}

impl Stage {
    fn new(mode: &str) -> Self {
        let dir = common::fresh("forced-rmi");
        let root = dir.path().join("docker");
        let database = File::options().read(true).write(true).open(root.join("volumes/metadata.db")).unwrap();
        let lock = nix::fcntl::Flock::lock(database, nix::fcntl::FlockArg::LockExclusiveNonblock).unwrap();
        let bin = dir.path().join("bin");
        std::fs::create_dir_all(bin.join("removes")).unwrap();
        let socket = UnixListener::bind(dir.path().join("sock")).unwrap();
        let mut stage = Self { dir, bin, steps: Vec::new(), free: 0, _lock: lock, _socket: socket };
        stage.write("docker", SCRIPT);
        std::fs::set_permissions(stage.bin.join("docker"), std::fs::Permissions::from_mode(0o755)).unwrap();
        stage.write("mode", mode);
        stage.plan();
        stage.answers();
        stage
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.bin.join(name), text).unwrap();
    }

    /// Everything that containers keep: some steps.
    fn plan(&mut self) {
        let keep = ["--keep", "kind=image", "--keep", "kind=history", "--keep", "kind=cache", "--keep", "kind=volume"];
        let most = self.ask(&[&["plan", "--free", "1TB"], &keep[..]].concat())["at_most_bytes"].as_u64().unwrap();
        self.free = most;
        let plan = self.ask(&[&["plan", "--free", &most.to_string()], &keep[..]].concat());
        self.steps = plan["steps"].as_array().unwrap().clone();
        assert!(self.steps.len() >= 3, "{plan:#}");
        for step in &self.steps {
            let paths =
                step["removes"].as_array().unwrap().iter().map(|path| self.dir.path().join(path.as_str().unwrap()));
            let lines: String = paths.map(|path| format!("{}\n", path.display())).collect();
            self.write(
                &format!("removes/{}", step["argv"].as_array().unwrap().last().unwrap().as_str().unwrap()),
                &lines,
            );
        }
    }

    fn answers(&self) {
        let root = self.dir.path().join("docker");
        let info = json!({ "ID": "one", "DockerRootDir": root, "Driver": "overlay2", "ServerVersion": "20.10.24" });
        self.write("info", &info.to_string());
        self.write("context", &json!(format!("unix://{}", self.dir.path().join("sock").display())).to_string());
        let containers = std::fs::read_dir(root.join("containers")).unwrap();
        let ids: Vec<String> = containers.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        self.write("containers", &ids.join("\n"));
        let _ = std::fs::remove_file(root.join("engine-id"));
    }

    fn ask(&self, args: &[&str]) -> Value {
        let out = self.command(args).output().unwrap();
        serde_json::from_slice(&out.stdout)
            .unwrap_or_else(|cause| panic!("{cause}: {}", String::from_utf8_lossy(&out.stderr)))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deadweight"));
        command.arg("--root").arg(self.dir.path().join("docker")).args(["--format", "json"]).args(args);
        command
            .env("PATH", format!("{}:/usr/bin:/bin", self.bin.display()))
            .env_remove("DOCKER_HOST")
            .stdin(Stdio::null());
        command
    }

    /// Carries the plan out.
    fn reclaim(&self, more: &[&str]) -> (Output, Value) {
        let keep = ["--keep", "kind=image", "--keep", "kind=history", "--keep", "kind=cache", "--keep", "kind=volume"];
        let free = self.free.to_string();
        let out = self.command(&[&["reclaim", "--free", &free], &keep[..], more].concat()).output().unwrap();
        let account = serde_json::from_slice(&out.stdout).unwrap_or(Value::Null);
        (out, account)
    }

    /// The commands that were run to remove something.
    fn removals(&self) -> Vec<String> {
        let calls = std::fs::read_to_string(self.bin.join("calls")).unwrap_or_default();
        let asked = |line: &&str| [" rm ", " rmi ", " prune "].iter().any(|word| line.contains(word));
        calls.lines().filter(asked).map(|line| line.trim().to_owned()).collect()
    }
}

fn states(account: &Value) -> Vec<&str> {
    account["steps"].as_array().unwrap().iter().map(|step| step["state"].as_str().unwrap()).collect()
}

fn complaint(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

#[test]
fn what_is_promised_is_run_as_shown_and_told_side_by_side_with_what_was_freed() {
    let stage = Stage::new("good");
    let journal = stage.dir.path().join("journal");
    let (out, account) = stage.reclaim(&["-y", "--journal", journal.to_str().unwrap()]);
    assert_eq!(out.status.code(), Some(0), "{}", complaint(&out));
    assert_eq!(account["ended"], "done");
    assert!(states(&account).iter().all(|state| *state == "done"), "{account:#}");
    assert_eq!(account["promised_bytes"], account["freed_bytes"]);
    assert!(account["promised_bytes"].as_u64().unwrap() >= stage.free);
    let shrank = account["on_disk_before"].as_u64().unwrap() - account["on_disk_after"].as_u64().unwrap();
    assert_eq!(account["promised_bytes"], shrank, "nobody else wrote");
    let host = format!("--host unix://{}", stage.dir.path().join("sock").display());
    let expected: Vec<String> = account["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| {
            step["run"]
                .as_array()
                .unwrap()
                .iter()
                .skip(1)
                .map(|word| word.as_str().unwrap())
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    assert_eq!(stage.removals(), expected);
    assert!(expected.iter().all(|line| line.starts_with(&host)), "{expected:?}");
    let lines = std::fs::read_to_string(&journal).unwrap();
    let events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!((names[0], *names.last().unwrap(), names.len()), ("begin", "end", 2 + 2 * stage.steps.len()));
    assert!(events.iter().all(|event| event["time"].is_string()));
    // it is only ever added to
    let (again, _) = stage.reclaim(&["-y", "--journal", journal.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(1), "there is nothing left to free");
    assert!(std::fs::read_to_string(&journal).unwrap().starts_with(&lines));
}

#[test]
fn without_a_terminal_and_without_yes_nothing_is_run() {
    let stage = Stage::new("good");
    let (out, account) = stage.reclaim(&[]);
    assert_eq!((out.status.code(), account["ended"].as_str()), (Some(2), Some("not-begun")));
    assert!(complaint(&out).contains("-y"), "{}", complaint(&out));
    let (out, account) = stage.reclaim(&["--dry-run"]);
    assert_eq!((out.status.code(), account["ended"].as_str()), (Some(0), Some("not-begun")));
    assert!(states(&account).iter().all(|state| *state == "not-run"));
    assert_eq!(stage.removals(), Vec::<String>::new());
}

#[test]
fn a_journal_below_the_root_is_refused() {
    let stage = Stage::new("good");
    let below = stage.dir.path().join("docker/containers/journal");
    let (out, _) = stage.reclaim(&["-y", "--journal", below.to_str().unwrap()]);
    assert_eq!(out.status.code(), Some(2));
    let link = stage.dir.path().join("link");
    std::os::unix::fs::symlink(&below, &link).unwrap();
    let (out, _) = stage.reclaim(&["-y", "--journal", link.to_str().unwrap()]);
    assert_eq!(out.status.code(), Some(2), "{}", complaint(&out));
    assert!(!below.exists() && stage.removals().is_empty());
}

#[test]
fn a_client_that_fails_lies_or_hangs_ends_it_with_a_true_account() {
    for (mode, says) in [
        ("fail", "Error response from daemon: no"),
        ("lie", "still there"),
        ("hang", "did not end"),
        ("half", "Error: half"),
        ("greedy", "later step"),
    ] {
        let stage = Stage::new(mode);
        let start = Instant::now();
        let more: &[&str] = if matches!(mode, "hang" | "lie") { &["-y", "--timeout", "1s"] } else { &["-y"] };
        let (out, account) = stage.reclaim(more);
        assert_eq!(out.status.code(), Some(1), "{mode}: {}", complaint(&out));
        assert_eq!(account["ended"], "surprised", "{mode}");
        assert!(complaint(&out).contains(says), "{mode}: {}", complaint(&out));
        let mut wanted = vec!["not-run"; stage.steps.len()];
        wanted[0] = "surprised";
        assert_eq!(states(&account), wanted, "{mode}: only the first was run");
        assert_eq!(stage.removals().len(), 1, "{mode}");
        let freed = account["freed_bytes"].as_u64().unwrap();
        let first = account["steps"][0]["on_disk_bytes"].as_u64().unwrap();
        match mode {
            "half" => assert!(freed > 0 && freed < first, "{mode}: {freed} of {first}"),
            "greedy" => assert_eq!(freed, first),
            _ => assert_eq!(freed, 0, "{mode}"),
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{mode}");
    }
}

#[test]
fn an_engine_that_does_not_answer_or_is_another_is_not_asked_for_anything() {
    let stage = Stage::new("garbage");
    let refuses = |says: &str| {
        let (out, account) = stage.reclaim(&["-y"]);
        assert_eq!((out.status.code(), account["ended"].as_str()), (Some(1), Some("not-begun")), "{says}");
        assert!(complaint(&out).contains(says), "{says}: {}", complaint(&out));
        assert_eq!(stage.removals(), Vec::<String>::new(), "{says}");
        assert!(!account["steps"].as_array().unwrap().is_empty(), "the plan is shown all the same");
    };
    refuses("cannot be understood");
    stage.write("mode", "good");
    let good = std::fs::read_to_string(stage.bin.join("info")).unwrap();
    for (from, to, says) in [
        ("overlay2", "vfs", "works with vfs"),
        ("/docker\"", "/bin\"", "works on"),
        ("{", "{\"ServerErrors\":[\"Cannot connect to the Docker daemon\"],", "does not answer"),
        ("\"Driver\"", "\"Diver\"", "no DockerRootDir or Driver"),
    ] {
        stage.write("info", &good.replacen(from, to, 1));
        refuses(says);
    }
    stage.write("info", &good);
    let containers = std::fs::read_to_string(stage.bin.join("containers")).unwrap();
    stage.write("containers", &format!("{containers}\n{}", "e".repeat(64)));
    refuses("containers are not those of the disk");
    stage.write("containers", &containers);
    std::fs::write(stage.dir.path().join("docker/engine-id"), "two\n").unwrap();
    refuses("another engine");
    std::fs::write(stage.dir.path().join("docker/engine-id"), "one\n").unwrap();
    stage.write("context", "\"ssh://far\"");
    refuses("only an engine behind a socket on this machine");
    stage.write("context", "\"unix:///nowhere/sock\"");
    refuses("no engine answers there");
    stage.write("context", "nonsense");
    refuses("cannot be understood");
    std::fs::remove_file(stage.bin.join("docker")).unwrap();
    let (out, _) = {
        let keep = ["--keep", "kind=image", "--keep", "kind=history", "--keep", "kind=cache", "--keep", "kind=volume"];
        let free = stage.free.to_string();
        let mut command = stage.command(&[&["reclaim", "--free", &free, "-y"], &keep[..]].concat());
        command.env("PATH", &stage.bin);
        let out = command.output().unwrap();
        (out, ())
    };
    assert_eq!(out.status.code(), Some(1));
    assert!(complaint(&out).contains("there is no such program"), "{}", complaint(&out));
}

#[test]
fn the_id_on_the_disk_is_enough_since_it_is_written() {
    let stage = Stage::new("good");
    std::fs::write(stage.dir.path().join("docker/engine-id"), "one\n").unwrap();
    stage.write("containers", "");
    let (out, account) = stage.reclaim(&["-y"]);
    assert_eq!((out.status.code(), account["ended"].as_str()), (Some(0), Some("done")), "{}", complaint(&out));
}

#[test]
fn what_changes_before_the_first_command_stops_it() {
    let stage = Stage::new("good");
    let root = stage.dir.path().join("docker");
    let id = stage.steps[0]["id"].as_str().unwrap();
    let config = root.join("containers").join(id).join("config.v2.json");
    let change = format!("sed -i 's/\"Running\":false/\"Running\":true/' {}", config.display());
    stage.write("meanwhile", &change);
    let (out, account) = stage.reclaim(&["-y"]);
    assert_eq!((out.status.code(), account["ended"].as_str()), (Some(1), Some("not-begun")), "{}", complaint(&out));
    assert!(complaint(&out).contains("changed meanwhile"), "{}", complaint(&out));
    assert_eq!(stage.removals(), Vec::<String>::new());
    assert!(config.exists());
}

#[test]
fn a_disk_without_an_engine_is_planned_for_and_no_more() {
    let dir = common::fresh("forced-rmi");
    for args in [&["reclaim", "--free", "1MB", "-y"][..], &["reclaim", "image prune", "-y"]] {
        let said = run::deadweight(dir.path(), args);
        assert_eq!(said.exit, deadweight::cli::Exit::Found, "{}", said.err);
        assert!(said.err.contains("no engine is at work"), "{}", said.err);
        assert!(said.text().contains("docker "), "the plan is shown: {}", said.text());
    }
    let said = run::deadweight(dir.path(), &["reclaim", "rmi nothing:1", "-y"]);
    assert!(said.err.contains("the engine would refuse it"), "{}", said.err);
    for args in [
        &["reclaim"][..],
        &["reclaim", "--free", "1GB", "rm x"],
        &["reclaim", "run x"],
        &["reclaim", "--keep", "name=x", "rm x"],
    ] {
        assert_eq!(run::deadweight(dir.path(), args).exit, deadweight::cli::Exit::Usage, "{args:?}");
    }
}

#[test]
fn an_interruption_lets_the_command_end_and_tells_what_was_done() {
    let stage = Stage::new("slow");
    let keep = ["--keep", "kind=image", "--keep", "kind=history", "--keep", "kind=cache", "--keep", "kind=volume"];
    let free = stage.free.to_string();
    let mut command = stage.command(&[&["reclaim", "--free", &free, "-y"], &keep[..]].concat());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while stage.removals().is_empty() {
        assert!(start.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(20));
    }
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap()),
        nix::sys::signal::Signal::SIGINT,
    )
    .unwrap();
    let out = child.wait_with_output().unwrap();
    let account: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!((out.status.code(), account["ended"].as_str()), (Some(1), Some("interrupted")), "{}", complaint(&out));
    let mut wanted = vec!["not-run"; stage.steps.len()];
    wanted[0] = "done";
    assert_eq!(states(&account), wanted);
    assert_eq!(account["freed_bytes"], account["steps"][0]["on_disk_bytes"]);
    assert_eq!(stage.removals().len(), 1);
}

#[test]
fn a_terminal_is_asked_and_only_yes_is_yes() {
    let stage = Stage::new("good");
    // script(1) would do, and is not everywhere: the answer comes through a pseudo-terminal of our own
    let keep = ["--keep", "kind=image", "--keep", "kind=history", "--keep", "kind=cache", "--keep", "kind=volume"];
    let free = stage.free.to_string();
    for (answer, code, runs) in [("n\n", 1, 0), ("yes please\n", 1, 0), ("y\n", 0, stage.steps.len())] {
        let pty = rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR | rustix::pty::OpenptFlags::NOCTTY).unwrap();
        rustix::pty::grantpt(&pty).unwrap();
        rustix::pty::unlockpt(&pty).unwrap();
        let name = rustix::pty::ptsname(&pty, Vec::new()).unwrap();
        let terminal = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let mut command = stage.command(&[&["reclaim", "--free", &free], &keep[..]].concat());
        let child = command.stdin(terminal).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        File::from(pty.try_clone().unwrap()).write_all(answer.as_bytes()).unwrap();
        let out = child.wait_with_output().unwrap();
        assert!(complaint(&out).contains("[y/N]"), "{}", complaint(&out));
        assert_eq!(out.status.code(), Some(code), "{answer:?}: {}", complaint(&out));
        assert_eq!(stage.removals().len(), runs, "{answer:?}");
    }
}
