//! Read-write layers: one for each container, for each mount of an image, and for each step of the classic builder.
//!
//! ```text
//! layerdb/mounts/<name>/
//!     mount-id   directory in the driver
//!     init-id    the directory below it: <mount-id>-init; absent if there is none
//!     parent     chain ID of the layer it stands on; absent for a container from scratch
//! ```
//! Written one after the other, in this order. `<name>` is the container's ID, as a rule; the mount of an image was once
//! called `<container>-<image as typed>`, so that a `/` in the reference makes directories within each other.

use super::entry::{needed, unless_gone, value};
use super::layerdb::each;
use super::part::{Part, links};
use crate::disk::{Dir, FileKind, Unreadable};
use crate::format::image::text;
use crate::inventory::facts::{Mount, Nested};
use crate::inventory::{Entity, Inventory, OwnerKind};
use crate::store::{driver, nested};
use crate::terms::{ChainId, Kind, LinkKind, Place};

const ALL: &[LinkKind] = &[LinkKind::StoredIn, LinkKind::InitLayer, LinkKind::StandsOn];

/// References of images have few components; a deeper tree is nobody's mount.
const MAX_DEPTH: usize = 16;

pub(super) fn read(part: &Part<'_>, at: &Place) -> Inventory {
    let mut inv = Inventory::default();
    let Some(dir) = part.dir(&mut inv, at, ALL) else { return inv };
    inv.scaffold(part.site.root, &part.name, &dir);
    inv.merge(each(part, &dir, |at, name, inv| mount(part, at, name, 0, inv)));
    inv
}

fn mount(part: &Part<'_>, at: &Place, name: &str, depth: usize, inv: &mut Inventory) {
    let key = part.key(Kind::Mount, name);
    let dir = match part.site.disk.dir(at) {
        Err(Unreadable::Missing) => return,
        Err(cause) => {
            inv.problem("unreadable-directory", at, links(ALL), &cause);
            let facts = Mount { broken: Some(cause.to_string()), ..Mount::default() };
            inv.add(key, Entity::new(facts).tree(at.clone(), OwnerKind::RwLayer));
            return;
        }
        Ok(dir) => dir,
    };
    if depth < MAX_DEPTH && is_between(&dir) {
        return between(part, &dir, name, depth, inv);
    }
    let mut facts = files(part, inv, &dir, depth);
    facts.nested = inner_roots(part, &facts);
    facts.nested.iter().for_each(|inner| inv.meter(inner.at.clone()));
    if let Some(id) = &facts.mount_id {
        inv.link(&key, LinkKind::StoredIn, part.key(Kind::DriverDirectory, id), at.says("mount-id"));
    }
    if let Some(id) = &facts.init_id {
        inv.link(&key, LinkKind::InitLayer, part.key(Kind::DriverDirectory, id), at.says("init-id"));
    }
    if let Some(parent) = &facts.parent {
        inv.link(&key, LinkKind::StandsOn, part.key(Kind::Layer, &parent.0), at.says("parent"));
    }
    inv.add(key, Entity::new(facts).tree(at.clone(), OwnerKind::RwLayer));
}

/// What the container wrote may hold a data root of its own.
fn inner_roots(part: &Part<'_>, facts: &Mount) -> Vec<Nested> {
    let Some(id) = facts.mount_id.as_ref().filter(|_| facts.init_id.is_some()) else { return Vec::new() };
    let directory = driver::directory(&part.site.at(&part.name), id.as_str());
    let content = if driver::has_lowers(&part.name) { directory.join("diff") } else { directory };
    nested::look(part.site, &content, nested::IN_CONTAINER)
}

/// A directory that a `/` in a name made: no files of a mount, but directories.
fn is_between(dir: &Dir<'_>) -> bool {
    let is_mount = [&b"mount-id"[..], b"init-id", b"parent"].iter().any(|name| dir.kind(name).is_some());
    !is_mount && dir.entries().any(|(_, kind)| kind == FileKind::Dir)
}

fn between(part: &Part<'_>, dir: &Dir<'_>, name: &str, depth: usize, inv: &mut Inventory) {
    inv.scaffold(part.site.root, &part.name, dir);
    for (below, _) in dir.entries().filter(|(_, kind)| *kind == FileKind::Dir) {
        let Ok(text) = std::str::from_utf8(below) else { continue };
        let at = dir.place().join(below);
        unless_gone(part.site, &at, inv, |inv| mount(part, &at, &format!("{name}/{text}"), depth + 1, inv));
    }
}

// moby layer/layer_store.go loadMount
fn files(part: &Part<'_>, inv: &mut Inventory, dir: &Dir<'_>, depth: usize) -> Mount {
    let mut facts = Mount::default();
    let mut broken: Vec<String> = Vec::new();
    if depth > 0 {
        // moby layer/filestore.go List: top-level entries only
        broken.push("its name makes directories within each other, which the engine does not load".into());
    }
    let mut fault = |inv: &mut Inventory, name: &str, lost: &[LinkKind], cause: String| {
        part.fault(inv, dir, name, lost, &cause);
        broken.push(format!("{name}: {cause}"));
    };
    let odd = |id: &crate::terms::CacheId| format!("{:?} is not 64 hex digits", id.as_str());
    match needed(dir, "mount-id", text::cache_id) {
        Ok(id) => {
            if !text::is_mount_id(&id) {
                fault(inv, "mount-id", &[LinkKind::StoredIn], odd(&id));
            }
            facts.mount_id = Some(id);
        }
        Err(cause) => fault(inv, "mount-id", &[LinkKind::StoredIn], cause),
    }
    match value(dir, "init-id", text::cache_id) {
        Ok(id) => {
            if let Some(id) = id.as_ref().filter(|id| !text::is_mount_id(id)) {
                fault(inv, "init-id", &[LinkKind::InitLayer], odd(id));
            }
            facts.init_id = id;
        }
        Err(cause) => fault(inv, "init-id", &[LinkKind::InitLayer], cause),
    }
    match value(dir, "parent", text::digest) {
        Ok(parent) => facts.parent = parent.map(ChainId),
        Err(cause) => fault(inv, "parent", &[LinkKind::StandsOn], cause),
    }
    facts.broken = (!broken.is_empty()).then(|| broken.join("; "));
    facts
}
