//! `l/`: short names, so that the options of a mount fit into a page.
//!
//! ```text
//! l/<26 characters of base 32> -> ../<id>/diff
//! ```

use std::sync::Arc;

use rayon::prelude::*;

use super::Home;
use crate::disk::{Dir, FileKind, Unreadable};
use crate::format::image::overlay;
use crate::inventory::Inventory;
use crate::inventory::facts::Leftover;
use crate::terms::{LinkKind, Lost, Place};

/// Short names by directory, and the other way round.
#[derive(Debug, Default)]
pub(super) struct ShortNames {
    /// The links in order of their names, each with the directory that it leads to.
    links: Vec<(Place, Arc<str>)>,
    /// Their numbers, in order of the directories.
    by_directory: Vec<usize>,
}

impl ShortNames {
    /// The links to a directory; one, as a rule.
    pub(super) fn of(&self, id: &str) -> impl Iterator<Item = &(Place, Arc<str>)> {
        let link = |number: &usize| self.links.get(*number);
        let first = self.by_directory.partition_point(|number| link(number).is_some_and(|(_, to)| **to < *id));
        let from_there = self.by_directory.get(first..).unwrap_or_default();
        from_there.iter().filter_map(link).take_while(move |(_, to)| **to == *id)
    }

    /// The directory that a short name leads to.
    pub(super) fn to(&self, name: &str) -> Option<&Arc<str>> {
        let number = self.links.binary_search_by(|(at, _)| at.name().cmp(name.as_bytes())).ok()?;
        self.links.get(number).map(|(_, to)| to)
    }

    fn index(&mut self) {
        self.by_directory = (0..self.links.len()).collect();
        self.by_directory.sort_by_key(|number| self.links.get(*number).map(|(_, to)| to));
    }
}

const DANGLING: Leftover = Leftover { what: "dangling l/ link", cleaned_by: "no command of Docker", by_itself: false };

/// Reads `l/`. Links to nothing are leftovers; what is no link, or leads elsewhere, is nobody's.
pub(super) fn read(home: &Home<'_>, inv: &mut Inventory, listed: &Dir<'_>) -> ShortNames {
    let mut names = ShortNames::default();
    let at = listed.place().join("l");
    let lower = || Lost::Links(vec![LinkKind::Lower]);
    let dir = match home.site.disk.dir(&at) {
        Err(Unreadable::Missing) if listed.is_empty() => return names,
        Err(Unreadable::Missing) => {
            inv.problem("missing-directory", &at, lower(), "the short names of all directories are unknown");
            return names;
        }
        other => inv.note("unreadable-directory", &at, lower(), other),
    };
    let Some(dir) = dir else { return names };
    inv.scaffold(home.site.root, &home.name, &dir);
    let links: Vec<&[u8]> =
        dir.entries().filter(|(_, kind)| *kind == FileKind::Symlink).map(|(name, _)| name).collect();
    let target = |name: &&[u8]| match dir.link_target(name) {
        Err(Unreadable::Missing) => None,
        Err(cause) => Some(Err(cause.to_string())),
        Ok(bytes) => Some(overlay::link_target(&bytes).map_err(|cause| cause.to_string())),
    };
    let targets: Vec<_> = links.par_iter().map(target).collect();
    for (name, target) in links.iter().zip(targets) {
        let (at, Some(target)) = (dir.place().join(name), target) else { continue };
        let Some(target) = inv.note("damaged-link", &at, lower(), target) else { continue };
        let id = target.as_str();
        if listed.kind(id.as_bytes()) == Some(FileKind::Dir) {
            names.links.push((at, (&target).into()));
        } else if is_dangling(home, &at, listed, id) {
            home.leftover(inv, &at, DANGLING);
        }
    }
    names.index();
    names
}

/// Still there, and its directory still is not: neither came nor went meanwhile.
fn is_dangling(home: &Home<'_>, at: &Place, listed: &Dir<'_>, id: &str) -> bool {
    let disk = home.site.disk;
    disk.stat(&listed.place().join(id)) == Err(Unreadable::Missing) && disk.stat(at).is_ok()
}
