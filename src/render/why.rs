//! Why a thing is there, for people: a path a paragraph, a step a line.

use std::io::{self, Write};

use super::Paper;
use crate::report::{Object, Step, Why};

pub fn why(why: &Why, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", paper.bold(&title(&why.object, paper)))?;
    for owner in &why.owners {
        let shows = if owner.in_docker_df { "counted by docker system df" } else { "hidden from docker system df" };
        writeln!(
            out,
            "  {} {}, {} ({shows})",
            paper.size(owner.on_disk_bytes),
            owner.kind,
            paper.plain(&owner.path.to_string())
        )?;
    }
    if why.paths.is_empty() {
        return writeln!(out, "\nNothing keeps it: no tag, container, volume, lease or cache record leads here.");
    }
    for path in &why.paths {
        writeln!(out)?;
        for (depth, step) in path.iter().enumerate() {
            one(depth, step, paper, out)?;
        }
    }
    if why.more_paths {
        writeln!(out, "\n… and more paths than are listed")?;
    }
    Ok(())
}

fn title(object: &Object, paper: &Paper) -> String {
    named(object.kind, &object.id, &object.name, paper)
}

fn named(kind: &str, id: &str, name: &str, paper: &Paper) -> String {
    match name {
        "" => format!("{kind} {}", paper.text(id)),
        name if name == id => format!("{kind} {}", paper.plain(name)),
        name => format!("{kind} {} ({})", paper.plain(name), paper.text(id)),
    }
}

fn one(depth: usize, step: &Step, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{:indent$}{}", "", named(step.kind, &step.id, &step.name, paper), indent = depth * 2)?;
    match (&step.link, &step.evidence) {
        (Some(link), Some(evidence)) => {
            writeln!(out, "{:indent$}└ {link}, says {}", "", paper.plain(evidence), indent = depth * 2)
        }
        _ => Ok(()),
    }
}
