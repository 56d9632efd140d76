//! `deadweight ls …`

use std::io::{self, Write};

use super::Exit;
use super::args::{Format, Ls, What};
use super::run::Context;
use crate::render;
use crate::report::{self, Analysis, Lines, Listing};

pub(super) fn run(
    cx: &Context<'_>,
    analysis: &Analysis<'_>,
    ls: &Ls,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<Exit> {
    match ls.what {
        Some(what) => rows(cx, analysis, what, out),
        None => plain(cx, analysis, ls, out, err),
    }
}

fn rows(cx: &Context<'_>, analysis: &Analysis<'_>, what: What, out: &mut dyn Write) -> io::Result<Exit> {
    let what = match what {
        What::Images => Listing::Images,
        What::Containers => Listing::Containers,
        What::Layers => Listing::Layers,
        What::Volumes => Listing::Volumes,
        What::Cache => Listing::Cache,
        What::Logs => Listing::Logs,
    };
    let list = report::list(analysis, what, cx.global.store.as_deref());
    match cx.global.format {
        Format::Json => render::json(&list, out)?,
        _ => render::list(&list, cx.global.quiet, &cx.paper, out)?,
    }
    Ok(cx.exit(analysis, false))
}

fn plain(
    cx: &Context<'_>,
    analysis: &Analysis<'_>,
    ls: &Ls,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<Exit> {
    let what = match (ls.dead, ls.live) {
        (true, _) => Lines::Dead,
        (_, true) => Lines::Live,
        _ => Lines::Roots,
    };
    let (lines, withheld) = report::lines(analysis, what);
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    withheld.iter().try_for_each(|because| writeln!(err, "deadweight: withheld, since {because}"))?;
    Ok(cx.exit(analysis, false))
}
