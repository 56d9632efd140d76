//! What all namespaces share, and what none of them knows: the files of blobs; ingests and snapshots without an entry.

use std::collections::{BTreeMap, BTreeSet};

use super::enter::{Found, directory};
use crate::inventory::facts::{self, Blob, Ingest};
use crate::inventory::{Entity, Inventory, OwnerKind};
use crate::terms::Lost;

impl Found<'_> {
    /// The files, and the entries of files that are not there.
    pub(super) fn blobs(&mut self, inv: &mut Inventory) {
        let mut entries: BTreeMap<&str, BTreeMap<String, facts::ContentEntry>> = BTreeMap::new();
        for (name, namespace) in &self.meta.namespaces {
            for (digest, entry) in &namespace.blobs {
                entries.entry(digest).or_default().insert(name.clone(), entry.clone());
            }
        }
        let known: BTreeSet<&str> =
            self.content.blobs.keys().map(String::as_str).chain(entries.keys().copied()).collect();
        for digest in known {
            let at = self.content.blobs.get(digest).cloned();
            let entries = entries.remove(digest).unwrap_or_default();
            if at.is_none() {
                let named: Vec<&str> = entries.keys().map(String::as_str).collect();
                let cause = format!("not there, and {} has it in namespace {}", self.home.metadata, named.join(", "));
                inv.problem("missing-blob", &self.home.file_of(digest), Lost::Nothing, cause);
            }
            let recorded = entries.iter().filter_map(|(name, entry)| Some((name.clone(), entry.size?))).collect();
            let document = self.documents.remove(digest);
            let blob = Blob { recorded, labels: BTreeMap::new(), at: at.clone(), entries, document };
            let thing = Entity::new(blob);
            let thing = at.into_iter().fold(thing, |thing, at| thing.tree(at, OwnerKind::Blob));
            inv.add(self.home.blob(digest), thing);
        }
    }

    /// Ingest directories that no entry names.
    pub(super) fn strange_ingests(&self, inv: &mut Inventory) {
        let named = self.meta.namespaces.values().flat_map(|namespace| namespace.ingests.values());
        let named: BTreeSet<String> =
            named.filter_map(|entry| directory(entry.backend_reference.as_deref()?)).collect();
        for (name, directory) in self.content.ingests.iter().filter(|(name, _)| !named.contains(*name)) {
            let facts = Ingest {
                backend_reference: directory.reference.clone(),
                at: Some(directory.at.clone()),
                ..Ingest::default()
            };
            let title = directory.reference.clone().unwrap_or_default();
            let thing = Entity::new(facts).named(title).tree(directory.at.clone(), OwnerKind::Ingest);
            inv.add(self.home.ingest(name), thing);
        }
    }

    /// Snapshots that only their snapshotter knows.
    pub(super) fn strange_snapshots(&self, inv: &mut Inventory) {
        for backend in self.backends {
            let of_this = |name: &String| *name == backend.snapshotter.name;
            let entries = self.meta.namespaces.values().flat_map(|namespace| &namespace.snapshots);
            let named = entries.filter(|((snapshotter, _), _)| of_this(snapshotter));
            let named: BTreeSet<&str> = named.map(|(_, snapshot)| snapshot.backend_name.as_str()).collect();
            for (name, snapshot) in backend.snapshots.iter().filter(|(name, _)| !named.contains(name.as_str())) {
                let at = backend.directory(snapshot).cloned();
                let facts = facts::Snapshot {
                    snapshotter: backend.snapshotter.name.clone(),
                    backend_name: name.clone(),
                    backend: Some(snapshot.clone()),
                    at: at.clone(),
                    ..facts::Snapshot::default()
                };
                let thing = at.into_iter().fold(Entity::new(facts), |thing, at| thing.tree(at, OwnerKind::Snapshot));
                inv.add(self.home.backend_snapshot(&backend.snapshotter.name, name), thing);
            }
        }
    }
}
