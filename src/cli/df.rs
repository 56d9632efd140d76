//! `deadweight df`

use std::io::{self, Write};

use super::Exit;
use super::api;
use super::args::Format;
use super::run::Context;
use crate::render;
use crate::report::{self, Analysis};

pub(super) fn run(
    cx: &Context<'_>,
    analysis: &Analysis<'_>,
    (verbose, api_version): (bool, Option<&str>),
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<Exit> {
    let api = match api::spoken(api_version, analysis.engine.version) {
        Ok(api) => api,
        Err(cause) => return writeln!(err, "deadweight: {cause}").map(|()| Exit::Usage),
    };
    let Some(df) = report::df(analysis, api) else {
        writeln!(err, "deadweight: {}", report::no_df(analysis))?;
        return Ok(Exit::Partial);
    };
    match cx.global.format {
        Format::Json => render::json(&df.answer, out)?,
        _ => {
            write!(out, "{}", cx.paper.lines(if verbose { &df.verbose } else { &df.summary }))?;
            render::left_out(&df, &cx.paper, out)?;
        }
    }
    df.doubts.iter().try_for_each(|doubt| writeln!(err, "deadweight: {}", cx.paper.plain(doubt)))?;
    Ok(if df.doubts.is_empty() { cx.exit(analysis, false) } else { Exit::Partial })
}
