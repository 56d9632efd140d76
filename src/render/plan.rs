//! A plan, for people.

use std::io::{self, Write};

use super::{Paper, table};
use crate::report::{HandWork, HarmPoints, Plan};

/// How many lines of a list are shown.
const LINES: usize = 8;

pub fn plan(plan: &Plan, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    planned(plan, paper, out)?;
    next(plan, paper, out)
}

/// The same for somebody who is about to carry it out.
pub fn planned(plan: &Plan, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", paper.bold(&verdict(plan, paper)))?;
    if !plan.steps.is_empty() {
        writeln!(out)?;
        commands(plan, paper, out)?;
        writeln!(out, "\n{}", harm(plan))?;
    }
    list(
        "Kept by a rule:",
        plan.kept.iter().map(|kept| named(&kept.kind, &kept.id, &kept.name, &kept.rule, paper)),
        paper,
        out,
    )?;
    let withheld = plan.withheld.iter().map(|it| named(&it.kind, &it.id, &it.name, &it.because, paper));
    list("Not removed, since the engine would refuse or the outcome is not certain:", withheld, paper, out)?;
    by_hand(&plan.by_hand, paper, out)
}

fn verdict(plan: &Plan, paper: &Paper) -> String {
    let freed = paper.size(plan.together.on_disk_bytes);
    let target = paper.size(plan.target_bytes);
    match (plan.reached, plan.steps.len()) {
        (true, 0) => "Nothing needs to go.".to_owned(),
        (true, 1) => format!("1 removal frees {freed} ({target} wanted)."),
        (true, many) => format!("{many} removals free {freed} ({target} wanted)."),
        (false, 0) => format!("Nothing that may be removed frees anything ({target} wanted)."),
        (false, _) => format!("Everything that may be removed frees {freed}: less than the {target} wanted."),
    }
}

/// One row a step, and below it why.
pub(super) fn commands(plan: &Plan, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = table(paper, &["FREES", "HARM", "COMMAND AND REASON"], &[0]);
    for step in &plan.steps {
        let command = format!("docker {}", paper.plain(&step.step.action));
        let name = if step.name.is_empty() { String::new() } else { format!("{}: ", paper.plain(&step.name)) };
        let mut text = format!("{command}\n{name}{}", paper.plain(&step.why));
        for note in &step.step.notes {
            text.push_str(&format!("\n{}", paper.plain(note)));
        }
        rows.add_row([paper.size(step.step.on_disk_bytes), step.class.clone(), text]);
    }
    writeln!(out, "{}", rows.trim_fmt())
}

fn harm(plan: &Plan) -> String {
    let cost = points(plan.harm);
    match plan.optimal {
        true => format!("Harm: {cost}. No set that frees as much does less."),
        false if plan.reached => {
            format!(
                "Harm: {cost}. A set that frees as much with less was not found; it would cost at least {}.",
                points(plan.harm_at_least)
            )
        }
        false => format!("Harm: {cost}."),
    }
}

fn points(harm: HarmPoints) -> String {
    let classes =
        [(harm.image, "image"), (harm.container, "container"), (harm.cache, "cache"), (harm.leftover, "leftover")];
    let some = classes.into_iter().filter(|(points, _)| *points > 0);
    let words: Vec<String> =
        some.map(|(points, class)| format!("{points} {class} point{}", if points == 1 { "" } else { "s" })).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

fn named(kind: &str, id: &str, name: &str, because: &str, paper: &Paper) -> String {
    let shown = if name.is_empty() { paper.text(id) } else { paper.plain(name) };
    format!("{kind} {shown}: {}", paper.plain(because))
}

fn list(
    heading: &str,
    lines: impl ExactSizeIterator<Item = String>,
    paper: &Paper,
    out: &mut dyn Write,
) -> io::Result<()> {
    let count = lines.len();
    if count == 0 {
        return Ok(());
    }
    let shown = if paper.no_trunc { count } else { LINES.min(count) };
    writeln!(out, "\n{heading}")?;
    for line in lines.take(shown) {
        wrapped(&line, "  ", paper, out)?;
    }
    if shown < count { writeln!(out, "  and {} more (--no-trunc)", count - shown) } else { Ok(()) }
}

fn by_hand(works: &[HandWork], paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    if works.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", paper.bold("What no Docker command frees (never done by deadweight):"))?;
    let shown = if paper.no_trunc { works.len() } else { LINES.min(works.len()) };
    for work in works.iter().take(shown) {
        let line = format!("{} {}: {}", paper.size(work.on_disk_bytes), work.class, work.cause);
        wrapped(&paper.plain(&line), "  ", paper, out)?;
        wrapped(&paper.plain(&work.note), "    ", paper, out)?;
        // a command is not broken, so that it can be copied
        work.by_hand.iter().try_for_each(|command| writeln!(out, "      {}", paper.plain(command)))?;
        if !work.by_hand.is_empty() {
            let after = format!("{} Check afterwards: {}.", work.safe_because, work.check_after.join(", "));
            wrapped(&paper.plain(&after), "    ", paper, out)?;
        }
    }
    if shown < works.len() { writeln!(out, "  and {} more (--no-trunc)", works.len() - shown) } else { Ok(()) }
}

pub(super) fn wrapped(text: &str, indent: &str, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    let lines = paper.wrapped(text, indent, &format!("{indent}  "));
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))
}

fn next(plan: &Plan, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    if plan.reached && !plan.steps.is_empty() {
        let text = format!(
            "Next: deadweight reclaim --free {}, with the same options; it asks before it acts.",
            shlex::try_quote(&plan.target).unwrap_or_default()
        );
        writeln!(out)?;
        return wrapped(&text, "", paper, out);
    }
    Ok(())
}
