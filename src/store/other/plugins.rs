//! Managed plugins.
//!
//! ```text
//! plugins/<64 hex>/{config.json, rootfs/, propagated-mount/}
//! plugins/<64 hex>-removing        its removal was interrupted; the engine looks for it in the wrong directory
//! plugins/storage/{blobs/sha256/<hex>, ingest/}        configs and layers, by digest; up to 19.03 tmp/ besides
//! plugins/tmp/                     where plugins are unpacked
//! ```

use super::SAID_BY_PLUGINS;
use super::temporary::leftover;
use crate::disk::{Dir, FileKind, Unreadable};
use crate::format::engine::plugin::{self, PluginConfig};
use crate::inventory::facts::{Blob, Leftover, Plugin};
use crate::inventory::{Entity, Inventory, Keeps, OwnerKind};
use crate::store::Site;
use crate::terms::{Digest, Kind, LinkKind, Lost};

// moby daemon/pkg/plugin/manager.go: reload gives a bare name to EnsureRemoveAll
const REMOVING: Leftover = Leftover {
    what: "-removing plugin",
    cleaned_by: "nothing: the engine's own cleaning looks in the wrong directory",
    by_itself: false,
};
const UNPACKED: Leftover =
    Leftover { what: "half-made plugin", cleaned_by: "nothing: what made it ended early", by_itself: false };
const INGEST: Leftover = Leftover {
    what: "unfinished download of a plugin",
    cleaned_by: "the next download of the same blob",
    by_itself: false,
};

pub(super) fn survey(inv: &mut Inventory, site: &Site<'_>) {
    let lost = Lost::Links(SAID_BY_PLUGINS.to_vec());
    let Some(dir) = site.dir(inv, &site.at("plugins"), lost) else { return };
    inv.scaffold(site.root, "engine", &dir);
    for (name, _) in dir.entries().filter(|(_, kind)| *kind == FileKind::Dir) {
        let Ok(text) = std::str::from_utf8(name) else { continue };
        match text.strip_suffix("-removing") {
            Some(id) if Digest::from_hex(id).is_some() => leftover(inv, site, dir.place().join(name), &REMOVING),
            None if Digest::from_hex(text).is_some() => one(inv, site, &dir, text),
            _ => {}
        }
    }
    each_left(inv, site, "plugins/tmp", &UNPACKED);
    blobs(inv, site);
}

fn one(inv: &mut Inventory, site: &Site<'_>, above: &Dir<'_>, id: &str) {
    let place = above.place().join(id);
    let at = place.join("config.json");
    let read = match above.dir(id.as_bytes()).and_then(|dir| dir.read(b"config.json")) {
        Err(Unreadable::Missing) if site.disk.stat(&place) == Err(Unreadable::Missing) => return,
        Err(cause) => Err(cause.to_string()),
        Ok(bytes) => plugin::parse_plugin(&bytes).map_err(|cause| cause.to_string()),
    };
    let key = site.root.key("engine", Kind::Plugin, id);
    let config = inv.note("bad-plugin-config", &at, Lost::Links(SAID_BY_PLUGINS.to_vec()), read);
    let PluginConfig { plugin, config, blobs, manifest } = config.unwrap_or_default();
    for blob in blobs.iter().chain([&config, &manifest]).filter_map(|digest| Digest::parse(digest)) {
        inv.link(&key, LinkKind::Content, site.root.key("engine", Kind::Blob, blob.as_str()), &at);
    }
    let facts = Plugin { enabled: plugin.enabled, removing: false };
    inv.add(key, Entity::new(facts).named(plugin.name).kept(Keeps::Plugin).tree(place, OwnerKind::Plugin));
}

fn blobs(inv: &mut Inventory, site: &Site<'_>) {
    each_left(inv, site, "plugins/storage/ingest", &INGEST);
    each_left(inv, site, "plugins/storage/tmp", &UNPACKED);
    for own in ["plugins/storage", "plugins/storage/blobs"] {
        if let Some(dir) = site.dir(inv, &site.at(own), Lost::Nothing) {
            inv.scaffold(site.root, "engine", &dir);
        }
    }
    let Some(sha256) = site.dir(inv, &site.at("plugins/storage/blobs/sha256"), Lost::Nothing) else { return };
    inv.scaffold(site.root, "engine", &sha256);
    for (name, _) in sha256.entries() {
        let Some(digest) = std::str::from_utf8(name).ok().and_then(Digest::from_hex) else { continue };
        let at = sha256.place().join(name);
        let facts = Blob { at: Some(at.clone()), ..Blob::default() };
        let key = site.root.key("engine", Kind::Blob, digest.as_str());
        inv.add(key, Entity::new(facts).tree(at, OwnerKind::Plugin));
    }
}

/// Whatever is in a directory that is empty while nothing is going on.
fn each_left(inv: &mut Inventory, site: &Site<'_>, dir: &str, what: &Leftover) {
    let Some(dir) = site.dir(inv, &site.at(dir), Lost::Nothing) else { return };
    inv.scaffold(site.root, "engine", &dir);
    dir.entries().for_each(|(name, _)| leftover(inv, site, dir.place().join(name), what));
}
