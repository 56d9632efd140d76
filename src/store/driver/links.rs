//! `l/`: short names, so that the options of a mount fit into a page.
//!
//! ```text
//! l/<26 characters of base 32> -> ../<id>/diff
//! ```

use std::collections::BTreeMap;

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
    /// Where each directory's links lie; one each, as a rule.
    pub(super) of: BTreeMap<String, Vec<Place>>,
    /// Short name -> directory.
    pub(super) to: BTreeMap<String, String>,
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
    let targets: Vec<_> = links.par_iter().map(|name| dir.link_target(name)).collect();
    for (name, target) in links.iter().zip(targets) {
        let at = dir.place().join(name);
        let target = match target {
            Err(Unreadable::Missing) => continue,
            Err(cause) => Err(cause.to_string()),
            Ok(bytes) => overlay::link_target(&bytes).map_err(|cause| cause.to_string()),
        };
        let Some(target) = inv.note("damaged-link", &at, lower(), target) else { continue };
        let id = target.as_str();
        if listed.kind(id.as_bytes()) == Some(FileKind::Dir) {
            names.of.entry(id.to_owned()).or_default().push(at);
            names.to.insert(String::from_utf8_lossy(name).into_owned(), id.to_owned());
        } else if is_dangling(home, &at, listed, id) {
            home.leftover(inv, &at, DANGLING);
        }
    }
    names
}

/// Still there, and its directory still is not: neither came nor went meanwhile.
fn is_dangling(home: &Home<'_>, at: &Place, listed: &Dir<'_>, id: &str) -> bool {
    let disk = home.site.disk;
    disk.stat(&listed.place().join(id)) == Err(Unreadable::Missing) && disk.stat(at).is_ok()
}
