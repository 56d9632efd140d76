//! `docker rmi`: what goes, what only loses its name, and what the engine refuses.
//! moby daemon/containerd/image_delete.go, from 25.0 on.

use std::collections::BTreeSet;

use super::Containerd;
use super::records::{Meant, Record, no_reference, no_such_image, same_references};
use crate::docker::seen::{Reference, Triple};
use crate::format::oci::{self, MediaKind};
use crate::plan::host::Containers;
use crate::plan::images::{self, Manner, Refusal};
use crate::terms::{Digest, short_id};

/// From this version on a container that has the image mounted counts where a name goes. (28.0)
const MOUNTS_COUNT: Triple = (28, 0, 0);
/// Until here a config that outlives its image lets go of the snapshots that its label kept.
const UNLEASES: Triple = (28, 2, 0);

/// What else than a running container is a reason to keep an image.
#[derive(Clone, Copy)]
struct Conflicts {
    names: bool,
    stopped: bool,
}

const ALL: Conflicts = Conflicts { names: true, stopped: true };

impl<'a> Containerd<'a> {
    pub(super) fn remove_image(
        &mut self,
        containers: &Containers<'_>,
        typed: &str,
        manner: Manner<'_>,
    ) -> Result<Vec<images::Record>, Refusal> {
        self.accepts(manner)?;
        let meant = self.records.resolve(typed)?;
        let Some(target) = meant.all.first().map(|record| record.target) else { return Ok(Vec::new()) };
        let Meant { named, all } = meant;
        let is_id = is_id_prefix(target, typed);
        let mut conflicts = Conflicts { names: !manner.force, stopped: !manner.force };
        let by_name = named.as_ref().filter(|record| !is_id && !is_explicitly_dangling(typed, record));
        let name = match (by_name, &named) {
            (Some(record), _) => Some(record.name.as_str()),
            (None, Some(_)) => return self.delete_or_thin(containers, target, &all, conflicts, manner),
            (None, None) => (!is_id).then_some(typed),
        };
        let same = same_references(name, &all);
        if same.is_empty() && name.is_some() {
            return Err(Reference::parse(typed).map_or_else(no_reference, |it| no_such_image(&it)));
        }
        if same.len() != all.len() && name.is_some() {
            return match manner.platforms {
                [] => Ok(self.untag(&same)),
                platforms => self.remove_platforms(target, platforms),
            };
        }
        // of several names that are one, none is another's
        conflicts.names &= if by_name.is_some() { all.len() == 1 } else { same.len() != all.len() };
        if let Some(record) = by_name
            && let Some(container) = self.user(containers, target, manner.platforms)
        {
            return self.untag_used(record, &all, container, manner);
        }
        self.delete_or_thin(containers, target, &all, conflicts, manner)
    }

    fn delete_or_thin(
        &mut self,
        containers: &Containers<'_>,
        target: &'a str,
        all: &[Record<'a>],
        conflicts: Conflicts,
        manner: Manner<'_>,
    ) -> Result<Vec<images::Record>, Refusal> {
        match manner.platforms {
            [] => self.delete_all(containers, target, all, conflicts, manner.prune),
            platforms => self.remove_platforms(target, platforms),
        }
    }

    /// A container that keeps the last name of an image; the engine names any of them.
    fn user<'c>(&self, containers: &'c Containers<'_>, target: &str, platforms: &[String]) -> Option<&'c str> {
        let target = Digest::parse(target)?;
        let ran = containers.of_image(&target).filter(|known| {
            let manifest = known.facts.image_manifest.as_ref();
            platforms.is_empty() || manifest.is_some_and(|it| self.is_for(it.as_str(), platforms))
        });
        let ran = ran.map(|known| &*known.key.id).min();
        let mounts = || containers.mounting(&target).map(|known| &*known.key.id).min();
        ran.or_else(|| mounts().filter(|_| self.stored.version >= MOUNTS_COUNT))
    }

    /// The name goes by force, and the image stays under none.
    // moby daemon/containerd/soft_delete.go: softImageDelete
    fn untag_used(
        &mut self,
        record: &Record<'a>,
        all: &[Record<'a>],
        container: &str,
        manner: Manner<'_>,
    ) -> Result<Vec<images::Record>, Refusal> {
        let familiar = oci::familiar(&record.name);
        if !manner.force {
            return Err(Refusal::conflict(format!(
                "conflict: unable to delete {familiar} (must be forced) - container {} is using its referenced image {}",
                short_id(container),
                short_id(record.target)
            )));
        }
        if !manner.platforms.is_empty() {
            return self.remove_platforms(record.target, manner.platforms);
        }
        if all.len() == 1 {
            self.records.keep_untagged(record, self.case.now);
        }
        self.drop_record(&record.name);
        Ok(vec![images::Record::Untagged(familiar.to_owned())])
    }

    fn untag(&mut self, same: &[&Record<'_>]) -> Vec<images::Record> {
        let mut records = Vec::new();
        for record in same {
            self.drop_record(&record.name);
            if Reference::parse_name(&record.name).is_some() {
                records.push(images::Record::Untagged(oci::familiar(&record.name).to_owned()));
            }
        }
        records
    }

    /// All records of an image, and the untagged ones that it was built on, as far as nothing is in the way.
    // moby daemon/containerd/image_delete.go: deleteAll
    fn delete_all(
        &mut self,
        containers: &Containers<'_>,
        target: &'a str,
        all: &[Record<'a>],
        conflicts: Conflicts,
        prune: bool,
    ) -> Result<Vec<images::Record>, Refusal> {
        let configs = if self.stored.version < UNLEASES { self.configs_of(target) } else { Vec::new() };
        let parents = if prune { self.records.parents(target) } else { Vec::new() };
        let mut records = Vec::new();
        for record in all {
            self.delete(containers, record, all.len(), conflicts, &mut records)?;
        }
        records.push(images::Record::Deleted(target.to_owned()));
        for parent in parents {
            if !parent.is_dangling() || self.delete(containers, &parent, all.len(), ALL, &mut records).is_err() {
                break;
            }
            records.push(images::Record::Deleted(parent.target.to_owned()));
        }
        self.unlease(configs);
        Ok(records)
    }

    // moby daemon/containerd/image_delete.go: imageDeleteHelper
    fn delete(
        &mut self,
        containers: &Containers<'_>,
        record: &Record<'a>,
        names: usize,
        conflicts: Conflicts,
        records: &mut Vec<images::Record>,
    ) -> Result<(), Refusal> {
        if let Some(refusal) = conflict(containers, record.target, names, conflicts) {
            return Err(refusal);
        }
        let dangling = record.is_dangling();
        if !dangling && names == 1 && conflicts.names && self.records.has_children(record.target) {
            self.records.keep_untagged(record, self.case.now);
        }
        self.drop_record(&record.name);
        if !dangling {
            let familiar =
                if Reference::parse_name(&record.name).is_some() { oci::familiar(&record.name) } else { &record.name };
            records.push(images::Record::Untagged(familiar.to_owned()));
        }
        Ok(())
    }

    /// The configs that an image leads to.
    pub(super) fn configs_of(&self, target: &str) -> Vec<String> {
        let met = self.present(target).into_iter();
        met.filter(|it| MediaKind::of(&it.media_type) == MediaKind::Config).map(|it| it.digest.clone()).collect()
    }

    /// Those of these configs that no image leads to any more keep no snapshots.
    // moby daemon/containerd/image_prune.go: unleaseSnapshotsFromDeletedConfigs (to 28.1)
    pub(super) fn unlease(&mut self, configs: Vec<String>) {
        if configs.is_empty() {
            return;
        }
        let targets: BTreeSet<&str> = self.records.all().map(|record| record.target).collect();
        let used: BTreeSet<String> = targets.into_iter().flat_map(|target| self.configs_of(target)).collect();
        for config in configs.into_iter().filter(|config| !used.contains(config)) {
            self.collection.unlease(&config);
        }
    }
}

// moby daemon/containerd/image_delete.go: checkImageDeleteConflict
fn conflict(containers: &Containers<'_>, target: &str, names: usize, conflicts: Conflicts) -> Option<Refusal> {
    let image = Digest::parse(target);
    let user = |alive: bool| {
        let users = image.iter().flat_map(|image| containers.of_image(image));
        users.filter(|known| known.alive == alive).map(|known| &*known.key.id).min()
    };
    let refuse = |how: &str, because: String| {
        Some(Refusal::conflict(format!("conflict: unable to delete {} ({how}) - {because}", short_id(target))))
    };
    if let Some(container) = user(true) {
        let because = format!("image is being used by running container {}", short_id(container));
        return refuse("cannot be forced", because);
    }
    if conflicts.stopped
        && let Some(container) = user(false)
    {
        return refuse("must be forced", format!("image is being used by stopped container {}", short_id(container)));
    }
    if conflicts.names && names > 1 {
        return refuse("must be forced", "image is referenced in multiple repositories".to_owned());
    }
    None
}

fn is_explicitly_dangling(typed: &str, record: &Record<'_>) -> bool {
    typed.starts_with("moby-dangling@") && record.is_dangling()
}

/// What was typed is the beginning of the ID, and so no name.
// moby daemon/containerd/image_delete.go: isImageIDPrefix
fn is_id_prefix(target: &str, typed: &str) -> bool {
    target.starts_with(typed) || target.split_once(':').is_some_and(|(_, hex)| hex.starts_with(typed))
}
