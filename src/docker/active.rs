//! Which of the roots, and which of the stores, the engine works with. A switch of driver deletes nothing, so that both
//! are questions; what `daemon.json` says outright is an answer, everything else an inference, with its reasons.

use crate::docker::{DaemonConfig, EngineVersion};
use crate::inventory::{Inventory, Role, StoreInfo, StoreKind};
use crate::terms::Kind;

/// The image store that the engine works with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Active {
    /// Its root and name; none if nothing of it was found.
    pub store: Option<(String, String)>,
    pub kind: Option<StoreKind>,
    pub reasons: Vec<String>,
    /// `daemon.json` says so.
    pub asserted: bool,
    /// The root that `daemon.json` tells to be in use, where there are several: the others are left over.
    pub root: Option<String>,
}

impl Active {
    pub fn is(&self, root: &str, store: &str) -> bool {
        self.store.as_ref().is_some_and(|(r, s)| r == root && s == store)
    }
}

/// The root that answers are for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selected {
    /// None if nothing tells which: then `candidates` are to be asked about.
    pub root: Option<String>,
    pub candidates: Vec<String>,
    pub reasons: Vec<String>,
    /// `daemon.json` says so.
    pub told: bool,
}

impl Selected {
    /// Several roots hold something, and nothing tells which of them the engine uses.
    pub fn is_open(&self) -> bool {
        self.root.is_none() && self.candidates.len() > 1
    }
}

/// The root that `userns-remap` selects, else the only one that holds anything.
// moby daemon/daemon_unix.go: setupDaemonRoot
pub fn selected_root(inventory: &Inventory, config: &DaemonConfig) -> Selected {
    let names = |role: Role| -> Vec<String> {
        inventory.roots.iter().filter(|root| root.role == role).map(|root| root.name.to_string()).collect()
    };
    let (nested, plain) = (names(Role::Remapped), names(Role::Engine));
    let holding = |names: &[String]| -> Vec<String> {
        names.iter().filter(|name| holds_anything(inventory, name)).cloned().collect()
    };
    let pick = |names: Vec<String>, because: &str| match names.as_slice() {
        [one] => Selected {
            root: Some(one.clone()),
            candidates: names.clone(),
            reasons: vec![because.to_owned()],
            told: false,
        },
        _ => Selected { root: None, candidates: names, reasons: Vec::new(), told: false },
    };
    if nested.is_empty() {
        return pick(plain, "there is no other");
    }
    if let Some(remap) = &config.userns_remap {
        let because = format!("userns-remap is {remap:?} in daemon.json");
        return match pick(nested.clone(), &because) {
            Selected { root: None, .. } => {
                pick(holding(&nested), &format!("{because}, and of these roots it alone holds anything"))
            }
            one => Selected { told: true, ..one },
        };
    }
    match pick(holding(&[plain.clone(), nested].concat()), "it alone holds anything") {
        Selected { root: None, candidates, .. } if candidates.is_empty() => pick(plain, "no root holds anything"),
        Selected { root: None, .. } if config.known => {
            Selected { told: plain.len() == 1, ..pick(plain, "daemon.json has no userns-remap") }
        }
        other => other,
    }
}

fn holds_anything(inventory: &Inventory, root: &str) -> bool {
    let things = [Kind::Container, Kind::Image, Kind::Layer, Kind::Volume, Kind::CacheRecord];
    let stores = inventory.stores.iter().any(|store| *store.root == *root && store.populated);
    stores || inventory.entities.keys().any(|key| *key.root == *root && things.contains(&key.kind))
}

/// The store that the engine of a root works with.
pub fn active(inventory: &Inventory, config: &DaemonConfig, version: EngineVersion, root: &str) -> Active {
    let question = Question { inventory, config, version: version.triple(), root };
    let told = question.by_rule();
    let Some((driver, because)) = question.newest_container() else { return question.or_the_only_one(told) };
    let seen = question.named(&driver, because);
    match &seen.store {
        _ if told.asserted || told.store == seen.store => told,
        // options on the command line outweigh rules that were never put to use here
        Some(_) if !config.known || told.store.is_none() => seen,
        _ => Active { reasons: [told.reasons.clone(), vec![format!("although {}", joined(&seen))]].concat(), ..told },
    }
}

fn joined(active: &Active) -> String {
    active.reasons.join("; ")
}

struct Question<'a> {
    inventory: &'a Inventory,
    config: &'a DaemonConfig,
    version: (u32, u32, u32),
    root: &'a str,
}

impl Question<'_> {
    /// The engine's own order.
    // moby daemon/image_store_choice.go; up to 28 daemon/daemon.go
    fn by_rule(&self) -> Active {
        let flag = self.config.containerd_snapshotter;
        let remapped = self.config.userns_remap.is_some() && self.version >= (29, 0, 0);
        let graph = |because: &str, asserted| self.graph_driver(because, asserted);
        match (flag, self.config.storage_driver.as_deref()) {
            (Some(true), _) if self.version >= (23, 0, 0) && !remapped => {
                self.containerd("daemon.json turns features.containerd-snapshotter on", true)
            }
            (Some(_), _) if remapped => graph("userns-remap excludes the containerd store", true),
            (Some(_), _) => graph("daemon.json turns features.containerd-snapshotter off", true),
            (None, _) if self.version < (29, 0, 0) => graph("graph drivers are the default up to 28", false),
            (None, _) if remapped => graph("userns-remap excludes the containerd store", false),
            (None, _) if self.migrates() => {
                self.containerd("features.containerd-migration is on, and no container is of a graph driver", false)
            }
            (None, _) if !self.prior().is_empty() => graph("a graph driver was used before", false),
            (None, Some(driver)) if registered(driver, self.version) => graph("", true),
            (None, Some(_)) => self.containerd("storage-driver in daemon.json names no graph driver", true),
            (None, None) => self.containerd("containerd's store is the default from 29 on", false),
        }
    }

    /// A graph driver without containers is left for containerd's store, if one asked for it.
    // moby daemon/daemon.go: NewDaemon, migrationThreshold
    fn migrates(&self) -> bool {
        let of_graph = |key: &crate::terms::Key| self.prior().iter().any(|store| store.name == key.store);
        let mut containers = self.inventory.of_kind(Kind::Container).filter(|(key, _)| *key.root == *self.root);
        self.config.containerd_migration == Some(true) && !containers.any(|(key, _)| of_graph(key))
    }

    fn graph_driver(&self, because: &str, asserted: bool) -> Active {
        let mut reasons: Vec<String> = Some(because.to_owned()).filter(|text| !text.is_empty()).into_iter().collect();
        let prior = self.prior();
        let (store, named) = if let Some(driver) = &self.config.storage_driver {
            reasons.push(format!("storage-driver is {driver:?} in daemon.json"));
            (self.graph_stores().find(|store| *store.name == **driver), true)
        } else {
            let store = self.guess(&prior, &mut reasons);
            // told to use one, and none was used yet
            (store, asserted && (prior.len() == 1 || store.is_none()))
        };
        if store.is_none() {
            reasons.push("nothing of it was found".into());
        }
        self.answer(store, StoreKind::GraphDriver, reasons, named)
    }

    // moby daemon/graphdriver/driver.go: New and scanPriorDrivers, which passes over vfs
    fn guess<'i>(&'i self, prior: &[&'i StoreInfo], reasons: &mut Vec<String>) -> Option<&'i StoreInfo> {
        if let [one] = prior {
            reasons.push(format!("{} is the only graph driver with a home in use", one.name));
            return Some(one);
        }
        if prior.is_empty() {
            reasons.push("no driver that the engine looks for was used before".into());
            return self.graph_stores().find(|store| store.populated);
        }
        reasons
            .push("several graph drivers were used before, and the engine starts with none of them by itself".into());
        let newest = prior.iter().max_by_key(|store| (store.populated, store.newest)).copied();
        reasons.extend(newest.map(|store| format!("{} was written last", store.name)));
        newest
    }

    fn containerd(&self, because: &str, asserted: bool) -> Active {
        // told to use containerd, the engine takes the name for that of a snapshotter
        // moby daemon/daemon.go: NewDaemon, UsesSnapshotter
        let is_both = |driver: &str| matches!(driver, "btrfs" | "zfs" | "fuse-overlayfs");
        let told = self.config.containerd_snapshotter == Some(true);
        let is_snapshotter = |driver: &&str| !registered(driver, self.version) || (told && is_both(driver));
        let driver = self.config.storage_driver.as_deref().filter(is_snapshotter);
        let name = driver.unwrap_or("overlayfs");
        let mut reasons = vec![because.to_owned()];
        let of_name = self.containerd_stores().filter(|store| *store.name == *name);
        let mut found = of_name.max_by_key(|store| (store.populated, store.newest));
        if found.is_none_or(|store| !store.populated) && driver.is_none() {
            let other = self.containerd_stores().filter(|store| store.populated).max_by_key(|store| store.newest);
            reasons.extend(other.map(|store| format!("of its snapshotters {} holds something", store.name)));
            found = other.or(found);
        }
        if found.is_none() {
            reasons.push("no containerd root with its snapshots was found".into());
        }
        self.answer(found, StoreKind::Containerd, reasons, asserted)
    }

    fn answer(&self, store: Option<&StoreInfo>, kind: StoreKind, reasons: Vec<String>, asserted: bool) -> Active {
        let store = store.map(|store| (store.root.to_string(), store.name.to_string()));
        Active { store, kind: Some(kind), reasons, asserted: asserted && self.config.known, root: None }
    }

    /// The driver of the container that was made or run last.
    fn newest_container(&self) -> Option<(String, String)> {
        let containers = self.inventory.of_kind(Kind::Container).filter(|(key, _)| *key.root == *self.root);
        let facts = containers.filter_map(|(_, thing)| thing.container()).filter(|facts| !facts.driver.is_empty());
        let newest = facts.max_by_key(|c| c.created.max(c.state.started_at).max(c.state.finished_at))?;
        let because = format!("{} is the driver of {}, the container that was used last", newest.driver, newest.name);
        Some((newest.driver.clone(), because))
    }

    /// Where no container tells and the rules lead to nothing: the store that alone holds anything.
    fn or_the_only_one(&self, told: Active) -> Active {
        if told.asserted || (self.config.known && told.store.is_some()) || self.populated(&told) {
            return told;
        }
        let all: Vec<&StoreInfo> =
            self.graph_stores().chain(self.containerd_stores()).filter(|s| s.populated).collect();
        match all.as_slice() {
            [one] => self.answer(Some(one), one.kind, vec![format!("{} alone holds anything", one.name)], false),
            _ => told,
        }
    }

    fn named(&self, driver: &str, because: String) -> Active {
        let graph = self.graph_stores().find(|store| *store.name == *driver && store.populated);
        let containerd = self.containerd_stores().filter(|store| *store.name == *driver && store.populated);
        let found = graph.or_else(|| containerd.max_by_key(|store| store.newest));
        let kind = found.map_or(StoreKind::Containerd, |store| store.kind);
        self.answer(found, kind, vec![because], false)
    }

    fn populated(&self, active: &Active) -> bool {
        self.inventory.stores.iter().any(|store| store.populated && active.is(&store.root, &store.name))
    }

    fn graph_stores(&self) -> impl Iterator<Item = &StoreInfo> {
        let stores = self.inventory.stores.iter();
        stores.filter(|store| store.kind == StoreKind::GraphDriver && *store.root == *self.root)
    }

    /// containerd's own root serves every root; one inside a data root serves that one.
    fn containerd_stores(&self) -> impl Iterator<Item = &StoreInfo> {
        let stores = self.inventory.stores.iter().filter(|store| store.kind == StoreKind::Containerd);
        stores.filter(|store| *store.root == *self.root || self.inventory.is_containerds(&store.root))
    }

    /// Drivers whose home is not empty, of those that this engine has and looks for.
    fn prior(&self) -> Vec<&StoreInfo> {
        let filled = |store: &StoreInfo| {
            let home = self.inventory.scaffolds.iter().find(|scaffold| scaffold.at == store.home);
            store.populated || home.is_some_and(|home| !home.is_empty)
        };
        let looked_for = |store: &&StoreInfo| &*store.name != "vfs" && registered(&store.name, self.version);
        self.graph_stores().filter(looked_for).filter(|store| filled(store)).collect()
    }
}

/// Whether an engine of this version has a graph driver of this name.
// moby daemon/graphdriver/register: aufs and overlay went in 24, devicemapper in 25
fn registered(driver: &str, version: (u32, u32, u32)) -> bool {
    match driver {
        "overlay2" | "vfs" | "btrfs" | "zfs" => true,
        "fuse-overlayfs" => version >= (20, 10, 0),
        "aufs" | "overlay" => version < (24, 0, 0),
        "devicemapper" => version < (25, 0, 0),
        _ => false,
    }
}
