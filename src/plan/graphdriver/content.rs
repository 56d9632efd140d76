//! BuildKit's own content: blobs kept by leases of records and of past builds, namespace by namespace. What no lease of its
//! namespace reaches goes at BuildKit's next collection, which every prune ends with.
//! containerd core/metadata/db.go GarbageCollect.

use std::collections::{BTreeMap, BTreeSet};

use crate::docker::seen::Seen;
use crate::inventory::facts::Blob;
use crate::plan::Case;
use crate::plan::builds::{self, Builds};
use crate::plan::gone::Gone;
use crate::plan::images::Refusal;
use crate::terms::{Key, Kind, LinkKind};

const STORE: &str = "buildkit";

#[derive(Debug)]
pub(super) struct Content<'a> {
    blobs: BTreeMap<&'a Key, &'a Blob>,
    /// The blobs that a blob's labels keep.
    below: BTreeMap<&'a Key, Vec<&'a Key>>,
    leases: BTreeMap<&'a str, Lease<'a>>,
    /// Past builds, each with its lease.
    builds: Builds<'a, Option<&'a str>>,
}

#[derive(Debug)]
struct Lease<'a> {
    namespace: &'a str,
    flat: bool,
    blobs: Vec<&'a Key>,
}

impl<'a> Content<'a> {
    pub(super) fn of(case: &'a Case<'a>, seen: &Seen<'_>) -> Self {
        let root = &seen.root;
        let ours = |key: &Key| key.root == *root && *key.store == *STORE;
        let things = |kind| case.inventory.of_kind(kind).filter(|(key, _)| ours(key));
        let blobs = things(Kind::Blob).filter_map(|(key, thing)| Some((key, thing.blob()?))).collect();
        let alive = |(key, thing): (&'a Key, &'a crate::inventory::Entity)| {
            let lease = thing.lease().filter(|lease| lease.expires.is_none_or(|date| date >= case.now))?;
            let flat = lease.is_flat();
            Some((&*key.id, Lease { namespace: &lease.namespace, flat, blobs: Vec::new() }))
        };
        let mut leases: BTreeMap<&str, Lease<'_>> = things(Kind::Lease).filter_map(alive).collect();
        let mut below: BTreeMap<&Key, Vec<&Key>> = BTreeMap::new();
        let remembered = things(Kind::BuildHistory).filter(|(_, thing)| case.view.remembers(thing));
        let mut builds: BTreeMap<&str, Option<&str>> = remembered.map(|(key, _)| (&*key.id, None)).collect();
        for link in case.inventory.links.iter().filter(|link| ours(&link.from)) {
            match (link.kind, link.from.kind, link.to.kind) {
                (LinkKind::Leases, _, Kind::Blob) => {
                    if let Some(lease) = leases.get_mut(&*link.from.id) {
                        lease.blobs.push(&link.to);
                    }
                }
                (LinkKind::Content, Kind::Blob, Kind::Blob) => below.entry(&link.from).or_default().push(&link.to),
                (LinkKind::Remembers, _, _) => {
                    if let Some(lease) = builds.get_mut(&*link.from.id).filter(|_| ours(&link.to)) {
                        *lease = Some(&link.to.id);
                    }
                }
                _ => {}
            }
        }
        Self { blobs, below, leases, builds }
    }

    pub(super) fn drop_lease(&mut self, id: &str) {
        self.leases.remove(id);
    }

    /// Removes past builds, and lets go of their leases.
    pub(super) fn remove_history(&mut self, refs: &[String], all: bool) -> Vec<Result<String, Refusal>> {
        let leases = &mut self.leases;
        builds::remove(&mut self.builds, refs, all, |lease| _ = lease.and_then(|lease| leases.remove(lease)))
    }

    /// Removes what no lease keeps. Files that the database does not know go with the first that it does.
    pub(super) fn collect(&mut self, gone: &mut Gone<'_>) {
        let kept = self.reached();
        let mut dirty = false;
        let mut going: Vec<&Key> = Vec::new();
        for (key, blob) in &self.blobs {
            let kept_in = |namespace: &&String| kept.contains(&(namespace.as_str(), *key));
            let entries = blob.recorded.keys().filter(|namespace| !kept_in(namespace)).count();
            dirty |= entries > 0;
            if entries > 0 && !blob.recorded.keys().any(|namespace| kept_in(&namespace)) {
                going.push(key);
            }
        }
        if dirty {
            going.extend(self.blobs.iter().filter(|(_, blob)| blob.recorded.is_empty()).map(|(key, _)| *key));
        }
        for key in going {
            self.blobs.remove(key);
            gone.thing(key);
        }
    }

    /// What leases reach, each in its own namespace.
    fn reached(&self) -> BTreeSet<(&'a str, &'a Key)> {
        let mut reached = BTreeSet::new();
        for lease in self.leases.values().filter(|lease| !lease.flat) {
            let mut todo: Vec<&Key> = lease.blobs.clone();
            while let Some(key) = todo.pop() {
                if reached.insert((lease.namespace, key)) {
                    todo.extend(self.below.get(key).into_iter().flatten());
                }
            }
        }
        let flat = self.leases.values().filter(|lease| lease.flat);
        reached.extend(flat.flat_map(|lease| lease.blobs.iter().map(|key| (lease.namespace, *key))));
        reached
    }
}
