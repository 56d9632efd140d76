//! `deadweight what-if ACTION…`

use std::io::{self, Write};

use super::Exit;
use super::args::Format;
use super::run::{Context, tell_whose};
use crate::plan::Action;
use crate::render;
use crate::report::{self, Analysis};

pub(super) fn run(
    cx: &Context<'_>,
    analysis: &Analysis<'_>,
    actions: &[String],
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<Exit> {
    let actions = match parse(actions) {
        Ok(actions) => actions,
        Err(cause) => return cx.refuse(&cause, Exit::Usage, err),
    };
    let answer = match report::what_if(analysis, &actions) {
        Ok(answer) => answer,
        Err(cause) => return cx.refuse(&cause, Exit::Partial, err),
    };
    tell_whose(cx, analysis, err)?;
    match cx.global.format {
        Format::Json => render::json(&answer, out)?,
        _ => render::what_if(&answer, &cx.paper, out)?,
    }
    Ok(cx.exit(analysis, false))
}

/// The actions, or which of them means nothing.
pub(super) fn parse(actions: &[String]) -> Result<Vec<Action>, String> {
    let one = |text: &String| Action::parse(text).map_err(|cause| format!("action {text:?}: {cause}"));
    actions.iter().map(one).collect()
}
