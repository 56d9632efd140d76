//! Which program, and which engine it talks to.

use std::ffi::OsString;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use std::time::Duration;

use super::command::{Docker, Failure};

/// Set by the Docker CLI for its plugins: the program that was called.
// docker/cli cli-plugins/manager: ReexecEnvvar
const ORIGINAL: &str = "DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND";

/// The CLI that started us as its plugin, else the one on the PATH.
pub fn program(is_plugin: bool) -> OsString {
    let original = std::env::var_os(ORIGINAL).filter(|program| is_plugin && !program.is_empty());
    original.unwrap_or_else(|| "docker".into())
}

/// The socket on this machine that the CLI talks to.
// docker/cli cli/command/cli.go resolveContextName: options outweigh the environment, and DOCKER_HOST the context chosen
pub fn endpoint(docker: &Docker, limit: Duration) -> Result<String, String> {
    let typed = match (&docker.host, &docker.context) {
        (Some(_), Some(_)) => return Err("conflicting options: cannot specify both --host and --context".to_owned()),
        (host, _) => host.clone(),
    };
    let given = || std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty() && docker.context.is_none());
    let host = match typed.or_else(given) {
        Some(host) => host,
        None => of_context(docker, limit).map_err(|failure| failure.to_string())?,
    };
    let Some(path) = host.strip_prefix("unix://") else {
        return Err(format!(
            "the Docker CLI talks to {host}, and only an engine behind a socket on this machine can be that of this disk; \
             `export DOCKER_HOST=unix:///var/run/docker.sock` chooses it"
        ));
    };
    match std::fs::metadata(Path::new(path)) {
        Ok(meta) if meta.file_type().is_socket() => Ok(host),
        Ok(_) => Err(format!("{path} is no socket; `docker context ls` shows where the CLI looks for the engine")),
        Err(cause) => {
            Err(format!("{path}: {cause}; no engine answers there, `systemctl status docker` shows whether it runs"))
        }
    }
}

fn of_context(docker: &Docker, limit: Duration) -> Result<String, Failure> {
    let format = "{{json .Endpoints.docker.Host}}";
    let answer = docker.ask_json(&["context", "inspect", "--format", format], limit)?;
    answer.as_str().map(str::to_owned).ok_or_else(|| Failure::Garbage {
        command: docker.line(&["context".to_owned(), "inspect".to_owned()]),
        cause: "no endpoint".to_owned(),
        said: answer.to_string().chars().take(200).collect(),
    })
}
