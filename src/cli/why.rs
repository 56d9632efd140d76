//! `deadweight why OBJECT`, `deadweight why -`

use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt as _;

use super::Exit;
use super::args::Format;
use super::run::Context;
use crate::explain::{Ground, NotFound};
use crate::render;
use crate::report::{self, Analysis};

pub(super) fn run(
    cx: &Context<'_>,
    analysis: &Analysis<'_>,
    object: &OsStr,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<Exit> {
    let ground = Ground::of(&analysis.reading.inventory, &analysis.reading.owners);
    if object != "-" {
        let found = one(cx, analysis, &ground, object.as_bytes(), out, err)?;
        return Ok(cx.exit(analysis, !found));
    }
    let mut missing = false;
    for line in io::BufRead::split(io::stdin().lock(), b'\n') {
        let line = line?;
        if !line.is_empty() {
            missing |= !one(cx, analysis, &ground, &line, out, err)?;
        }
    }
    Ok(cx.exit(analysis, missing))
}

/// Whether it was found. Of many answers each JSON is a document of its own.
fn one(
    cx: &Context<'_>,
    analysis: &Analysis<'_>,
    ground: &Ground<'_>,
    word: &[u8],
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<bool> {
    match report::why(analysis, ground, word) {
        Ok(why) => match cx.global.format {
            Format::Json => render::json(&why, out),
            _ => render::why(&why, &cx.paper, out),
        }
        .map(|()| true),
        // an answer all the same: such a path stays for good
        Err(cause @ NotFound::Scaffold(_)) => writeln!(out, "{cause}").map(|()| true),
        Err(cause) => writeln!(err, "deadweight: {cause}").map(|()| false),
    }
}
