//! From descriptor to descriptor, as the engine walks an image.

use std::collections::{BTreeMap, BTreeSet};

use super::{ImageStored, Stored};
use crate::format::oci::{Descriptor, Document, MediaKind};
use crate::terms::Key;

/// An index in an index is rare; more is a cycle or a joke.
const DEPTH: usize = 8;
/// No image has as many descriptors: what leads on for longer was made to.
const LIMIT: usize = 1 << 18;

impl<'a> Stored<'a> {
    /// Everything that is met from a descriptor on, each time it is met, below what is present.
    // moby daemon/containerd/handlers.go: walkPresentChildren
    pub fn present<'d>(&'d self, top: &'d Descriptor) -> Vec<&'d Descriptor> {
        self.walk_where(top, |descriptor| self.blobs.contains_key(descriptor.digest.as_str()))
    }

    /// The manifests that an image leads to, whether they are here or not.
    // moby daemon/containerd/image_manifest.go: walkReachableImageManifests
    pub fn reachable<'d>(&'d self, top: &'d Descriptor) -> Vec<&'d Descriptor> {
        let mut met = self.walk_where(top, |_| true);
        met.retain(|descriptor| MediaKind::of(&descriptor.media_type) == MediaKind::Manifest);
        met
    }

    /// What an image's indexes lead to, whatever it is, and nothing that a manifest leads to.
    // buildkit snapshot/imagerefchecker/checker.go: layersHandler
    pub fn below_indexes<'d>(&'d self, top: &'d Descriptor) -> Vec<&'d Descriptor> {
        let mut met = vec![top];
        let mut at = 0;
        while let Some(descriptor) = met.get(at).copied().filter(|_| met.len() < LIMIT) {
            if MediaKind::of(&descriptor.media_type) == MediaKind::Index && at < LIMIT {
                met.extend(self.children(descriptor));
            }
            at += 1;
        }
        met
    }

    /// The same, without those that are not here.
    // moby daemon/containerd/image_manifest.go: walkImageManifests
    pub fn present_manifests<'d>(&'d self, top: &'d Descriptor) -> Vec<&'d Descriptor> {
        if MediaKind::of(&top.media_type) == MediaKind::Manifest {
            return vec![top];
        }
        let mut met = self.present(top);
        met.retain(|descriptor| MediaKind::of(&descriptor.media_type) == MediaKind::Manifest);
        met
    }

    /// The blobs of all images, each once, with the size that the first descriptor gives it.
    // moby daemon/containerd/service.go: ImageDiskUsage
    pub fn content_of_images(&self) -> BTreeMap<&str, i64> {
        let mut sizes = BTreeMap::new();
        for image in self.by_first_name() {
            for descriptor in self.present(&image.target) {
                sizes.entry(descriptor.digest.as_str()).or_insert(descriptor.size);
            }
        }
        sizes
    }

    /// The snapshots of all images that are unpacked.
    // moby daemon/containerd/service.go: ImageDiskUsage (29.6)
    pub fn in_image_chains(&self) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        for image in self.images.values() {
            for descriptor in self.present_manifests(&image.target) {
                let chain = self.manifest(descriptor).chain();
                let top = chain.last().filter(|top| self.snapshots.contains_key(top.0.as_str()));
                let snapshots = top.map(|top| self.chain_of(top.0.as_str())).unwrap_or_default();
                found.extend(snapshots.into_iter().map(|(_, snapshot)| snapshot.name.as_str()));
            }
        }
        found
    }

    /// The blobs and snapshots of a manifest.
    pub fn things_of(&self, manifest: &Descriptor) -> BTreeSet<&'a Key> {
        let present = self.present(manifest);
        let blobs = present.iter().filter_map(|part| Some(self.blobs.get(part.digest.as_str())?.0));
        let mut things: BTreeSet<&'a Key> = blobs.collect();
        let chain = self.manifest(manifest).chain();
        let top = chain.last().map(|top| self.chain_of(top.0.as_str())).unwrap_or_default();
        things.extend(top.into_iter().map(|(key, _)| key));
        things
    }

    /// Images in the order of their first records' names.
    fn by_first_name(&self) -> Vec<&ImageStored<'_>> {
        let mut images: Vec<&ImageStored<'_>> = self.images.values().collect();
        images.sort_by_key(|image| image.facts.records.first().map(|record| &record.name));
        images
    }

    /// Everything that is met from a descriptor on, and below what is to be entered. In the engine's order: a thing, then
    /// what it leads to.
    pub fn walk_where<'d>(&'d self, top: &'d Descriptor, meets: impl Fn(&Descriptor) -> bool) -> Vec<&'d Descriptor> {
        let mut met = Vec::new();
        let mut todo = vec![(top, 0)];
        while let Some((at, depth)) = todo.pop() {
            if met.len() >= LIMIT {
                break;
            }
            if !meets(at) {
                continue;
            }
            met.push(at);
            if depth < DEPTH {
                let below: Vec<&Descriptor> = self.children(at).collect();
                todo.extend(below.into_iter().rev().map(|child| (child, depth + 1)));
            }
        }
        met
    }

    /// What a descriptor leads to at once; a blob that is another thing than its descriptor says leads nowhere.
    fn children(&self, of: &Descriptor) -> impl Iterator<Item = &Descriptor> {
        let kind = MediaKind::of(&of.media_type);
        let document = self.document(of).filter(|document| match document {
            Document::Index(_) => kind == MediaKind::Index,
            Document::Manifest(_) => kind == MediaKind::Manifest,
            Document::Config(_) => false,
        });
        document.into_iter().flat_map(Document::children)
    }
}
