//! The top of a data root, and what belongs to no image store.
//!
//! ```text
//! image/ <driver>/ containers/ volumes/ buildkit/        read elsewhere
//! containerd/daemon/          root of a containerd that dockerd started (store/containerd.rs)
//! plugins/                    managed plugins (plugins.rs)
//! swarm/ network/             each one owner
//! tmp/ tmp-old/               temporary files (temporary.rs)
//! rootfs/<snapshotter>/<id>   where the containerd store's containers are mounted
//! engine-id runtimes/ runc/ trust/ credentialspecs/ policy/        the engine's own
//! builder/                    what the classic builder kept, 17.07 to 19.03
//! content/                    a content store without containerd
//! <uid>.<gid>/                a whole root of its own, with userns-remap
//! ```

mod plugins;
mod temporary;
#[cfg(test)]
mod tests;

use super::{Site, bolt_file, clues, containerd};
use crate::disk::{Dir, FileKind};
use crate::inventory::{Entity, Inventory, Keeps, OwnerKind};
use crate::terms::{Kind, LinkKind, Lost};

/// What one owner has as a whole: the name, the kind of thing, whose bytes they are.
const WHOLE: &[(&str, Kind, OwnerKind)] = &[
    ("builder", Kind::Store, OwnerKind::Store),
    ("content", Kind::Store, OwnerKind::Store),
    ("credentialspecs", Kind::Scaffold, OwnerKind::Scaffold),
    ("engine-id", Kind::Scaffold, OwnerKind::Scaffold),
    ("linkgraph.db", Kind::Database, OwnerKind::Database),
    ("network", Kind::Network, OwnerKind::Network),
    ("policy", Kind::Scaffold, OwnerKind::Scaffold),
    ("runc", Kind::Scaffold, OwnerKind::Scaffold),
    ("runtimes", Kind::Scaffold, OwnerKind::Scaffold),
    ("swarm", Kind::Swarm, OwnerKind::Swarm),
    ("trust", Kind::Scaffold, OwnerKind::Scaffold),
];

pub(super) fn survey(site: &Site<'_>) -> Inventory {
    let mut inv = Inventory::default();
    if containerd::is_its_own_root(site.root) {
        return inv;
    }
    let Some(top) = site.dir(&mut inv, &site.root.place, Lost::Bytes) else { return inv };
    inv.scaffold(site.root, "engine", &top);
    for (name, kind, owner) in WHOLE {
        whole(&mut inv, site, &top, name, *kind, *owner);
    }
    for below in ["containerd", "lost+found"] {
        scaffold(&mut inv, site, below);
    }
    identity_cache(&mut inv, site);
    mount_points(&mut inv, site);
    temporary::survey(&mut inv, site, &top);
    plugins::survey(&mut inv, site);
    clues::of_top(&mut inv, site, &top);
    inv
}

fn whole(inv: &mut Inventory, site: &Site<'_>, top: &Dir<'_>, name: &str, kind: Kind, owner: OwnerKind) {
    if top.kind(name.as_bytes()).is_some() {
        let thing = Entity::default().kept(Keeps::Engine).tree(top.place().join(name), owner);
        inv.add(site.root.key("engine", kind, name), thing);
    }
}

/// A directory of the engine's, or of the file system's, that is not looked into further.
fn scaffold<'a>(inv: &mut Inventory, site: &Site<'a>, below: &str) -> Option<Dir<'a>> {
    let dir = site.dir(inv, &site.at(below), Lost::Nothing)?;
    inv.scaffold(site.root, "engine", &dir);
    Some(dir)
}

/// With the image store; that is whose it is.
fn identity_cache(inv: &mut Inventory, site: &Site<'_>) {
    bolt_file::read(site, inv, &site.at("image/identity-cache.db"), &Lost::Nothing);
}

/// `rootfs/<snapshotter>/<container>`: empty unless the container runs.
// moby daemon/snapshotter/mount.go
fn mount_points(inv: &mut Inventory, site: &Site<'_>) {
    let Some(rootfs) = scaffold(inv, site, "rootfs") else { return };
    for (snapshotter, _) in rootfs.entries().filter(|(_, kind)| *kind == FileKind::Dir) {
        let at = rootfs.place().join(snapshotter);
        let Some(dir) = site.dir(inv, &at, Lost::Nothing) else { continue };
        inv.scaffold(site.root, "engine", &dir);
        for (container, _) in dir.entries() {
            let at = dir.place().join(container);
            if site.disk.stat(&site.at("containers").join(container)).is_ok() {
                let key = site.root.key("engine", Kind::Scaffold, at.to_string());
                inv.add(key, Entity::default().kept(Keeps::Engine).tree(at, OwnerKind::Scaffold));
            } else {
                temporary::leftover(inv, site, at, &temporary::MOUNT_POINT);
            }
        }
    }
}

/// What is lost when a plugin's config cannot be read.
const SAID_BY_PLUGINS: [LinkKind; 1] = [LinkKind::Content];
