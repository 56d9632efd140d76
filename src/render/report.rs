//! The report, for people: the verdict, the owners that add up, the findings, what could not be read.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::{Paper, table};
use crate::report::{Finding, Group, Nested, Report};

/// Findings shown in full; the rest is counted.
const SHOWN: usize = 20;
/// Of a data root inside a volume.
const SHOWN_INSIDE: usize = 5;

pub fn report(report: &Report, groups: &[Group], paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    for sentence in &report.verdict {
        wrapped(sentence, "", paper, out)?;
    }
    writeln!(out)?;
    owners(report, groups, paper, out)?;
    findings(report, paper, out)?;
    report.nested.iter().try_for_each(|inner| nested(inner, paper, out))?;
    holes(report, paper, out)
}

fn owners(report: &Report, groups: &[Group], paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = table(
        paper,
        &["OWNER", "STORE", "COUNT", "ON DISK", "SHARE", "INODES", "DOCKER SHOWS", "HIDDEN"],
        &[2, 3, 4, 5, 6, 7],
    );
    for group in groups {
        rows.add_row([
            group.words.clone(),
            paper.text(&group.store),
            group.count.to_string(),
            paper.size(group.on_disk_bytes),
            group.share.clone(),
            group.inodes.to_string(),
            paper.size(group.docker_df_bytes),
            paper.size(group.hidden_bytes),
        ]);
    }
    let totals = &report.totals;
    rows.add_row([
        "total".to_owned(),
        String::new(),
        report.owners.len().to_string(),
        paper.size(totals.on_disk_bytes),
        "100%".to_owned(),
        totals.inodes.to_string(),
        paper.size(totals.docker_df_bytes),
        paper.size(totals.hidden_bytes),
    ]);
    writeln!(out, "{}", rows.trim_fmt())?;
    writeln!(out)
}

fn findings(report: &Report, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    if report.findings.is_empty() {
        return writeln!(out, "Nothing found that stands out.");
    }
    for finding in report.findings.iter().take(SHOWN) {
        one(finding, paper, out)?;
    }
    let more = report.findings.len().saturating_sub(SHOWN);
    if more > 0 {
        writeln!(out, "… and {more} smaller findings (all of them: --format json)")?;
    }
    Ok(())
}

/// A data root inside something: what is found in it, shortly.
fn nested(inner: &Nested, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    let roots: Vec<&str> = inner.roots.iter().map(|root| root.name.as_str()).collect();
    let head = format!("Inside: {}  {}", roots.join(", "), paper.size(inner.totals.on_disk_bytes));
    writeln!(out, "{}", paper.bold(&paper.plain(&head)))?;
    for finding in inner.findings.iter().take(SHOWN_INSIDE) {
        let doubt = if finding.confidence == "certain" { String::new() } else { format!(" ({})", finding.confidence) };
        let said = format!("{}{doubt}: {}", finding.class, finding.cause);
        wrapped(&said, "  ", paper, out)?;
    }
    let more = inner.findings.len().saturating_sub(SHOWN_INSIDE);
    if more > 0 {
        writeln!(out, "  … and {more} smaller findings")?;
    }
    if let Some(root) = inner.roots.first() {
        let name = shlex::try_quote(&root.name).unwrap_or_default();
        let all = format!("All of it, for the engine inside: deadweight --nested {name}");
        wrapped(&all, "  ", paper, out)?;
    }
    writeln!(out)
}

fn one(finding: &Finding, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    let doubt = if finding.confidence == "certain" { String::new() } else { format!(" ({})", finding.confidence) };
    let hidden = if finding.in_docker_df { "" } else { ", hidden" };
    let head = format!("{}{doubt}  {}{hidden}", finding.class, paper.size(finding.on_disk_bytes));
    writeln!(out, "{}", paper.bold(&head))?;
    wrapped(&finding.cause, "  ", paper, out)?;
    for command in &finding.remedy.commands {
        writeln!(out, "  $ {}", paper.plain(command))?;
    }
    if !finding.remedy.note.is_empty() {
        wrapped(&finding.remedy.note, "  ", paper, out)?;
    }
    writeln!(out)
}

fn holes(report: &Report, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    if !report.withheld.is_empty() {
        writeln!(out, "{}", paper.bold("Withheld, since something it rests on could not be read:"))?;
        for (class, because) in by_class(report) {
            let more = because.len().saturating_sub(1);
            let more = if more == 0 { String::new() } else { format!(" (and {more} more reasons)") };
            wrapped(&format!("{class}: {}{more}", because.first().unwrap_or(&"")), "  ", paper, out)?;
        }
        writeln!(out)?;
    }
    if !report.problems.is_empty() {
        writeln!(out, "{}", paper.bold("Problems:"))?;
        for problem in report.problems.iter().take(SHOWN) {
            wrapped(&format!("{}: {} ({})", problem.path, problem.cause, problem.code), "  ", paper, out)?;
        }
        let more = report.problems.len().saturating_sub(SHOWN);
        if more > 0 {
            writeln!(out, "  … and {more} more (all of them: --format json)")?;
        }
    }
    Ok(())
}

/// The reasons for which each class is withheld.
fn by_class(report: &Report) -> BTreeMap<&str, Vec<&str>> {
    let mut classes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for withheld in &report.withheld {
        classes.entry(&withheld.class).or_default().push(&withheld.because);
    }
    classes
}

/// Words between blanks, broken at the paper's width.
fn wrapped(text: &str, indent: &str, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    let lines = paper.wrapped(&paper.plain(text), indent, indent);
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))
}
