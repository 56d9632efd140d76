//! What a container refers to.
//!
//! A read-write layer has the container's ID for a name, in the layer store of the container's driver. The mount of an
//! image has had several names (moby daemon/volumes.go):
//!
//! ```text
//! 28.x          <container>-<reference>, directories within directories if the reference has slashes
//! 29.0, 29.1    the hex digits of "<container>,src=<reference>,dst=<destination>"
//! 29.2 on       the SHA-256 of "<container>-src=<reference>-dst=<destination>"
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Reading;
use crate::disk::{FileKind, Names};
use crate::inventory::{Inventory, facts};
use crate::store::Site;
use crate::terms::{Digest, Key, Kind, LinkKind, Place};

/// Names of graph drivers only. `btrfs`, `zfs` and `fuse-overlayfs` are names of snapshotters too; there it counts
/// whether the driver has a layer store.
const GRAPH_DRIVERS: [&str; 5] = ["overlay2", "vfs", "aufs", "overlay", "devicemapper"];

/// The names in every `image/<driver>/layerdb/mounts`, by driver.
pub(super) struct Mounts {
    by_driver: BTreeMap<String, Mounted>,
}

struct Mounted {
    at: Place,
    names: Arc<Names>,
}

impl Mounts {
    /// What cannot be read here is a problem of the image store's survey.
    pub(super) fn of(site: &Site<'_>) -> Self {
        let mut by_driver = BTreeMap::new();
        if let Ok(image) = site.disk.dir(&site.at("image")) {
            for (name, kind) in image.entries() {
                let (Ok(driver), FileKind::Dir) = (std::str::from_utf8(name), kind) else { continue };
                let at = image.place().join(name).join("layerdb/mounts");
                let names = site.disk.dir(&at).map(|dir| dir.names().clone()).unwrap_or_default();
                by_driver.insert(driver.to_owned(), Mounted { at, names });
            }
        }
        Self { by_driver }
    }

    /// Whether any graph driver was ever used.
    pub(super) fn any_driver(&self) -> bool {
        !self.by_driver.is_empty()
    }

    /// The drivers that have a read-write layer of this name, with the place that says so.
    pub(super) fn holding(&self, name: &str) -> Vec<(&str, Place)> {
        let holds = |mounted: &Mounted| mounted.names.kind(name.as_bytes()).is_some();
        self.by_driver
            .iter()
            .filter(|(_, names)| holds(names))
            .map(|(driver, names)| (driver.as_str(), names.at.join(name)))
            .collect()
    }
}

pub(super) fn add(inv: &mut Inventory, site: &Site<'_>, key: &Key, read: &Reading, mounts: &Mounts) {
    if !read.config_read {
        // the name alone ties a read-write layer to a container, in whatever driver
        for (driver, at) in mounts.holding(&key.id) {
            inv.link(key, LinkKind::ReadWrite, site.root.key(driver, Kind::Mount, key.id.clone()), &at);
        }
        return;
    }
    let evidence = &read.evidence;
    for mount in read.facts.mounts.iter().filter(|mount| is_volume(mount)) {
        inv.link(key, LinkKind::Uses, site.root.key("engine", Kind::Volume, mount.name.as_str()), evidence);
    }
    let driver = read.facts.driver.as_str();
    if !of_graph_driver(&read.facts, mounts) {
        return; // its image and snapshots are containerd's
    }
    if let Some(image) = &read.facts.image {
        inv.link(key, LinkKind::RunsFrom, site.root.key(driver, Kind::Image, image.as_str()), evidence);
    }
    inv.link(key, LinkKind::ReadWrite, site.root.key(driver, Kind::Mount, key.id.clone()), evidence);
    for mount in read.facts.mounts.iter().filter(|mount| mount.kind == "image") {
        for name in image_mount_names(site, driver, &key.id, mount) {
            inv.link(key, LinkKind::ImageMount, site.root.key(driver, Kind::Mount, name), evidence);
        }
    }
}

/// The engine counts a reference for every mount point that has a driver.
// moby daemon/volumes.go: lazyInitializeVolume
fn is_volume(mount: &facts::MountPoint) -> bool {
    !mount.name.is_empty() && (!mount.driver.is_empty() || mount.kind == "volume") && mount.kind != "image"
}

fn of_graph_driver(facts: &facts::Container, mounts: &Mounts) -> bool {
    facts.image_manifest.is_none()
        && (mounts.by_driver.contains_key(&facts.driver) || GRAPH_DRIVERS.contains(&facts.driver.as_str()))
}

/// Of the names that the mount may have, those that are there; if none is, the one it should have.
fn image_mount_names(site: &Site<'_>, driver: &str, container: &str, mount: &facts::MountPoint) -> Vec<String> {
    use std::fmt::Write as _;
    let (from, to) = (&mount.name, &mount.destination);
    let mut hex = String::new();
    format!("{container},src={from},dst={to}").bytes().for_each(|byte| {
        let _ = write!(hex, "{byte:02x}");
    });
    let hashed = Digest::of(format!("{container}-src={from}-dst={to}").as_bytes()).hex().to_owned();
    let names = [mount.id.clone(), format!("{container}-{from}"), hex, hashed];
    let above = site.at("image").join(driver).join("layerdb/mounts");
    let mut found: Vec<String> = Vec::new();
    for name in names.iter().filter(|name| !name.is_empty()) {
        let there = above.join_untrusted(name).is_ok_and(|at| site.disk.stat(&at).is_ok());
        if there && !found.contains(name) {
            found.push(name.clone());
        }
    }
    if found.is_empty() {
        found.extend(names.into_iter().find(|name| !name.is_empty()));
    }
    found
}
