//! What-if, for people.

use std::io::{self, Write};

use super::{Paper, table};
use crate::docker::units;
use crate::report::{WhatIf, WhatIfStep};

/// How many lines of a message are shown.
const LINES: usize = 6;

pub fn what_if(answer: &WhatIf, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = table(paper, &["ACTION", "OUTCOME", "FREED", "INODES", "DOCKER SAYS"], &[2, 3, 4]);
    for step in &answer.steps {
        let action = format!("docker {}", paper.plain(&step.action));
        let freed = paper.size(step.on_disk_bytes);
        rows.add_row([action, step.outcome.clone(), freed, step.inodes.to_string(), said(step, paper)]);
    }
    let together = &answer.together;
    if answer.steps.len() > 1 {
        let freed = paper.size(together.on_disk_bytes);
        rows.add_row(["together".to_owned(), String::new(), freed, together.inodes.to_string(), String::new()]);
    }
    writeln!(out, "{}", rows.trim_fmt())?;
    answer.steps.iter().try_for_each(|step| details(step, paper, out))?;
    list("The next start of the engine removes before anything is asked:", &answer.by_a_start, paper, out)?;
    list("containerd's next collection takes in any case:", &answer.also_at_next_collection, paper, out)
}

fn said(step: &WhatIfStep, paper: &Paper) -> String {
    match step.docker_reports_bytes {
        None => "-".to_owned(),
        Some(bytes) if paper.bytes => bytes.to_string(),
        Some(bytes) => units::human(bytes),
    }
}

fn details(step: &WhatIfStep, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    let message: Vec<&str> = step.message.iter().flat_map(|message| message.lines()).collect();
    if message.is_empty() && step.notes.is_empty() && step.removes.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", paper.bold(&format!("docker {}", paper.plain(&step.action))))?;
    some(&message, paper, out)?;
    step.notes.iter().try_for_each(|note| writeln!(out, "  {}", paper.plain(note)))?;
    if !step.removes.is_empty() {
        writeln!(out, "  removes:")?;
        let removes: Vec<&str> = step.removes.iter().map(String::as_str).collect();
        let shown = if paper.no_trunc { removes.len() } else { LINES };
        removes.iter().take(shown).try_for_each(|path| writeln!(out, "    {}", paper.plain(path)))?;
        more(removes.len().saturating_sub(shown), out)?;
    }
    Ok(())
}

fn some(lines: &[&str], paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    let shown = if paper.no_trunc { lines.len() } else { LINES };
    lines.iter().take(shown).try_for_each(|line| writeln!(out, "  {}", paper.plain(line)))?;
    more(lines.len().saturating_sub(shown), out)
}

fn more(count: usize, out: &mut dyn Write) -> io::Result<()> {
    if count == 0 { Ok(()) } else { writeln!(out, "    and {count} more (--no-trunc)") }
}

fn list(heading: &str, paths: &[String], paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    if paths.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{heading}")?;
    paths.iter().try_for_each(|path| writeln!(out, "  {}", paper.plain(path)))
}
