//! Data roots inside others, as the survey of what is around them tells: which of them serve one engine, and whose ground
//! they lie on.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Inside;
use crate::disk::Disk;
use crate::inventory::facts::{Nested, Snapshot};
use crate::inventory::{Entity, Inventory, Role, Root};
use crate::terms::{Key, Kind, LinkKind, Place, short_id};

/// No chain of layers is longer.
const CHAIN: usize = 1000;

/// The roots of one engine.
pub(super) struct Group {
    pub(super) inside: Inside,
    pub(super) roots: Vec<Root>,
    pub(super) is_builder: bool,
    /// Layers below hold a part of it, which are no part of what the container wrote.
    pub(super) is_split: bool,
    /// The containers that work with it.
    pub(super) users: BTreeSet<Key>,
}

impl Group {
    fn of(disk: &Disk, inventory: &Inventory, owner: &Key, thing: &Entity, inner: &Nested) -> Self {
        let role = if inner.engine == "containerd" { Role::Containerd } else { Role::Engine };
        let links = inventory.links.iter().filter(|link| link.to == *owner && link.from.kind == Kind::Container);
        let users: BTreeSet<Key> = links.map(|link| link.from.clone()).collect();
        Self {
            inside: Inside {
                owner: owner.clone(),
                owner_name: thing.name.clone(),
                users: users.iter().map(|user| called(inventory, user)).collect(),
            },
            roots: vec![Root::of(inner.at.clone(), role)],
            is_builder: inner.engine == "buildkitd",
            is_split: below(inventory, owner, thing, &inner.at).iter().any(|at| is_part(disk, at)),
            users,
        }
    }

    fn has(&self, role: Role) -> bool {
        self.roots.iter().any(|root| root.role == role)
    }

    fn first(&self) -> Option<&Place> {
        self.roots.first().map(|root| &root.place)
    }
}

/// Where the roots inside begin.
pub(in crate::report) fn places(inventory: &Inventory) -> impl Iterator<Item = &Place> {
    inventory.entities.values().flat_map(nested_in).map(|inner| &inner.at)
}

/// What lies inside the things of a reading. A containerd goes with the engine that the same volume holds, or that a
/// container runs which mounts both: what that engine's containers need of it would else look as if nobody did.
pub(super) fn groups(disk: &Disk, inventory: &Inventory) -> Vec<Group> {
    let all = inventory.entities.iter();
    let all = all.flat_map(|(key, thing)| nested_in(thing).iter().map(move |inner| (key, thing, inner)));
    let all = all.map(|(key, thing, inner)| Group::of(disk, inventory, key, thing, inner));
    let (containerds, mut engines): (Vec<Group>, Vec<Group>) = all.partition(|group| group.has(Role::Containerd));
    for lone in containerds {
        let serves = |engine: &&mut Group| {
            let near =
                engine.inside.owner == lone.inside.owner || engine.users.intersection(&lone.users).next().is_some();
            near && !engine.has(Role::Containerd) && !engine.is_builder
        };
        match engines.iter_mut().find(serves) {
            Some(engine) => {
                engine.roots.extend(lone.roots);
                engine.is_split |= lone.is_split;
            }
            None => engines.push(lone),
        }
    }
    engines.sort_by(|a, b| a.first().cmp(&b.first()));
    engines
}

fn called(inventory: &Inventory, container: &Key) -> String {
    let name = inventory.get(container).map(|thing| thing.name.clone()).filter(|name| !name.is_empty());
    name.unwrap_or_else(|| short_id(&container.id).to_owned())
}

fn nested_in(thing: &Entity) -> &[Nested] {
    let volume = thing.volume().map(|facts| &facts.nested);
    let mount = || thing.mount().map(|facts| &facts.nested);
    let snapshot = || thing.snapshot().map(|facts| &facts.nested);
    volume.or_else(mount).or_else(snapshot).map(Vec::as_slice).unwrap_or_default()
}

/// Where the same path is in the layers below what a container wrote.
fn below(inventory: &Inventory, owner: &Key, thing: &Entity, inner: &Place) -> Vec<Place> {
    let layers = match owner.kind {
        Kind::Mount => below_mount(inventory, owner),
        Kind::Snapshot => below_snapshot(inventory, owner, thing),
        _ => Vec::new(),
    };
    let Some((top, lowers)) = layers.split_first() else { return Vec::new() };
    let path = inner.as_bytes().strip_prefix(top.as_bytes()).and_then(|rest| rest.strip_prefix(b"/"));
    path.map(|path| lowers.iter().map(|lower| lower.join(path)).collect()).unwrap_or_default()
}

/// The directory of a read-write layer's own files, and those below it.
fn below_mount(inventory: &Inventory, mount: &Key) -> Vec<Place> {
    let mut links = inventory.links.iter().filter(|link| link.from == *mount && link.kind == LinkKind::StoredIn);
    let Some(directory) = links.find_map(|link| inventory.get(&link.to)?.driver_directory()) else { return Vec::new() };
    let lower = |id: &Arc<str>| {
        let key = Key { kind: Kind::DriverDirectory, id: id.clone(), ..mount.clone() };
        inventory.get(&key)?.driver_directory()?.content.clone()
    };
    directory.content.iter().cloned().chain(directory.lower.iter().filter_map(lower)).collect()
}

/// The same of a snapshot. Where each is a full copy there is nothing to be had from below.
fn below_snapshot(inventory: &Inventory, owner: &Key, thing: &Entity) -> Vec<Place> {
    let parent = |(key, snapshot): &(Key, &Snapshot)| {
        let id = format!("{}{}", key.id.strip_suffix(snapshot.name.as_str())?, snapshot.parent.as_deref()?);
        let key = Key { id: id.into(), ..owner.clone() };
        let below = inventory.get(&key)?.snapshot()?;
        Some((key, below))
    };
    let first = thing.snapshot().filter(|snapshot| snapshot.content != snapshot.at);
    let chain = std::iter::successors(first.map(|snapshot| (owner.clone(), snapshot)), parent).take(CHAIN);
    chain.filter_map(|(_, snapshot)| snapshot.content.clone()).collect()
}

/// Whether a layer has something of a data root at this path.
fn is_part(disk: &Disk, at: &Place) -> bool {
    let signs = ["image", "containers", "overlay2", "containerd", "io.containerd.metadata.v1.bolt"];
    signs.iter().any(|sign| disk.stat(&at.join(sign)).is_ok())
}
