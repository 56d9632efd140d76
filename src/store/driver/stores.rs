//! Which image stores a root holds: every `image/<driver>`, and every driver's home.

use std::collections::BTreeSet;

use super::{DRIVERS, Reading, reading};
use crate::disk::{Dir, FileKind};
use crate::inventory::{StoreInfo, StoreKind};
use crate::store::{Site, image};
use crate::terms::Place;

/// A store, and whether `image/<driver>` is there to say what its home holds.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) info: StoreInfo,
    pub(super) has_metadata: bool,
}

pub(super) fn of(site: &Site<'_>, top: &Dir<'_>) -> Vec<Store> {
    let with_metadata: BTreeSet<String> =
        top.dir(b"image").map(|image| image::drivers(&image).into_iter().collect()).unwrap_or_default();
    let homes = DRIVERS.iter().map(|(name, _)| *name).filter(|name| is_home(site, top, name));
    let names: BTreeSet<&str> = with_metadata.iter().map(String::as_str).chain(homes).collect();
    names.into_iter().map(|name| store(site, name, with_metadata.contains(name))).collect()
}

/// A directory that can be read.
fn is_home(site: &Site<'_>, top: &Dir<'_>, name: &str) -> bool {
    top.kind(name.as_bytes()) == Some(FileKind::Dir) && site.disk.any(&site.at(name), |_| true).is_ok()
}

fn store(site: &Site<'_>, name: &str, has_metadata: bool) -> Store {
    let home = site.at(name);
    let part = site.at("image").join(name);
    let written = ["imagedb/content/sha256", "layerdb/sha256", "layerdb/mounts"].map(|below| part.join(below));
    let holds = |at: &Place| site.disk.any(at, |_| true) == Ok(true);
    let data = match reading(name) {
        Reading::Overlay2 | Reading::Legacy => home.clone(),
        Reading::Copies { below } => home.join(below),
    };
    // `l` alone is an overlay2 that never held a layer
    let has_data = site.disk.any(&data, |name| name != b"l") == Ok(true);
    let [_, layers, mounts] = &written;
    let mtime = |at: &Place| site.disk.stat(at).ok().map(|stat| stat.mtime);
    let newest = [&part.join("repositories.json"), layers, mounts].into_iter().filter_map(mtime).max();
    Store {
        info: StoreInfo {
            root: site.root.name.clone(),
            name: name.into(),
            kind: StoreKind::GraphDriver,
            home,
            populated: has_data || written.iter().any(holds),
            read_in_full: reading(name) != Reading::Legacy && has_metadata,
            newest,
        },
        has_metadata,
    }
}
