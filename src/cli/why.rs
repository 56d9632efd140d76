//! `deadweight why OBJECT`, `deadweight why -`

use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt as _;

use super::Exit;
use super::args::Format;
use super::run::Context;
use crate::explain::NotFound;
use crate::render;
use crate::report::{Analysis, Insides, Teller};

pub(super) fn run(
    cx: &Context<'_>,
    analysis: &Analysis<'_>,
    object: &OsStr,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<Exit> {
    let insides = Insides::default();
    let teller = Teller::new(analysis, &insides);
    let mut told = Told { found: true, complete: true };
    if object == "-" {
        for line in io::BufRead::split(io::stdin().lock(), b'\n') {
            let line = line?;
            if !line.is_empty() {
                told = told.and(one(cx, &teller, &line, out, err)?);
            }
        }
    } else {
        told = one(cx, &teller, object.as_bytes(), out, err)?;
    }
    Ok(if told.complete { cx.exit(analysis, !told.found) } else { Exit::Partial })
}

/// Whether it was found, and all could be read that tells of it.
#[derive(Clone, Copy)]
struct Told {
    found: bool,
    complete: bool,
}

impl Told {
    fn and(self, other: Self) -> Self {
        Self { found: self.found && other.found, complete: self.complete && other.complete }
    }
}

/// Of many answers each JSON is a document of its own.
fn one(
    cx: &Context<'_>,
    teller: &Teller<'_>,
    word: &[u8],
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<Told> {
    match teller.why(word) {
        Ok(why) => {
            match cx.global.format {
                Format::Json => render::json(&why, out)?,
                _ => render::why(&why, &cx.paper, out)?,
            }
            Ok(Told { found: true, complete: why.problems.iter().all(|problem| problem.lost == "nothing") })
        }
        // an answer all the same: such a path stays for good
        Err(NotFound::Scaffold(place)) => {
            match cx.global.format {
                Format::Json => render::json(&teller.own_directory(&place), out)?,
                _ => writeln!(out, "{}", NotFound::Scaffold(place))?,
            }
            Ok(Told { found: true, complete: true })
        }
        Err(cause) => writeln!(err, "deadweight: {cause}").map(|()| Told { found: false, complete: true }),
    }
}
