//! `deadweight plan --free SIZE [--keep RULE]…`

use std::io::{self, Write};

use clap::Args;

use super::Exit;
use super::args::Format;
use super::run::{Context, tell_whose};
use crate::plan::Keep;
use crate::render;
use crate::report::{self, Analysis, Target};

/// What to free, and what to leave alone.
#[derive(Clone, Debug, Args)]
pub(super) struct Plan {
    /// How much to free, such as 10GB or 512MiB
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(super) free: Target,
    /// Never remove what matches; any number of them: name=web*, label=key[=value], until=24h (made or used since),
    /// kind=container|image|cache|volume|history, id=3f2a
    #[arg(long, value_name = "KEY=VALUE", value_parser = Keep::parse)]
    pub(super) keep: Vec<Keep>,
}

pub(super) fn size(text: &str) -> Result<Target, String> {
    match parse_size::parse_size(text) {
        Ok(0) => Err("it is nothing".to_owned()),
        Ok(bytes) => Ok(Target { bytes, text: text.to_owned() }),
        Err(_) => Err("it is no size such as 10GB or 512MiB".to_owned()),
    }
}

pub(super) fn run(
    cx: &Context<'_>,
    analysis: &Analysis<'_>,
    asked: &Plan,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<Exit> {
    let answer = match report::plan(analysis, &asked.free, &asked.keep) {
        Ok(answer) => answer,
        Err(cause) => return cx.refuse(&cause, Exit::Partial, err),
    };
    tell_whose(cx, analysis, err)?;
    match cx.global.format {
        Format::Json => render::json(&answer, out)?,
        _ => render::plan(&answer, &cx.paper, out)?,
    }
    if !answer.reached {
        writeln!(
            err,
            "deadweight: what may be removed frees {}, not {}; `deadweight report` shows what fills the disk",
            cx.paper.size(answer.at_most_bytes),
            cx.paper.size(answer.target_bytes)
        )?;
    }
    Ok(cx.exit(analysis, !answer.reached))
}
