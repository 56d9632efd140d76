//! `deadweight status`

use std::io::{self, Write};

use super::Exit;
use super::args::Format;
use super::run::Context;
use crate::render;
use crate::report::{self, Analysis};

pub(super) fn run(cx: &Context<'_>, analysis: &Analysis<'_>, out: &mut dyn Write) -> io::Result<Exit> {
    let status = report::status(analysis);
    match cx.global.format {
        Format::Json => render::json(&status, out)?,
        _ => render::status(&status, &cx.paper, out)?,
    }
    Ok(cx.exit(analysis, false))
}
