//! One platform of an image, or what only looks like one.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{ImageStored, Stored};
use crate::docker::seen::Triple;
use crate::format::image::config::Config;
use crate::format::oci::{Descriptor, Document, Manifest, MediaKind, Platform};
use crate::terms::ChainId;

/// From this version on a manifest for the platform `unknown/unknown` is none of an image.
// moby daemon/containerd/image_manifest.go: IsPseudoImage (27.0)
const UNKNOWN_IS_NONE: Triple = (27, 0, 0);
/// What marks an attestation, and what it is about.
// buildkit util/attestation: DockerAnnotationReferenceType, DockerAnnotationReferenceDigest
const REFERENCE_TYPE: &str = "vnd.docker.reference.type";
const REFERENCE_DIGEST: &str = "vnd.docker.reference.digest";

/// What a manifest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestKind {
    Image,
    Attestation,
    /// It has the media type of an image, and nothing that could be run.
    Unknown,
}

/// A manifest that an image leads to.
#[derive(Clone, Debug)]
pub struct ManifestStored<'a> {
    pub descriptor: &'a Descriptor,
    pub kind: ManifestKind,
    /// The manifest can be read, and config and layers have entries.
    pub available: bool,
    pub config: Option<&'a Config>,
}

impl ManifestStored<'_> {
    /// Of its descriptor, else of its config.
    pub fn platform(&self) -> Option<Platform> {
        let told = self.config.filter(|config| !config.os.is_empty()).map(|config| Platform {
            architecture: config.architecture.clone(),
            os: config.os.clone(),
            variant: config.variant.clone(),
            os_version: String::new(),
        });
        self.descriptor.platform.clone().or(told)
    }

    /// Chain IDs, base first.
    pub fn chain(&self) -> Vec<ChainId> {
        self.config.map(|config| ChainId::all(&config.diff_ids)).unwrap_or_default()
    }

    /// What an attestation is about.
    pub fn attests(&self) -> Option<&str> {
        self.descriptor.annotations.get(REFERENCE_DIGEST).map(String::as_str)
    }
}

impl<'a> Stored<'a> {
    pub fn manifest<'d>(&'d self, descriptor: &'d Descriptor) -> ManifestStored<'d> {
        let manifest = self.manifest_of(descriptor);
        let config = manifest.and_then(|manifest| match self.document(&manifest.config)? {
            Document::Config(config) => Some(config),
            _ => None,
        });
        // containerd core/content/proxy: a reader is had for an entry, the file is opened when it is read
        let has_entry = |part: &Descriptor| self.blobs.contains_key(part.digest.as_str());
        let whole = |manifest: &Manifest| has_entry(&manifest.config) && manifest.layers.iter().all(has_entry);
        ManifestStored {
            descriptor,
            kind: kind(descriptor, manifest, self.version),
            available: manifest.is_some_and(whole),
            config,
        }
    }

    /// The chain of a config, base first; nothing if that cannot be read.
    pub fn chain_of_config(&self, config: &str) -> Vec<String> {
        let document = self.blobs.get(config).and_then(|(_, blob)| blob.document.as_deref());
        match document {
            Some(Document::Config(config)) => {
                ChainId::all(&config.diff_ids).into_iter().map(|chain| chain.0.to_string()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether the manifest can be read.
    pub(in crate::docker) fn manifest_of(&self, descriptor: &Descriptor) -> Option<&'a Manifest> {
        match self.document(descriptor)? {
            Document::Manifest(manifest) => Some(manifest),
            _ => None,
        }
    }

    /// The engine shows of an image what its host's platform has; on the disk nothing says which that is.
    pub fn best<'m, 'd>(
        &self,
        manifests: impl Iterator<Item = &'m ManifestStored<'d>>,
    ) -> Option<&'m ManifestStored<'d>>
    where
        'd: 'm,
    {
        let rank = |manifest: &ManifestStored<'_>| {
            let platform = manifest.platform().unwrap_or_default();
            (platform.os != "linux", self.distance(&platform.architecture))
        };
        // the first of the nearest
        manifests.min_by_key(|manifest| rank(manifest))
    }

    // containerd platforms: Only, platformVector
    fn distance(&self, architecture: &str) -> u8 {
        match (self.architecture.as_str(), architecture) {
            (host, other) if host == other => 0,
            ("amd64", "386") | ("arm64", "arm") => 1,
            _ => 2,
        }
    }
}

fn kind(descriptor: &Descriptor, manifest: Option<&Manifest>, version: Triple) -> ManifestKind {
    if descriptor.annotations.contains_key(REFERENCE_TYPE) {
        return match descriptor.annotations.get(REFERENCE_DIGEST) {
            Some(digest) if !digest.is_empty() => ManifestKind::Attestation,
            _ => ManifestKind::Unknown,
        };
    }
    let is_unknown = |platform: &Platform| platform.os == "unknown" && platform.architecture == "unknown";
    if version >= UNKNOWN_IS_NONE && descriptor.platform.as_ref().is_some_and(is_unknown) {
        return ManifestKind::Unknown;
    }
    let is_layer = |layer: &Descriptor| MediaKind::of(&layer.media_type) == MediaKind::Layer;
    let has_none = |manifest: &Manifest| !manifest.layers.is_empty() && !manifest.layers.iter().any(is_layer);
    if manifest.is_some_and(has_none) { ManifestKind::Unknown } else { ManifestKind::Image }
}

/// The architecture that most manifests are unpacked for: an engine unpacks what its host can run.
pub(super) fn architecture(stored: &Stored<'_>) -> String {
    let mut unpacked: BTreeMap<String, usize> = BTreeMap::new();
    for image in stored.images.values() {
        for descriptor in stored.reachable(&image.target) {
            let manifest = stored.manifest(descriptor);
            let is_unpacked = |top: &ChainId| stored.snapshots.contains_key(top.0.as_str());
            if manifest.kind == ManifestKind::Image && manifest.chain().last().is_some_and(is_unpacked) {
                let architecture = manifest.platform().unwrap_or_default().architecture;
                let count = unpacked.entry(architecture).or_default();
                *count = count.saturating_add(1);
            }
        }
    }
    let most = unpacked.into_iter().min_by_key(|(_, count)| Reverse(*count));
    most.map_or_else(|| "amd64".to_owned(), |(architecture, _)| architecture)
}

impl ImageStored<'_> {
    /// Its manifests, in the engine's order.
    pub fn manifests<'d>(&'d self, stored: &'d Stored<'_>) -> Vec<ManifestStored<'d>> {
        stored.reachable(&self.target).into_iter().map(|descriptor| stored.manifest(descriptor)).collect()
    }
}
