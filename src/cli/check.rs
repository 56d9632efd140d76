//! `deadweight check`

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;

use super::Exit;
use super::args::{Format, Global};
use super::progress::Rate;
use super::run::Context;
use crate::disk::{Disk, Weighed};
use crate::explain::{Ground, find};
use crate::render;
use crate::report::{self, Analysis, Scope};
use crate::terms::Place;
use crate::verify::{self, Orders, Part, Subject, Verdict};

#[derive(Clone, Debug, Args)]
pub(super) struct Check {
    /// Read every layer, snapshot and blob to the last byte, and say which file differs in what
    #[arg(long)]
    content: bool,
    /// Of all there is to read, the N-th of T parts: so that a whole is read in T runs
    #[arg(long, value_name = "N/T", requires = "content", value_parser = part)]
    subset: Option<Part>,
    /// Stop reading after this time, such as 30s or 2h; what is left is not checked
    #[arg(long, value_name = "TIME", requires = "content", value_parser = duration)]
    max_time: Option<Duration>,
    /// Write the SHA-256, size and times of every file read to this new file, which must not lie below a root
    #[arg(long, value_name = "FILE")]
    pub(super) manifest: Option<PathBuf>,
    /// Only this object with all that it needs: an image, container, layer, volume or blob
    object: Option<OsString>,
}

fn part(text: &str) -> Result<Part, String> {
    let parts = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
    match parts {
        Some((number, of)) if number >= 1 && number <= of => Ok(Part { number, of }),
        _ => Err("two numbers such as 1/7 are wanted".to_owned()),
    }
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let signed = match text.parse() {
        Ok(seconds) => jiff::SignedDuration::from_secs(seconds),
        Err(_) => text.parse().map_err(|_| "a time such as 90s, 15m or 2h is wanted".to_owned())?,
    };
    Duration::try_from(signed).map_err(|_| "a time that has not passed is wanted".to_owned())
}

pub(super) fn run(
    cx: &Context<'_>,
    analysis: &Analysis<'_>,
    check: &Check,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<Exit> {
    if let Some(path) = &check.manifest
        && let Err(cause) = analysis.reading.disk.may_write(path)
    {
        return writeln!(err, "deadweight: --manifest {}: {cause}", path.display()).map(|()| Exit::Usage);
    }
    let scope = match check.object.as_deref().map(|word| scope(analysis, word)).transpose() {
        Ok(scope) => scope.unwrap_or_default(),
        Err(cause) => return writeln!(err, "deadweight: {cause}").map(|()| cx.exit(analysis, true)),
    };
    let verdicts = check.content.then(|| verdicts(cx, analysis, check, &scope));
    let answer = report::check(analysis, &scope, verdicts.as_deref());
    match cx.global.format {
        Format::Json => render::json(&answer, out)?,
        _ => render::check(&answer, cx.global.quiet, &cx.paper, out)?,
    }
    if let Some(path) = &check.manifest
        && let Err(cause) = analysis.reading.disk.write_manifest(path, analysis.reading.options.now)
    {
        writeln!(err, "deadweight: {}: {cause}", path.display())?;
        return Ok(Exit::Partial);
    }
    Ok(match answer.complete {
        false => Exit::Partial,
        true if answer.state == "damaged" => Exit::Found,
        true => Exit::Done,
    })
}

/// About all contents: those that were read before anything was weighed, and what is left.
fn verdicts(cx: &Context<'_>, analysis: &Analysis<'_>, check: &Check, scope: &Scope) -> Vec<Verdict> {
    let reading = analysis.reading;
    let left = match cx.verdicts {
        Some(_) => report::to_check_inside(analysis),
        None => report::to_check(analysis, scope),
    };
    let read = read(cx.global, (check, cx.until), &reading.disk, reading.options.threads, left);
    cx.verdicts.iter().flatten().cloned().chain(read).collect()
}

fn scope(analysis: &Analysis<'_>, word: &OsStr) -> Result<Scope, String> {
    let reading = &analysis.reading;
    let ground = Ground::of(&reading.inventory, &reading.owners);
    let (key, _) = find(&reading.inventory, &ground, &reading.disk, word.as_bytes()).map_err(|e| e.to_string())?;
    Ok(Scope::of(analysis, &key))
}

impl Check {
    /// All contents are read: what depends on what need not be known first.
    pub(super) fn reads_all(&self) -> bool {
        self.content && self.object.is_none() && self.manifest.is_none()
    }

    /// Data roots inside volumes and containers are checked, too.
    pub(super) fn goes_inside(&self) -> bool {
        self.object.is_none()
    }

    /// When to stop reading.
    pub(super) fn until(&self) -> Option<Instant> {
        self.max_time.and_then(|time| Instant::now().checked_add(time))
    }
}

/// What the directories weigh of which every inode was looked at.
pub(super) fn take_weights(verdicts: &mut [Verdict]) -> Vec<(Place, Weighed)> {
    verdicts.iter_mut().filter_map(|verdict| Some((verdict.at.clone(), verdict.weighed.take()?))).collect()
}

/// Reads the contents.
pub(super) fn read(
    global: &Global,
    (check, until): (&Check, Option<Instant>),
    disk: &Disk,
    threads: Option<usize>,
    subjects: Vec<Subject>,
) -> Vec<Verdict> {
    let mut subjects = subjects;
    subjects.retain(|subject| check.subset.is_none_or(|part| part.has(subject)));
    if subjects.is_empty() {
        return Vec::new();
    }
    let total = subjects.iter().map(|subject| subject.size).fold(0, u64::saturating_add);
    let rate = Rate::new(!global.no_progress, total);
    let orders = Orders { threads: threads.unwrap_or_else(crate::usage::default_threads), until };
    verify::run(disk, subjects, orders, &|files, bytes| rate.add(files, bytes))
}
