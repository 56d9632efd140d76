//! containerd's image store: records of images, the leases of containers and of BuildKit's cache, and the collection that
//! takes what these let go of.

mod collection;
mod platform;
mod prune;
mod records;
mod remove;
#[cfg(test)]
mod tests;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use super::Case;
use super::action::Filters;
use super::builds::{self, Builds};
use super::gone::Gone;
use super::host::Containers;
use super::images::{CacheManner, Images, Manner, Pruned, Record, Refusal};
use super::records::Rows;
use crate::docker::cache::{self, CacheRow, Shares};
use crate::docker::seen::Triple;
use crate::docker::stored::Stored;
use crate::format::oci::Descriptor;
use crate::inventory::facts::Lease;
use crate::terms::{Key, Kind, LinkKind, Place};
use collection::Collection;
use records::Records;

/// Before, the store was an experiment with other rules.
// moby daemon/containerd/image_delete.go: resolveAllReferences (25.0)
const KNOWN_FROM: Triple = (25, 0, 0);
/// What the name of the lease ends in that keeps what a record is read through.
const VIEW: &str = "-view";

#[derive(Debug)]
pub(super) struct Containerd<'a> {
    case: &'a Case<'a>,
    stored: &'a Stored<'a>,
    records: Records<'a>,
    rows: Rows<'a>,
    /// Asked for by few prunes.
    shares: OnceCell<Shares>,
    /// Past builds, each with its leases.
    builds: Builds<'a, Vec<&'a Key>>,
    collection: Collection<'a>,
}

impl<'a> Containerd<'a> {
    pub(super) fn of(case: &'a Case<'a>, stored: &'a Stored<'a>) -> Self {
        let mut builds: BTreeMap<&str, Vec<&Key>> = BTreeMap::new();
        let remembered = case.inventory.of_kind(Kind::BuildHistory).filter(|(_, thing)| case.view.remembers(thing));
        for (key, _) in remembered.filter(|(key, _)| key.root == stored.root) {
            let leases = case.graph.targets(key, LinkKind::Remembers).filter(|lease| lease.root == stored.home);
            builds.entry(&key.id).or_default().extend(leases.filter(|lease| *lease.store == *"containerd"));
        }
        Self {
            case,
            stored,
            records: Records::of(stored),
            rows: Rows::of(case),
            shares: OnceCell::new(),
            builds,
            collection: Collection::of(case, stored),
        }
    }

    fn leases(&self) -> impl Iterator<Item = (&'a Key, &'a Lease)> + use<'a> {
        let (home, inventory) = (&self.stored.home, self.case.inventory);
        let here =
            inventory.of_kind(Kind::Lease).filter(move |(key, _)| key.root == *home && *key.store == *"containerd");
        here.filter_map(|(key, thing)| Some((key, thing.lease()?)))
    }

    /// Everything that is here of an image, each time it is met.
    // moby daemon/containerd/handlers.go: walkPresentChildren
    fn present(&self, target: &str) -> Vec<&'a Descriptor> {
        let image = self.stored.images.get(target);
        image.map(|image| self.present_below(&image.target)).unwrap_or_default()
    }

    fn present_below<'d>(&self, top: &'d Descriptor) -> Vec<&'d Descriptor>
    where
        'a: 'd,
    {
        self.stored.walk_where(top, |descriptor| self.collection.has_entry(&descriptor.digest))
    }

    /// Takes a name away. With the last of an image this lets go of what it leads to.
    fn drop_record(&mut self, name: &str) {
        let Some(record) = self.records.remove(name) else { return };
        if self.records.has_target(record.target) {
            return;
        }
        if let Some(image) = self.stored.images.get(record.target) {
            self.collection.drop_image(image.key);
        }
    }

    /// Records are gone, and what they held of others.
    // buildkit cache/refs.go: cacheRecord.remove; immutableRef.release ends what a record was read through
    fn drop_cache_records(&mut self, records: &[&CacheRow]) {
        let mut loose: BTreeSet<&str> = records.iter().flat_map(|row| &row.parents).map(String::as_str).collect();
        if !loose.is_empty() {
            self.rows.iter().flat_map(|row| &row.parents).for_each(|held| _ = loose.remove(held.as_str()));
        }
        for record in records {
            for end in ["", Lease::VARIANTS, VIEW] {
                self.collection.drop_lease(&format!("{}{end}", record.id));
            }
            for parent in record.parents.iter().filter(|parent| loose.contains(parent.as_str())) {
                self.collection.drop_lease(&format!("{parent}{VIEW}"));
            }
        }
    }

    fn is_known(&self) -> Result<(), String> {
        let (major, ..) = self.stored.version;
        if self.stored.version >= KNOWN_FROM {
            return Ok(());
        }
        Err(format!("unknown, because removals from containerd's image store are not predicted for Docker {major}"))
    }
}

impl Images for Containerd<'_> {
    // moby daemon/internal/builder-next/controller.go; buildkit cache/manager.go: init
    fn start(&mut self, gone: &mut Gone<'_>) {
        let namespace = &self.stored.namespace;
        let ours = self.leases().filter(|(_, lease)| lease.namespace == *namespace);
        let over = ours.filter(|(_, lease)| lease.is_temporary()).map(|(_, lease)| lease.id.clone());
        let over: Vec<String> = over.collect();
        over.iter().for_each(|id| self.collection.drop_lease(id));
        for record in cache::unloaded(self.stored) {
            self.collection.drop_lease(&record);
        }
        self.collection.collect(gone);
    }

    // moby daemon/containerd/image_snapshot.go: ReleaseLayer; daemon/mounts.go: removeMountPoints
    fn drop_container(&mut self, container: &Key, _: &mut Gone<'_>) -> Vec<String> {
        self.collection.drop_lease(&container.id);
        let facts = self.case.inventory.get(container).and_then(|thing| thing.container());
        let mounts = facts.into_iter().flat_map(|facts| &facts.mounts).filter(|mount| mount.kind == "image");
        mounts.for_each(|mount| self.collection.drop_lease(&mount.id));
        Vec::new()
    }

    fn remove(
        &mut self,
        containers: &Containers<'_>,
        typed: &str,
        manner: Manner<'_>,
        _: &mut Gone<'_>,
    ) -> Result<Vec<Record>, Refusal> {
        self.is_known().map_err(Refusal::conflict)?;
        self.remove_image(containers, typed, manner)
    }

    fn prune(
        &mut self,
        containers: &Containers<'_>,
        all: bool,
        filters: &Filters,
        gone: &mut Gone<'_>,
    ) -> Result<Pruned, String> {
        self.is_known()?;
        self.prune_images(containers, all, filters, gone)
    }

    fn prune_cache(&mut self, manner: CacheManner<'_>, _: &mut Gone<'_>) -> Result<Pruned, String> {
        let (stored, records, shares) = (self.stored, &self.records, &self.shares);
        let shares = || shares.get_or_init(|| Shares::of(stored));
        let lists = OnceCell::new();
        let in_image = |row: &CacheRow| {
            let lists = lists.get_or_init(|| shares().of_images(stored, |target| records.has_target(target)));
            shares().is_in(row, lists)
        };
        let before: Vec<&CacheRow> = self.rows.iter().collect();
        let pruned = super::records::prune(self.case, manner, &mut self.rows, &in_image)?;
        let went: Vec<&CacheRow> = before.into_iter().filter(|row| !self.rows.has(&row.id)).collect();
        self.drop_cache_records(&went);
        Ok(pruned)
    }

    fn remove_history(&mut self, refs: &[String], all: bool, _: &mut Gone<'_>) -> Vec<Result<String, Refusal>> {
        let (builds, collection) = (&mut self.builds, &mut self.collection);
        let let_go = |leases: Vec<&Key>| leases.into_iter().for_each(|lease| collection.drop_lease_of(lease));
        builds::remove(builds, refs, all, let_go)
    }

    fn settle(&mut self, gone: &mut Gone<'_>) {
        self.collection.collect(gone);
    }

    fn collected(&self) -> BTreeSet<Place> {
        self.collection.at_any()
    }
}
