//! Listings, for people.

use std::io::{self, Write};

use serde_json::Value;

use super::table::kind;
use super::{Paper, table};
use crate::report::{List, Object, PlatformRow, Row, Shown};

const HEADINGS: [&str; 9] = ["NAME", "ID", "STORE", "OWN", "SHARED", "RETAINED", "DOCKER SHOWS", "KEPT BY", "ABOUT"];
const NUMBERS: &[usize] = &[3, 4, 5];

pub fn list(list: &List, quiet: bool, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    if quiet {
        return list.rows.iter().try_for_each(|row| writeln!(out, "{}", paper.text(&row.id)));
    }
    let mut lines: Vec<[String; 9]> = Vec::new();
    for row in &list.rows {
        lines.push(line(row, paper));
        // of a single platform the image's own line says it all
        let parts = row.platforms.iter().filter(|_| row.platforms.len() > 1);
        lines.extend(parts.map(|part| platform(part, paper)));
    }
    let unbound = Paper { width: None, ..*paper };
    let mut rows = table(&unbound, &HEADINGS, NUMBERS);
    rows.add_rows(lines.clone());
    let wide = rows.trim_fmt();
    let fits = |width: u16| wide.lines().all(|line| unicode_width::UnicodeWidthStr::width(line) <= usize::from(width));
    if paper.width.is_none_or(fits) { writeln!(out, "{wide}") } else { narrow(lines, paper, out) }
}

/// IDs stay whole: what a row has of words goes below its numbers.
fn narrow(lines: Vec<[String; 9]>, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    const NARROWEST: usize = 16;
    // what all but the name may take
    const OTHERS: usize = 56;
    let room = usize::from(paper.width.unwrap_or(u16::MAX)).saturating_sub(OTHERS).max(NARROWEST);
    let unbound = Paper { width: None, ..*paper };
    let [name, id, _, own, shared, retained, shows, ..] = HEADINGS;
    let mut rows = table(&unbound, &[name, id, own, shared, retained, shows], &[2, 3, 4]);
    for [name, id, _, own, shared, retained, shows, ..] in &lines {
        let name = if paper.no_trunc { name.clone() } else { shortened(name, room) };
        rows.add_row([&name, id, own, shared, retained, shows]);
    }
    let text = rows.trim_fmt();
    let mut shown = text.lines();
    writeln!(out, "{}", shown.next().unwrap_or_default())?;
    for (numbers, [_, _, store, .., kept_by, about]) in shown.zip(&lines) {
        writeln!(out, "{numbers}")?;
        let kept_by = if kept_by.is_empty() { String::new() } else { format!("kept by {kept_by}") };
        let words: Vec<&str> =
            [store, about, &kept_by].into_iter().map(String::as_str).filter(|it| !it.is_empty()).collect();
        let below = if words.is_empty() { Vec::new() } else { paper.wrapped(&words.join("; "), "    ", "    ") };
        below.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    Ok(())
}

fn line(row: &Row, paper: &Paper) -> [String; 9] {
    [
        if row.name.is_empty() { "<none>".to_owned() } else { cut(&paper.text(&row.name), paper) },
        brief(&row.id, paper),
        paper.plain(&row.store),
        paper.size(row.own_bytes),
        paper.size(row.shared_bytes),
        paper.size(row.retained_bytes),
        match row.docker_shows {
            Shown::Yes => "yes",
            Shown::WithAll => "with -a",
            Shown::No => "no",
        }
        .to_owned(),
        kept_by(row, paper),
        about(row, paper),
    ]
}

/// A line for each platform: what lies here of it.
fn platform(part: &PlatformRow, paper: &Paper) -> [String; 9] {
    let name = if part.platform.is_empty() { part.kind.as_str() } else { part.platform.as_str() };
    let about = if part.available { "" } else { "not here in full" };
    let [name, manifest] = [format!("  {}", paper.text(name)), paper.text(&part.manifest)];
    let empty = String::new;
    [name, manifest, empty(), paper.size(part.on_disk_bytes), empty(), empty(), empty(), empty(), about.to_owned()]
}

/// The first few keepers.
fn kept_by(row: &Row, paper: &Paper) -> String {
    const SHOWN: usize = 3;
    let mut names: Vec<String> = row.kept_by.iter().take(SHOWN).map(|keeper| keeper_name(keeper, paper)).collect();
    let more = row.kept_by.len().saturating_sub(SHOWN);
    if more > 0 {
        names.push(format!("+{more}"));
    }
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

fn keeper_name(keeper: &Object, paper: &Paper) -> String {
    match (keeper.kind, keeper.name.as_str()) {
        ("itself", _) => "itself".to_owned(),
        // a description of what was built is no name
        (name @ "cache-record", _) => format!("{} {}", kind(name), brief(&keeper.id, paper)),
        (name, "") => format!("{} {}", kind(name), brief(&keeper.id, paper)),
        (kind_of, name) => format!("{} {}", kind(kind_of), brief(name, paper)),
    }
}

/// An ID that is a part of a name, `moby/sha256:…` or `…-init`, is as short as one by itself.
fn brief(name: &str, paper: &Paper) -> String {
    let part = |part: &str| paper.text(part);
    let path = |path: &str| path.split('/').map(part).collect::<Vec<_>>().join("/");
    match name.strip_suffix("-init").or_else(|| name.strip_suffix("-view")) {
        Some(id) => format!("{}{}", path(id), name.get(id.len()..).unwrap_or_default()),
        None => path(name),
    }
}

/// A name that leaves room for the other columns.
fn cut(text: &str, paper: &Paper) -> String {
    const ROOM: usize = 48;
    if paper.no_trunc { text.to_owned() } else { shortened(text, ROOM) }
}

fn shortened(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    text.chars().take(room.saturating_sub(1)).chain(['…']).collect()
}

/// The few particulars that fit a line.
fn about(row: &Row, paper: &Paper) -> String {
    let words = ["broken", "state", "image_as_typed", "type", "driver", "description"];
    let text = |key: &&str| row.detail.get(*key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let told = words.iter().filter_map(text).filter(|text| **text != row.name);
    told.map(|text| cut(&paper.plain(text), paper)).collect::<Vec<_>>().join(" ")
}
