//! `image/<driver>/`: what dockerd's image store and layer store know of one graph driver.
//!
//! ```text
//! image/<driver>/
//!     imagedb/          image configs and what belongs to them       (imagedb.rs)
//!     repositories.json tags and digest references                   (tags.rs)
//!     layerdb/          layers, read-write layers, transactions      (layerdb.rs, mounts.rs)
//!     distribution/     which registry blob holds which layer        (distribution.rs)
//! image/identity-cache.db   of the containerd store, since 29
//! ```

mod checks;
mod distribution;
mod entry;
mod imagedb;
mod layerdb;
mod mounts;
mod part;
mod tags;
#[cfg(test)]
mod tests;

use rayon::prelude::*;

use super::Site;
use super::driver::is_driver;
use crate::disk::{Dir, FileKind};
use crate::inventory::{Entity, Inventory, Keeps, OwnerKind};
use crate::terms::{Kind, LinkKind, Lost};
pub(super) use entry::{temporary_files, unless_gone};
use part::Part;

/// What is lost with the whole of `image/<driver>`.
pub(super) const ALL: &[LinkKind] = &[
    LinkKind::Names,
    LinkKind::BuiltOn,
    LinkKind::TopLayer,
    LinkKind::Parent,
    LinkKind::StoredIn,
    LinkKind::InitLayer,
    LinkKind::StandsOn,
];

pub(super) fn survey(site: &Site<'_>) -> Inventory {
    let mut inv = Inventory::default();
    let Some(image) = site.dir(&mut inv, &site.at("image"), Lost::Links(ALL.to_vec())) else { return inv };
    inv.scaffold(site.root, "engine", &image);
    // moby daemon/containerd/identitycache/bbolt.go
    let cache = site.root.key("engine", Kind::Database, "identity-cache.db");
    if image.kind(b"identity-cache.db").is_some() {
        let at = image.place().join("identity-cache.db");
        inv.add(cache, Entity::default().kept(Keeps::Engine).itself(at, OwnerKind::Database));
    }
    let parts: Vec<Inventory> =
        drivers(&image).into_par_iter().map(|name| read(&Part::new(site, name, &image))).collect();
    parts.into_iter().for_each(|part| inv.merge(part));
    inv
}

/// The names below `image/` that are stores: a known driver's, or one that holds what a store holds.
pub(super) fn drivers(image: &Dir<'_>) -> Vec<String> {
    let dirs = image.entries().filter(|(_, kind)| *kind == FileKind::Dir);
    let names = dirs.filter_map(|(name, _)| std::str::from_utf8(name).ok());
    let is_store = |name: &&str| {
        let holds = |dir: Dir<'_>| dir.kind(b"layerdb").is_some() || dir.kind(b"imagedb").is_some();
        is_driver(name) || image.dir(name.as_bytes()).is_ok_and(holds)
    };
    names.filter(is_store).map(str::to_owned).collect()
}

fn read(part: &Part<'_>) -> Inventory {
    let mut inv = Inventory::default();
    let Some(dir) = part.dir(&mut inv, &part.at, ALL) else { return inv };
    inv.scaffold(part.site.root, &part.name, &dir);
    temporary_files(part.site, &mut inv, &part.name, &dir);
    // references go before what they refer to when an image is removed, and come after it when one is made
    let tags = tags::read(part, &mut inv, &dir);
    let (images, layers) = rayon::join(|| imagedb::read(part, &dir, &tags), || layerdb::read(part, &dir));
    inv.merge(images);
    inv.merge(layers);
    inv.merge(distribution::read(part));
    checks::run(part, &mut inv);
    inv
}
