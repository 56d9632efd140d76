//! Read-only layers.
//!
//! ```text
//! layerdb/sha256/<hex of the chain ID>/
//!     diff       the layer's diff ID        parent   chain ID below; absent for a base
//!     cache-id   directory in the driver    size     bytes, decimal, untrimmed
//!     tar-split.json.gz                     what it takes to make the tar stream again
//! layerdb/sha256/<hex>-<random>-removing/   renamed when its removal began
//! layerdb/tmp/write-set-<random>/           a layer that was never finished
//! ```
//! Invariant: the directory's name is the chain ID of `parent` and `diff`.

use super::entry::{leftover_key, needed, temporary_files, unless_gone, value};
use super::mounts;
use super::part::{Part, links};
use crate::disk::{Dir, FileKind, Unreadable};
use crate::format::image::{gzip, text};
use crate::inventory::facts::{Layer, Leftover};
use crate::inventory::{Entity, Inventory, OwnerKind};
use crate::store::gather::gather;
use crate::terms::{ChainId, DiffId, Digest, Kind, LinkKind, Lost, Place};

/// What is lost with the directory of all layers.
const LAYERS: &[LinkKind] = &[LinkKind::Parent, LinkKind::StoredIn];
const ALL: &[LinkKind] = &[LinkKind::Parent, LinkKind::StoredIn, LinkKind::StandsOn, LinkKind::InitLayer];

pub(super) fn read(part: &Part<'_>, top: &Dir<'_>) -> Inventory {
    let mut inv = Inventory::default();
    let Some(layerdb) = part.own_dir(&mut inv, &top.place().join("layerdb"), ALL) else { return inv };
    temporary_files(part.site, &mut inv, &part.name, &layerdb);
    // a read-write layer is registered after the layers it stands on
    inv.merge(mounts::read(part, &layerdb.place().join("mounts")));
    // `sha256`, `mounts` and `tmp` are made when first needed
    if let Some(dir) = part.dir(&mut inv, &layerdb.place().join("sha256"), LAYERS) {
        inv.scaffold(part.site.root, &part.name, &dir);
        inv.merge(each(part, &dir, |at, name, inv| entry(part, at, name, inv)));
    }
    if let Some(dir) = part.dir(&mut inv, &layerdb.place().join("tmp"), &[LinkKind::StoredIn]) {
        inv.scaffold(part.site.root, &part.name, &dir);
        inv.merge(each(part, &dir, |at, name, inv| {
            if name.starts_with("write-set-") {
                unfinished(part, at, &WRITE_SET, inv);
            }
        }));
    }
    inv
}

/// Reads every directory in `dir`, in parallel; what is found comes in order.
pub(super) fn each(part: &Part<'_>, dir: &Dir<'_>, read: impl Fn(&Place, &str, &mut Inventory) + Sync) -> Inventory {
    let mut inv = Inventory::default();
    temporary_files(part.site, &mut inv, &part.name, dir);
    let is_id = |name: &[u8]| std::str::from_utf8(name).is_ok_and(|name| Digest::from_hex(name).is_some());
    for (name, _) in dir.entries().filter(|(name, kind)| *kind != FileKind::Dir && is_id(name)) {
        let cause = "is no directory, though its name is that of a layer or a container: what it named is unknown";
        inv.problem("not-a-directory", &dir.place().join(name), links(ALL), cause);
    }
    let dirs = dir.entries().filter(|(_, kind)| *kind == FileKind::Dir);
    let names: Vec<&str> = dirs.filter_map(|(name, _)| std::str::from_utf8(name).ok()).collect();
    inv.merge(gather(&names, |name, inv| {
        let at = dir.place().join(name);
        unless_gone(part.site, &at, inv, |inv| read(&at, name, inv));
    }));
    inv
}

const REMOVING: Leftover =
    Leftover { what: "-removing layer", cleaned_by: "a graceful stop of the daemon", by_itself: true };
const WRITE_SET: Leftover = Leftover { what: "write-set", cleaned_by: "no command of Docker", by_itself: false };

fn entry(part: &Part<'_>, at: &Place, name: &str, inv: &mut Inventory) {
    match Digest::from_hex(name) {
        Some(chain) => layer(part, at, ChainId(chain), inv),
        // moby layer/filestore.go getOrphan: any name that ends so
        None if name.ends_with("-removing") => unfinished(part, at, &REMOVING, inv),
        None => {}
    }
}

/// An entry that is on its way in or out: it holds nothing, and its directory in the driver is part of it.
fn unfinished(part: &Part<'_>, at: &Place, what: &Leftover, inv: &mut Inventory) {
    let key = leftover_key(part.site, &part.name, at);
    inv.add(key.clone(), Entity::new(what.clone()).tree(at.clone(), OwnerKind::Temporary));
    let lost: &[LinkKind] = &[LinkKind::Interrupted, LinkKind::StoredIn];
    let Some(dir) = part.dir(inv, at, lost) else { return };
    match value(&dir, "cache-id", text::cache_id) {
        Ok(Some(id)) => {
            let to = part.key(Kind::DriverDirectory, &id);
            inv.link(&key, LinkKind::Interrupted, to, at.says("cache-id"));
        }
        Ok(None) => {}
        Err(cause) => part.fault(inv, &dir, "cache-id", lost, &cause),
    }
}

fn layer(part: &Part<'_>, at: &Place, chain: ChainId, inv: &mut Inventory) {
    let key = part.key(Kind::Layer, &chain.0);
    let mut layer = Layer { chain: Some(chain.clone()), entry: Some(at.clone()), ..Layer::default() };
    match part.site.disk.dir(at) {
        Err(Unreadable::Missing) => return,
        Err(cause) => {
            inv.problem("unreadable-directory", at, links(LAYERS), &cause);
            layer.broken = Some(cause.to_string());
        }
        Ok(dir) => {
            files(part, inv, &dir, &mut layer);
            compare(inv, at, &chain, &layer);
            temporary_files(part.site, inv, &part.name, &dir);
        }
    }
    if let Some(parent) = &layer.parent {
        inv.link(&key, LinkKind::Parent, part.key(Kind::Layer, &parent.0), at.says("parent"));
    }
    if let Some(id) = &layer.cache_id {
        inv.link(&key, LinkKind::StoredIn, part.key(Kind::DriverDirectory, id), at.says("cache-id"));
    }
    inv.add(key, Entity::new(layer).tree(at.clone(), OwnerKind::Layer));
}

/// Reads the files of an entry. Of a layer that lacks one the engine loads nothing, nor any layer above it.
// moby layer/layer_store.go loadLayer
fn files(part: &Part<'_>, inv: &mut Inventory, dir: &Dir<'_>, layer: &mut Layer) {
    let mut broken: Vec<String> = Vec::new();
    let mut fault = |inv: &mut Inventory, name: &str, lost: &[LinkKind], cause: String| {
        part.fault(inv, dir, name, lost, &cause);
        broken.push(format!("{name}: {cause}"));
    };
    match needed(dir, "diff", text::digest) {
        Ok(diff) => layer.diff = Some(DiffId(diff)),
        Err(cause) => fault(inv, "diff", &[LinkKind::Parent], cause),
    }
    match value(dir, "parent", text::digest) {
        Ok(parent) => layer.parent = parent.map(ChainId),
        Err(cause) => fault(inv, "parent", &[LinkKind::Parent], cause),
    }
    match needed(dir, "cache-id", text::cache_id) {
        Ok(id) => layer.cache_id = Some(id),
        Err(cause) => fault(inv, "cache-id", &[LinkKind::StoredIn], cause),
    }
    match needed(dir, "size", text::size) {
        Ok(size) => layer.size = Some(size),
        Err(cause) => fault(inv, "size", &[LinkKind::Parent], cause),
    }
    layer.broken = (!broken.is_empty()).then(|| broken.join("; "));
    match tar_split(dir) {
        Ok(len) => layer.tar_split = Some(len),
        // such a layer loads, but cannot be saved or pushed
        Err(cause) => part.fault(inv, dir, TAR_SPLIT, &[], &cause),
    }
}

const TAR_SPLIT: &str = "tar-split.json.gz";

fn tar_split(dir: &Dir<'_>) -> Result<u64, String> {
    let name = TAR_SPLIT.as_bytes();
    let ends = dir.ends(name, gzip::HEAD, gzip::TAIL).map_err(|cause| cause.to_string())?;
    gzip::looks_whole(&ends.head, &ends.tail, ends.len).map(|()| ends.len).map_err(|cause| cause.to_string())
}

/// The name of an entry is a hash over what it says.
fn compare(inv: &mut Inventory, at: &Place, chain: &ChainId, layer: &Layer) {
    let Some(diff) = &layer.diff else { return };
    let parent_is_known = !layer.broken.as_deref().unwrap_or_default().contains("parent: ");
    let hashed = layer.parent.as_ref().map_or_else(|| ChainId::base(diff), |parent| parent.child(diff));
    if parent_is_known && hashed != *chain {
        let cause = format!("diff and parent hash to {}, not to the name of this entry", hashed.0);
        inv.problem("chain-mismatch", at, Lost::Links(vec![LinkKind::Parent]), cause);
    }
}
