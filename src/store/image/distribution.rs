//! What the registry client remembers of pulls and pushes. A pure cache, and never removed with an image.
//!
//! ```text
//! distribution/diffid-by-digest/sha256/<hex of a compressed blob>   the diff ID of the layer in it
//!              v2metadata-by-diffid/sha256/<hex of a diff ID>       JSON: blobs and repositories, newest last
//!              v1id/…                                               before 2017
//! ```
//! Whatever `v2metadata-by-diffid` names is in `diffid-by-digest`; not the other way round, since a push that finds an
//! association stale removes it from the former only.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::entry::temporary_files;
use super::part::Part;
use crate::disk::{Dir, FileKind, Unreadable};
use crate::format::image::{distribution, text};
use crate::inventory::{Entity, Inventory, Keeps, OwnerKind};
use crate::terms::{Digest, Hash, Kind, Lost};

pub(super) fn read(part: &Part<'_>) -> Inventory {
    let mut inv = Inventory::default();
    let at = part.at.join("distribution");
    let Some(dir) = part.expected(&mut inv, &at, &[]) else { return inv };
    // it outlives every image that it tells of
    let map = Entity::default().named("distribution").kept(Keeps::Engine);
    let map = map.tree(at.clone(), OwnerKind::ImageMetadata);
    inv.add(part.key(Kind::DistributionMap, "distribution"), map);
    let hashes = |bytes: &[u8]| -> Result<Box<[Hash]>, _> {
        distribution::parse_blobs(bytes).map(|blobs| blobs.iter().map(Hash::from).collect())
    };
    let blobs = values(part, &mut inv, &dir, "v2metadata-by-diffid", hashes);
    let diffs = values(part, &mut inv, &dir, "diffid-by-digest", |bytes| text::digest(bytes).map(|it| Hash::from(&it)));
    let (Some(blobs), Some(diffs)) = (blobs, diffs) else { return inv };
    // moby distribution/metadata/v2_metadata_service.go Add writes both
    for (diff, blobs) in &blobs {
        for blob in blobs.iter().flat_map(|blobs| blobs.iter()) {
            if diffs.get(blob).is_none_or(|known| known.as_ref().is_some_and(|known| known != diff)) {
                let at = at.join("diffid-by-digest/sha256").join(Digest::from(*blob).hex());
                let says = format!("does not say that it holds {}", Digest::from(*diff));
                inv.problem("distribution-mismatch", &at, Lost::Nothing, says);
            }
        }
    }
    inv
}

/// Every file below one map, by digest; none of a value that does not parse, and nothing if the map cannot be read.
fn values<T: Send, E: ToString>(
    part: &Part<'_>,
    inv: &mut Inventory,
    top: &Dir<'_>,
    map: &str,
    parse: impl Fn(&[u8]) -> Result<T, E> + Sync,
) -> Option<BTreeMap<Hash, Option<T>>> {
    let at = top.place().join(map).join("sha256");
    let dir = match part.site.disk.dir(&at) {
        Err(Unreadable::Missing) => return Some(BTreeMap::new()),
        other => inv.note("unreadable-directory", &at, Lost::Nothing, other)?,
    };
    temporary_files(part.site, inv, &part.name, &dir);
    let files = dir.entries().filter(|(_, kind)| *kind != FileKind::Symlink);
    let names: Vec<&str> = files.filter_map(|(name, _)| std::str::from_utf8(name).ok()).collect();
    let read = |name: &str| match dir.read(name.as_bytes()) {
        // replaced or removed meanwhile
        Err(Unreadable::Missing) => None,
        Err(cause) => Some(Err(cause.to_string())),
        Ok(bytes) => Some(parse(&bytes).map_err(|cause| cause.to_string())),
    };
    let found: Vec<_> =
        names.par_iter().map(|name| Some((name, Hash::from(&Digest::from_hex(name)?), read(name)?))).collect();
    let mut values = BTreeMap::new();
    for (name, id, value) in found.into_iter().flatten() {
        let value = inv.note("damaged-file", &at.join(name), Lost::Nothing, value);
        values.insert(id, value);
    }
    Some(values)
}
