//! What stands behind a record with containerd's store: a snapshot and a blob of the engine's namespace.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cache, CacheRow};
use crate::docker::stored::Stored;
use crate::format::oci::MediaKind;
use crate::inventory::facts::{CacheRecord, Parentage};

/// BuildKit's variants of a blob, which only differ in how they are compressed.
// buildkit cache/refs.go: walkBlobVariantsOnly, getBlobDesc
const VARIANT: &str = "containerd.io/gc.ref.content.blob-";
const MEDIA_TYPE: &str = "buildkit.io/blob/mediatype";

pub(super) fn content(stored: &Stored<'_>, blob: &str) -> u64 {
    variants(stored, blob).into_iter().map(|(_, size)| size).fold(0, u64::saturating_add)
}

/// A blob and its variants that have an entry, with their sizes.
pub(in crate::docker) fn variants<'s>(stored: &'s Stored<'_>, blob: &str) -> Vec<(&'s str, u64)> {
    let mut found = Vec::new();
    let mut met: BTreeSet<&str> = BTreeSet::new();
    let mut todo: Vec<&'s str> = known(stored, blob).into_iter().collect();
    while let Some(digest) = todo.pop() {
        let Some(entry) = stored.entry(digest).filter(|_| met.insert(digest)) else { continue };
        // a variant that BuildKit did not make leads on, and counts nothing
        if digest == blob || entry.labels.contains_key(MEDIA_TYPE) {
            found.push((digest, entry.size.unwrap_or(0)));
        }
        let variants = entry.labels.iter().filter(|(label, _)| label.starts_with(VARIANT));
        todo.extend(variants.filter_map(|(_, variant)| known(stored, variant)));
    }
    found
}

fn known<'s>(stored: &'s Stored<'_>, blob: &str) -> Option<&'s str> {
    stored.blobs.get_key_value(blob).map(|(digest, _)| *digest)
}

/// Records whose layers, with all below them, are exactly those of a manifest that an image leads to.
// buildkit snapshot/imagerefchecker/checker.go
pub(super) fn in_images(stored: &Stored<'_>, cache: &Cache<'_, '_>, rows: &[CacheRow]) -> Vec<String> {
    let images = layer_lists(stored, &|_| true);
    let mut chains = Chains { records: &cache.records, known: BTreeMap::new() };
    rows.iter().filter(|row| images.contains(&chains.of(&row.id))).map(|row| row.id.clone()).collect()
}

/// The same while images go: the layers of each record.
#[derive(Clone, Debug, Default)]
pub struct Shares(BTreeMap<String, String>);

impl Shares {
    pub fn of(stored: &Stored<'_>) -> Self {
        let cache = Cache::of(stored.into());
        let mut chains = Chains { records: &cache.records, known: BTreeMap::new() };
        cache.records.keys().for_each(|id| _ = chains.of(id));
        Self(chains.known)
    }

    /// The layers of every manifest of the images that are left.
    pub fn of_images(&self, stored: &Stored<'_>, is_left: impl Fn(&str) -> bool) -> BTreeSet<String> {
        if self.0.is_empty() { BTreeSet::new() } else { layer_lists(stored, &is_left) }
    }

    pub fn is_in(&self, row: &CacheRow, images: &BTreeSet<String>) -> bool {
        self.0.get(&row.id).is_some_and(|chain| images.contains(chain))
    }
}

/// The layers of records, those below first, as one text: a layer without a blob adds nothing to it.
// buildkit cache/refs.go: layerDigestChain
struct Chains<'c, 'a> {
    records: &'c BTreeMap<&'a str, &'a CacheRecord>,
    known: BTreeMap<String, String>,
}

impl Chains<'_, '_> {
    /// Without recursion: parents come from the disk. A chain that leads back to itself ends there.
    fn of(&mut self, id: &str) -> String {
        let mut todo = vec![id.to_owned()];
        let mut open: BTreeSet<String> = BTreeSet::new();
        while let Some(at) = todo.last().cloned() {
            let wanted = self.records.get(at.as_str()).map(|record| below(record)).unwrap_or_default();
            let missing: Vec<String> =
                wanted.iter().filter(|id| !self.known.contains_key(**id)).map(|id| (*id).to_owned()).collect();
            if missing.is_empty() || !open.insert(at.clone()) {
                todo.pop();
                let chain = self.joined(&at, &wanted);
                self.known.insert(at, chain);
            } else {
                todo.extend(missing);
            }
        }
        self.known.get(id).cloned().unwrap_or_default()
    }

    fn joined(&self, id: &str, below: &[&str]) -> String {
        let below = below.iter().filter_map(|id| self.known.get(*id)).map(String::as_str);
        let own = self.records.get(id).filter(|record| record.parentage != Parentage::Merge);
        let own = own.and_then(|record| record.blob.as_ref()).map(|blob| blob.as_str());
        // a hostile chain of merges doubles with every step
        let mut chain = String::new();
        for part in below.chain(own) {
            if chain.len() < LONGEST {
                chain.push_str(part);
            }
        }
        chain
    }
}

/// More layers than any image has.
const LONGEST: usize = 1 << 16;

/// The records whose layers come first.
fn below(record: &CacheRecord) -> Vec<&str> {
    match &record.parentage {
        Parentage::Layer | Parentage::Merge => record.parents.iter().map(String::as_str).collect(),
        // one with a blob of its own stands for itself
        Parentage::Diff { .. } if record.blob.is_some() => Vec::new(),
        Parentage::Diff { upper } => upper.iter().map(String::as_str).collect(),
    }
}

/// The layers of every manifest, each list as one text. A blob of another kind in an index ends it all, as it does there.
fn layer_lists(stored: &Stored<'_>, is_left: &dyn Fn(&str) -> bool) -> BTreeSet<String> {
    let mut lists = BTreeSet::new();
    let mut images: Vec<_> = stored.images.values().filter(|image| is_left(&image.facts.target)).collect();
    images.sort_by_key(|image| image.facts.records.first().map(|record| &record.name));
    for image in images {
        for descriptor in stored.below_indexes(&image.target) {
            match MediaKind::of(&descriptor.media_type) {
                MediaKind::Manifest => {
                    let layers = stored.manifest_of(descriptor).into_iter().flat_map(|manifest| &manifest.layers);
                    let list: String = layers.map(|layer| layer.digest.as_str()).collect();
                    if !list.is_empty() {
                        lists.insert(list);
                    }
                }
                MediaKind::Index => {}
                _ => return lists,
            }
        }
    }
    lists
}
