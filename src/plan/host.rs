//! The engine's containers and volumes, while actions run on them, and its image store.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::Case;
use super::gone::Gone;
use super::images::{Images, Refusal};
use crate::inventory::facts::{Container, Volume};
use crate::terms::{Digest, Key, Kind, Place};

/// A container that the engine knows.
#[derive(Clone, Debug)]
pub(super) struct Known<'a> {
    pub(super) key: &'a Key,
    pub(super) facts: &'a Container,
    /// It runs, or is paused or restarting; or it will, when the engine is started.
    pub(super) alive: bool,
    /// What the engine says its own files take.
    pub(super) size: i64,
}

/// All containers, by ID.
#[derive(Clone, Debug, Default)]
pub(super) struct Containers<'a>(pub(super) BTreeMap<&'a str, Known<'a>>, Index<'a>);

/// IDs of containers, whether these are still there or not: by what they refer to.
#[derive(Clone, Debug, Default)]
struct Index<'a> {
    by_name: BTreeMap<&'a str, Vec<&'a str>>,
    by_image: BTreeMap<&'a str, Vec<&'a str>>,
    by_mounted_image: BTreeMap<&'a str, BTreeSet<&'a str>>,
    by_volume: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

/// A volume of the local driver.
#[derive(Clone, Debug)]
pub(super) struct Local<'a> {
    pub(super) key: &'a Key,
    pub(super) facts: &'a Volume,
    pub(super) size: i64,
}

/// The engine.
#[derive(Debug)]
pub(super) struct Host<'a> {
    pub(super) case: &'a Case<'a>,
    pub(super) containers: Containers<'a>,
    pub(super) volumes: BTreeMap<&'a str, Local<'a>>,
    pub(super) images: Box<dyn Images + 'a>,
    pub(super) gone: Gone<'a>,
}

impl<'a> Host<'a> {
    pub(super) fn of(case: &'a Case<'a>, images: Box<dyn Images + 'a>) -> Self {
        let sizes: BTreeMap<&Key, i64> = case.df.containers.iter().map(|row| (row.key, row.size_rw)).collect();
        let known = |(key, seen): (&&'a Key, &crate::docker::seen::ContainerSeen<'a>)| Known {
            key,
            facts: seen.facts,
            // on a disk that no engine works on nothing runs, and a start may start it
            alive: if case.live_since.is_some() { seen.facts.state.is_alive() } else { seen.facts.starts_again },
            size: sizes.get(*key).copied().unwrap_or(0),
        };
        let containers = case.view.containers().iter().map(|one| (&*one.0.id, known(one))).collect();
        let sizes: BTreeMap<&Key, i64> = case.df.volumes.iter().map(|row| (row.key, row.size)).collect();
        let volumes = case.view.volumes().iter().map(|(key, seen)| {
            let size = sizes.get(*key).copied().unwrap_or(0);
            (&*key.id, Local { key, facts: seen.facts, size })
        });
        Self {
            case,
            containers: Containers::of(containers),
            volumes: volumes.collect(),
            images,
            gone: Gone::new(case.inventory),
        }
    }

    /// What a start of the engine removes. One that is at work has done that.
    // moby daemon/daemon.go restore: containers that were to be removed when they end, with their volumes
    pub(super) fn start(&mut self) -> BTreeSet<Place> {
        if self.case.live_since.is_some() {
            return BTreeSet::new();
        }
        self.images.start(&mut self.gone);
        let ended = self.containers.0.values().filter(|container| container.facts.auto_remove && !container.alive);
        for id in ended.map(|container| &*container.key.id).collect::<Vec<_>>() {
            self.remove_container(id, true);
        }
        self.images.settle(&mut self.gone);
        self.gone.since()
    }

    pub(super) fn collected(&self) -> BTreeSet<Place> {
        self.images.collected()
    }

    /// A container that does not run now, and will when the engine is there to be asked.
    pub(super) fn starts_again(&self, container: &Known<'_>) -> bool {
        self.case.live_since.is_none() && container.facts.starts_again
    }

    /// Removes a container that does not run, and with it its anonymous volumes if nobody else uses them. Answers with
    /// what is worth knowing of it.
    // moby daemon/delete.go cleanupContainer; daemon/mounts.go removeMountPoints
    pub(super) fn remove_container(&mut self, id: &str, with_volumes: bool) -> Vec<String> {
        let Some(container) = self.containers.0.remove(id) else { return Vec::new() };
        let mut notes = self.images.drop_container(container.key, &mut self.gone);
        self.gone.thing(container.key);
        if container.alive {
            self.end_task(container.key);
        }
        let volumes = container.facts.mounts.iter().filter(|mount| mount.kind == "volume" && !mount.driver.is_empty());
        for mount in volumes.filter(|mount| mount.anonymous) {
            let left = self.users(&mount.name).is_empty();
            if with_volumes && left {
                let since = container.facts.state.finished_at;
                notes.extend(self.remove_volume(&mount.name, since.map(|at| format!("since {at}"))));
            } else if left && self.volumes.contains_key(mount.name.as_str()) {
                notes.push(format!("the anonymous volume {} stays, and nothing uses it any more", mount.name));
            }
        }
        notes
    }

    /// containerd has a directory for each container that runs, and the engine one that it is mounted at.
    // containerd core/runtime/v2/bundle.go Delete; moby daemon/snapshotter/mount.go Unmount
    fn end_task(&mut self, container: &Key) {
        let scaffolds = self.case.inventory.of_kind(Kind::Scaffold).filter(|(key, _)| key.id.ends_with(&*container.id));
        let own = scaffolds.filter(|(key, _)| {
            let is_mounted = *key.root == *self.case.view.root() && key.id.contains("/rootfs/");
            is_mounted || key.id.contains("/io.containerd.runtime.")
        });
        own.for_each(|(key, _)| self.gone.thing(key));
    }

    /// The containers that refer to a volume.
    // moby daemon/volumes.go lazyInitializeVolume
    pub(super) fn users(&self, volume: &str) -> Vec<&'a str> {
        let users = self.containers.1.by_volume.get(volume).into_iter().flatten().copied();
        users.filter(|id| self.containers.0.contains_key(id)).collect()
    }

    /// Removes a volume that nothing uses. Answers with which data goes, and since when nothing used it.
    pub(super) fn remove_volume(&mut self, name: &str, unused: Option<String>) -> Option<String> {
        let volume = self.volumes.remove(name)?;
        self.gone.thing(volume.key);
        Some(super::run::volume_note(self.case, &volume, unused))
    }

    /// A container by its ID, its name, or the beginning of its ID.
    // moby daemon/container.go GetContainer
    pub(super) fn find_container(&self, typed: &str) -> Result<&Known<'a>, Refusal> {
        let name = typed.strip_prefix('/').unwrap_or(typed);
        let by_name = || self.containers.those(self.containers.1.by_name.get(name)).next();
        if let Some(found) = self.containers.0.get(typed).or_else(by_name) {
            return Ok(found);
        }
        let near = self.containers.0.range::<str, _>((Bound::Included(typed), Bound::Unbounded));
        let mut fits = near.take_while(|(id, _)| id.starts_with(typed)).map(|(_, found)| found);
        match (fits.next(), fits.next()) {
            (Some(found), None) => Ok(found),
            (Some(_), Some(_)) if self.case.view.version() >= (25, 0, 0) => {
                Err(Refusal::conflict(format!("multiple IDs found with provided prefix: {typed}")))
            }
            (Some(_), Some(_)) => Err(Refusal::conflict(format!("Multiple IDs found with provided prefix: {typed}"))),
            (None, _) => Err(Refusal::not_found(format!("No such container: {typed}"))),
        }
    }
}

impl<'a> Containers<'a> {
    fn of(all: BTreeMap<&'a str, Known<'a>>) -> Self {
        let mut index = Index::default();
        for (id, known) in &all {
            let facts = known.facts;
            index.by_name.entry(&facts.name).or_default().push(id);
            if let Some(image) = &facts.image {
                index.by_image.entry(image.as_str()).or_default().push(id);
            }
            for mount in &facts.mounts {
                if mount.kind == "image" {
                    index.by_mounted_image.entry(&mount.asked_for).or_default().insert(id);
                }
                if !mount.driver.is_empty() {
                    index.by_volume.entry(&mount.name).or_default().insert(id);
                }
            }
        }
        Self(all, index)
    }

    fn those<'s>(&'s self, ids: Option<impl IntoIterator<Item = &'s &'a str>>) -> impl Iterator<Item = &'s Known<'a>>
    where
        'a: 's,
    {
        ids.into_iter().flatten().filter_map(|id| self.0.get(id))
    }

    /// Those that were created from an image, in whatever state.
    pub(super) fn of_image(&self, image: &Digest) -> impl Iterator<Item = &Known<'a>> {
        self.those(self.1.by_image.get(image.as_str()))
    }

    /// Those that have an image mounted. moby daemon/images/image_delete.go: `using` (28.0).
    pub(super) fn mounting<'s>(&'s self, image: &'s Digest) -> impl Iterator<Item = &'s Known<'a>> {
        self.those(self.1.by_mounted_image.get(image.as_str()))
    }
}
