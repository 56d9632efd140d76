//! `deadweight report`

use std::io::{self, Write};

use super::run::Context;
use super::{Exit, args::Format};
use crate::render;
use crate::report::{self, Analysis, Report};

pub(super) fn run(
    cx: &Context<'_>,
    analysis: &Analysis<'_>,
    fail_on: &[String],
    out: &mut dyn Write,
) -> io::Result<Exit> {
    let report = report::report(analysis);
    match cx.global.format {
        Format::Json => render::json(&report, out)?,
        _ => render::report(&report, &report::groups(&report), &cx.paper, out)?,
    }
    let wanted = fail_on.iter().any(|rule| is_met(rule, &report));
    Ok(cx.exit(analysis, wanted))
}

/// `CLASS` or `CLASS:SIZE`
fn is_met(rule: &str, report: &Report) -> bool {
    let (class, least) = split(rule).unwrap_or((rule, 0));
    report.findings.iter().any(|finding| finding.class == class && finding.on_disk_bytes >= least)
}

/// The parts of a rule; none if its size is no size.
pub(super) fn split(rule: &str) -> Option<(&str, u64)> {
    match rule.split_once(':') {
        None => Some((rule, 0)),
        Some((class, size)) => Some((class, parse_size::parse_size(size).ok()?)),
    }
}
