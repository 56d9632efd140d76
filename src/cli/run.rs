//! One command line, from arguments to exit status.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;

use clap::Parser as _;
use jiff::Timestamp;

use super::args::{Cli, Command, Global};
use super::progress::Progress;
use super::{Exit, plugin};
use crate::disk::{Disk, Weighed};
use crate::docker::EngineVersion;
use crate::inventory::Inventory;
use crate::render::Paper;
use crate::report::{Analysis, Cannot, Options, Reading};
use crate::terms::Place;
use crate::verify::{Verdict, subjects};

/// What every command needs.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) global: &'a Global,
    /// Options of the Docker CLI that started us.
    pub(super) docker: &'a plugin::Globals,
    pub(super) paper: Paper,
    /// Of all contents, if they were read before anything was weighed.
    pub(super) verdicts: Option<Vec<Verdict>>,
    /// When to stop reading contents.
    pub(super) until: Option<Instant>,
}

impl Context<'_> {
    /// A partial answer outranks anything found.
    pub(super) fn exit(&self, analysis: &Analysis<'_>, found: bool) -> Exit {
        match (analysis.reading.is_complete(), found) {
            (false, _) => Exit::Partial,
            (true, true) => Exit::Found,
            (true, false) => Exit::Done,
        }
    }

    /// There is no answer: says why.
    pub(super) fn refuse(&self, cause: &str, exit: Exit, err: &mut dyn Write) -> io::Result<Exit> {
        writeln!(err, "deadweight: {}", self.paper.plain(cause)).map(|()| exit)
    }
}

/// Of a root inside another: whose commands these are.
pub(super) fn tell_whose(cx: &Context<'_>, analysis: &Analysis<'_>, err: &mut dyn Write) -> io::Result<()> {
    let Some(inside) = &analysis.reading.inside else { return Ok(()) };
    let by = match inside.users.first() {
        Some(user) => format!(", such as: docker exec {user} docker …"),
        None => ", which no container runs now".to_owned(),
    };
    let said =
        format!("these commands are for the engine inside {}{by}; the one outside knows none of it", inside.called());
    writeln!(err, "deadweight: {}", cx.paper.plain(&said))
}

pub(super) fn run(
    args: Vec<OsString>,
    docker: &plugin::Globals,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<Exit> {
    if args.get(1).is_some_and(|arg| arg == plugin::METADATA) {
        return writeln!(out, "{}", plugin::metadata()).map(|()| Exit::Done);
    }
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(cause) if cause.use_stderr() => return write!(err, "{cause}").map(|()| Exit::Usage),
        Err(help) => return write!(out, "{help}").map(|()| Exit::Done),
    };
    let command = cli.command.unwrap_or(Command::Report { fail_on: Vec::new() });
    let options = match options(&cli.global).and_then(|options| check(&command, &cli.global).map(|()| options)) {
        Ok(options) => options,
        Err(cause) => return writeln!(err, "deadweight: {cause}\nFor more: deadweight --help").map(|()| Exit::Usage),
    };
    let mut options = options;
    options.nested = match &command {
        Command::Report { .. } | Command::Status => true,
        Command::Check(check) => check.goes_inside(),
        _ => false,
    };
    let until = match &command {
        Command::Check(check) => check.until(),
        _ => None,
    };
    options.journal = matches!(&command, Command::Check(check) if check.manifest.is_some());
    let (reading, verdicts) = read(&cli.global, (&command, until), options);
    let cx = Context { global: &cli.global, docker, paper: paper(&cli.global), verdicts, until };
    let reading = match reading {
        Ok(reading) => reading,
        Err(cause) => {
            let exit = match &cause {
                Cannot::Nested { complete: true, .. } => Exit::Found,
                Cannot::Nested { complete: false, .. } => Exit::Partial,
                _ => Exit::Unreadable,
            };
            return cx.refuse(&cause.to_string(), exit, err);
        }
    };
    let analysis = Analysis::of(&reading);
    // the report says so itself
    if let Some(doubt) = crate::report::doubt(&analysis).filter(|_| !matches!(command, Command::Report { .. })) {
        writeln!(err, "deadweight: {}", cx.paper.plain(&doubt))?;
    }
    dispatch(&cx, &analysis, command, out, err)
}

/// Reads the disk, and with it all contents if these are asked for: whoever has read a layer knows what it weighs.
fn read(
    global: &Global,
    (command, until): (&Command, Option<Instant>),
    options: Options,
) -> (Result<Reading, Cannot>, Option<Vec<Verdict>>) {
    let check = match command {
        Command::Check(check) if check.reads_all() && global.nested.is_none() => check,
        _ => return (weigh(global, options, |_, _| Vec::new()), None),
    };
    let (threads, mut verdicts) = (options.threads, None);
    let reading = weigh(global, options, |disk, inventory| {
        let found = verdicts.insert(super::check::read(global, (check, until), disk, threads, subjects(inventory)));
        super::check::take_weights(found)
    });
    (reading, verdicts)
}

fn weigh(
    global: &Global,
    options: Options,
    first: impl FnOnce(&Disk, &Inventory) -> Vec<(Place, Weighed)>,
) -> Result<Reading, Cannot> {
    // begins with the walk: what goes first has a progress of its own
    let progress = OnceLock::new();
    let survey = Mutex::new(Some(Progress::of(!global.no_progress, "reading what the engine wrote")));
    let survey_is_over = || drop(survey.lock().unwrap_or_else(PoisonError::into_inner).take());
    let progress = || {
        progress.get_or_init(|| {
            survey_is_over();
            Progress::new(!global.no_progress)
        })
    };
    let tell = |inodes, bytes| progress().add(inodes, bytes);
    let first = |disk: &Disk, inventory: &Inventory| {
        survey_is_over();
        first(disk, inventory)
    };
    match global.nested.as_deref() {
        Some(name) => Reading::within(options, name, &tell),
        None => Reading::after(options, first, &tell),
    }
}

fn dispatch(
    cx: &Context<'_>,
    analysis: &Analysis<'_>,
    command: Command,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<Exit> {
    match command {
        Command::Report { fail_on } => super::report::run(cx, analysis, &fail_on, out),
        Command::Why { object } => super::why::run(cx, analysis, &object, out, err),
        Command::Ls(ls) => super::ls::run(cx, analysis, &ls, out, err),
        Command::Check(check) => super::check::run(cx, analysis, &check, out, err),
        Command::Graph => super::graph::run(cx, analysis, out),
        Command::WhatIf { actions } => super::whatif::run(cx, analysis, &actions, out, err),
        Command::Plan(plan) => super::plan::run(cx, analysis, &plan, out, err),
        Command::Reclaim(reclaim) => super::reclaim::run(cx, analysis, &reclaim, out, err),
        Command::Status => super::status::run(cx, analysis, out),
        Command::Df { verbose, api_version } => {
            super::df::run(cx, analysis, (verbose, api_version.as_deref()), out, err)
        }
    }
}

fn options(global: &Global) -> Result<Options, String> {
    let engine = global
        .engine
        .as_deref()
        .map(|text| EngineVersion::parse(text).ok_or_else(|| format!("--engine {text}: not a version such as 28.5.2")));
    let now = global.now.as_deref().map(|text| {
        text.parse::<Timestamp>().map_err(|_| format!("--now {text}: not a time such as 2026-01-31T12:00:00Z"))
    });
    Ok(Options {
        root: global.root.clone(),
        host: global.host.clone(),
        containerd_root: global.containerd_root.clone(),
        daemon_config: global.daemon_config.clone(),
        engine: engine.transpose()?,
        threads: global.jobs.map(usize::from),
        ..Options::at(now.transpose()?.unwrap_or_else(Timestamp::now))
    })
}

/// What clap cannot see.
fn check(command: &Command, global: &Global) -> Result<(), String> {
    if global.format == super::args::Format::Dot && !matches!(command, Command::Graph) {
        return Err("--format dot is of `graph` alone".to_owned());
    }
    match command {
        Command::Ls(ls) => drop(super::ls::wanted(ls, &global.filter)?),
        // better no answer than one that only seems to be filtered
        _ if !global.filter.is_empty() => return Err(super::ls::NO_FILTER.to_owned()),
        Command::Df { api_version: Some(version), .. } => drop(super::api::parse(version)?),
        _ => {}
    }
    if let Command::WhatIf { actions } = command {
        super::whatif::parse(actions)?;
    }
    if let Command::Reclaim(reclaim) = command {
        if global.nested.is_some() {
            return Err(super::reclaim::NOT_INSIDE.to_owned());
        }
        super::whatif::parse(&reclaim.actions)?;
    }
    if let Command::Report { fail_on } = command {
        for rule in fail_on {
            let (class, _) = super::report::split(rule)
                .ok_or_else(|| format!("--fail-on {rule}: the size is no size such as 10GB"))?;
            if !crate::finding::RULES.iter().any(|known| known.class == class) {
                return Err(format!("--fail-on {rule}: there is no such class of findings"));
            }
        }
    }
    Ok(())
}

/// As wide as the terminal; not cut at all where nobody looks.
fn paper(global: &Global) -> Paper {
    let terminal = io::stdout().is_terminal();
    let width = comfy_table::Table::new().width().filter(|_| terminal);
    let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    Paper { width: columns.or(width), bytes: global.bytes, no_trunc: global.no_trunc, color: terminal && !plain }
}
