//! The store that an engine works with, of either kind.

use std::collections::BTreeMap;

use super::seen::{ContainerSeen, Seen, Triple, VolumeSeen};
use super::stored::Stored;
use crate::inventory::Inventory;
use crate::terms::Key;

/// A store as its engine sees it.
#[derive(Clone, Copy, Debug)]
pub enum View<'s, 'a> {
    GraphDriver(&'s Seen<'a>),
    Containerd(&'s Stored<'a>),
}

impl<'s, 'a> From<&'s Seen<'a>> for View<'s, 'a> {
    fn from(seen: &'s Seen<'a>) -> Self {
        Self::GraphDriver(seen)
    }
}

impl<'s, 'a> From<&'s Stored<'a>> for View<'s, 'a> {
    fn from(stored: &'s Stored<'a>) -> Self {
        Self::Containerd(stored)
    }
}

impl<'s, 'a> View<'s, 'a> {
    pub fn inventory(self) -> &'a Inventory {
        match self {
            Self::GraphDriver(seen) => seen.inventory,
            Self::Containerd(stored) => stored.inventory,
        }
    }

    pub fn version(self) -> Triple {
        match self {
            Self::GraphDriver(seen) => seen.version,
            Self::Containerd(stored) => stored.version,
        }
    }

    /// The engine's root.
    pub fn root(self) -> &'s str {
        match self {
            Self::GraphDriver(seen) => &seen.root,
            Self::Containerd(stored) => &stored.root,
        }
    }

    /// The root that the store lies in, and its name.
    pub fn store(self) -> (&'s str, &'s str) {
        match self {
            Self::GraphDriver(seen) => (&seen.root, &seen.store),
            Self::Containerd(stored) => (&stored.home, &stored.store),
        }
    }

    pub fn containers(self) -> &'s BTreeMap<&'a Key, ContainerSeen<'a>> {
        match self {
            Self::GraphDriver(seen) => &seen.containers,
            Self::Containerd(stored) => &stored.containers,
        }
    }

    pub fn volumes(self) -> &'s BTreeMap<&'a Key, VolumeSeen<'a>> {
        match self {
            Self::GraphDriver(seen) => &seen.volumes,
            Self::Containerd(stored) => &stored.volumes,
        }
    }

    /// The ID of the image that a reference or an ID as typed leads to.
    pub fn resolve(self, typed: &str) -> Option<&'a str> {
        match self {
            Self::GraphDriver(seen) => seen.resolve(typed).map(|key| &*key.id),
            Self::Containerd(stored) => stored.resolve(typed),
        }
    }
}
