//! Read-write layers against the driver's home and against the containers they belong to.

use super::{View, beside};
use crate::disk::{Disk, Unreadable};
use crate::inventory::facts::{Container, Mount};
use crate::inventory::{Entity, Inventory, StoreKind};
use crate::store::driver::has_lowers;
use crate::terms::{Key, Kind, LinkKind, Lost, Place};

pub(super) fn check(disk: &Disk, view: &View<'_>, out: &mut Inventory) {
    for (key, thing) in view.inv.of_kind(Kind::Mount) {
        if let (Some(mount), Some(at)) = (thing.mount(), thing.lots.first().map(|lot| &lot.at)) {
            init(view, out, key, mount, at);
        }
    }
    for (key, thing) in view.inv.of_kind(Kind::Container) {
        thing.container().into_iter().for_each(|container| parent(disk, view, out, key, container));
    }
}

/// The init directory is called after the other, and only containers have one.
// moby layer/layer_store.go initMount
fn init(view: &View<'_>, out: &mut Inventory, key: &Key, mount: &Mount, at: &Place) {
    let Some(id) = &mount.mount_id else { return };
    let wanted = format!("{}-init", id.as_str());
    match &mount.init_id {
        Some(init) if init.as_str() != wanted => {
            let lost = Lost::Links(vec![LinkKind::InitLayer, LinkKind::StoredIn]);
            let cause = format!("says {}, while mount-id says {}", init.as_str(), id.as_str());
            out.problem("init-mismatch", &at.join("init-id"), lost, cause);
        }
        None if view.directory(key, &wanted).is_some() && !view.is_faulty(&at.join("init-id")) => {
            let cause = format!("no such file, but directory {wanted} is there");
            out.problem("missing-file", &at.join("init-id"), Lost::Links(vec![LinkKind::InitLayer]), cause);
        }
        _ => {}
    }
}

/// A container stands on the top layer of the image it was made from.
fn parent(disk: &Disk, view: &View<'_>, out: &mut Inventory, key: &Key, container: &Container) {
    // containerd's store may lie in the same root, and have the name of a graph driver
    let of_root = view.inv.stores.iter().filter(|store| store.root == key.root);
    let mut stores = of_root.filter(|store| store.kind == StoreKind::GraphDriver && container.image_manifest.is_none());
    let Some(store) = stores.find(|store| *store.name == *container.driver) else { return };
    let there = |kind, id: &str| Key { store: store.name.clone(), ..beside(key, kind, id) };
    let mount_key = there(Kind::Mount, &key.id);
    let Some(thing) = view.inv.get(&mount_key) else {
        no_mounts(disk, out, view, key, &store.name);
        return;
    };
    let (Some(mount), Some(at)) = (thing.mount(), thing.lots.first().map(|lot| lot.at.join("parent"))) else { return };
    let image = container.image.as_ref().map(|id| there(Kind::Image, id.as_str()));
    let image = image.and_then(|key| view.inv.get(&key)).and_then(Entity::image);
    let lost = Lost::Links(vec![LinkKind::StandsOn]);
    match image {
        _ if view.is_faulty(&at) => {}
        Some(image) if image.broken.is_none() && image.chain.last() != mount.parent.as_ref() => {
            out.problem("mount-parent-mismatch", &at, lost, "is not the top layer of the container's image");
        }
        // with overlay2 the directory itself tells
        None if mount.parent.is_none() && !has_lowers(&store.name) => {
            let cause = "no such file, and the container's image is gone: what it stands on is unknown";
            out.problem("missing-file", &at, lost, cause);
        }
        _ => {}
    }
}

/// A container without its mount is a finding. Containers without the directory of all mounts are damage; and where a
/// read-write directory is left that nothing names, it may be this container's.
fn no_mounts(disk: &Disk, out: &mut Inventory, view: &View<'_>, key: &Key, store: &str) {
    let Some(root) = view.inv.roots.iter().find(|root| root.name == key.root) else { return };
    let at = root.place.join("image").join(store).join("layerdb/mounts");
    let lost = Lost::Links(vec![LinkKind::StoredIn, LinkKind::InitLayer, LinkKind::StandsOn]);
    if disk.stat(&at) == Err(Unreadable::Missing) {
        if !out.problems.iter().any(|problem| problem.at == at) {
            out.problem("missing-directory", &at, lost, "the read-write layers of all containers are unknown");
        }
    } else if let Some(left) = left_pair(view, &Key { store: store.into(), ..key.clone() }) {
        let cause = format!("no such directory: directory {left}, which nothing names, may be this container's");
        out.problem("container-without-mount", &at.join(&*key.id), lost, cause);
    }
}

/// A read-write directory that stands on an init directory, neither named by anything.
fn left_pair<'a>(view: &View<'a>, like: &Key) -> Option<&'a str> {
    let same = view.inv.of_kind(Kind::DriverDirectory).map(|(key, _)| key);
    let mut idle = same.filter(|key| key.root == like.root && key.store == like.store && !view.is_held(key));
    idle.find(|key| {
        let init = beside(key, Kind::DriverDirectory, &format!("{}-init", key.id));
        view.inv.get(&init).is_some() && !view.is_held(&init)
    })
    .map(|key| &*key.id)
}
