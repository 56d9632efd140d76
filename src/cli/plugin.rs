//! As a plugin of the Docker CLI (`docker [OPTION…] deadweight …`) we are given the whole command line: Docker's own options,
//! our name, and what follows. Only what stands before our name is Docker's: `--host` means something else behind it. Asked
//! for our help (`docker help deadweight …`) it gives us that line, too.
// docker/cli cli-plugins/manager: PluginRunCommand; cli/flags: ClientOptions.InstallFlags

use std::ffi::OsString;

/// What the Docker CLI asks a plugin for.
pub(super) const METADATA: &str = "docker-cli-plugin-metadata";

/// Docker's options that stood before our name: for the commands that we run, and for nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Globals {
    /// `-H`, `--host`; the last one.
    pub(super) host: Option<String>,
    /// `-c`, `--context`
    pub(super) context: Option<String>,
    /// All others, as typed.
    pub(super) others: Vec<String>,
}

/// An option of Docker's: its names, and whether it takes a value.
const OPTIONS: &[(&str, Option<char>, bool)] = &[
    ("config", None, true),
    ("context", Some('c'), true),
    ("debug", Some('D'), false),
    ("host", Some('H'), true),
    ("log-level", Some('l'), true),
    ("tls", None, false),
    ("tlscacert", None, true),
    ("tlscert", None, true),
    ("tlskey", None, true),
    ("tlsverify", None, false),
];

/// What we are called by whoever types it; the first argument, so that usage lines say so.
const NAME: &str = "docker deadweight";

/// The arguments without the plugin's name and what stood before it.
pub(super) fn unwrap(args: Vec<OsString>) -> (Vec<OsString>, Globals) {
    let as_plugin = args.first().is_some_and(|program| is_plugins(program));
    match globals(&args).filter(|_| as_plugin) {
        Some((globals, ours, help)) => {
            let typed = args.into_iter().skip(ours.saturating_add(1));
            let all = std::iter::once(NAME.into()).chain(typed).chain(help.then(|| "--help".into()));
            (all.collect(), globals)
        }
        None => (args, Globals::default()),
    }
}

/// Docker's options, where our name stands behind them, and whether our help is asked for; none if it is not there.
fn globals(args: &[OsString]) -> Option<(Globals, usize, bool)> {
    let mut globals = Globals::default();
    let mut rest = args.iter().enumerate().skip(1);
    while let Some((at, word)) = rest.next() {
        let word = word.to_str()?;
        if word == "deadweight" {
            return Some((globals, at, false));
        }
        // docker/cli cmd/docker/docker.go: tryRunPluginHelp
        if word == "help" {
            return rest.next().filter(|(_, name)| *name == "deadweight").map(|(at, _)| (globals, at, true));
        }
        let mut value = || rest.next().and_then(|(_, value)| value.to_str()).map(str::to_owned);
        match word.strip_prefix("--") {
            Some(long) => {
                let (name, given) =
                    long.split_once('=').map_or((long, None), |(name, given)| (name, Some(given.to_owned())));
                let (name, _, takes) = OPTIONS.iter().find(|(known, ..)| *known == name)?;
                let given = if *takes { Some(given.map_or_else(&mut value, Some)?) } else { given };
                globals.take(name, given);
            }
            None => {
                let mut letters = word.strip_prefix('-').filter(|letters| !letters.is_empty())?.chars();
                while let Some(letter) = letters.next() {
                    let (name, _, takes) = OPTIONS.iter().find(|(_, short, _)| *short == Some(letter))?;
                    // `-Hunix://…`, `-H=unix://…`, `-H unix://…`
                    let behind = letters.as_str().strip_prefix('=').unwrap_or(letters.as_str()).to_owned();
                    match (*takes, behind.is_empty()) {
                        (false, _) => globals.take(name, None),
                        (true, true) => globals.take(name, Some(value()?)),
                        (true, false) => globals.take(name, Some(behind)),
                    }
                    if *takes {
                        break;
                    }
                }
            }
        }
    }
    None
}

impl Globals {
    fn take(&mut self, name: &str, value: Option<String>) {
        match (name, value) {
            ("host", Some(value)) => self.host = Some(value),
            ("context", Some(value)) => self.context = Some(value),
            (_, Some(value)) => self.others.push(format!("--{name}={value}")),
            (_, None) => self.others.push(format!("--{name}")),
        }
    }
}

/// Whether the Docker CLI started us.
pub(super) fn is_plugin() -> bool {
    std::env::args_os().next().is_some_and(|program| is_plugins(&program))
}

fn is_plugins(program: &std::ffi::OsStr) -> bool {
    std::path::Path::new(program).file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"docker-"))
}

/// The answer to `METADATA`.
pub(super) fn metadata() -> serde_json::Value {
    serde_json::json!({
        "SchemaVersion": "0.1.0",
        "Vendor": "deadweight",
        "Version": env!("CARGO_PKG_VERSION"),
        "ShortDescription": "Who owns every byte of the data root, and why it is kept",
    })
}

#[cfg(test)]
mod tests;
