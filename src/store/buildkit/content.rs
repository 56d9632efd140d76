//! The blobs: manifests, attestations and logs of builds.
//!
//! ```text
//! content/blobs/sha256/<hex>         a blob
//! content/ingest/<hex>/              one that is being written: data, ref, startedat, updatedat, total
//! ```

use super::leases::{Leases, blob_key};
use super::{STORE, Site};
use crate::disk::{Dir, FileKind, Unreadable};
use crate::inventory::facts::Blob;
use crate::inventory::{Entity, Inventory, OwnerKind};
use crate::terms::{Digest, Kind, LinkKind, Lost, Place};

/// Blobs up to this length are hashed whenever they are met.
const HASHED: u64 = 1 << 20;

/// Claims what lies there, and joins it with what the database knows of it.
pub(super) fn survey(site: &Site<'_>, inv: &mut Inventory, leases: &Leases, database: &Place) {
    let top = site.at("buildkit/content");
    for below in ["", "blobs"] {
        let at = if below.is_empty() { top.clone() } else { top.join(below) };
        if let Some(dir) = site.dir(inv, &at, Lost::Nothing) {
            inv.scaffold(site.root, STORE, &dir);
        }
    }
    let blobs = site.dir(inv, &top.join("blobs/sha256"), Lost::Links(vec![LinkKind::Content]));
    if let Some(dir) = &blobs {
        inv.scaffold(site.root, STORE, dir);
        blob_files(site, inv, leases, dir);
    }
    for (digest, blob) in &leases.blobs {
        let here = blobs.as_ref().is_some_and(|dir| dir.kind(digest.hex().as_bytes()) == Some(FileKind::File));
        if !here {
            let cause = format!("blob {digest} is in the database and not in content/blobs");
            inv.problem("missing-blob", database, Lost::Nothing, cause);
            inv.add(blob_key(site, digest.as_str()), Entity::new(blob.clone()));
        }
    }
    if let Some(dir) = site.dir(inv, &top.join("ingest"), Lost::Nothing) {
        inv.scaffold(site.root, STORE, &dir);
        ingests(site, inv, leases, &dir);
    }
}

fn blob_files(site: &Site<'_>, inv: &mut Inventory, leases: &Leases, dir: &Dir<'_>) {
    for (name, _) in dir.entries().filter(|(_, kind)| *kind == FileKind::File) {
        let Some(digest) = std::str::from_utf8(name).ok().and_then(Digest::from_hex) else { continue };
        let at = dir.place().join(name);
        let known = leases.blobs.get(&digest).cloned().unwrap_or_default();
        hashed(inv, dir, name, &digest, &known);
        let blob = Blob { at: Some(at.clone()), ..known };
        inv.add(blob_key(site, digest.as_str()), Entity::new(blob).tree(at, OwnerKind::Blob));
    }
}

/// Manifests and attestations are small and are hashed here; of a longer blob only the length is compared.
fn hashed(inv: &mut Inventory, dir: &Dir<'_>, name: &[u8], digest: &Digest, known: &Blob) {
    let at = dir.place().join(name);
    let stat = match dir.stat(name) {
        // removed since it was listed
        Err(Unreadable::Missing) => return,
        stat => inv.note("unreadable-file", &at, Lost::Nothing, stat),
    };
    let Some(stat) = stat else { return };
    if let Some(recorded) = known.recorded.values().find(|recorded| **recorded != stat.size) {
        let cause = format!("{} bytes long; the database has {recorded}", stat.size);
        inv.problem("blob-size-mismatch", &at, Lost::Nothing, cause);
    } else if stat.size <= HASHED {
        let Some(bytes) = inv.note("unreadable-file", &at, Lost::Nothing, dir.read(name)) else { return };
        let real = Digest::of(&bytes);
        if real != *digest {
            inv.problem("blob-hash-mismatch", &at, Lost::Nothing, format!("the content hashes to {real}"));
        }
    }
}

fn ingests(site: &Site<'_>, inv: &mut Inventory, leases: &Leases, dir: &Dir<'_>) {
    for (name, _) in dir.entries().filter(|(_, kind)| *kind == FileKind::Dir) {
        let Some(digest) = std::str::from_utf8(name).ok().and_then(Digest::from_hex) else { continue };
        let title = leases.ingests.get(digest.hex()).cloned().unwrap_or_default();
        let thing = Entity::default().named(title).tree(dir.place().join(name), OwnerKind::Ingest);
        inv.add(site.root.key(STORE, Kind::Ingest, digest.hex()), thing);
    }
}
