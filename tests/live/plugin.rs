//! As a plugin of the Docker CLI: what the client of this machine makes of it, with its own options before our name.

use std::process::Output;

use crate::engine::{Engine, absent};

/// `docker …` with us among its plugins and, as in a shell of its user, no DOCKER_HOST.
fn docker(engine: &Engine, args: &[&str]) -> Output {
    let mut command = engine.client("docker");
    command.env_remove("DOCKER_HOST").env("COLUMNS", "100").args(args).output().unwrap()
}

fn text(out: &Output) -> String {
    String::from_utf8_lossy(&[&out.stdout[..], &out.stderr[..]].concat()).into_owned()
}

#[test]
fn the_docker_client_runs_it_with_its_own_options_before_its_name() {
    if let Some(why) = absent() {
        println!("{why}");
        return;
    }
    let engine = Engine::start("overlay2");
    engine.recipe("vfs");
    let plugins = engine.dir().join("client/cli-plugins");
    std::fs::create_dir_all(&plugins).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_deadweight"), plugins.join("docker-deadweight")).unwrap();
    let host = format!("unix://{}", engine.dir().join("sock").display());
    let root = engine.root().display().to_string();
    let made = docker(&engine, &["context", "create", "lab", "--docker", &format!("host={host}")]);
    assert!(made.status.success(), "{}", text(&made));

    assert!(text(&docker(&engine, &["--help"])).contains("deadweight*"));
    for help in [&["deadweight", "--help"][..], &["help", "deadweight"], &["help", "deadweight", "plan"]] {
        let out = docker(&engine, help);
        assert!(out.status.success() && text(&out).contains("Usage: docker deadweight"), "{help:?}: {}", text(&out));
    }
    let report = docker(&engine, &["deadweight", "report", "--root", &root]);
    assert!(report.status.success() && text(&report).contains("on disk"), "{}", text(&report));

    // each way to name the engine is handed on, and leads to it: one container goes with each
    let ways: [&[&str]; 4] =
        [&["--context", "lab"], &["-c", "lab"], &["-H", &host], &["-D", &format!("--host={host}")]];
    for way in ways {
        let name = format!("went-{}", way.last().unwrap().len());
        let made = docker(&engine, &["-H", &host, "create", "--name", &name, "base:1", "/tiny", "exit", "0"]);
        assert!(made.status.success(), "{}", text(&made));
        let action = format!("rm {name}");
        let out = docker(&engine, &[way, &["deadweight", "reclaim", "-y", "--root", &root, &action]].concat());
        assert!(out.status.success() && text(&out).contains(&format!(" rm {name}")), "{way:?}: {}", text(&out));
        let left = docker(&engine, &["-H", &host, "ps", "-aq", "--filter", &format!("name={name}")]);
        assert_eq!(text(&left), "", "{way:?}");
    }
}
