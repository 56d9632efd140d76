//! A small store drawn by hand, for tests.

use super::*;
use crate::inventory::facts::{Container, Image, MountPoint, Tag, Volume};
use crate::inventory::{Entity, Root};
use crate::terms::{CacheId, Digest, Place};

pub(crate) const NOW: Triple = (28, 5, 2);

pub(crate) fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

pub(crate) fn chain(text: &str) -> ChainId {
    ChainId(digest(text))
}

pub(crate) struct Table {
    pub(crate) root: Root,
    pub(crate) inventory: Inventory,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self { root: Root::new(Place::tree("docker")), inventory: Inventory::default() }
    }

    pub(crate) fn key(&self, kind: Kind, id: &str) -> Key {
        self.root.key("overlay2", kind, id)
    }

    pub(crate) fn layer(&mut self, name: &str, parent: Option<&str>) -> &mut Self {
        self.layer_of(name, parent, 10)
    }

    pub(crate) fn layer_of(&mut self, name: &str, parent: Option<&str>, size: u64) -> &mut Self {
        let facts = Layer { chain: Some(chain(name)), parent: parent.map(chain), size: Some(size), ..Layer::default() };
        self.inventory.add(self.key(Kind::Layer, digest(name).as_str()), Entity::new(facts));
        self
    }

    pub(crate) fn mount(&mut self, name: &str, parent: &str) -> &mut Self {
        let facts = Mount { mount_id: CacheId::parse("m"), parent: Some(chain(parent)), ..Mount::default() };
        self.inventory.add(self.key(Kind::Mount, name), Entity::new(facts));
        self
    }

    pub(crate) fn image(&mut self, name: &str, layers: &[&str], parent: Option<&str>) -> &mut Self {
        let chain = layers.iter().map(|layer| chain(layer)).collect();
        let facts = Image { chain, parent: parent.map(digest), ..Image::default() };
        self.inventory.add(self.key(Kind::Image, digest(name).as_str()), Entity::new(facts));
        self
    }

    pub(crate) fn tag(&mut self, name: &str, image: &str) -> &mut Self {
        let (repository, is_digest) = (name.split([':', '@']).next().unwrap().to_owned(), name.contains('@'));
        let facts = Tag { repository, is_digest, image: digest(image) };
        self.inventory.add(self.key(Kind::Tag, name), Entity::new(facts));
        self
    }

    pub(crate) fn container(&mut self, id: &str, image: &str, typed: &str) -> &mut Self {
        let facts = Container {
            name: id.to_owned(),
            image: Some(digest(image)),
            image_as_typed: typed.to_owned(),
            driver: "overlay2".to_owned(),
            mounts: vec![MountPoint { name: "v".to_owned(), driver: "local".to_owned(), ..MountPoint::default() }],
            ..Container::default()
        };
        self.inventory.add(self.root.key("engine", Kind::Container, id), Entity::new(facts));
        self
    }

    pub(crate) fn volume(&mut self, name: &str, has_data: bool) -> &mut Self {
        let at = Some(self.root.place.join("volumes").join(name));
        let facts = Volume { driver: "local".to_owned(), at, has_data, ..Volume::default() };
        self.inventory.add(self.root.key("engine", Kind::Volume, name), Entity::new(facts));
        self
    }

    pub(crate) fn seen(&self, version: Triple) -> Seen<'_> {
        Seen::of(&self.inventory, "docker", "overlay2", version)
    }
}
