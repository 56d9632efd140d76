//! Status, for people.

use std::io::{self, Write};

use comfy_table::ContentArrangement;

use super::{Paper, table};
use crate::report::{Status, Store};

pub fn status(status: &Status, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    for root in &status.roots {
        writeln!(out, "Root {}: {}", paper.plain(&root.name), paper.plain(&root.path))?;
        for mount in &root.mounts {
            writeln!(out, "  not entered: {} ({})", paper.plain(&mount.path), paper.plain(&mount.fs_type))?;
        }
    }
    let version = status.engine.version.as_deref().unwrap_or("unknown");
    writeln!(out, "Engine: {version}")?;
    status.engine.inferred_from.iter().try_for_each(|from| writeln!(out, "  {}", paper.plain(from)))?;
    let daemon = if status.daemon_at_work { "at work on this root" } else { "not at work on this root" };
    writeln!(out, "Daemon: {daemon}")?;
    let states: Vec<String> = status.containers.iter().map(|(state, count)| format!("{count} {state}")).collect();
    let states = if states.is_empty() { "none".to_owned() } else { states.join(", ") };
    writeln!(out, "Containers, as recorded: {states}\n")?;
    stores(status, paper, out)?;
    status.active_because.iter().try_for_each(|because| writeln!(out, "  {}", paper.plain(because)))?;
    for inner in &status.nested {
        let version = inner.engine.version.as_deref().unwrap_or("unknown");
        let stores: Vec<String> = inner.stores.iter().map(said_of).collect();
        let stores = if stores.is_empty() { "no image store".to_owned() } else { stores.join("; ") };
        writeln!(out, "\nInside {}: engine {version}; {}", paper.plain(&inner.roots.join(", ")), paper.plain(&stores))?;
    }
    if status.problems.is_empty() {
        return writeln!(out, "\nEverything could be read.");
    }
    writeln!(out, "\nProblems:")?;
    let mut problems = status.problems.iter();
    problems.try_for_each(|p| writeln!(out, "  {}: {} ({})", paper.plain(&p.path), paper.plain(&p.cause), p.code))
}

fn said_of(store: &Store) -> String {
    let count = |n: u64, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    let counts = [count(store.images, "image"), count(store.containers, "container"), count(store.layers, "layer")];
    format!("{}: {}", store.name, counts.join(", "))
}

fn stores(status: &Status, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = table(paper, &["STORE", "KIND", "ACTIVE", "IMAGES", "CONTAINERS", "LAYERS", "PATH"], &[3, 4, 5]);
    for store in &status.stores {
        let active = match (store.active, store.populated) {
            (true, _) => "yes",
            (false, true) => "no (stranded)",
            (false, false) => "no (empty)",
        };
        let counts = |n: u64| if store.read_in_full { n.to_string() } else { "?".to_owned() };
        rows.add_row([
            paper.plain(&store.name),
            store.kind.clone(),
            active.to_owned(),
            counts(store.images),
            counts(store.containers),
            counts(store.layers),
            paper.plain(&store.path),
        ]);
    }
    // a path is not broken: the table is as wide as it has to be
    rows.set_content_arrangement(ContentArrangement::Disabled);
    writeln!(out, "{}", rows.trim_fmt())
}
