//! What is run, while it is run, and what came of it.

use std::io::{self, Write};

use super::plan::wrapped;
use super::{Paper, table};
use crate::report::{Ran, Reclaim};

/// Every command exactly as it will be run; a line each, never broken.
pub fn steps_to_run(lines: &[String], frees: &[u64], paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n{}", paper.bold("To be run:"))?;
    for (line, frees) in lines.iter().zip(frees) {
        writeln!(out, "  {:>10}  {}", paper.size(*frees), paper.plain(line))?;
    }
    Ok(())
}

/// A step that begins, or has ended.
pub fn reclaim_step(
    argv: &[String],
    promised: u64,
    ran: Option<&Ran>,
    paper: &Paper,
    out: &mut dyn Write,
) -> io::Result<()> {
    match ran {
        None => write!(out, "{} … ", paper.plain(&typed(argv))),
        Some(ran) if ran.as_promised => writeln!(out, "done: {}", paper.size(promised)),
        Some(ran) => writeln!(out, "not as promised: {}", paper.plain(&ran.message)),
    }
}

pub fn reclaim(account: &Reclaim, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    if account.steps.is_empty() {
        return writeln!(out, "There was nothing to run.");
    }
    writeln!(out)?;
    let mut rows = table(paper, &["PROMISED", "FREED", "STATE", "COMMAND"], &[0, 1]);
    for step in &account.steps {
        let command = paper.plain(&typed(&step.run));
        rows.add_row([
            paper.size(step.promised.on_disk_bytes),
            paper.size(step.freed_bytes),
            step.state.clone(),
            command,
        ]);
    }
    rows.add_row([
        paper.size(account.promised_bytes),
        paper.size(account.freed_bytes),
        account.ended.clone(),
        "together".to_owned(),
    ]);
    writeln!(out, "{}", rows.trim_fmt())?;
    if let (Some(before), Some(after)) = (account.on_disk_before, account.on_disk_after) {
        let (before, after) = (paper.size(before), paper.size(after));
        writeln!(out)?;
        let line = format!("On disk before: {before}; after: {after}. Databases and logs grow and shrink meanwhile.");
        wrapped(&line, "", paper, out)?;
    }
    Ok(())
}

/// As one would type it.
fn typed(argv: &[String]) -> String {
    shlex::try_join(argv.iter().map(String::as_str)).unwrap_or_else(|_| argv.join(" "))
}
