//! One run of the Docker CLI.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use wait_timeout::ChildExt as _;

/// What is kept of either stream.
const CAP: u64 = 1 << 20;
/// How long a stream may stay open after the program ended: somebody it started may hold it.
const AFTERWARDS: Duration = Duration::from_secs(2);

/// The Docker CLI of this machine.
#[derive(Clone, Debug)]
pub struct Docker {
    pub program: OsString,
    /// Docker's own options, as they were given to the CLI that started us.
    pub options: Vec<String>,
    /// Until the host is known, the context that was asked for.
    pub context: Option<String>,
    /// Given with every command: nothing in the environment or in a context changes whom we talk to.
    pub host: Option<String>,
}

/// What a run said.
#[derive(Clone, Debug)]
pub struct Said {
    pub status: Option<i32>,
    pub out: String,
    pub err: String,
    pub took: Duration,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error("{program}: there is no such program; install Docker's client, or put it on the PATH")]
    Missing { program: String },
    #[error("{program} cannot be started: {cause}")]
    Start { program: String, cause: String },
    #[error("`{command}` did not end within {}, and was ended; the engine may still be at work on it", seconds(*limit))]
    Hangs { command: String, limit: Duration },
    #[error("`{command}` failed with {status}: {said}")]
    Fails { command: String, status: String, said: String },
    #[error("`{command}` answered what cannot be understood ({cause}): {said:?}")]
    Garbage { command: String, cause: String, said: String },
}

impl Docker {
    /// The whole argument vector of a command; `words` are what follows `docker`.
    pub fn argv(&self, words: &[String]) -> Vec<String> {
        let program = std::iter::once(self.program.to_string_lossy().into_owned());
        program.chain(self.globals()).chain(words.iter().cloned()).collect()
    }

    /// The CLI refuses a host and a context together.
    fn globals(&self) -> impl Iterator<Item = String> {
        let host = self.host.iter().flat_map(|host| ["--host".to_owned(), host.clone()]);
        let context = self.context.iter().filter(|_| self.host.is_none());
        let context = context.flat_map(|context| ["--context".to_owned(), context.clone()]);
        self.options.iter().cloned().chain(context).chain(host)
    }

    /// The same as one would type it.
    pub fn line(&self, words: &[String]) -> String {
        let argv = self.argv(words);
        shlex::try_join(argv.iter().map(String::as_str)).unwrap_or_else(|_| argv.join(" "))
    }

    /// Runs a command to its end, whatever that is.
    pub fn run(&self, words: &[String], limit: Duration) -> Result<Said, Failure> {
        let program = || self.program.to_string_lossy().into_owned();
        let mut command = Command::new(&self.program);
        command.args(self.globals()).args(words);
        // a group of its own: whoever interrupts us does not interrupt what is under way
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // the engine's own builder, whichever one was chosen for builds
        command.env("BUILDX_BUILDER", "default").env("DOCKER_CLI_HINTS", "false");
        if self.host.is_some() {
            command.env_remove("DOCKER_CONTEXT");
        }
        let start = Instant::now();
        let mut child = command.spawn().map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound => Failure::Missing { program: program() },
            _ => Failure::Start { program: program(), cause: cause.to_string() },
        })?;
        let (out, err) = (read(child.stdout.take()), read(child.stderr.take()));
        let status = match child.wait_timeout(limit) {
            Ok(Some(status)) => status,
            Ok(None) => {
                end(&mut child);
                return Err(Failure::Hangs { command: self.line(words), limit });
            }
            Err(cause) => {
                end(&mut child);
                return Err(Failure::Start { program: program(), cause: cause.to_string() });
            }
        };
        let text = |stream: Receiver<String>| stream.recv_timeout(AFTERWARDS).unwrap_or_default();
        Ok(Said { status: status.code(), out: text(out), err: text(err), took: start.elapsed() })
    }

    /// The answer of a command that succeeds.
    pub fn ask(&self, words: &[&str], limit: Duration) -> Result<String, Failure> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let said = self.run(&words, limit)?;
        match said.status {
            Some(0) => Ok(said.out),
            _ => Err(Failure::Fails { command: self.line(&words), status: said.ended(), said: said.message() }),
        }
    }

    /// The same as JSON.
    pub fn ask_json(&self, words: &[&str], limit: Duration) -> Result<serde_json::Value, Failure> {
        let out = self.ask(words, limit)?;
        serde_json::from_str(&out).map_err(|cause| Failure::Garbage {
            command: self.line(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()),
            cause: cause.to_string(),
            said: short(&out),
        })
    }
}

impl Said {
    pub fn ended(&self) -> String {
        self.status.map_or_else(|| "a signal".to_owned(), |status| format!("status {status}"))
    }

    /// What it complained of, else what it said, not too long.
    pub fn message(&self) -> String {
        short(if self.err.trim().is_empty() { &self.out } else { &self.err })
    }
}

fn short(text: &str) -> String {
    const LONGEST: usize = 600;
    let text = text.trim();
    let cut: String = text.chars().take(LONGEST).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}

/// Takes a stream in to its end, of which the beginning is kept.
fn read(stream: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            let _ = stream.by_ref().take(CAP).read_to_end(&mut bytes);
            // a full pipe would stop the program
            let _ = io::copy(&mut stream, &mut io::sink());
        }
        let _ = send.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receive
}

/// Ends a program and what it started.
fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn seconds(limit: Duration) -> String {
    match limit.as_secs() {
        1 => "1 second".to_owned(),
        many => format!("{many} seconds"),
    }
}
