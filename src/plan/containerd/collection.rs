//! containerd's metadata while things are let go of, and its garbage collection: what no root of a namespace reaches any
//! more, and then the files that nobody knows, if the collection took something of the same store.
//!
//! ```text
//! let go of    a lease, the last record of an image, an entry of a blob       -> a collection is due
//! collect      entries and snapshots that nothing keeps; of a blob the file with its last entry in any namespace
//! sweep        files without entry, directories without snapshot              only where something was collected
//! ```
//!
//! What is kept by nothing but leases whose date has passed goes with whatever collection comes first: it is told apart,
//! and counts as gone before anything is asked.
// containerd core/metadata/{db,gc}.go: GarbageCollect, scanRoots, references; plugins/gc/scheduler.go

use std::collections::{BTreeMap, BTreeSet};

use crate::docker::mark;
use crate::docker::stored::Stored;
use crate::graph::{Graph, Node, Standing};
use crate::inventory::StoreKind;
use crate::inventory::facts::{Ingest, sweeps};
use crate::plan::Case;
use crate::plan::gone::{Gone, topmost};
use crate::terms::{Digest, Key, Kind, LinkKind, Place};

/// The store of everything but snapshots.
const STORE: &str = "containerd";

/// A namespace: nothing of it refers to anything of another.
#[derive(Debug, Default)]
struct Space {
    roots: BTreeSet<Node>,
    /// Entries of blobs that were deleted, whoever refers to them.
    deleted: BTreeSet<Node>,
    kept: Standing,
    /// What was let go of since this was looked at last.
    let_go: Vec<Node>,
}

/// Whose files a collection looks through.
#[derive(Clone, Debug, Default)]
struct Dirty {
    content: bool,
    /// Snapshotters.
    snapshots: BTreeSet<String>,
}

impl Dirty {
    /// Something of a store was collected.
    fn take(&mut self, key: &Key) {
        match key.kind {
            Kind::Snapshot => _ = self.snapshots.insert(key.store.to_string()),
            Kind::Blob | Kind::Ingest => self.content = true,
            _ => {}
        }
    }
}

#[derive(Debug)]
pub(super) struct Collection<'a> {
    case: &'a Case<'a>,
    stored: &'a Stored<'a>,
    spaces: BTreeMap<&'a str, Space>,
    /// Somebody brings a collection about.
    is_due: bool,
    /// Configs whose snapshots are kept for their sake no longer.
    unleased: BTreeSet<Node>,
    dirty: Dirty,
    /// What no metadata name: blobs and ingests, and by snapshotter what lies among its snapshots.
    stray_content: Vec<&'a Key>,
    stray_snapshots: BTreeMap<&'a str, Vec<&'a Key>>,
    at_any: BTreeSet<Place>,
}

impl<'a> Collection<'a> {
    pub(super) fn of(case: &'a Case<'a>, stored: &'a Stored<'a>) -> Self {
        let mut spaces: BTreeMap<&str, Space> = BTreeMap::new();
        // the engine's is there, whatever it holds
        spaces.entry(&stored.namespace).or_default();
        for (key, namespace) in mark::roots(case.inventory, case.now).filter(|(key, _)| *key.root == *stored.home) {
            spaces.entry(namespace).or_default().roots.extend(case.graph.node(key));
        }
        let mut collection = Self {
            case,
            stored,
            spaces,
            is_due: false,
            unleased: BTreeSet::new(),
            dirty: Dirty::default(),
            stray_content: Vec::new(),
            stray_snapshots: BTreeMap::new(),
            at_any: BTreeSet::new(),
        };
        let names: Vec<&str> = collection.spaces.keys().copied().collect();
        for name in names {
            let kept = collection.spaces.get(name).map(|space| collection.reach(space)).unwrap_or_default();
            collection.spaces.entry(name).or_default().kept = kept;
        }
        collection.find_strays();
        collection.let_pass();
        collection
    }

    // containerd core/metadata/{content,snapshot}.go: garbageCollect; plugins/snapshots/overlay: getCleanupDirectories
    fn find_strays(&mut self) {
        let inventory = self.case.inventory;
        let ours = |key: &Key| key.root == self.stored.home;
        let ingests: Vec<(&Key, &Ingest)> = inventory
            .of_kind(Kind::Ingest)
            .filter(|(key, _)| ours(key) && *key.store == *STORE)
            .filter_map(|(key, thing)| Some((key, thing.ingest()?)))
            .collect();
        let awaited: BTreeSet<&str> = ingests.iter().filter_map(|(_, ingest)| ingest.expected.as_deref()).collect();
        let blobs = inventory.of_kind(Kind::Blob).filter(|(key, _)| ours(key) && *key.store == *STORE);
        let blobs = blobs.filter(|(_, thing)| thing.blob().is_some_and(|blob| blob.entries.is_empty()));
        let blobs = blobs.map(|(key, _)| key).filter(|key| !awaited.contains(&*key.id));
        // the directory is looked for by the hash of the name in it; one without a name is passed over for ever
        let is_found = |key: &Key, ingest: &Ingest| {
            let name = ingest.backend_reference.as_deref();
            ingest.namespace.is_none() && name.is_some_and(|name| Digest::of(name.as_bytes()).hex() == &*key.id)
        };
        let strays = ingests.iter().filter(|(key, ingest)| is_found(key, ingest)).map(|(key, _)| *key);
        self.stray_content = blobs.chain(strays).collect();
        let stores = inventory.stores.iter().filter(|store| store.kind == StoreKind::Containerd && store.read_in_full);
        for store in stores.filter(|store| store.root == self.stored.home) {
            let here = inventory.entities.iter().filter(|(key, _)| ours(key) && key.store == store.name);
            let strays = here.filter(|(key, thing)| match key.kind {
                Kind::Snapshot => thing.snapshot().is_some_and(|it| it.namespace.is_empty()),
                Kind::DriverDirectory | Kind::Leftover => sweeps(&store.name),
                _ => false,
            });
            self.stray_snapshots.insert(&store.name, strays.map(|(key, _)| key).collect());
        }
    }

    /// What the next collection takes whatever is asked.
    fn let_pass(&mut self) {
        let mut gone = Gone::new(self.case.inventory);
        let mut dirty = Dirty::default();
        for (key, thing) in self.case.inventory.entities.iter().filter(|(key, _)| key.root == self.stored.home) {
            let Some(node) = self.case.graph.node(key) else { continue };
            let namespaces: Vec<&str> = match key.kind {
                Kind::Snapshot => thing.snapshot().map(|it| it.namespace.as_str()).into_iter().collect(),
                Kind::Ingest if *key.store == *STORE => {
                    thing.ingest().and_then(|it| it.namespace.as_deref()).into_iter().collect()
                }
                Kind::Blob if *key.store == *STORE => {
                    thing.blob().into_iter().flat_map(|blob| blob.entries.keys()).map(String::as_str).collect()
                }
                _ => continue,
            };
            // what no metadata name has no namespace
            let named = namespaces.iter().filter(|namespace| !namespace.is_empty());
            let kept = named.clone().filter(|namespace| self.is_kept(namespace, node)).count();
            if kept < named.clone().count() {
                dirty.take(key);
                if kept == 0 {
                    gone.thing(key);
                }
            }
        }
        self.dirty = dirty;
        self.sweep(&mut gone);
        self.at_any = topmost(gone.since());
    }

    pub(super) fn at_any(&self) -> BTreeSet<Place> {
        self.at_any.clone()
    }

    fn key(&self, kind: Kind, id: String) -> Key {
        Key { root: self.stored.home.clone(), store: STORE.into(), kind, id: id.into() }
    }

    fn space(&mut self) -> &mut Space {
        self.spaces.entry(&self.stored.namespace).or_default()
    }

    fn drop_root(&mut self, namespace: &str, key: &Key) {
        let Some(node) = self.case.graph.node(key) else { return };
        let Some((_, space)) = self.spaces.iter_mut().find(|(name, _)| **name == namespace) else { return };
        if space.roots.remove(&node) {
            space.let_go.push(node);
            self.is_due = true;
        }
    }

    /// Gives up a lease of the engine's namespace.
    pub(super) fn drop_lease(&mut self, id: &str) {
        let namespace = self.stored.namespace.as_str();
        let key = self.key(Kind::Lease, format!("{namespace}/{id}"));
        self.drop_root(namespace, &key);
    }

    /// Gives up a lease by its key.
    pub(super) fn drop_lease_of(&mut self, key: &Key) {
        if let Some(lease) = self.case.inventory.get(key).and_then(|thing| thing.lease()) {
            self.drop_root(&lease.namespace, key);
        }
    }

    /// An image has lost its last record.
    pub(super) fn drop_image(&mut self, image: &Key) {
        let namespace = self.stored.namespace.as_str();
        self.drop_root(namespace, image);
    }

    /// Deletes the engine's entry of a blob. Answers whether there was one.
    pub(super) fn delete_entry(&mut self, digest: &str) -> bool {
        if !self.has_entry(digest) {
            return false;
        }
        let namespace = &self.stored.namespace;
        let keys = [self.key(Kind::Blob, digest.to_owned()), self.key(Kind::Content, format!("{namespace}/{digest}"))];
        let nodes: Vec<Node> = keys.iter().filter_map(|key| self.case.graph.node(key)).collect();
        let space = self.space();
        space.deleted.extend(nodes.iter().copied());
        space.let_go.extend(nodes);
        self.dirty.content = true;
        self.is_due = true;
        true
    }

    /// A config keeps its snapshots no longer. This alone brings no collection about.
    pub(super) fn unlease(&mut self, config: &str) {
        let key = self.key(Kind::Content, format!("{}/{config}", self.stored.namespace));
        if let Some(node) = self.case.graph.node(&key)
            && self.unleased.insert(node)
        {
            let below = self.case.graph.below(node).iter().map(|edge| edge.other);
            self.space().let_go.extend(below);
        }
    }

    /// Whether the engine's namespace has an entry of a blob.
    pub(super) fn has_entry(&self, digest: &str) -> bool {
        let Some((key, blob)) = self.stored.blobs.get(digest) else { return false };
        let namespace = self.stored.namespace.as_str();
        let node = self.case.graph.node(key);
        blob.entries.contains_key(namespace) && node.is_some_and(|node| self.is_kept(namespace, node))
    }

    /// Whether the engine's namespace has a snapshot.
    pub(super) fn has_snapshot(&self, name: &str) -> bool {
        let Some((key, _)) = self.stored.snapshots.get(name) else { return false };
        self.case.graph.node(key).is_some_and(|node| self.is_kept(&self.stored.namespace, node))
    }

    fn is_kept(&self, namespace: &str, node: Node) -> bool {
        self.spaces.get(namespace).is_some_and(|space| space.kept.has(node))
    }

    /// Removes what nothing keeps any more.
    pub(super) fn collect(&mut self, gone: &mut Gone<'_>) {
        if !std::mem::take(&mut self.is_due) {
            return;
        }
        let graph = self.case.graph;
        let mut blobs: BTreeSet<Node> = BTreeSet::new();
        for space in self.spaces.values_mut() {
            let Space { roots, deleted, kept, let_go } = space;
            let is_root = |node: Node| roots.contains(&node) && !deleted.contains(&node);
            let follows = |from, kind, to| !deleted.contains(&to) && follows(graph, &self.unleased, from, kind, to);
            let lost = kept.let_go(graph, std::mem::take(let_go), is_root, follows);
            for (node, key) in lost.into_iter().filter_map(|node| Some((node, graph.key(node)?))) {
                self.dirty.take(key);
                match key.kind {
                    Kind::Snapshot | Kind::Ingest => gone.thing(key),
                    Kind::Blob => _ = blobs.insert(node),
                    _ => {}
                }
            }
        }
        self.drop_files(&blobs, gone);
        self.sweep(gone);
    }

    /// Of blobs that lost an entry, the files that have none left.
    fn drop_files(&mut self, blobs: &BTreeSet<Node>, gone: &mut Gone<'_>) {
        for node in blobs {
            let Some(key) = self.case.graph.key(*node) else { continue };
            let entries = self.case.inventory.get(key).and_then(|thing| thing.blob()).map(|blob| &blob.entries);
            let mut namespaces = entries.into_iter().flat_map(BTreeMap::keys);
            if !namespaces.any(|namespace| self.is_kept(namespace, *node)) {
                gone.thing(key);
            }
        }
    }

    fn sweep(&mut self, gone: &mut Gone<'_>) {
        let dirty = std::mem::take(&mut self.dirty);
        if dirty.content {
            std::mem::take(&mut self.stray_content).into_iter().for_each(|key| gone.thing(key));
        }
        for snapshotter in dirty.snapshots {
            let strays = self.stray_snapshots.remove(snapshotter.as_str()).unwrap_or_default();
            strays.into_iter().for_each(|key| gone.thing(key));
        }
    }

    /// What the roots of a namespace reach.
    fn reach(&self, space: &Space) -> Standing {
        let graph = self.case.graph;
        let mut kept = vec![false; graph.len()];
        let mut todo: Vec<Node> = space.roots.iter().copied().collect();
        while let Some(node) = todo.pop() {
            match kept.get_mut(node) {
                Some(kept) if !*kept && !space.deleted.contains(&node) => *kept = true,
                _ => continue,
            }
            let below = graph.below(node).iter();
            let followed = below.filter(|edge| follows(graph, &self.unleased, node, edge.kind, edge.other));
            todo.extend(followed.map(|edge| edge.other));
        }
        Standing::of(kept)
    }
}

/// The engine's own references play no part: containerd does not know them.
fn follows(graph: &Graph<'_>, unleased: &BTreeSet<Node>, from: Node, kind: LinkKind, to: Node) -> bool {
    let is_snapshot = || graph.key(to).is_some_and(|key| key.kind == Kind::Snapshot);
    match kind {
        LinkKind::Leases | LinkKind::SnapshotParent | LinkKind::Target | LinkKind::Content | LinkKind::ReadWrite => {
            true
        }
        LinkKind::GcRef => !(unleased.contains(&from) && is_snapshot()),
        _ => false,
    }
}
