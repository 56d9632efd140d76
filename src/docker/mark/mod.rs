//! What containerd's garbage collector would keep, by namespace, and why.
//!
//! Roots: leases that have not expired, images, ingests with a date to come, what is labelled `gc.root`, containers and
//! sandboxes. From there along the references of the graph, which are the collector's own (store/containerd/enter.rs).
//! The engine's roots (a container, a cache record) play no part: containerd does not know them.
//!
//! A collection takes what is not marked. Files that no metadata names go only when the collection took something of the
//! same store; on an idle host they stay for ever.
// containerd core/metadata/{gc,db}.go: scanRoots, references, GarbageCollect, cleanupContent, cleanupSnapshotter

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

use crate::graph::Graph;
use crate::inventory::{Entity, Inventory};
use crate::terms::{Evidence, Key, Kind, LinkKind};

/// What becomes of a thing at the next collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// A root of the collector.
    Root,
    /// Kept by another thing, which leads to a root.
    Kept { by: Key, link: LinkKind, evidence: Evidence },
    /// Known to the metadata, and not marked: the next collection takes it.
    Collectable,
    /// No metadata names it.
    Unowned,
}

impl Fate {
    pub fn is_live(&self) -> bool {
        matches!(self, Self::Root | Self::Kept { .. })
    }
}

/// The marks of everything that containerd's stores hold.
///
/// Keys are those of the inventory. An entry of a blob in a namespace goes by `Kind::Content` and
/// `<namespace>/<digest>`, whether or not it is a thing of its own there; a blob's file by `Kind::Blob`, live if any
/// namespace keeps it.
#[derive(Clone, Debug, Default)]
pub struct Marked {
    fates: BTreeMap<Key, Fate>,
}

impl Marked {
    pub fn of(inventory: &Inventory, graph: &Graph<'_>, now: Timestamp) -> Self {
        let mut marked = Self::default();
        marked.mark(inventory, graph, now);
        marked.entries(inventory, graph);
        marked.rest(inventory);
        marked
    }

    pub fn fate(&self, key: &Key) -> Option<&Fate> {
        self.fates.get(key)
    }

    pub fn is_live(&self, key: &Key) -> bool {
        self.fate(key).is_some_and(Fate::is_live)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Fate)> {
        self.fates.iter()
    }

    /// From a thing to the root that keeps it, the thing first; nothing for one that is not kept.
    pub fn why(&self, key: &Key) -> Vec<(&Key, &Fate)> {
        let step = |at: &(&Key, &'_ Fate)| match at.1 {
            Fate::Kept { by, .. } => self.fates.get_key_value(by),
            _ => None,
        };
        let start = self.fates.get_key_value(key).filter(|(_, fate)| fate.is_live());
        // predecessors lead to a root by construction, each nearer to it
        std::iter::successors(start, step).collect()
    }

    fn mark(&mut self, inventory: &Inventory, graph: &Graph<'_>, now: Timestamp) {
        let roots = inventory.entities.iter().filter(|(key, thing)| is_root(key, thing, now));
        let mut todo: VecDeque<&Key> = VecDeque::new();
        for (key, _) in roots {
            self.fates.insert(key.clone(), Fate::Root);
            todo.push_back(key);
        }
        while let Some(from) = todo.pop_front() {
            let edges = graph.node(from).map(|node| graph.below(node)).unwrap_or_default();
            for edge in edges {
                let Some(to) = graph.key(edge.other) else { continue };
                if !self.fates.contains_key(to) {
                    let by = from.clone();
                    self.fates.insert(to.clone(), Fate::Kept { by, link: edge.kind, evidence: edge.evidence.clone() });
                    todo.push_back(to);
                }
            }
        }
    }

    /// An entry is kept in its namespace only: by what is marked there and leads to the blob.
    fn entries(&mut self, inventory: &Inventory, graph: &Graph<'_>) {
        // an entry that only a flat lease keeps is kept, and what its labels refer to is not: so they are told last
        let mut entries: Vec<(Key, Fate)> = Vec::new();
        for (key, thing) in inventory.of_kind(Kind::Blob) {
            let Some(blob) = thing.blob() else { continue };
            let holders: Vec<_> = graph.holders(key).filter(|(holder, _)| self.is_live(holder)).collect();
            for namespace in blob.entries.keys() {
                let entry = Key { kind: Kind::Content, id: format!("{namespace}/{}", key.id).into(), ..key.clone() };
                if self.fates.get(&entry).is_some_and(Fate::is_live) {
                    continue;
                }
                let here = |holder: &Key| {
                    inventory.get(holder).and_then(|it| namespace_of(holder, it)) == Some(namespace.as_str())
                };
                let keeper = holders.iter().find(|(holder, _)| here(holder));
                let fate = keeper.map_or(Fate::Collectable, |(holder, edge)| Fate::Kept {
                    by: (*holder).clone(),
                    link: edge.kind,
                    evidence: edge.evidence.clone(),
                });
                entries.push((entry, fate));
            }
        }
        self.fates.extend(entries);
    }

    fn rest(&mut self, inventory: &Inventory) {
        for (key, thing) in &inventory.entities {
            if self.fates.contains_key(key) {
                continue;
            }
            if let Some(is_owned) = is_owned(key, thing) {
                self.fates.insert(key.clone(), if is_owned { Fate::Collectable } else { Fate::Unowned });
            }
        }
    }
}

/// The collector's roots, each with its namespace.
pub fn roots(inventory: &Inventory, now: Timestamp) -> impl Iterator<Item = (&Key, &str)> {
    let roots = inventory.entities.iter().filter(move |(key, thing)| is_root(key, thing, now));
    roots.filter_map(|(key, thing)| Some((key, namespace_of(key, thing)?)))
}

fn is_root(key: &Key, thing: &Entity, now: Timestamp) -> bool {
    let has_time = |date: Option<Timestamp>| date.is_none_or(|date| date >= now);
    if let Some(lease) = thing.lease().filter(|_| is_containerds(key)) {
        return has_time(lease.expires);
    }
    if let Some(image) = thing.stored_image() {
        return image.records.iter().any(|record| has_time(record.expires));
    }
    if let Some(ingest) = thing.ingest() {
        return ingest.namespace.is_some() && ingest.expires.is_some_and(|date| date >= now);
    }
    match key.kind {
        Kind::Content => thing.keeps.is_some(),
        Kind::ContainerRecord | Kind::Sandbox => true,
        _ => false,
    }
}

/// Whether metadata name it; none for what the collector does not deal with.
fn is_owned(key: &Key, thing: &Entity) -> Option<bool> {
    match key.kind {
        Kind::Lease | Kind::Image | Kind::Content if is_containerds(key) => Some(true),
        Kind::Blob if is_containerds(key) => Some(!thing.blob()?.entries.is_empty()),
        Kind::Snapshot => Some(!thing.snapshot()?.namespace.is_empty()),
        Kind::Ingest if is_containerds(key) => Some(thing.ingest()?.namespace.is_some()),
        _ => None,
    }
}

/// Of containerd, or of a buildkitd alone; the engine's BuildKit collects its own, with a graph driver.
fn is_containerds(key: &Key) -> bool {
    &*key.store == "containerd" || key.store.starts_with("runc-")
}

/// The namespace of a thing that refers to blobs.
fn namespace_of<'a>(key: &'a Key, thing: &'a Entity) -> Option<&'a str> {
    if key.kind == Kind::Content {
        return key.id.split('/').next();
    }
    let lease = thing.lease().map(|lease| lease.namespace.as_str());
    lease
        .or_else(|| Some(&thing.stored_image()?.namespace))
        .or_else(|| Some(&thing.snapshot()?.namespace))
        .or_else(|| Some(&thing.container_record()?.namespace))
        .or_else(|| thing.ingest()?.namespace.as_deref())
}
