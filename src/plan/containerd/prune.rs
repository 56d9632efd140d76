//! `docker image prune`. moby daemon/containerd/image_prune.go, from 25.0 on.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Containerd;
use super::records::{Record, dangling_name};
use crate::docker::seen::{Reference, Triple};
use crate::format::image::config::Config;
use crate::format::oci::{Descriptor, Document, MediaKind};
use crate::plan::action::{Filters, Moment};
use crate::plan::gone::Gone;
use crate::plan::host::Containers;
use crate::plan::images::{self, Pruned};

/// From this version on the last name of an image in use stays; before, it went, and the image stayed under none.
const KEEPS_LAST: Triple = (27, 3, 0);
/// From this version on what a pull left behind goes as well.
const PRUNES_LEASES: Triple = (27, 4, 0);
/// From this version on only manifests are listed as deleted.
const LISTS_MANIFESTS: Triple = (28, 4, 0);
/// From this version on snapshots are part of what is reported.
const COUNTS_SNAPSHOTS: Triple = (29, 6, 0);
/// Until here a config that outlives its image lets go of the snapshots that its label kept.
const UNLEASES: Triple = (28, 2, 0);
/// From this version on an attestation's config matches no label, and a label that is not there differs from any value.
const SKIPS_ATTESTATIONS: Triple = (29, 5, 0);
const PRUNABLE: &str = "moby/prune.images";
const REFERENCE_TYPE: &str = "vnd.docker.reference.type";

/// What of an image is looked at again when it is gone.
struct Before {
    blobs: Vec<Descriptor>,
    /// With the size that was recorded when they were committed.
    snapshots: BTreeMap<String, u64>,
}

impl<'a> Containerd<'a> {
    pub(super) fn prune_images(
        &mut self,
        containers: &Containers<'_>,
        all: bool,
        filters: &Filters,
        gone: &mut Gone<'_>,
    ) -> Result<Pruned, String> {
        filters.accepted(&["dangling", "label", "label!", "until"])?;
        let until = self.until(filters)?;
        if self.stored.version >= PRUNES_LEASES {
            self.prune_leases();
        }
        // so that what is there is what is looked at
        self.collection.collect(gone);
        let names = self.prunable(containers, all, filters, &until);
        let pruned: Vec<Record<'a>> = names.iter().filter_map(|name| self.records.get(name).cloned()).collect();
        let before: Vec<Before> = pruned.iter().map(|record| self.before(record.target)).collect();
        let configs: Vec<String> = match self.stored.version < UNLEASES {
            true => pruned.iter().flat_map(|record| self.configs_of(record.target)).collect(),
            false => Vec::new(),
        };
        pruned.iter().for_each(|record| self.drop_record(&record.name));
        self.collection.collect(gone);
        let report = self.report(&pruned, &before);
        self.unlease(configs);
        Ok(report)
    }

    /// Every date has to fit.
    // moby daemon/containerd/image_list.go: setupFilters
    fn until(&self, filters: &Filters) -> Result<Vec<Timestamp>, String> {
        let one = |text: &str| {
            let moment = Moment::parse(text, self.case.zone).and_then(|moment| moment.at(self.case.now));
            moment.ok_or_else(|| format!("failed to parse value as time or duration: {text:?}"))
        };
        filters.get("until").map(one).collect()
    }

    fn prune_leases(&mut self) {
        let namespace = &self.stored.namespace;
        let leases = self.leases().filter(|(_, lease)| lease.namespace == *namespace);
        let ids: Vec<String> = leases
            .filter(|(_, lease)| lease.labels.contains_key(PRUNABLE))
            .map(|(_, lease)| lease.id.clone())
            .collect();
        ids.iter().for_each(|id| self.collection.drop_lease(id));
    }

    /// The names that go.
    // moby daemon/containerd/image_prune.go: pruneUnused
    fn prunable(
        &mut self,
        containers: &Containers<'_>,
        all: bool,
        filters: &Filters,
        until: &[Timestamp],
    ) -> BTreeSet<String> {
        let fits = |record: &&Record<'a>| {
            let old = until.iter().all(|until| record.created.is_none_or(|created| created < *until));
            (all || record.is_dangling()) && old && self.has_labels(record.target, filters)
        };
        let mut names: BTreeSet<String> = self.records.all().filter(fits).map(|record| record.name.clone()).collect();
        let used = self.keep_used(containers, &mut names);
        let mut left: BTreeMap<&str, usize> = BTreeMap::new();
        for record in self.records.all() {
            let count = left.entry(record.target).or_default();
            *count = count.saturating_add(1);
        }
        let candidates: Vec<Record<'a>> = names.iter().filter_map(|name| self.records.get(name).cloned()).collect();
        for record in candidates {
            let Some(count) = left.get_mut(record.target) else { continue };
            if *count > 1 {
                *count = count.saturating_sub(1);
            } else if used.contains(record.target) && self.stored.version >= KEEPS_LAST {
                names.remove(&record.name);
            } else if used.contains(record.target) {
                self.records.keep_untagged(&record, self.case.now);
            }
        }
        names
    }

    /// Takes from the names those that containers were made from. Answers with the images that containers were made from
    /// by their IDs.
    // moby daemon/containerd/image_prune.go: filterImagesUsedByContainers
    fn keep_used(&self, containers: &Containers<'_>, names: &mut BTreeSet<String>) -> BTreeSet<String> {
        let mut used = BTreeSet::new();
        for known in containers.0.values() {
            let typed = &known.facts.image_as_typed;
            let image = known.facts.image.as_ref().map_or("", |image| image.as_str());
            names.remove(&dangling_name(image));
            let id = format!("sha256:{}", typed.strip_prefix("sha256:").unwrap_or(typed));
            if image.starts_with(&id) {
                used.insert(image.to_owned());
                if self.stored.version < KEEPS_LAST {
                    continue;
                }
            } else if self.stored.version >= KEEPS_LAST && typed.ends_with(&format!("@{image}")) {
                used.insert(image.to_owned());
            }
            if let Some(name) = Reference::parse_name(typed) {
                names.remove(&name.tagged());
            }
            // of `name:tag@digest` the tag as well
            if let Some((tagged, _)) = typed.split_once('@')
                && self.stored.version >= KEEPS_LAST
                && tagged.rsplit_once(':').is_some_and(|(_, tag)| !tag.contains('/'))
                && let Some(name) = Reference::parse_name(tagged)
            {
                names.remove(&name.tagged());
            }
        }
        used
    }

    /// Whether one of its configs has the labels.
    // moby daemon/containerd/image_list.go: setupLabelFilter
    fn has_labels(&self, target: &str, filters: &Filters) -> bool {
        if !filters.has("label") && !filters.has("label!") {
            return true;
        }
        let skips = self.stored.version >= SKIPS_ATTESTATIONS;
        let met = self.stored.images.get(target).into_iter().flat_map(|image| {
            let is_skipped = move |it: &Descriptor| {
                let is_manifest = MediaKind::of(&it.media_type) == MediaKind::Manifest;
                skips && is_manifest && it.annotations.contains_key(REFERENCE_TYPE)
            };
            self.stored.walk_where(&image.target, |it| self.collection.has_entry(&it.digest) && !is_skipped(it))
        });
        let configs = met.filter(|it| MediaKind::of(&it.media_type) == MediaKind::Config);
        let mut configs =
            configs.filter_map(|it| match self.stored.blobs.get(it.digest.as_str())?.1.document.as_deref()? {
                Document::Config(config) => Some(config),
                _ => None,
            });
        configs.any(|config| matches(config, filters, skips))
    }

    fn before(&self, target: &str) -> Before {
        let blobs: Vec<Descriptor> = self.present(target).into_iter().cloned().collect();
        let mut snapshots = BTreeMap::new();
        let configs = blobs.iter().filter(|it| MediaKind::of(&it.media_type) == MediaKind::Config);
        for config in configs.filter(|_| self.stored.version >= COUNTS_SNAPSHOTS) {
            let chain = self.stored.chain_of_config(&config.digest);
            for name in chain.into_iter().filter(|name| self.collection.has_snapshot(name)) {
                let backend = self.stored.snapshots.get(name.as_str()).and_then(|(_, it)| it.backend.as_ref());
                snapshots.insert(name, backend.and_then(|backend| backend.size).unwrap_or(0));
            }
        }
        Before { blobs, snapshots }
    }

    /// The engine looks after each name which blobs are gone: shared ones are with the last that had them. It takes the
    /// names in no certain order.
    // moby daemon/containerd/image_prune.go: pruneAll
    fn report(&self, pruned: &[Record<'a>], before: &[Before]) -> Pruned {
        let mut report = Pruned::default();
        let last = |at: usize, has: &dyn Fn(&Before) -> bool| !before.iter().skip(at + 1).any(has);
        for (at, (record, was)) in pruned.iter().zip(before).enumerate() {
            report.records.push(images::Record::Untagged(record.familiar().to_owned()));
            for blob in &was.blobs {
                let had = |before: &Before| before.blobs.iter().any(|it| it.digest == blob.digest);
                // an entry is enough, whether the file is there or not
                if self.collection.has_entry(&blob.digest) || !last(at, &had) {
                    continue;
                }
                let kind = MediaKind::of(&blob.media_type);
                if self.stored.version < LISTS_MANIFESTS || matches!(kind, MediaKind::Manifest | MediaKind::Index) {
                    report.records.push(images::Record::Deleted(blob.digest.clone()));
                }
                report.reclaimed = report.reclaimed.saturating_add(blob.size);
            }
            for (name, size) in &was.snapshots {
                let had = |before: &Before| before.snapshots.contains_key(name);
                if !self.collection.has_snapshot(name) && last(at, &had) {
                    report.reclaimed = report.reclaimed.saturating_add(i64::try_from(*size).unwrap_or(i64::MAX));
                }
            }
        }
        report
    }
}

/// Every check has to fit; `label!=` turns one round, and so does a name that ends in `!`.
fn matches(config: &Config, filters: &Filters, absent_differs: bool) -> bool {
    let checks = [("label", false), ("label!", true)];
    let mut checks = checks.into_iter().flat_map(|(name, negate)| filters.get(name).map(move |text| (text, negate)));
    checks.all(|(text, negate)| {
        let (label, wanted) = text.split_once('=').map_or((text, None), |(label, value)| (label, Some(value)));
        let (label, negate) = label.strip_suffix('!').map_or((label, negate), |label| (label, !negate));
        let own = config.labels.as_ref().and_then(|labels| labels.get(label));
        match (wanted, own) {
            (None, own) => own.is_some() != negate,
            (Some(_), None) => negate && absent_differs,
            (Some(wanted), Some(own)) => (own == wanted) != negate,
        }
    })
}
