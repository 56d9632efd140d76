//! overlay2, and fuse-overlayfs, which has the same layout.
//!
//! ```text
//! <driver>/<id>/diff/       the layer's own files            work/     of the overlay mount; absent in a base
//!               link        its short name                   merged/   the mount, while it is in use
//!               lower       l/<short>:l/<short>…, nearest first; absent in a base
//!               committed   empty: something stands on it
//! <driver>/l/<short>        -> ../<id>/diff
//! ```

use super::links::{self, ShortNames};
use super::{Home, is_probe, probes};
use crate::disk::{Dir, FileKind, Unreadable};
use crate::format::image::overlay;
use crate::inventory::facts::DriverDirectory;
use crate::inventory::{Entity, Inventory, Keeps, OwnerKind};
use crate::store::gather::gather;
use crate::store::image::{temporary_files, unless_gone};
use crate::terms::{Kind, LinkKind, Lost, Place};

/// The names of 128 layers are shorter than this.
const LOWER_CAP: u64 = 64 << 10;
/// The node by which quotas are set. moby quota/projectquota.go
const QUOTA_NODE: &str = "backingFsBlockDev";

pub(super) fn survey(home: &Home<'_>) -> Inventory {
    let mut inv = Inventory::default();
    let Some(dir) = home.dir(&mut inv, &home.at, &[LinkKind::Lower]) else { return inv };
    inv.scaffold(home.site.root, &home.name, &dir);
    probes(home.site, &mut inv, &home.name, &dir);
    quota_node(home, &mut inv, &dir);
    let short = links::read(home, &mut inv, &dir);
    let names: Vec<&str> = ids(&dir).filter(|name| *name != "l").collect();
    inv.merge(gather(&names, |id, inv| {
        unless_gone(home.site, &dir.place().join(id), inv, |inv| one(home, &dir, id, &short, inv));
    }));
    inv
}

/// The directories of a home that may be layers.
pub(super) fn ids<'d>(dir: &'d Dir<'_>) -> impl Iterator<Item = &'d str> {
    dir.entries()
        .filter(|(name, kind)| *kind == FileKind::Dir && !is_probe(name) && *name != b"lost+found")
        .filter_map(|(name, _)| std::str::from_utf8(name).ok())
}

pub(super) fn quota_node(home: &Home<'_>, inv: &mut Inventory, dir: &Dir<'_>) {
    if dir.kind(QUOTA_NODE.as_bytes()) == Some(FileKind::BlockDevice) {
        let at = dir.place().join(QUOTA_NODE);
        let node = Entity::default().kept(Keeps::Engine).itself(at, OwnerKind::Scaffold);
        inv.add(home.key(Kind::Scaffold, QUOTA_NODE), node);
    }
}

fn one(home: &Home<'_>, listed: &Dir<'_>, id: &str, short: &ShortNames, inv: &mut Inventory) {
    let Some(mut facts) = home.directory(listed, id) else { return };
    let Some(at) = facts.at.clone() else { return };
    match home.site.disk.dir(&at) {
        Err(Unreadable::Missing) => return,
        Err(cause) => inv.problem("unreadable-directory", &at, Lost::Bytes, cause),
        Ok(dir) => {
            files(inv, &dir, &mut facts, short);
            temporary_files(home.site, inv, &home.name, &dir);
        }
    }
    // the text that the link has, if there is one, so that it is there once
    let key = match short.of(id).next() {
        Some((_, same)) => home.key(Kind::DriverDirectory, same.clone()),
        None => home.key(Kind::DriverDirectory, id),
    };
    if let Some(lower) = facts.lower.first() {
        inv.link(&key, LinkKind::Lower, home.key(Kind::DriverDirectory, lower.clone()), at.says("lower"));
    }
    if let Some(content) = &facts.content {
        inv.meter(content.clone());
    }
    facts.lower.shrink_to_fit();
    home.add(inv, key, facts, short.of(id).map(|(at, _)| at.clone()));
}

fn files(inv: &mut Inventory, dir: &Dir<'_>, facts: &mut DriverDirectory, short: &ShortNames) {
    let lost = || Lost::Links(vec![LinkKind::Lower]);
    if dir.kind(b"diff") == Some(FileKind::Dir) {
        facts.content = Some(dir.place().join("diff"));
    }
    // the engine asks only whether it is there
    if let Err(cause) = text(dir, "committed", overlay::empty) {
        inv.problem("damaged-file", &dir.place().join("committed"), Lost::Nothing, cause);
    }
    let link = text(dir, "link", overlay::short_name);
    facts.link = inv.note("damaged-file", &dir.place().join("link"), lost(), link).flatten();
    let at = dir.place().join("lower");
    let names = inv.note("damaged-file", &at, lost(), text(dir, "lower", overlay::lower)).flatten();
    for name in names.unwrap_or_default() {
        match short.to(&name) {
            Some(id) => facts.lower.push(id.clone()),
            None => unresolved(inv, &at, &name),
        }
    }
}

fn unresolved(inv: &mut Inventory, at: &Place, name: &str) {
    let lost = Lost::Links(vec![LinkKind::Lower]);
    inv.problem("lower-missing-link", at, lost, format!("names l/{name}, which leads to no directory"));
}

/// A file of a driver directory. `Ok(None)` if it is not there.
fn text<T, E: ToString>(dir: &Dir<'_>, name: &str, parse: impl Fn(&[u8]) -> Result<T, E>) -> Result<Option<T>, String> {
    match dir.read_capped(name.as_bytes(), LOWER_CAP) {
        Err(Unreadable::Missing) => Ok(None),
        Err(cause) => Err(cause.to_string()),
        Ok(bytes) => parse(&bytes).map(Some).map_err(|cause| cause.to_string()),
    }
}
