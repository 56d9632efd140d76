//! Why a thing is there, for people: a path a paragraph, a step a line.

use std::io::{self, Write};

use super::Paper;
use crate::report::{Object, Owner, Step, Why};

pub fn why(why: &Why, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", paper.bold(&title(&why.object, paper)))?;
    if why.inside.is_empty() {
        why.owners.iter().try_for_each(|owner| charged("", owner, "docker system df", paper, out))?;
    } else {
        let inner = "docker system df of the engine inside";
        why.owners_inside.iter().try_for_each(|owner| charged("", owner, inner, paper, out))?;
        why.owners.iter().try_for_each(|owner| charged("part of ", owner, "docker system df", paper, out))?;
    }
    for around in &why.inside {
        let (root, owner) = (around.nested.join(", "), title(&around.object, paper));
        writeln!(out, "\nIn {}, a data root inside {owner}:", paper.plain(&root))?;
        paths(&around.paths, around.more_paths, paper, out)?;
    }
    if !why.inside.is_empty() {
        writeln!(out, "\nFor the engine inside:")?;
    }
    paths(&why.paths, why.more_paths, paper, out)
}

fn charged(part: &str, owner: &Owner, docker: &str, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    let shows = if owner.in_docker_df { "counted by" } else { "hidden from" };
    let (size, path) = (paper.size(owner.on_disk_bytes), paper.plain(&owner.path.to_string()));
    writeln!(out, "  {part}{size} {}, {path} ({shows} {docker})", owner.kind)
}

fn paths(paths: &[Vec<Step>], more: bool, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    if paths.is_empty() {
        return writeln!(out, "\nNothing keeps it: no tag, container, volume, lease or cache record leads here.");
    }
    for path in paths {
        writeln!(out)?;
        for (depth, step) in path.iter().enumerate() {
            one(depth, step, paper, out)?;
        }
    }
    if more {
        writeln!(out, "\n… and more paths than are listed")?;
    }
    Ok(())
}

fn title(object: &Object, paper: &Paper) -> String {
    named(object.kind, &object.id, &object.name, paper)
}

fn named(kind: &str, id: &str, name: &str, paper: &Paper) -> String {
    let kind = super::table::kind(kind);
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
