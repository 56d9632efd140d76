//! Containers that load. What does not is invisible to every command, and protects neither image nor volume.

use std::collections::{BTreeMap, BTreeSet};

use super::{Reference, Seen, Triple};
use crate::inventory::facts::Container;
use crate::terms::{Key, Kind};

/// From this version on a container stays although its read-write layer is gone, so that it can be removed.
/// moby daemon/daemon.go restore (29.4.0).
const KEEPS_WITHOUT_LAYER: Triple = (29, 4, 0);

/// A loaded container.
#[derive(Clone, Debug)]
pub struct ContainerSeen<'a> {
    pub facts: &'a Container,
    /// Its read-write layer.
    pub mount: Option<&'a Key>,
    /// Its image, if that is loaded.
    pub image: Option<&'a Key>,
}

/// moby daemon/daemon.go restore, loadContainers: both files parse, it is of this driver, its read-write layer loads, and
/// its name is free.
pub(super) fn loaded<'a>(seen: &Seen<'a>) -> BTreeMap<&'a Key, ContainerSeen<'a>> {
    let mut names: BTreeSet<&str> = BTreeSet::new();
    let mut containers = BTreeMap::new();
    for (key, thing) in seen.of_root(Kind::Container) {
        let Some(facts) = thing.container().filter(|facts| facts.broken.is_none()) else { continue };
        if !is_of_driver(facts, &seen.store, seen.version) {
            continue;
        }
        let mount = seen.mounts.get_key_value(&seen.key(Kind::Mount, key.id.clone())).map(|(key, _)| *key);
        if mount.is_none() && seen.version < KEEPS_WITHOUT_LAYER {
            continue;
        }
        // of two with one name the engine registers one; which, is chance
        if !facts.name.is_empty() && !names.insert(&facts.name) {
            continue;
        }
        let image = facts
            .image
            .as_ref()
            .and_then(|image| seen.images.get_key_value(&seen.key(Kind::Image, image.as_str())).map(|(key, _)| *key));
        containers.insert(key, ContainerSeen { facts, mount, image });
    }
    containers
}

fn is_of_driver(container: &Container, store: &str, version: Triple) -> bool {
    // a container of the time when aufs was all there was
    let ancient = container.driver.is_empty() && store == "aufs" && version < (23, 0, 0);
    container.driver == store || ancient
}

impl ContainerSeen<'_> {
    /// The reference as typed if it still leads to the image, else the image's ID. moby daemon/list.go refreshImage.
    pub fn image_as_shown<'r>(&self, resolve: impl FnOnce(&str) -> Option<&'r str>) -> String {
        let typed = &self.facts.image_as_typed;
        let id = self.facts.image.as_ref().map_or("", |image| image.as_str());
        let leads_there = || resolve(typed).is_some_and(|image| image == id);
        if typed == id || leads_there() { typed.clone() } else { id.to_owned() }
    }
}

impl<'a> Seen<'a> {
    /// The image that a reference or an ID as typed leads to. moby daemon/images/image.go GetImage.
    pub fn resolve(&self, typed: &str) -> Option<&'a Key> {
        let image = |id: &str| self.images.get_key_value(&self.key(Kind::Image, id)).map(|(key, _)| *key);
        match Reference::parse(typed)? {
            Reference::Id(id) => image(&id),
            Reference::Named(named) => {
                let tag = self.inventory.get(&self.key(Kind::Tag, named.familiar())).and_then(|thing| thing.tag());
                tag.and_then(|tag| image(tag.image.as_str())).or_else(|| self.by_prefix(typed))
            }
        }
    }

    /// The one image whose ID begins so.
    fn by_prefix(&self, typed: &str) -> Option<&'a Key> {
        let prefix = if typed.starts_with("sha256:") { typed.to_owned() } else { format!("sha256:{typed}") };
        let mut fits = self.images.keys().filter(|key| key.id.starts_with(&prefix));
        fits.next().copied().filter(|_| fits.next().is_none())
    }
}
