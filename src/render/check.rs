//! Consistency, for people: a cause a paragraph, what suffers from it indented.

use std::io::{self, Write};

use super::Paper;
use super::table::kind;
use crate::report::{Cause, Check, Checked, NestedCheck, Object, Problem};

/// Lines of one kind below a cause; the rest is counted.
const SHOWN: usize = 12;

/// What there is to say of one root.
struct Part<'a> {
    causes: &'a [Cause],
    checked: &'a [Checked],
    problems: &'a [Problem],
}

pub fn check(check: &Check, quiet: bool, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    if quiet {
        let inside = check.nested.iter().flat_map(|inner| &inner.causes);
        return check.causes.iter().chain(inside).try_for_each(|cause| writeln!(out, "{}", paper.plain(&cause.path)));
    }
    for sentence in &check.verdict {
        writeln!(out, "{}", paper.plain(sentence))?;
    }
    let Check { causes, checked, problems, .. } = check;
    part(&Part { causes, checked, problems }, paper, out)?;
    check.nested.iter().try_for_each(|inner| nested(inner, check.content, paper, out))
}

/// A root inside another, and for whom what repairs it is meant.
fn nested(inner: &NestedCheck, content: bool, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    let said = inner.verdict.iter().take(if content { 2 } else { 1 });
    let said: Vec<&str> = said.map(String::as_str).collect();
    let head =
        format!("In {} ({}): {}", paper.plain(&inner.roots.join(", ")), named(&inner.inside, paper), said.join(" "));
    writeln!(out)?;
    wrapped("", &head, paper).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    if let Some(user) = inner.users.first().filter(|_| !inner.causes.is_empty()) {
        told(
            &format!("Its repairs are for the engine inside: docker exec {} docker …", paper.plain(user)),
            paper,
            out,
        )?;
    }
    let NestedCheck { causes, checked, problems, .. } = inner;
    part(&Part { causes, checked, problems }, paper, out)
}

fn part(it: &Part<'_>, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    for cause in it.causes {
        writeln!(out)?;
        one(cause, it.checked, paper, out)?;
    }
    not_checked(it.checked, paper, out)?;
    holes(it, paper, out)
}

fn one(cause: &Cause, checked: &[Checked], paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    let head = format!("{}: {}", paper.plain(&cause.path), paper.plain(&cause.cause));
    for line in wrapped("", &head, paper) {
        writeln!(out, "{}", paper.bold(&line))?;
    }
    let differences = checked.iter().filter(|row| cause.class == "content-mismatch" && is_of(row, cause));
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
    paper.wrapped(text, indent, &format!("{indent}    "))
}

fn is_of(row: &Checked, cause: &Cause) -> bool {
    cause.objects.iter().any(|object| object.kind == row.object.kind && object.id == row.object.id)
}

fn named(object: &Object, paper: &Paper) -> String {
    match object.name.as_str() {
        "" => format!("{} {}", kind(object.kind), paper.text(&object.id)),
        name => format!("{} {}", kind(object.kind), paper.plain(name)),
    }
}

fn not_checked(checked: &[Checked], paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = checked.iter().filter(|row| !row.not_checked_because.is_empty()).peekable();
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

fn holes(it: &Part<'_>, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    let shown = |path: &str| it.causes.iter().any(|c| c.path == path || c.consequences.iter().any(|a| a.path == path));
    let mut holes = it.problems.iter().filter(|problem| problem.lost != "nothing" && !shown(&problem.path)).peekable();
    if holes.peek().is_some() {
        writeln!(out, "\nCould not be read:")?;
    }
    for hole in holes {
        told(&format!("{}: {}", paper.plain(&hole.path), paper.plain(&hole.cause)), paper, out)?;
    }
    Ok(())
}
