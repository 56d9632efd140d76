//! Where an image can be pulled again from.
//!
//! ```text
//! containerd.io/distribution.source.<host without its port> = <repository>,<repository>…     a label of a blob's entry
//! ```

use std::collections::{BTreeMap, BTreeSet};

use super::Stored;
use crate::docker::seen::Reference;
use crate::format::oci::{self, MediaKind};

// containerd core/remotes/docker/handler.go: AppendDistributionSourceLabel
const SOURCE: &str = "containerd.io/distribution.source.";

impl Stored<'_> {
    /// The name under which a registry has had the image with this target. Of a pulled or a pushed image every blob that is here
    /// says so. A build that starts from an image writes the same label to its index, manifest and config, wherever that image
    /// is from, and never to a layer.
    // buildkit util/pull/pull.go: PullManifests, filterLayerBlobs
    pub fn had_by_registry(&self, target: &str) -> Option<String> {
        let image = self.images.get(target)?;
        let sources = self.sources(target);
        let present = self.present(&image.target);
        let mut layers = present.iter().filter(|it| MediaKind::of(&it.media_type) == MediaKind::Layer).peekable();
        layers.peek()?;
        if !layers.all(|layer| !self.sources(&layer.digest).is_disjoint(&sources)) {
            return None;
        }
        let names = image.facts.records.iter().filter_map(|record| Reference::parse_name(&record.name));
        let known = names.map(|name| name.repository()).find(|name| sources.contains(&without_port(name)));
        let repository = known.or_else(|| sources.first().cloned())?;
        Some(format!("{}@{target}", oci::familiar(&repository)))
    }

    /// The repositories that a blob is said to be in, with their hosts.
    fn sources(&self, digest: &str) -> BTreeSet<String> {
        let entry = self.blobs.get(digest).and_then(|(_, blob)| blob.entries.get(&self.namespace));
        let labels: Option<&BTreeMap<String, String>> = entry.map(|entry| &entry.labels);
        let hosts = labels.into_iter().flatten().filter_map(|(key, list)| Some((key.strip_prefix(SOURCE)?, list)));
        let repositories = hosts.flat_map(|(host, list)| list.split(',').map(move |path| format!("{host}/{path}")));
        repositories.collect()
    }
}

/// A repository as the label has it.
fn without_port(repository: &str) -> String {
    let Some((host, path)) = repository.split_once('/') else { return repository.to_owned() };
    let port = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    format!("{}/{path}", port.map_or(host, |(name, _)| name))
}
