//! `deadweight ls …`

use std::io::{self, Write};

use super::Exit;
use super::api;
use super::args::{Format, Ls, What};
use super::run::Context;
use crate::render;
use crate::report::{self, Analysis, Lines, Listing, Unlisted, Wanted};

/// What other commands say to options of the lists.
pub(super) const NO_FILTER: &str = "--filter goes with ls images, ls containers and ls volumes";
const NO_API: &str = "--api-version goes with df, ls images and ls containers";

pub(super) fn run(
    cx: &Context<'_>,
    analysis: &Analysis<'_>,
    ls: &Ls,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<Exit> {
    match ls.what {
        Some(what) => rows(cx, analysis, ls, listing(what), out, err),
        None => plain(cx, analysis, ls, out, err),
    }
}

/// What the filters mean; or what is wrong with them.
pub(super) fn wanted(ls: &Ls, filters: &[String]) -> Result<Wanted, String> {
    if let Some(version) = ls.api_version.as_deref() {
        let told = matches!(ls.what, Some(What::Images | What::Containers));
        api::parse(version).and_then(|_| if told { Ok(()) } else { Err(NO_API.to_owned()) })?;
    }
    match ls.what {
        Some(what) => Wanted::parse(listing(what), filters),
        None if filters.is_empty() => Ok(Wanted::default()),
        None => Err(NO_FILTER.to_owned()),
    }
}

fn listing(what: What) -> Listing {
    match what {
        What::Images => Listing::Images,
        What::Containers => Listing::Containers,
        What::Layers => Listing::Layers,
        What::Volumes => Listing::Volumes,
        What::Cache => Listing::Cache,
        What::Logs => Listing::Logs,
    }
}

fn rows(
    cx: &Context<'_>,
    analysis: &Analysis<'_>,
    ls: &Ls,
    what: Listing,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<Exit> {
    let global = cx.global;
    let store = global.store.as_deref();
    let told = wanted(ls, &global.filter)
        .and_then(|wanted| Ok((wanted, api::spoken(ls.api_version.as_deref(), analysis.engine.version)?)));
    let (wanted, api) = match told {
        Ok(told) => told,
        Err(cause) => return writeln!(err, "deadweight: {cause}").map(|()| Exit::Usage),
    };
    let of_engine = matches!(what, Listing::Images | Listing::Containers) && global.format == Format::Json;
    let written = if of_engine {
        report::engine_list(analysis, what, store, &wanted, api).map(|list| render::json(&list, out))
    } else {
        report::list(analysis, what, store, &wanted).map(|list| match global.format {
            Format::Json => render::json(&list, out),
            _ => render::list(&list, global.quiet, &cx.paper, out),
        })
    };
    match written {
        Ok(written) => written.map(|()| cx.exit(analysis, false)),
        Err(Unlisted::NoSuch(cause)) => writeln!(err, "deadweight: {cause}").map(|()| cx.exit(analysis, true)),
        Err(Unlisted::NotRead(cause)) => writeln!(err, "deadweight: {cause}").map(|()| Exit::Partial),
    }
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
