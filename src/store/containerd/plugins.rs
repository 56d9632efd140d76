//! The directories of containerd's other plugins, and what running things leave in them.
//!
//! ```text
//! io.containerd.runtime.v2.task/<namespace>/<container>/      the bundle of a task: gone when it ends
//! io.containerd.runtime.v1.linux/…                            of containerd 1.x
//! io.containerd.grpc.v1.introspection/uuid  io.containerd.sandbox.controller.v1.shim/  …
//! tmpmounts/containerd-mount*                                 mount points while a layer is unpacked
//! opt/                                                        what `ctr install` puts there
//! ```

use std::collections::BTreeSet;

use super::home::{CONTENT, METADATA, SNAPSHOTTER};
use super::meta::Meta;
use crate::disk::{Dir, FileKind, Unreadable};
use crate::inventory::facts::Leftover;
use crate::inventory::{Entity, Inventory, Keeps, OwnerKind};
use crate::store::Site;
use crate::terms::{Kind, Lost, Place};

const STORE: &str = "containerd";
const TASKS: &[&str] = &["io.containerd.runtime.v2.task", "io.containerd.runtime.v1.linux"];
// containerd core/mount/temp.go: the directory is removed when it was unmounted
const TMPMOUNT: Leftover = Leftover {
    what: "temporary mount point",
    cleaned_by: "nothing: its maker was killed. Look first whether something is mounted there",
    by_itself: false,
};
// containerd core/runtime/v2/shim_load.go: at its start containerd cleans up only those namespaces that have shims still
const TASK: Leftover = Leftover {
    what: "task directory of a container that containerd does not know",
    cleaned_by: "nothing, unless containerd starts while another container of its namespace runs",
    by_itself: false,
};

pub(super) fn survey(site: &Site<'_>, inv: &mut Inventory, top: &Dir<'_>, meta: Option<&Meta>) {
    for (name, kind) in top.entries() {
        let Ok(text) = std::str::from_utf8(name) else { continue };
        let at = top.place().join(name);
        match text {
            "tmpmounts" => temporary_mounts(site, inv, &at),
            CONTENT | METADATA => {}
            _ if text.starts_with(SNAPSHOTTER) && kind == FileKind::Dir => {}
            _ if TASKS.contains(&text) && kind == FileKind::Dir => tasks(site, inv, &at, meta),
            "opt" => plugin(inv, site, text, at, OwnerKind::Store),
            _ if text.starts_with("io.containerd.") => plugin(inv, site, text, at, OwnerKind::Scaffold),
            _ => {}
        }
    }
}

fn plugin(inv: &mut Inventory, site: &Site<'_>, name: &str, at: Place, owner: OwnerKind) {
    let kind = if owner == OwnerKind::Store { Kind::Store } else { Kind::Scaffold };
    inv.add(site.root.key(STORE, kind, name), Entity::default().kept(Keeps::Engine).tree(at, owner));
}

fn temporary_mounts(site: &Site<'_>, inv: &mut Inventory, at: &Place) {
    let Some(dir) = site.dir(inv, at, Lost::Nothing) else { return };
    inv.scaffold(site.root, STORE, &dir);
    for (name, _) in dir.entries() {
        leftover(inv, site, STORE, at.join(name), &TMPMOUNT);
    }
}

fn tasks(site: &Site<'_>, inv: &mut Inventory, at: &Place, meta: Option<&Meta>) {
    let Some(dir) = site.dir(inv, at, Lost::Nothing) else { return };
    inv.scaffold(site.root, STORE, &dir);
    for (namespace, _) in dir.entries().filter(|(_, kind)| *kind == FileKind::Dir) {
        let Some(inner) = site.dir(inv, &at.join(namespace), Lost::Nothing) else { continue };
        let known = std::str::from_utf8(namespace).ok().and_then(|name| meta?.namespaces.get(name));
        let known: BTreeSet<&[u8]> = known
            .into_iter()
            .flat_map(|it| it.containers.keys().chain(it.sandboxes.keys()))
            .map(String::as_bytes)
            .collect();
        if meta.is_some() && !inner.is_empty() && !inner.entries().any(|(task, _)| known.contains(task)) {
            leftover(inv, site, STORE, at.join(namespace), &TASK);
            continue;
        }
        inv.scaffold(site.root, STORE, &inner);
        for (task, _) in inner.entries() {
            let at = inner.place().join(task);
            // nothing is concluded where the database could not be read
            if known.contains(task) || meta.is_none() {
                let key = site.root.key(STORE, Kind::Scaffold, at.to_string());
                inv.add(key, Entity::default().kept(Keeps::Engine).tree(at, OwnerKind::Scaffold));
            } else {
                leftover(inv, site, STORE, at, &TASK);
            }
        }
    }
}

/// Adds a leftover; one that is gone by now was none.
pub(super) fn leftover(inv: &mut Inventory, site: &Site<'_>, store: &str, at: Place, what: &Leftover) {
    if site.disk.stat(&at) == Err(Unreadable::Missing) {
        return;
    }
    let key = site.root.key(store, Kind::Leftover, at.to_string());
    inv.add(key, Entity::new(what.clone()).tree(at, OwnerKind::Temporary));
}
