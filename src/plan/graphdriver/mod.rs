//! The image store of graph drivers: images, their names and layers, and BuildKit's cache in front of the layer store.

mod cache;
mod content;
mod images;
mod layers;
mod prune;

use std::collections::BTreeSet;

use super::Case;
use super::action::Filters;
use super::collector::Collector;
use super::gone::Gone;
use super::host::Containers;
use super::images::{CacheManner, Images, Manner, Pruned, Record, Refusal};
use crate::docker::seen::Seen;
use crate::inventory::facts::Lease;
use crate::terms::{Key, LinkKind, Place};

#[derive(Debug)]
pub(super) struct GraphDriver<'a> {
    case: &'a Case<'a>,
    seen: &'a Seen<'a>,
    layers: layers::Layers<'a>,
    images: images::Known<'a>,
    cache: cache::Cache<'a>,
    content: content::Content<'a>,
    collector: Collector<'a>,
}

impl<'a> GraphDriver<'a> {
    pub(super) fn of(case: &'a Case<'a>, seen: &'a Seen<'a>) -> Self {
        let mut layers = layers::Layers::of(seen);
        let images = images::Known::of(seen, &mut layers);
        let cache = cache::Cache::of(case, seen, &mut layers);
        let content = content::Content::of(case, seen);
        Self { case, seen, layers, images, cache, content, collector: Collector::of(case) }
    }
}

impl Images for GraphDriver<'_> {
    fn start(&mut self, gone: &mut Gone<'_>) {
        for lease in self.cache.unfinished() {
            self.cache.drop_lease(&lease, &mut self.layers, gone);
            self.content.drop_lease(&lease);
        }
    }

    fn drop_container(&mut self, container: &Key, gone: &mut Gone<'_>) -> Vec<String> {
        self.layers.release_mount(&container.id, gone);
        self.drop_image_mounts(container, gone)
    }

    fn remove(
        &mut self,
        containers: &Containers<'_>,
        typed: &str,
        manner: Manner<'_>,
        gone: &mut Gone<'_>,
    ) -> Result<Vec<Record>, Refusal> {
        let records = images::Removal {
            version: self.seen.version,
            containers,
            images: &mut self.images,
            layers: &mut self.layers,
            gone,
        }
        .remove(typed, manner)?;
        self.collect(&records, gone);
        Ok(records)
    }

    fn prune(
        &mut self,
        containers: &Containers<'_>,
        all: bool,
        filters: &Filters,
        gone: &mut Gone<'_>,
    ) -> Result<Pruned, String> {
        let until = super::run::until(self.case, filters)?;
        let version = self.seen.version;
        let mut removal =
            images::Removal { version, containers, images: &mut self.images, layers: &mut self.layers, gone };
        let pruned = prune::images(&mut removal, all, filters, until)?;
        self.collect(&pruned.records, gone);
        Ok(pruned)
    }

    fn prune_cache(&mut self, manner: CacheManner<'_>, gone: &mut Gone<'_>) -> Result<Pruned, String> {
        let pruned = self.cache.prune(manner, &self.images, &mut self.layers, gone)?;
        for record in &pruned.records {
            if let Record::Deleted(id) = record {
                self.content.drop_lease(&format!("{}/{id}", cache::NAMESPACE));
                self.content.drop_lease(&format!("{}/{id}{}", cache::NAMESPACE, Lease::VARIANTS));
            }
        }
        self.content.collect(gone);
        Ok(pruned)
    }

    fn remove_history(&mut self, refs: &[String], all: bool, gone: &mut Gone<'_>) -> Vec<Result<String, Refusal>> {
        let removed = self.content.remove_history(refs, all);
        self.content.collect(gone);
        removed
    }

    fn settle(&mut self, _: &mut Gone<'_>) {}

    fn collected(&self) -> BTreeSet<Place> {
        self.collector.expired()
    }
}

impl GraphDriver<'_> {
    /// What was pulled has manifests in containerd, each kept by a lease of the image.
    fn collect(&mut self, records: &[Record], gone: &mut Gone<'_>) {
        for record in records {
            if let Record::Deleted(id) = record
                && let Some(lease) = self.collector.lease_of_image(id)
            {
                self.collector.drop_lease(lease);
            }
        }
        self.collector.collect(gone);
    }

    /// An image that a container mounts has a read-write layer of its own.
    // moby daemon/mounts.go removeMountPoints (28.0)
    fn drop_image_mounts(&mut self, container: &Key, gone: &mut Gone<'_>) -> Vec<String> {
        let mounts: Vec<&Key> = self.case.graph.targets(container, LinkKind::ImageMount).collect();
        mounts.into_iter().for_each(|mount| self.layers.release_mount(&mount.id, gone));
        Vec::new()
    }
}
