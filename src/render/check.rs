//! Consistency, for people: a cause a paragraph, what suffers from it indented.

use std::io::{self, Write};

use super::Paper;
use crate::report::{Cause, Check, Checked, Object};

/// Lines of one kind below a cause; the rest is counted.
const SHOWN: usize = 12;

pub fn check(check: &Check, quiet: bool, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    if quiet {
        return check.causes.iter().try_for_each(|cause| writeln!(out, "{}", paper.plain(&cause.path)));
    }
    for sentence in &check.verdict {
        writeln!(out, "{}", paper.plain(sentence))?;
    }
    for cause in &check.causes {
        writeln!(out)?;
        one(cause, check, paper, out)?;
    }
    not_checked(check, paper, out)?;
    if !check.nested.is_empty() {
        writeln!(out)?;
    }
    for inner in &check.nested {
        let root = inner.roots.first().map(String::as_str).unwrap_or_default();
        let also = inner.cannot.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        writeln!(out, "Not checked: {} in {}{also}", paper.plain(root), named(&inner.inside, paper))?;
    }
    holes(check, paper, out)
}

fn one(cause: &Cause, check: &Check, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    let head = format!("{}: {}", paper.plain(&cause.path), paper.plain(&cause.cause));
    for line in wrapped("", &head, paper) {
        writeln!(out, "{}", paper.bold(&line))?;
    }
    let differences = check.checked.iter().filter(|row| cause.class == "content-mismatch" && is_of(row, cause));
    let mut lines: Vec<String> = differences
        .flat_map(|row| &row.differences)
        .filter(|difference| difference.path != cause.path || !cause.cause.starts_with(&difference.what))
        .map(|d| format!("{}: {}: {}", paper.plain(&d.path), d.what, paper.plain(&d.detail)))
        .collect();
    lines.extend(
        cause.consequences.iter().map(|also| format!("{}: {}", paper.plain(&also.path), paper.plain(&also.cause))),
    );
    lines.extend(cause.victims.iter().map(|victim| format!("{} {}", named(&victim.object, paper), victim.effect)));
    for line in lines.iter().take(SHOWN) {
        told(line, paper, out)?;
    }
    if lines.len() > SHOWN {
        writeln!(out, "  … and {} more: --format json", lines.len().saturating_sub(SHOWN))?;
    }
    told(&format!("Repair: {}", cause.repair), paper, out)
}

/// A line below a heading.
fn told(text: &str, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    wrapped("  ", text, paper).iter().try_for_each(|line| writeln!(out, "{line}"))
}

/// As wide as the terminal; a path stays whole, so that it can be copied.
fn wrapped(indent: &str, text: &str, paper: &Paper) -> Vec<String> {
    const NARROWEST: u16 = 20;
    let Some(width) = paper.width else { return vec![format!("{indent}{text}")] };
    let deeper = format!("{indent}    ");
    let options = textwrap::Options::new(usize::from(width.max(NARROWEST)))
        .initial_indent(indent)
        .subsequent_indent(&deeper)
        .break_words(false)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::wrap(text, options).into_iter().map(String::from).collect()
}

fn is_of(row: &Checked, cause: &Cause) -> bool {
    cause.objects.iter().any(|object| object.kind == row.object.kind && object.id == row.object.id)
}

fn named(object: &Object, paper: &Paper) -> String {
    match object.name.as_str() {
        "" => format!("{} {}", object.kind, paper.text(&object.id)),
        name => format!("{} {}", object.kind, paper.plain(name)),
    }
}

fn not_checked(check: &Check, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = check.checked.iter().filter(|row| !row.not_checked_because.is_empty()).peekable();
    if rows.peek().is_some() {
        writeln!(out, "\nNot checked:")?;
    }
    let (designed, rows): (Vec<&Checked>, Vec<&Checked>) = rows.partition(|row| row.nothing_to_check_with);
    let mut reasons: Vec<&String> = designed.iter().flat_map(|row| &row.not_checked_because).collect();
    reasons.sort();
    reasons.dedup();
    for because in reasons {
        let count = designed.iter().filter(|row| row.not_checked_because.contains(because)).count();
        told(&format!("{count} snapshots: {because}"), paper, out)?;
    }
    for row in rows {
        for because in &row.not_checked_because {
            told(&format!("{}: {}", named(&row.object, paper), paper.plain(because)), paper, out)?;
        }
    }
    Ok(())
}

fn holes(check: &Check, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    let shown =
        |path: &str| check.causes.iter().any(|c| c.path == path || c.consequences.iter().any(|a| a.path == path));
    let mut holes =
        check.problems.iter().filter(|problem| problem.lost != "nothing" && !shown(&problem.path)).peekable();
    if holes.peek().is_some() {
        writeln!(out, "\nCould not be read:")?;
    }
    for hole in holes {
        told(&format!("{}: {}", paper.plain(&hole.path), paper.plain(&hole.cause)), paper, out)?;
    }
    Ok(())
}
