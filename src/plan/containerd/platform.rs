//! `docker rmi --platform`: the entries of what one platform's manifest leads to, whoever else leads there.
//! moby daemon/containerd/image_delete.go: deleteImagePlatforms (28.2 on).

use super::Containerd;
use crate::docker::seen::Triple;
use crate::format::oci::{Descriptor, MediaKind, Platform};
use crate::plan::images::{Manner, Record, Refusal};

/// The first version whose API takes a platform (1.50).
const TAKES_PLATFORM: Triple = (28, 2, 0);

impl<'a> Containerd<'a> {
    pub(super) fn accepts(&self, manner: Manner<'_>) -> Result<(), Refusal> {
        if manner.platforms.is_empty() {
            Ok(())
        } else if self.stored.version < TAKES_PLATFORM {
            let message = "\"--platform\" requires API version 1.50, which this engine does not have";
            Err(Refusal::conflict(message))
        } else if manner.force {
            Ok(())
        } else {
            let message =
                "Content will be removed from all images referencing this variant. Use —-force to force delete.";
            Err(Refusal::conflict(message))
        }
    }

    /// Whether a manifest is for one of these platforms.
    pub(super) fn is_for(&self, manifest: &str, platforms: &[String]) -> bool {
        let met = self.stored.images.values().flat_map(|image| self.stored.present_manifests(&image.target));
        let found = met.into_iter().find(|descriptor| descriptor.digest == manifest);
        found.is_some_and(|descriptor| platforms.iter().any(|asked| self.matches(descriptor, asked)))
    }

    fn matches(&self, descriptor: &Descriptor, asked: &str) -> bool {
        self.stored.manifest(descriptor).platform().is_some_and(|own| is_same(&own, asked))
    }

    pub(super) fn remove_platforms(&mut self, target: &'a str, platforms: &[String]) -> Result<Vec<Record>, Refusal> {
        let mut records = Vec::new();
        for asked in platforms {
            let Some(manifest) = self.manifest_for(target, asked) else {
                let record = self.records.of_target(target).into_iter().next();
                let name = record.as_ref().map_or(target, |record| record.familiar());
                return Err(Refusal::not_found(format!(
                    "failed to delete platform {asked} for image {target}: image with reference {name} was found but does not provide any platform"
                )));
            };
            let going: Vec<Descriptor> = self.present_below(&manifest).into_iter().cloned().collect();
            for descriptor in going.into_iter().filter(|it| self.collection.delete_entry(&it.digest)) {
                if matches!(MediaKind::of(&descriptor.media_type), MediaKind::Manifest | MediaKind::Index) {
                    records.push(Record::Deleted(descriptor.digest));
                }
            }
        }
        Ok(records)
    }

    /// The manifest for exactly this platform, as far as it is here.
    // moby daemon/containerd/image.go: getBestPresentImageManifest; containerd platforms: OnlyStrict
    fn manifest_for(&self, target: &str, asked: &str) -> Option<Descriptor> {
        let mut met = self.present(target).into_iter();
        let is_manifest = |it: &&Descriptor| MediaKind::of(&it.media_type) == MediaKind::Manifest;
        met.find(|it| is_manifest(it) && self.matches(it, asked)).cloned()
    }
}

/// containerd platforms: Normalize, OnlyStrict.
fn is_same(own: &Platform, asked: &str) -> bool {
    let mut parts = asked.split('/');
    let mut part = || parts.next().unwrap_or_default().to_ascii_lowercase();
    let (os, architecture, variant) = (part(), part(), part());
    let own = normal(own.architecture.to_ascii_lowercase(), own.variant.to_ascii_lowercase());
    let others = normal(architecture, variant);
    os == "linux" && own == others
}

fn normal(architecture: String, variant: String) -> (String, String) {
    let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
        ("x86_64" | "x86-64" | "amd64", "v1" | "") => ("amd64", ""),
        ("x86_64" | "x86-64", other) => ("amd64", other),
        ("aarch64" | "arm64", "8" | "v8" | "") => ("arm64", ""),
        ("i386", _) => ("386", ""),
        ("armhf", _) => ("arm", "v7"),
        ("armel", _) => ("arm", "v6"),
        ("arm", "" | "7") => ("arm", "v7"),
        ("arm", "5") => ("arm", "v5"),
        ("arm", "6") => ("arm", "v6"),
        ("arm", "8") => ("arm", "v8"),
        (architecture, variant) => (architecture, variant),
    };
    (architecture.to_owned(), variant.to_owned())
}
