//! Puts what was read into the table, with the references that containerd's garbage collector follows.
//!
//! A lease that is flat keeps what it lists and follows no label of it. So an entry of a blob is two things: the blob
//! itself, which is what a flat lease keeps, and `content`, the entry with what its labels refer to, which is what
//! everything else keeps. One without such labels is the blob alone. A snapshot keeps its parent either way.

use std::collections::BTreeMap;

use super::content::Content;
use super::home::Home;
use super::meta::{Leased, Meta, Namespace};
use super::refs::{Node, Refs};
use super::snapshotter::Backend;
use crate::format::oci::{self, Document};
use crate::inventory::facts::{self, Ingest, StoredImage, Tag};
use crate::inventory::{Entity, Inventory, Keeps, OwnerKind};
use crate::store::{Site, nested};
use crate::terms::{Digest, Key, Kind, LinkKind, Lost};

/// Everything that was read of one home.
pub(super) struct Found<'a> {
    pub(super) site: &'a Site<'a>,
    pub(super) home: &'a Home<'a>,
    pub(super) meta: &'a Meta,
    pub(super) content: &'a Content,
    pub(super) backends: &'a [Backend],
    pub(super) documents: BTreeMap<String, Box<Document>>,
}

impl Found<'_> {
    pub(super) fn enter(mut self, inv: &mut Inventory) {
        for (name, namespace) in &self.meta.namespaces {
            let part = Part { found: &self, name, namespace, refs: Refs::of(namespace) };
            part.enter(inv);
        }
        self.blobs(inv);
        self.strange_ingests(inv);
        self.strange_snapshots(inv);
    }
}

/// The name of an ingest's directory.
// containerd plugins/content/local/store.go: ingestRoot
pub(super) fn directory(backend_reference: &str) -> Option<String> {
    (!backend_reference.is_empty()).then(|| Digest::of(backend_reference.as_bytes()).hex().to_owned())
}

/// One namespace.
struct Part<'a> {
    found: &'a Found<'a>,
    name: &'a str,
    namespace: &'a Namespace,
    refs: Refs,
}

impl Part<'_> {
    fn enter(&self, inv: &mut Inventory) {
        self.itself(inv);
        self.images(inv);
        self.content(inv);
        self.snapshots(inv);
        self.ingests(inv);
        for lease in self.namespace.leases.values() {
            self.lease(inv, lease);
        }
        for (id, record) in &self.namespace.containers {
            self.container(inv, self.home().container(self.name, id), Node::Container(id.clone()), record);
        }
        for (id, record) in &self.namespace.sandboxes {
            self.container(inv, self.home().sandbox(self.name, id), Node::Sandbox(id.clone()), record);
        }
    }

    fn home(&self) -> &Home<'_> {
        self.found.home
    }

    fn link(&self, inv: &mut Inventory, from: &Key, kind: LinkKind, to: Key) {
        inv.link(from, kind, to, &self.home().metadata);
    }

    fn itself(&self, inv: &mut Inventory) {
        let it = self.namespace;
        let facts = facts::Namespace {
            labels: it.labels.clone(),
            of_engine: is_of_engine(self.name),
            images: it.images.len(),
            containers: it.containers.len(),
            snapshots: it.snapshots.len(),
            blobs: it.blobs.len(),
            leases: it.leases.len(),
            ingests: it.ingests.len(),
            schema: self.found.meta.version,
        };
        inv.add(self.home().namespace(self.name), Entity::new(facts).kept(Keeps::Engine));
    }

    /// What everything but a flat lease refers to; a thing that is not there has a name, and no more.
    fn key_of(&self, node: &Node) -> Key {
        match node {
            Node::Content(digest) => self.content_key(digest),
            Node::Snapshot(snapshotter, name) => {
                if self.refs.labelled.contains(&(snapshotter.clone(), name.clone())) {
                    return self.home().labels_of_snapshot(self.name, snapshotter, name);
                }
                self.home().snapshot(self.name, snapshotter, name)
            }
            Node::Image(name) => {
                let target = self.namespace.images.get(name).map_or(name, |record| &record.target);
                self.home().image(self.name, target)
            }
            Node::Container(id) => self.home().container(self.name, id),
            Node::Sandbox(id) => self.home().sandbox(self.name, id),
        }
    }

    fn content_key(&self, digest: &str) -> Key {
        let is_entry = self.namespace.blobs.contains_key(digest);
        if is_entry && !self.refs.has_labels(&Node::Content(digest.to_owned())) {
            return self.home().blob(digest);
        }
        self.home().content(self.name, digest)
    }

    fn refer(&self, inv: &mut Inventory, from: &Key, node: &Node) {
        for to in self.refs.links.get(node).into_iter().flatten() {
            self.link(inv, from, LinkKind::GcRef, self.key_of(to));
        }
    }

    fn images(&self, inv: &mut Inventory) {
        let mut by_target: BTreeMap<&str, Vec<facts::ImageRecord>> = BTreeMap::new();
        for record in self.namespace.images.values() {
            by_target.entry(&record.target).or_default().push(record.clone());
        }
        for (target, records) in by_target {
            let key = self.home().image(self.name, target);
            self.link(inv, &key, LinkKind::Target, self.content_key(target));
            for record in &records {
                self.refer(inv, &key, &Node::Image(record.name.clone()));
                // moby daemon/containerd/image_delete.go: an image that another was built on keeps its content under
                // an untagged record; the last child takes such a record along
                if let Some(parent) = record.labels.get("org.mobyproject.image.parent").filter(|it| *it != target) {
                    self.link(inv, &key, LinkKind::BuiltOn, self.home().image(self.name, parent));
                }
                if !record.is_dangling() {
                    self.tag(inv, &key, record);
                }
            }
            let untagged = records.iter().any(facts::ImageRecord::is_dangling);
            let facts = StoredImage { namespace: self.name.to_owned(), target: target.to_owned(), records };
            let mut thing = Entity::new(facts);
            thing.keeps = untagged.then_some(Keeps::UntaggedImage);
            inv.add(key, thing);
        }
    }

    fn tag(&self, inv: &mut Inventory, image: &Key, record: &facts::ImageRecord) {
        let familiar = oci::familiar(&record.name);
        let key = self.home().tag(self.name, familiar);
        self.link(inv, &key, LinkKind::Names, image.clone());
        let thing = match Digest::parse(&record.target) {
            Some(image) => Entity::new(Tag {
                repository: oci::repository(familiar).to_owned(),
                is_digest: familiar.contains('@'),
                image,
            }),
            None => Entity::default(),
        };
        inv.add(key, thing.named(familiar).kept(Keeps::Tag));
    }

    /// The entries that refer to something, or that are roots.
    fn content(&self, inv: &mut Inventory) {
        for digest in self.namespace.blobs.keys() {
            let node = Node::Content(digest.clone());
            if !self.refs.has_labels(&node) {
                continue;
            }
            let key = self.home().content(self.name, digest);
            let keeps = self.refs.roots.contains(&node).then_some(Keeps::GcRoot);
            inv.add(key.clone(), Entity { keeps, ..Entity::default() });
            self.link(inv, &key, LinkKind::Content, self.home().blob(digest));
            self.refer(inv, &key, &node);
        }
    }

    fn snapshots(&self, inv: &mut Inventory) {
        for ((snapshotter, name), snapshot) in &self.namespace.snapshots {
            let key = self.home().snapshot(self.name, snapshotter, name);
            let mut facts = snapshot.clone();
            let backend = self.found.backends.iter().find(|backend| backend.snapshotter.name == *snapshotter);
            if let Some((backend, known)) = backend.and_then(|it| Some((it, it.snapshots.get(&snapshot.backend_name)?)))
            {
                facts.at = backend.directory(known).cloned();
                facts.content = backend.content(known);
                facts.backend = Some(known.clone());
            }
            if let Some(parent) = &snapshot.parent {
                self.link(inv, &key, LinkKind::SnapshotParent, self.home().snapshot(self.name, snapshotter, parent));
            }
            self.labels_of(inv, &key, snapshotter, snapshot);
            let active = facts.backend.as_ref().is_some_and(|it| it.kind != facts::SnapshotKind::Committed);
            if let Some(content) = facts.content.clone().filter(|_| active) {
                inv.meter(content);
            }
            let owner = self.owner(snapshotter, name);
            if let Some(content) = facts.content.as_ref().filter(|_| owner == OwnerKind::RwLayer) {
                facts.nested = nested::look(self.found.site, content, nested::IN_CONTAINER);
                facts.nested.iter().for_each(|inner| inv.meter(inner.at.clone()));
            }
            let at = facts.at.clone();
            inv.add(key, at.into_iter().fold(Entity::new(facts), |thing, at| thing.tree(at, owner)));
        }
    }

    /// A snapshot with labels, or above one, is two things, as an entry of a blob is.
    fn labels_of(&self, inv: &mut Inventory, bare: &Key, snapshotter: &str, snapshot: &facts::Snapshot) {
        let own = (snapshotter.to_owned(), snapshot.name.clone());
        if !self.refs.labelled.contains(&own) {
            return;
        }
        let node = Node::Snapshot(own.0, own.1);
        let key = self.home().labels_of_snapshot(self.name, snapshotter, &snapshot.name);
        let keeps = self.refs.roots.contains(&node).then_some(Keeps::GcRoot);
        inv.add(key.clone(), Entity { keeps, ..Entity::default() });
        self.link(inv, &key, LinkKind::Content, bare.clone());
        self.refer(inv, &key, &node);
        if let Some(parent) = &snapshot.parent {
            let parent = Node::Snapshot(snapshotter.to_owned(), parent.clone());
            self.link(inv, &key, LinkKind::SnapshotParent, self.key_of(&parent));
        }
    }

    /// A container's own two, which its lease lists. The classic builder leaves `<id>-init` in a chain, without lease.
    // moby daemon/containerd/image_snapshot.go: the lease is called after the container
    fn owner(&self, snapshotter: &str, name: &str) -> OwnerKind {
        let container = name.strip_suffix("-init").unwrap_or(name);
        let lease = Digest::from_hex(container).and_then(|_| self.namespace.leases.get(container));
        let listed = (snapshotter.to_owned(), name.to_owned());
        if !lease.is_some_and(|lease| lease.snapshots.contains(&listed)) {
            OwnerKind::Snapshot
        } else if container == name {
            OwnerKind::RwLayer
        } else {
            OwnerKind::InitLayer
        }
    }

    fn ingests(&self, inv: &mut Inventory) {
        for (reference, entry) in &self.namespace.ingests {
            let Some(name) = entry.backend_reference.as_deref().and_then(directory) else {
                let cause = format!("ingest {reference} of namespace {} has no directory's name", self.name);
                inv.problem("bad-metadata", &self.home().metadata, Lost::Nothing, cause);
                continue;
            };
            let at = self.found.content.ingests.get(&name).map(|directory| directory.at.clone());
            let facts = Ingest {
                namespace: Some(self.name.to_owned()),
                reference: reference.clone(),
                backend_reference: entry.backend_reference.clone(),
                expires: entry.expires,
                expected: entry.expected.clone(),
                at: at.clone(),
            };
            let key = self.home().ingest(&name);
            if let Some(digest) = &entry.expected {
                self.link(inv, &key, LinkKind::GcRef, self.content_key(digest));
            }
            let mut thing = Entity::new(facts).named(reference.clone());
            thing.keeps = entry.expires.map(|_| Keeps::Ingest);
            inv.add(key, at.into_iter().fold(thing, |thing, at| thing.tree(at, OwnerKind::Ingest)));
        }
    }

    fn lease(&self, inv: &mut Inventory, lease: &Leased) {
        let key = self.home().lease(self.name, &lease.facts.id);
        inv.add(key.clone(), Entity::new(lease.facts.clone()).kept(Keeps::Lease));
        for digest in &lease.content {
            let is_entry = self.namespace.blobs.contains_key(digest);
            let to = if lease.is_flat && is_entry { self.home().blob(digest) } else { self.content_key(digest) };
            self.link(inv, &key, LinkKind::Leases, to);
        }
        for (snapshotter, name) in &lease.snapshots {
            let to = match lease.is_flat {
                true => self.home().snapshot(self.name, snapshotter, name),
                false => self.key_of(&Node::Snapshot(snapshotter.clone(), name.clone())),
            };
            self.link(inv, &key, LinkKind::Leases, to);
        }
        for reference in &lease.ingests {
            let entry = self.namespace.ingests.get(reference);
            let name = entry.and_then(|entry| directory(entry.backend_reference.as_deref()?));
            if let Some(name) = name {
                self.link(inv, &key, LinkKind::Leases, self.home().ingest(&name));
            }
        }
        for image in &lease.images {
            self.link(inv, &key, LinkKind::Leases, self.key_of(&Node::Image(image.clone())));
        }
    }

    fn container(&self, inv: &mut Inventory, key: Key, node: Node, record: &facts::ContainerRecord) {
        if !record.snapshotter.is_empty() && !record.snapshot.is_empty() {
            let snapshot = Node::Snapshot(record.snapshotter.clone(), record.snapshot.clone());
            self.link(inv, &key, LinkKind::ReadWrite, self.key_of(&snapshot));
        }
        self.refer(inv, &key, &node);
        debug_assert!(matches!(key.kind, Kind::ContainerRecord | Kind::Sandbox));
        inv.add(key, Entity::new(record.clone()).kept(Keeps::Container));
    }
}

/// dockerd's own, that of its plugins, and BuildKit's in it: `moby`, `moby_history`, `plugins.moby`; with userns-remap
/// `moby-<uid>.<gid>`. A buildkitd alone has `buildkit` and `buildkit_history`.
// moby daemon/daemon_unix.go: RemapContainerdNamespaces; daemon/internal/builder-next/controller.go
pub(super) fn is_of_engine(name: &str) -> bool {
    let base = name.strip_suffix("_history").unwrap_or(name);
    let base = base.strip_prefix("plugins.").unwrap_or(base);
    base == "moby" || base.strip_prefix("moby-").is_some_and(is_remapped)
}

fn is_remapped(ids: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    ids.split_once('.').is_some_and(|(uid, gid)| digits(uid) && digits(gid))
}
