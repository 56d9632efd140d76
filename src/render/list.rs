//! Listings, for people.

use std::io::{self, Write};

use serde_json::Value;

use super::{Paper, table};
use crate::report::{List, Object, PlatformRow, Row, Shown};

pub fn list(list: &List, quiet: bool, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    if quiet {
        return list.rows.iter().try_for_each(|row| writeln!(out, "{}", paper.text(&row.id)));
    }
    let mut rows = table(
        paper,
        &["NAME", "ID", "STORE", "OWN", "SHARED", "RETAINED", "DOCKER SHOWS", "KEPT BY", "ABOUT"],
        &[3, 4, 5],
    );
    for row in &list.rows {
        rows.add_row([
            if row.name.is_empty() { "<none>".to_owned() } else { cut(&paper.text(&row.name), paper) },
            paper.text(&row.id),
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
        ]);
        // of a single platform the image's own line says it all
        for part in row.platforms.iter().filter(|_| row.platforms.len() > 1) {
            rows.add_row(platform(part, paper));
        }
    }
    writeln!(out, "{}", rows.trim_fmt())
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
        (kind @ "cache-record", _) => format!("{kind} {}", paper.text(&keeper.id)),
        (kind, "") => format!("{kind} {}", paper.text(&keeper.id)),
        (kind, name) => format!("{kind} {}", paper.text(name)),
    }
}

/// A name that leaves room for the other columns.
fn cut(text: &str, paper: &Paper) -> String {
    const ROOM: usize = 48;
    if paper.no_trunc || text.chars().count() <= ROOM {
        return text.to_owned();
    }
    text.chars().take(ROOM - 1).chain(['…']).collect()
}

/// The few particulars that fit a line.
fn about(row: &Row, paper: &Paper) -> String {
    let words = ["broken", "state", "image_as_typed", "type", "driver", "description"];
    let text = |key: &&str| row.detail.get(*key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let told = words.iter().filter_map(text).filter(|text| **text != row.name);
    told.map(|text| cut(&paper.plain(text), paper)).collect::<Vec<_>>().join(" ")
}
