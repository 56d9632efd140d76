//! Programs that are not there, fail, hang, print garbage or print without end.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

fn fake(script: &str) -> (tempfile::TempDir, Docker) {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("docker");
    std::fs::write(&program, format!("#!/bin/bash\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let docker = Docker {
        program: program.into(),
        options: Vec::new(),
        context: None,
        host: Some("unix:///nowhere".to_owned()),
    };
    (dir, docker)
}

#[test]
fn every_argument_arrives_as_it_is_and_no_shell_sees_it() {
    let (_dir, docker) = fake("printf '%s\\n' \"$@\"");
    let words = ["rm".to_owned(), "$(reboot); a b".to_owned()];
    let said = docker.run(&words, PATIENCE).unwrap();
    assert_eq!((said.status, said.out.as_str()), (Some(0), "--host\nunix:///nowhere\nrm\n$(reboot); a b\n"));
    assert_eq!(docker.argv(&words)[1..], ["--host", "unix:///nowhere", "rm", "$(reboot); a b"]);
    assert!(docker.line(&words).ends_with("rm '$(reboot); a b'"), "{}", docker.line(&words));
}

#[test]
fn a_program_that_is_not_there_is_said_to_be_missing() {
    let docker = Docker { program: "/nowhere/docker".into(), options: Vec::new(), context: None, host: None };
    let failure = docker.run(&["info".to_owned()], PATIENCE).unwrap_err();
    assert!(matches!(failure, Failure::Missing { .. }), "{failure}");
    let (_dir, docker) = fake("exit 0");
    std::fs::set_permissions(&docker.program, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(docker.run(&[], PATIENCE), Err(Failure::Start { .. })));
}

#[test]
fn one_that_hangs_is_ended_with_what_it_started() {
    let (dir, docker) = fake("sleep 600 & echo $! > \"$(dirname \"$0\")/child\"; wait");
    let start = Instant::now();
    let failure = docker.run(&["rm".to_owned(), "x".to_owned()], Duration::from_millis(700)).unwrap_err();
    assert!(matches!(failure, Failure::Hangs { .. }) && start.elapsed() < PATIENCE, "{failure}");
    let child = std::fs::read_to_string(dir.path().join("child")).unwrap();
    let state = || std::fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
    while start.elapsed() < PATIENCE && !state().is_empty() && !state().contains(") Z ") {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(state().is_empty() || state().contains(") Z "), "{}", state());
}

#[test]
fn one_that_leaves_somebody_behind_who_holds_its_output_is_not_waited_for() {
    let (_dir, docker) = fake("echo early; sleep 5 & exit 0");
    let start = Instant::now();
    assert_eq!(docker.run(&[], PATIENCE).unwrap().status, Some(0));
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn failures_and_garbage_are_told_with_what_was_said() {
    let (_dir, docker) = fake("echo no such container >&2; exit 3");
    let failure = docker.ask(&["ps"], PATIENCE).unwrap_err().to_string();
    assert!(failure.contains("status 3") && failure.contains("no such container"), "{failure}");
    let (_dir, docker) = fake("kill -9 $$");
    assert!(docker.ask(&["ps"], PATIENCE).unwrap_err().to_string().contains("a signal"));
    let (_dir, docker) = fake("echo '<html>'");
    assert!(matches!(docker.ask_json(&["info"], PATIENCE), Err(Failure::Garbage { .. })));
    let (_dir, docker) = fake("head -c 9000000 /dev/zero | tr '\\0' x");
    let said = docker.run(&[], PATIENCE).unwrap();
    assert_eq!((said.status, said.out.len()), (Some(0), 1 << 20));
    assert!(said.message().chars().count() < 700);
}
