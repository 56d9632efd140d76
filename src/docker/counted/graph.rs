//! What graph drivers keep of images and build cache.

use std::collections::{BTreeMap, BTreeSet};

use super::owner;
use crate::docker::cache::CacheRow;
use crate::docker::df::DiskUsage;
use crate::docker::seen::Seen;
use crate::inventory::{OwnerKey, OwnerKind, Owners};
use crate::terms::{ChainId, Digest, Key, Kind, Place};

pub(super) fn counted(seen: &Seen<'_>, df: &DiskUsage<'_>, owners: &Owners) -> BTreeSet<OwnerKey> {
    let places = places(owners);
    let layers = image_layers(seen, df).into_iter().map(|key| owner(key, OwnerKind::Layer));
    let containers = df.containers.iter().filter(|row| row.size_rw > 0);
    let containers = containers.filter_map(|row| row.container.mount).map(|key| owner(key, OwnerKind::RwLayer));
    let cache = df.cache.iter().filter(|row| df.counts(row) && row.size.value() > 0);
    let cache = cache.flat_map(|row| behind(seen, row, &places));
    layers.chain(containers).chain(cache).collect()
}

/// Who owns which place.
fn places(owners: &Owners) -> BTreeMap<&Place, &OwnerKey> {
    owners.iter().flat_map(|(_, owner)| owner.lots.iter().map(|(at, _)| (at, &owner.key))).collect()
}

/// The layers of the images that are listed with a size.
fn image_layers<'a>(seen: &Seen<'a>, df: &DiskUsage<'_>) -> BTreeSet<&'a Key> {
    let rows = df.images.iter().filter(|row| row.size > 0);
    let images = rows.filter_map(|row| seen.images.get(row.key));
    images.flat_map(|image| &image.facts.chain).filter_map(|chain| Some(seen.layer(chain)?.0)).collect()
}

/// What a row of build cache sizes: its own layer or directory, and its blob; nothing of what it stands on.
fn behind(seen: &Seen<'_>, row: &CacheRow, places: &BTreeMap<&Place, &OwnerKey>) -> Vec<OwnerKey> {
    let Some(record) = seen.inventory.get(&row.key).and_then(|thing| thing.cache_record()) else { return Vec::new() };
    let key = |kind, id: &str| Key { kind, id: id.into(), ..row.key.clone() };
    let snapshot = seen.inventory.get(&key(Kind::CacheSnapshot, &record.snapshot)).and_then(|t| t.cache_snapshot());
    let chain = Digest::parse(&record.snapshot).map(ChainId).or_else(|| snapshot?.chain.clone());
    let files = match chain {
        Some(chain) => seen.layer(&chain).map(|(layer, _)| owner(layer, OwnerKind::Layer)),
        None => {
            let directory = snapshot.and_then(|s| s.committed_as.as_deref()).unwrap_or(&record.snapshot);
            let directory = seen.inventory.get(&seen.key(Kind::DriverDirectory, directory));
            let at = directory.and_then(|thing| thing.driver_directory()).and_then(|dir| dir.at.as_ref());
            at.and_then(|at| places.get(at)).map(|key| (*key).clone())
        }
    };
    let blob = record.blob.as_ref().map(|blob| key(Kind::Blob, blob.as_str()));
    let blob = blob.filter(|blob| seen.inventory.get(blob).is_some()).map(|blob| owner(&blob, OwnerKind::Blob));
    // of a base layer the row tells the blob alone
    files.filter(|_| !record.blob_only).into_iter().chain(blob).collect()
}
