//! A Docker engine of our own: a private data root, sockets and pid file; nothing of the host's engine is touched.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::tree;

/// A running dockerd; stopped when dropped.
#[derive(Debug)]
pub(crate) struct Engine {
    dir: tempfile::TempDir,
    driver: &'static str,
    /// With containerd's image store, out of a tree of its own; whether dockerd starts that containerd.
    stored: Option<bool>,
    daemon: Option<Child>,
}

/// The client beside dockerd (`/usr/sbin/dockerd` and `/usr/bin/docker`), `DOCKER`, or whatever the PATH has.
fn client_path() -> PathBuf {
    if let Some(given) = std::env::var_os("DOCKER") {
        return given.into();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut homes: Vec<PathBuf> = std::env::split_paths(&path).filter(|dir| dir.join("dockerd").is_file()).collect();
    homes.extend(homes.clone().iter().filter_map(|dir| Some(dir.parent()?.join("bin"))));
    homes.into_iter().map(|dir| dir.join("docker")).find(|docker| docker.is_file()).unwrap_or_else(|| "docker".into())
}

/// Why there is none, in one line; a failure where an engine is required.
pub(crate) fn absent() -> Option<String> {
    let why = if !rustix::process::geteuid().is_root() {
        "not root"
    } else if Command::new("dockerd").arg("--version").stdout(Stdio::null()).status().is_err() {
        "no dockerd on the PATH"
    } else {
        return None;
    };
    assert!(std::env::var_os("REQUIRE_ENGINE").is_none(), "an engine is required, and cannot be started: {why}");
    Some(format!("live tests did not run: {why}"))
}

impl Engine {
    /// Starts a fresh one.
    pub(crate) fn start(driver: &'static str) -> Self {
        let dir = tempfile::Builder::new().prefix("dw").tempdir().unwrap();
        let mut engine = Self { dir, driver, stored: None, daemon: None };
        engine.boot();
        engine
    }

    /// Starts a fresh one with containerd's image store.
    pub(crate) fn start_stored(managed: bool) -> Self {
        let dir = tempfile::Builder::new().prefix("dw").tempdir().unwrap();
        let mut engine = Self { dir, driver: "overlayfs", stored: Some(managed), daemon: None };
        engine.boot();
        engine
    }

    /// Starts dockerd on the root as it is.
    pub(crate) fn boot(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(self.dir.path().join("log")).unwrap();
        let mut command = match self.stored {
            Some(managed) => tree::command(self.dir.path(), managed),
            None => self.plain(),
        };
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.daemon = Some(command.spawn().expect("dockerd can be started"));
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.get("/_ping").is_none() {
            let died = self.daemon.as_mut().and_then(|daemon| daemon.try_wait().unwrap());
            assert!(died.is_none() && Instant::now() < deadline, "dockerd did not come up:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn plain(&self) -> Command {
        let at = |name: &str| self.dir.path().join(name);
        std::fs::write(at("daemon.json"), "{}").unwrap();
        let mut command = Command::new("dockerd");
        command
            .arg("--data-root")
            .arg(at("docker"))
            .arg("--exec-root")
            .arg(at("exec"))
            .arg("--pidfile")
            .arg(at("pid"))
            .arg("--host")
            .arg(format!("unix://{}", self.socket().display()))
            .args(["--storage-driver", self.driver, "--bridge=none", "--iptables=false"])
            .arg("--config-file")
            .arg(at("daemon.json"));
        command
    }

    /// A clean stop.
    pub(crate) fn stop(&mut self) {
        let Some(mut daemon) = self.daemon.take() else { return };
        let pid = nix::unistd::Pid::from_raw(i32::try_from(daemon.id()).unwrap());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let deadline = Instant::now() + Duration::from_secs(60);
        while daemon.try_wait().unwrap().is_none() {
            if Instant::now() > deadline {
                let _ = daemon.kill();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The directory that holds the data root, `docker`.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.dir.path().join("docker")
    }

    /// The roots that there are.
    pub(crate) fn roots(&self) -> Vec<PathBuf> {
        let mut roots = vec![self.root(), self.dir.path().join("containerd")];
        roots.retain(|root| root.is_dir());
        roots
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join(if self.stored.is_some() { "run/docker.sock" } else { "sock" })
    }

    fn log(&self) -> String {
        let text = std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
        text.lines().rev().take(15).collect::<Vec<_>>().join("\n")
    }

    /// A program that speaks to this engine as its client does. The client is the one that came with the engine: another
    /// on the PATH may lack the builder that this engine needs.
    pub(crate) fn client(&self, program: &str) -> Command {
        let client = if self.stored.is_some() { self.dir.path().join("bin/docker") } else { client_path() };
        let near = client.parent().map(|dir| dir.display().to_string()).unwrap_or_default();
        let mut command = Command::new(if program == "docker" { client } else { program.into() });
        command.env("PATH", format!("{near}:{}", std::env::var("PATH").unwrap_or_default()));
        command.env("DOCKER_HOST", format!("unix://{}", self.socket().display()));
        command.env("DOCKER_CONFIG", self.dir.path().join("client")).stdin(Stdio::null());
        command
    }

    /// Runs a Docker command; whether it succeeded, and what it said.
    pub(crate) fn docker(&self, args: &[&str]) -> (bool, String) {
        let out = self.client("docker").args(args).output().unwrap();
        let said = [out.stdout, out.stderr].concat();
        (out.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    /// Runs the recipe of a fixture.
    pub(crate) fn recipe(&self, fixture: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(fixture).join("recipe.sh");
        let out = self.client("bash").arg(path).output().unwrap();
        assert!(out.status.success(), "{fixture}: {}", String::from_utf8_lossy(&out.stderr));
    }

    /// An answer of the API.
    pub(crate) fn get(&self, path: &str) -> Option<String> {
        let mut stream = UnixStream::connect(self.socket()).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: engine\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.contains(" 200 ").then(|| body.to_owned())
    }

    pub(crate) fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.get(path).expect("the engine answers")).expect("the answer is JSON")
    }

    pub(crate) fn version(&self) -> String {
        self.json("/version")["Version"].as_str().unwrap().to_owned()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if self.daemon.is_some() {
            let names = self.docker(&["ps", "-q"]).1;
            let running: Vec<&str> = names.split_whitespace().collect();
            if !running.is_empty() {
                self.docker(&[&["kill"][..], &running].concat());
            }
            self.stop();
        }
    }
}
