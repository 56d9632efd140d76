//! A small root, written down by hand: each owner weighs 4096 bytes and one inode.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::docker::Active;
use crate::docker::seen::{Seen, Triple};
use crate::finding::{Case, Finding, Rule, Withheld, withhold};
use crate::graph::{Graph, Retained};
use crate::inventory::facts::{
    CacheRecord, CacheSnapshot, Container, DriverDirectory, Image, Layer, Leftover, Mount, MountPoint, State, Tag,
    Volume,
};
use crate::inventory::{Entity, Inventory, Keeps, OwnerKind, Owners, Root, StoreInfo, StoreKind};
use crate::terms::{CacheId, ChainId, Digest, Key, Kind, LinkKind, Lost, Place};
use crate::usage::{Ledger, Measure, Weight};

pub(super) const WEIGHT: u64 = 4096;

pub(super) fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

pub(super) fn chain(text: &str) -> ChainId {
    ChainId(digest(text))
}

/// A container's ID is its name, padded to 64 digits.
pub(super) fn id(name: &str) -> String {
    digest(name).hex().to_owned()
}

pub(super) struct Table {
    pub(super) root: Root,
    pub(super) inventory: Inventory,
    pub(super) version: Triple,
    pub(super) active: Option<&'static str>,
    pub(super) live_since: Option<(i64, u32)>,
    pub(super) measures: BTreeMap<Place, Measure>,
}

impl Table {
    pub(super) fn new() -> Self {
        let root = Root::new(Place::tree("docker"));
        let inventory = Inventory { roots: vec![root.clone()], ..Inventory::default() };
        let measures = BTreeMap::new();
        let mut table =
            Self { root, inventory, version: (28, 5, 2), active: Some("overlay2"), live_since: None, measures };
        table.store("overlay2");
        table
    }

    pub(super) fn store(&mut self, name: &str) -> &mut Self {
        self.inventory.stores.push(StoreInfo {
            root: self.root.name.clone(),
            name: name.into(),
            kind: StoreKind::GraphDriver,
            home: self.at(name),
            populated: true,
            read_in_full: true,
            newest: None,
        });
        self
    }

    pub(super) fn at(&self, path: &str) -> Place {
        self.root.place.join(path)
    }

    pub(super) fn key(&self, kind: Kind, id: impl Into<Arc<str>>) -> Key {
        let store = match kind {
            Kind::Volume | Kind::File => "engine",
            Kind::CacheRecord | Kind::CacheSnapshot | Kind::Lease => "buildkit",
            _ => "overlay2",
        };
        self.root.key(store, kind, id)
    }

    fn add(&mut self, key: &Key, thing: Entity) -> &mut Self {
        self.inventory.add(key.clone(), thing);
        self
    }

    fn link(&mut self, from: &Key, kind: LinkKind, to: Key, evidence: &str) {
        let evidence = self.at(evidence);
        self.inventory.link(from, kind, to, &evidence);
    }

    pub(super) fn directory(&mut self, name: &str, lower: &[&str]) -> &mut Self {
        let at = self.at(&format!("overlay2/{name}"));
        let facts = DriverDirectory {
            at: Some(at.clone()),
            lower: lower.iter().map(|name| (*name).into()).collect(),
            ctime: (1000, 0),
            mtime: (1000, 0),
            ..DriverDirectory::default()
        };
        let key = self.key(Kind::DriverDirectory, name);
        for below in lower {
            let below = self.key(Kind::DriverDirectory, *below);
            self.link(&key, LinkKind::Lower, below, &format!("overlay2/{name}/lower"));
        }
        self.add(&key, Entity::new(facts).tree(at, OwnerKind::Unclaimed))
    }

    /// A layer with its directory, which is called after it.
    pub(super) fn layer(&mut self, name: &str, parent: Option<&str>) -> &mut Self {
        let entry = self.at(&format!("image/overlay2/layerdb/sha256/{}", digest(name).hex()));
        let facts = Layer {
            chain: Some(chain(name)),
            parent: parent.map(chain),
            cache_id: CacheId::parse(name),
            size: Some(10),
            entry: Some(entry.clone()),
            ..Layer::default()
        };
        let key = self.key(Kind::Layer, digest(name).as_str());
        self.add(&key, Entity::new(facts).tree(entry, OwnerKind::Layer));
        if let Some(parent) = parent {
            let parent = self.key(Kind::Layer, digest(parent).as_str());
            self.link(&key, LinkKind::Parent, parent, &format!("layerdb/{name}/parent"));
        }
        self.directory(name, &[]);
        let directory = self.key(Kind::DriverDirectory, name);
        self.link(&key, LinkKind::StoredIn, directory, &format!("layerdb/{name}/cache-id"));
        self
    }

    pub(super) fn image(&mut self, name: &str, layers: &[&str], parent: Option<&str>) -> &mut Self {
        let facts = Image {
            chain: layers.iter().map(|layer| chain(layer)).collect(),
            parent: parent.map(digest),
            ..Image::default()
        };
        let at = self.at(&format!("image/overlay2/imagedb/content/sha256/{}", digest(name).hex()));
        let key = self.key(Kind::Image, digest(name).as_str());
        self.add(&key, Entity::new(facts).kept(Keeps::UntaggedImage).tree(at, OwnerKind::ImageMetadata));
        if let Some(top) = layers.last() {
            let top = self.key(Kind::Layer, digest(top).as_str());
            self.link(&key, LinkKind::TopLayer, top, &format!("imagedb/content/{name}"));
        }
        if let Some(parent) = parent {
            let parent = self.key(Kind::Image, digest(parent).as_str());
            self.link(&key, LinkKind::BuiltOn, parent, &format!("imagedb/metadata/{name}/parent"));
        }
        self
    }

    pub(super) fn tag(&mut self, name: &str, image: &str) -> &mut Self {
        let (repository, is_digest) = (name.split([':', '@']).next().unwrap().to_owned(), name.contains('@'));
        let key = self.key(Kind::Tag, name);
        self.add(&key, Entity::new(Tag { repository, is_digest, image: digest(image) }).kept(Keeps::Tag));
        let image = self.key(Kind::Image, digest(image).as_str());
        if let Some(image) = self.inventory.entities.get_mut(&image) {
            image.keeps = None;
        }
        self.link(&key, LinkKind::Names, image, "image/overlay2/repositories.json");
        self
    }

    /// A read-write layer: directory `<name>-rw`, and `<name>-rw-init`.
    pub(super) fn mount(&mut self, name: &str, parent: &str) -> &mut Self {
        let (rw, init) = (format!("{name}-rw"), format!("{name}-rw-init"));
        let facts = Mount {
            mount_id: CacheId::parse(&rw),
            init_id: CacheId::parse(&init),
            parent: Some(chain(parent)),
            ..Mount::default()
        };
        let key = self.key(Kind::Mount, id(name));
        self.add(&key, Entity::new(facts));
        let parent = self.key(Kind::Layer, digest(parent).as_str());
        self.link(&key, LinkKind::StandsOn, parent, &format!("image/overlay2/layerdb/mounts/{name}/parent"));
        self.directory(&init, &[]).directory(&rw, &[&init]);
        for (kind, directory) in [(LinkKind::StoredIn, &rw), (LinkKind::InitLayer, &init)] {
            let directory = self.key(Kind::DriverDirectory, directory.as_str());
            self.link(&key, kind, directory, &format!("image/overlay2/layerdb/mounts/{name}/mount-id"));
        }
        self
    }

    pub(super) fn state(&mut self, name: &str, state: State) -> &mut Self {
        self.change(name, |container| container.state = state)
    }

    pub(super) fn change(&mut self, name: &str, change: impl FnOnce(&mut Container)) -> &mut Self {
        let key = self.key(Kind::Container, id(name));
        match &mut self.inventory.entities.get_mut(&key).unwrap().facts {
            crate::inventory::Facts::Container(container) => change(container),
            _ => unreachable!(),
        }
        self
    }

    /// A container that has exited, without its read-write layer.
    pub(super) fn container(&mut self, name: &str, image: &str, typed: &str) -> &mut Self {
        let facts = Container {
            name: name.to_owned(),
            image: Some(digest(image)),
            image_as_typed: typed.to_owned(),
            driver: "overlay2".to_owned(),
            log_driver: "json-file".to_owned(),
            state: State { started_at: Some("2026-01-01T00:00:00Z".parse().unwrap()), ..State::default() },
            ..Container::default()
        };
        let at = self.at(&format!("containers/{}", id(name)));
        let log = at.join(format!("{}-json.log", id(name)));
        let key = self.key(Kind::Container, id(name));
        let thing = Entity::new(facts).named(name).kept(Keeps::Container);
        self.add(&key, thing.tree(at, OwnerKind::ContainerMetadata).tree(log, OwnerKind::ContainerLogs));
        let config = format!("containers/{}/config.v2.json", id(name));
        let (image, mount) = (self.key(Kind::Image, digest(image).as_str()), self.key(Kind::Mount, id(name)));
        self.link(&key, LinkKind::RunsFrom, image, &config);
        self.link(&key, LinkKind::ReadWrite, mount, &config);
        self
    }

    /// A container that has exited, on a layer.
    pub(super) fn whole_container(&mut self, name: &str, image: &str, typed: &str, top: &str) -> &mut Self {
        self.mount(name, top).container(name, image, typed)
    }

    pub(super) fn volume(&mut self, name: &str, users: &[&str]) -> &mut Self {
        let at = self.at(&format!("volumes/{name}"));
        let facts = Volume {
            driver: "local".to_owned(),
            in_database: true,
            database_read: true,
            has_data: true,
            at: Some(at.clone()),
            ..Volume::default()
        };
        let key = self.key(Kind::Volume, name);
        self.add(&key, Entity::new(facts).named(name).kept(Keeps::Volume).tree(at, OwnerKind::Volume));
        for user in users {
            let mount = MountPoint {
                kind: "volume".to_owned(),
                name: name.to_owned(),
                driver: "local".to_owned(),
                ..MountPoint::default()
            };
            self.change(user, |container| container.mounts.push(mount));
            let user_key = self.key(Kind::Container, id(user));
            self.link(&user_key, LinkKind::Uses, key.clone(), &format!("containers/{}/config.v2.json", id(user)));
        }
        self
    }

    /// A cache record whose snapshot is a layer.
    pub(super) fn record(&mut self, name: &str, layer: &str, size: u64) -> &mut Self {
        let record = CacheRecord {
            committed: true,
            size: Some(size),
            snapshot: format!("{name}-snapshot"),
            record_type: "regular".to_owned(),
            blob_only: size == 0,
            ..CacheRecord::default()
        };
        let (key, snapshot) =
            (self.key(Kind::CacheRecord, name), self.key(Kind::CacheSnapshot, format!("{name}-snapshot")));
        self.add(&key, Entity::new(record).kept(Keeps::CacheRecord));
        self.add(&snapshot, Entity::new(CacheSnapshot { chain: Some(chain(layer)), ..CacheSnapshot::default() }));
        self.link(&key, LinkKind::Caches, snapshot.clone(), "buildkit/metadata_v2.db");
        let layer = self.key(Kind::Layer, digest(layer).as_str());
        self.link(&snapshot, LinkKind::SharesLayer, layer, "buildkit/snapshots.db");
        self
    }

    pub(super) fn history(&mut self, image: &str, history: &[(Box<str>, bool)]) -> &mut Self {
        let key = self.key(Kind::Image, digest(image).as_str());
        match &mut self.inventory.entities.get_mut(&key).unwrap().facts {
            crate::inventory::Facts::Image(image) => image.history = history.into(),
            _ => unreachable!(),
        }
        self
    }

    /// When a directory last changed.
    pub(super) fn changed(&mut self, name: &str, ctime: (i64, u32)) -> &mut Self {
        let key = self.key(Kind::DriverDirectory, name);
        match &mut self.inventory.entities.get_mut(&key).unwrap().facts {
            crate::inventory::Facts::DriverDirectory(facts) => facts.ctime = ctime,
            _ => unreachable!(),
        }
        self
    }

    pub(super) fn leftover(&mut self, path: &str, what: &'static str, directory: Option<&str>) -> &mut Self {
        let at = self.at(path);
        let key = self.key(Kind::Leftover, at.to_string());
        let facts = Leftover { what, cleaned_by: "nothing", by_itself: false };
        if let Some(directory) = directory {
            let directory = self.key(Kind::DriverDirectory, directory);
            self.link(&key, LinkKind::Interrupted, directory, &format!("{path}/cache-id"));
        }
        self.add(&key, Entity::new(facts).tree(at, OwnerKind::Temporary))
    }

    pub(super) fn owners(&self) -> Owners {
        Owners::of(&self.inventory)
    }

    pub(super) fn hole(&mut self, at: &str, kinds: &[LinkKind]) -> &mut Self {
        let at = self.at(at);
        let lost = if kinds.is_empty() { Lost::Nothing } else { Lost::Links(kinds.to_vec()) };
        self.inventory.problem("damaged-file", &at, lost, "cut short");
        self
    }

    /// What a rule says of it.
    pub(super) fn ask(&self, rule: &Rule) -> (Vec<Finding>, Vec<Withheld>) {
        let owners = Owners::of(&self.inventory);
        let weight = Weight { allocated: WEIGHT, apparent: WEIGHT, inodes: 1, shared: 0 };
        let ledger = Ledger { owners: vec![weight; owners.len()], ..Ledger::default() };
        let graph = Graph::of(&self.inventory);
        let retained = Retained::of(&graph, |_| 0);
        let stores = &self.inventory.stores;
        let seen: Vec<Seen<'_>> =
            stores.iter().map(|store| Seen::of(&self.inventory, "docker", &store.name, self.version)).collect();
        let active = Active {
            store: self.active.map(|store| ("docker".to_owned(), store.to_owned())),
            kind: self.active.map(|_| StoreKind::GraphDriver),
            ..Active::default()
        };
        let counted = owners.iter().filter(|(_, owner)| owner.key.kind == OwnerKind::RwLayer);
        let counted: BTreeSet<_> = counted.map(|(_, owner)| owner.key.clone()).collect();
        let case = Case {
            inventory: &self.inventory,
            graph: &graph,
            retained: &retained,
            owners: &owners,
            ledger: &ledger,
            measures: &self.measures,
            seen: &seen,
            stored: &[],
            active: &active,
            version: self.version,
            counted: &counted,
            live_since: self.live_since,
            now: "2026-06-01T00:00:00Z".parse().unwrap(),
        };
        withhold::ask(rule, &case)
    }

    /// The findings alone, and that nothing is withheld.
    pub(super) fn findings(&self, rule: &Rule) -> Vec<Finding> {
        let (findings, withheld) = self.ask(rule);
        assert!(withheld.is_empty(), "{withheld:?}");
        findings
    }
}

/// The places of a finding as text.
pub(super) fn paths(finding: &Finding) -> Vec<String> {
    finding.paths.iter().map(ToString::to_string).collect()
}
