//! From what a person typed to an image.

use std::collections::{BTreeMap, BTreeSet};

use super::{ManifestKind, Stored};
use crate::docker::seen::Reference;
use crate::format::image::config::Config;
use crate::format::oci::Document;

/// Targets by the whole names of their records.
pub(super) fn of<'a>(stored: &Stored<'a>) -> BTreeMap<&'a str, &'a str> {
    let records = stored.images.values().flat_map(|image| &image.facts.records);
    records.map(|record| (record.name.as_str(), record.target.as_str())).collect()
}

impl<'a> Stored<'a> {
    /// The target that a reference or an ID as typed leads to, if one of its manifests can be read.
    // moby daemon/containerd/image.go: GetImage, resolveImage
    pub fn resolve(&self, typed: &str) -> Option<&'a str> {
        let target = match Reference::parse(typed)? {
            Reference::Id(id) => self.target(&id),
            Reference::Named(named) => match named.digest() {
                Some(digest) => self.target(digest).filter(|target| self.has_repository(target, &named.name())),
                None => self.names.get(named.tagged().as_str()).copied().or_else(|| self.by_prefix(typed)),
            },
        };
        target.filter(|target| self.can_be_read(target))
    }

    fn target(&self, id: &str) -> Option<&'a str> {
        self.images.get_key_value(id).map(|(target, _)| *target)
    }

    fn has_repository(&self, target: &str, repository: &str) -> bool {
        let records = self.images.get(target).into_iter().flat_map(|image| &image.facts.records);
        let mut names = records.filter_map(|record| Reference::parse_name(&record.name));
        names.any(|name| name.repository() == repository)
    }

    /// The one image whose ID begins so.
    fn by_prefix(&self, typed: &str) -> Option<&'a str> {
        let hex = typed.strip_prefix("sha256:").unwrap_or(typed);
        let is_hex = hex.len() >= 4 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let prefix = format!("sha256:{hex}");
        let fits: BTreeSet<&str> = self.images.keys().copied().filter(|id| is_hex && id.starts_with(&prefix)).collect();
        match fits.len() {
            1 => fits.into_iter().next().and_then(|target| self.target(target)),
            _ => None,
        }
    }

    /// The config that an image is judged by.
    // moby daemon/containerd/image_manifest.go: getBestPresentImageManifest
    pub fn config_of(&self, target: &str) -> Option<&'a Config> {
        let image = self.images.get(target)?;
        let manifests = self.present_manifests(&image.target).into_iter().map(|descriptor| self.manifest(descriptor));
        let runnable: Vec<_> = manifests.filter(|manifest| manifest.kind == ManifestKind::Image).collect();
        let digest = self.best(runnable.iter())?.descriptor;
        match self.document(&self.manifest_of(digest)?.config)? {
            Document::Config(config) => Some(config),
            _ => None,
        }
    }

    // moby daemon/containerd/image_manifest.go: getBestPresentImageManifest, ReadConfig
    fn can_be_read(&self, target: &str) -> bool {
        let Some(image) = self.images.get(target) else { return false };
        let mut manifests = self.present_manifests(&image.target).into_iter();
        manifests.any(|descriptor| {
            let config = self.manifest_of(descriptor).and_then(|manifest| self.document(&manifest.config));
            matches!(config, Some(Document::Config(_)))
        })
    }
}
