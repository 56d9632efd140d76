//! Volumes.
//!
//! ```text
//! volumes/metadata.db            bolt, bucket `volumes`: name -> driver, labels, options; of all drivers
//! volumes/backingFsBlockDev      a device node, made anew at each start
//! volumes/<name>/_data           what containers see
//! volumes/<name>/opts.json       if it was made with options
//! ```
//!
//! At its start the engine takes every directory here for a volume of the local driver, whether or not the database
//! knows it (moby daemon/volume/local/local.go: New). Labels and options are in the database only.

mod database;
#[cfg(test)]
mod tests;

use super::{Site, clues, nested};
use crate::disk::{Dir, FileKind, Unreadable};
use crate::format::engine::volume::{self, VolumeRecord};
use crate::inventory::{Entity, Inventory, Keeps, OwnerKind, facts};
use crate::terms::{Kind, Lost};

pub(super) fn survey(site: &Site<'_>) -> Inventory {
    let mut inv = Inventory::default();
    let Some(dir) = site.dir(&mut inv, &site.at("volumes"), Lost::Bytes) else { return inv };
    inv.scaffold(site.root, "engine", &dir);
    let local: Vec<&str> = dir
        .entries()
        // a directory in the place of the database is damage, not a volume: no engine starts on it
        .filter(|(name, kind)| *kind == FileKind::Dir && *name != b"metadata.db")
        .filter_map(|(name, _)| std::str::from_utf8(name).ok())
        .collect();
    let known = database::read(&mut inv, site, &dir);
    for name in &local {
        one(&mut inv, site, &dir, name, &known);
    }
    for (name, record) in known.records.iter().filter(|(name, _)| local.binary_search(&name.as_str()).is_err()) {
        elsewhere(&mut inv, site, name, record);
    }
    own_files(&mut inv, site, &dir);
    inv
}

/// A directory of `volumes/`. One that is gone by the time we look was removed meanwhile.
fn one(inv: &mut Inventory, site: &Site<'_>, above: &Dir<'_>, name: &str, known: &database::Known) {
    let at = above.place().join(name);
    let dir = match above.dir(name.as_bytes()) {
        Err(Unreadable::Missing) => return,
        other => inv.note("unreadable-directory", &at, Lost::Bytes, other),
    };
    let record = known.records.get(name);
    let mut facts = facts::Volume {
        driver: "local".into(),
        in_database: record.is_some(),
        database_read: known.read,
        at: Some(at.clone()),
        ..facts::Volume::default()
    };
    if let Some(record) = record {
        facts.labels.clone_from(&record.labels);
        facts.options.clone_from(&record.options);
        clues::of_volume(inv, site, &above.place().join("metadata.db"), record.labels.as_ref());
    }
    if let Some(dir) = dir {
        facts.has_data = dir.kind(b"_data").is_some();
        facts.needs_mount = needs_mount(inv, &dir, record);
    }
    if facts.has_data {
        facts.nested = nested::look(site, &at.join("_data"), nested::IN_VOLUME);
        facts.nested.iter().for_each(|inner| inv.meter(inner.at.clone()));
        inv.meter(at.join("_data"));
    }
    let key = site.root.key("engine", Kind::Volume, name);
    inv.add(key, Entity::new(facts).named(name).kept(Keeps::Volume).tree(at, OwnerKind::Volume));
}

/// `opts.json`, held against what the database says of the same volume.
fn needs_mount(inv: &mut Inventory, dir: &Dir<'_>, record: Option<&VolumeRecord>) -> bool {
    let at = dir.place().join("opts.json");
    let recorded = record.and_then(|record| record.options.as_ref()).filter(|options| !options.is_empty());
    let read = match dir.read(b"opts.json") {
        Err(Unreadable::Missing) if recorded.is_none() => return false,
        Err(cause) => Err(cause.to_string()),
        Ok(bytes) => volume::parse_options(&bytes).map_err(|cause| cause.to_string()),
    };
    // the engine would not even start: moby daemon/volume/local/local.go: loadOpts
    let Some(options) = inv.note("bad-volume-options", &at, Lost::Nothing, read) else { return false };
    if recorded.is_some_and(|recorded| !options.are(recorded)) {
        let cause = "other options than metadata.db has for this volume";
        inv.problem("volume-options-mismatch", &at, Lost::Nothing, cause);
    }
    options.needs_mount()
}

/// A volume that the database alone knows: another driver has it, or its directory is gone.
fn elsewhere(inv: &mut Inventory, site: &Site<'_>, name: &str, record: &VolumeRecord) {
    let facts = facts::Volume {
        driver: record.driver.clone(),
        labels: record.labels.clone(),
        options: record.options.clone(),
        in_database: true,
        database_read: true,
        ..facts::Volume::default()
    };
    let key = site.root.key("engine", Kind::Volume, name);
    inv.add(key, Entity::new(facts).named(name).kept(Keeps::Volume));
}

fn own_files(inv: &mut Inventory, site: &Site<'_>, dir: &Dir<'_>) {
    let mut claim = |name: &str, kind: Kind, owner: OwnerKind| {
        if dir.kind(name.as_bytes()).is_some() {
            let key = site.root.key("engine", kind, format!("volumes/{name}"));
            inv.add(key, Entity::default().kept(Keeps::Engine).tree(dir.place().join(name), owner));
        }
    };
    claim("metadata.db", Kind::Database, OwnerKind::Database);
    claim("backingFsBlockDev", Kind::Scaffold, OwnerKind::Scaffold);
}
