//! `deadweight reclaim --free SIZE | ACTION…`: shows, asks, looks again, runs, measures.
//!
//! ```text
//! plan or actions ─ shown ─ is the engine this disk's? ─ asked ─ read again: the same? ─ step by step ─ read again ─ account
//! ```
//! Whatever is not as thought ends it before anything is run, or after the step that was under way.

use std::io::{self, IsTerminal as _, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clap::{ArgGroup, Args};
use jiff::Timestamp;
use serde_json::json;

use super::args::Format;
use super::progress::Progress;
use super::run::Context;
use super::{Exit, plugin};
use crate::disk::Log;
use crate::engine::{self, Act, Docker};
use crate::plan::{Action, Keep};
use crate::render;
use crate::report::{self, Analysis, Ended, Promise, Ran, Reading, Target};

#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(false))]
pub(super) struct Reclaim {
    /// How much to free, such as 10GB or 512MiB: carries out what `plan` chooses
    #[arg(long, value_name = "SIZE", value_parser = super::plan::size, group = "what")]
    free: Option<Target>,
    /// With --free: never remove what matches, as `plan --keep` takes it
    #[arg(long, value_name = "KEY=VALUE", value_parser = Keep::parse, conflicts_with = "actions")]
    keep: Vec<Keep>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Add a line of JSON for everything that is done to this file, which must not lie below a root
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// How long one command may take
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = super::check::duration)]
    timeout: Duration,
    /// A removal as typed after `docker`, in quotes: "rm -v web" "image prune -f"
    #[arg(value_name = "ACTION", group = "what")]
    pub(super) actions: Vec<String>,
}

/// It speaks to the engine of this disk.
pub(super) const NOT_INSIDE: &str = "reclaim asks the engine outside, which knows nothing of what is in a nested root; \
                                     what to ask of the engine inside: plan --nested or what-if --nested";

/// How long the engine may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(60);

struct Job<'j, 'a> {
    cx: &'j Context<'j>,
    analysis: &'j Analysis<'a>,
    asked: &'j Reclaim,
    actions: Vec<Action>,
    promise: Promise,
    docker: Docker,
    log: Option<Log>,
}

pub(super) fn run(
    cx: &Context<'_>,
    analysis: &Analysis<'_>,
    asked: &Reclaim,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<Exit> {
    let log = match asked.journal.as_ref().map(|path| analysis.reading.disk.journal_at(path)).transpose() {
        Ok(log) => log,
        Err(cause) => {
            let path = asked.journal.as_deref().unwrap_or(std::path::Path::new("")).display();
            return writeln!(err, "deadweight: --journal {path}: {cause}").map(|()| Exit::Usage);
        }
    };
    let tables = cx.global.format != Format::Json;
    let chosen = match choose(cx, analysis, asked, out, tables)? {
        Ok(chosen) => chosen,
        Err(cause) => return cx.refuse(&cause, Exit::Partial, err),
    };
    let promise = match report::promise(analysis, &chosen.0) {
        Ok(promise) => promise,
        Err(cause) => return cx.refuse(&cause, Exit::Partial, err),
    };
    let docker = Docker {
        program: engine::program(plugin::is_plugin()),
        options: cx.docker.others.clone(),
        context: cx.docker.context.clone(),
        host: cx.docker.host.clone(),
    };
    let mut job = Job { cx, analysis, asked, actions: chosen.0, promise, docker, log };
    let short = chosen.1;
    job.run(short, out, err)
}

/// The actions, shown; and why they are not enough.
type Chosen = (Vec<Action>, Option<String>);

fn choose(
    cx: &Context<'_>,
    analysis: &Analysis<'_>,
    asked: &Reclaim,
    out: &mut dyn Write,
    tables: bool,
) -> io::Result<Result<Chosen, String>> {
    let Some(free) = &asked.free else {
        let actions = match super::whatif::parse(&asked.actions) {
            Ok(actions) => actions,
            Err(cause) => return Ok(Err(cause)),
        };
        return match report::what_if(analysis, &actions) {
            Ok(answer) if tables => render::what_if(&answer, &cx.paper, out).map(|()| Ok((actions, None))),
            answer => Ok(answer.map(|_| (actions, None))),
        };
    };
    let plan = match report::plan(analysis, free, &asked.keep) {
        Ok(plan) => plan,
        Err(cause) => return Ok(Err(cause)),
    };
    if tables {
        render::planned(&plan, &cx.paper, out)?;
    }
    let short = (!plan.reached).then(|| {
        format!(
            "what may be removed frees {} only; `deadweight reclaim --free {}B` would free that",
            cx.paper.size(plan.at_most_bytes),
            plan.at_most_bytes
        )
    });
    let actions = plan.steps.iter().filter_map(|step| Action::parse(&step.step.action).ok()).collect();
    Ok(Ok((actions, short)))
}

impl Job<'_, '_> {
    fn run(&mut self, short: Option<String>, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
        if let Some(because) = short.or_else(|| self.hopeless()) {
            return self.no(because, Exit::Found, out, err);
        }
        if self.actions.is_empty() {
            return self.end(&[], &Ended::Done, None, out, err);
        }
        if self.asked.dry_run {
            // with the endpoint that would be chosen, if there is one: a plan is of use without an engine, too
            if self.is_at_work_here()
                && let Ok(host) = engine::endpoint(&self.docker, PATIENCE)
            {
                self.docker.host = Some(host);
            }
            return self.dry(out, err);
        }
        // what can be refused without the engine is
        if !self.asked.yes && !io::stdin().is_terminal() {
            let because = "there is no terminal to ask on; -y says yes beforehand, --dry-run shows the commands";
            return self.no(because.to_owned(), Exit::Usage, out, err);
        }
        if let Err(because) = self.check() {
            return self.no(because, Exit::Found, out, err);
        }
        self.show(out)?;
        if !self.asked.yes && !ask(self.cx, &self.promise, out, err)? {
            return self.no("the answer was no".to_owned(), Exit::Found, out, err);
        }
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
            if let Err(cause) = signal_hook::flag::register(signal, Arc::clone(&stop)) {
                return self.no(format!("interruptions cannot be heeded: {cause}"), Exit::Found, out, err);
            }
        }
        if let Err(because) = self.look_again() {
            return self.no(because, Exit::Found, out, err);
        }
        self.act(&stop, out, err)
    }

    /// Why it makes no sense to talk to an engine at all.
    fn hopeless(&self) -> Option<String> {
        let refused = report::refused(&self.promise);
        let reading = self.analysis.reading;
        if let Some(first) = refused.first() {
            return Some(format!("the engine would refuse it: {first}"));
        }
        if self.asked.dry_run {
            return None;
        }
        if reading.options.host.is_some() {
            return Some("this is the disk of another host; run `deadweight reclaim` there".to_owned());
        }
        if reading.live_since.is_none() {
            return Some(
                "no engine is at work on this disk; `systemctl start docker`, then the same command again".to_owned(),
            );
        }
        None
    }

    fn is_at_work_here(&self) -> bool {
        let reading = self.analysis.reading;
        reading.options.host.is_none() && reading.live_since.is_some()
    }

    /// The engine answers, on this machine, and is the one of this disk.
    fn check(&mut self) -> Result<(), String> {
        self.docker.host = Some(engine::endpoint(&self.docker, PATIENCE)?);
        engine::check(&self.docker, self.analysis, PATIENCE).map_err(|cause| cause.to_string())?;
        let buildx = self.actions.iter().any(|action| matches!(action.verb, crate::plan::Verb::RemoveHistory { .. }));
        if buildx && let Err(cause) = self.docker.ask(&["buildx", "history", "rm", "--help"], PATIENCE) {
            return Err(format!(
                "this Docker CLI cannot remove records of builds ({cause}); `--keep kind=history` leaves them"
            ));
        }
        Ok(())
    }

    fn argvs(&self) -> Vec<Vec<String>> {
        self.actions.iter().map(|action| self.docker.argv(&action.unasked())).collect()
    }

    fn show(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.cx.global.format == Format::Json {
            return Ok(());
        }
        let lines: Vec<String> = self.actions.iter().map(|action| self.docker.line(&action.unasked())).collect();
        let frees: Vec<u64> = self.promise.prediction.steps.iter().map(|step| step.freed.allocated).collect();
        render::steps_to_run(&lines, &frees, &self.cx.paper, out)?;
        out.flush()
    }

    fn dry(&mut self, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
        self.show(out)?;
        if self.cx.global.format == Format::Json {
            let ended = Ended::NotBegun("--dry-run".to_owned());
            render::json(&report::account(self.analysis, &self.promise, &self.argvs(), &[], &ended, None), out)?;
        } else {
            writeln!(err, "deadweight: --dry-run: nothing was run")?;
        }
        Ok(self.cx.exit(self.analysis, false))
    }

    fn read(&self) -> Result<Reading, String> {
        let progress = Progress::new(!self.cx.global.no_progress);
        let options = report::Options { now: Timestamp::now(), ..self.analysis.reading.options.clone() };
        Reading::of(options, &|inodes, bytes| progress.add(inodes, bytes)).map_err(|cause| cause.to_string())
    }

    /// What the removals rely on is as it was.
    fn look_again(&mut self) -> Result<(), String> {
        let reading = self.read()?;
        let analysis = Analysis::of(&reading);
        let again = report::promise(&analysis, &self.actions)?;
        let mut changes = report::changes(&self.promise, &again);
        if reading.live_since.is_none() || reading.live_since != self.analysis.reading.live_since {
            changes.push("the engine was started or stopped".to_owned());
        }
        let more = changes.len().saturating_sub(3);
        changes.truncate(3);
        if more > 0 {
            changes.push(format!("{more} more changes"));
        }
        if changes.is_empty() {
            self.promise = again;
            return Ok(());
        }
        Err(format!(
            "the disk has changed meanwhile: {}; nothing was run. The same command again plans anew",
            changes.join("; ")
        ))
    }

    fn act(&mut self, stop: &Arc<AtomicBool>, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
        let tables = self.cx.global.format != Format::Json;
        let mut log = self.log.take();
        let begin = json!({ "event": "begin", "promised_bytes": self.promise.prediction.freed.allocated, "commands": self.argvs() });
        if let Err(cause) = note(&mut log, begin) {
            return self.no(cause, Exit::Found, out, err);
        }
        let act = Act {
            docker: &self.docker,
            disk: &self.analysis.reading.disk,
            limit: self.asked.timeout,
            stop: Arc::clone(stop),
        };
        let mut tell = |number: usize, argv: &[String], ran: Option<&Ran>| -> Result<(), String> {
            let step = self.promise.prediction.steps.get(number);
            let freed = step.map_or(0, |step| step.freed.allocated);
            if tables {
                // whoever reads may have gone; what is under way goes on
                let _ = render::reclaim_step(argv, freed, ran, &self.cx.paper, out);
                let _ = out.flush();
            }
            let entry = match ran {
                None => json!({ "event": "run", "argv": argv, "promised_bytes": freed }),
                Some(ran) => json!({
                    "event": "ran", "argv": argv, "status": ran.status, "seconds": ran.seconds, "as_promised": ran.as_promised,
                    "said": ran.message, "still_there": ran.still_there.iter().map(ToString::to_string).collect::<Vec<_>>(),
                }),
            };
            note(&mut log, entry)
        };
        let (ran, ended) = engine::act(&act, &self.promise.prediction, &mut tell);
        self.log = log;
        let after = self.read().ok().map(|reading| reading.ledger.total.allocated);
        self.end(&ran, &ended, after, out, err)
    }

    /// It goes no further, and nothing was run.
    fn no(&mut self, because: String, exit: Exit, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
        if self.cx.global.format == Format::Json {
            let ended = Ended::NotBegun(because.clone());
            render::json(&report::account(self.analysis, &self.promise, &self.argvs(), &[], &ended, None), out)?;
        }
        out.flush()?;
        writeln!(err, "deadweight: nothing was run: {}", self.cx.paper.plain(&because))?;
        Ok(if self.analysis.reading.is_complete() { exit } else { Exit::Partial })
    }

    fn end(
        &mut self,
        ran: &[Ran],
        ended: &Ended,
        after: Option<u64>,
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> io::Result<Exit> {
        let account = report::account(self.analysis, &self.promise, &self.argvs(), ran, ended, after);
        let entry = json!({
            "event": "end", "ended": account.ended, "because": account.because,
            "promised_bytes": account.promised_bytes, "freed_bytes": account.freed_bytes,
        });
        if let Err(cause) = note(&mut self.log, entry) {
            writeln!(err, "deadweight: {cause}")?;
        }
        match self.cx.global.format {
            Format::Json => render::json(&account, out)?,
            _ => render::reclaim(&account, &self.cx.paper, out)?,
        }
        out.flush()?;
        let whole = *ended == Ended::Done;
        if let Some(because) = &account.because {
            writeln!(err, "deadweight: it ended early: {}", self.cx.paper.plain(because))?;
            writeln!(err, "What was done is told above; `deadweight report` shows what is there now.")?;
        }
        Ok(self.cx.exit(self.analysis, !whole))
    }
}

fn note(log: &mut Option<Log>, mut entry: serde_json::Value) -> Result<(), String> {
    let Some(log) = log else { return Ok(()) };
    if let Some(fields) = entry.as_object_mut() {
        fields.insert("time".to_owned(), Timestamp::now().to_string().into());
    }
    log.line(&entry.to_string()).map_err(|cause| format!("the journal cannot be written: {cause}"))
}

/// Yes in a word, and nothing else.
fn ask(cx: &Context<'_>, promise: &Promise, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<bool> {
    out.flush()?;
    let freed = cx.paper.size(promise.prediction.freed.allocated);
    let which = match promise.prediction.steps.len() {
        1 => "this command".to_owned(),
        many => format!("these {many} commands"),
    };
    write!(err, "Run {which}, to free {freed}? [y/N] ")?;
    err.flush()?;
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
}
