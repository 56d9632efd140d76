//! containerd's garbage collection: what no root of its metadata reaches any more goes with the next one, and whoever gives
//! up a lease brings one about. containerd plugins/gc/scheduler.go, core/metadata/gc.go.

use std::collections::BTreeSet;

use super::Case;
use super::gone::Gone;
use crate::graph::{Graph, Node};
use crate::inventory::is_remapped;
use crate::terms::{Key, Kind, Place};

#[derive(Debug)]
pub(super) struct Collector<'a> {
    case: &'a Case<'a>,
    /// With what has expired let go.
    graph: Graph<'a>,
    dropped: Vec<Node>,
    live: Vec<bool>,
}

impl<'a> Collector<'a> {
    pub(super) fn of(case: &'a Case<'a>) -> Self {
        let graph = Graph::at(case.inventory, case.now);
        let live = graph.reach(&[]);
        Self { case, graph, dropped: Vec::new(), live }
    }

    /// Gives up a lease.
    pub(super) fn drop_lease(&mut self, lease: &Key) {
        self.dropped.extend(self.graph.node(lease));
    }

    /// Removes what only leases kept that were given up.
    pub(super) fn collect(&mut self, gone: &mut Gone<'_>) {
        if self.dropped.is_empty() {
            return;
        }
        let live = self.graph.reach(&self.dropped);
        for (node, key) in self.graph.keys().filter(|(_, key)| self.is_content(key)) {
            if self.live.get(node) == Some(&true) && live.get(node) == Some(&false) {
                gone.thing(key);
            }
        }
        self.live = live;
    }

    /// What is kept by nothing but leases whose date has passed.
    pub(super) fn expired(&self) -> BTreeSet<Place> {
        let kept = |key: &Key| self.case.graph.is_live(key);
        let keys = self.graph.keys().map(|(_, key)| key).filter(|key| self.is_content(key));
        let expired = keys.filter(|key| kept(key) && !self.graph.is_live(key));
        let lots = expired.filter_map(|key| self.case.inventory.get(key));
        super::gone::topmost(lots.flat_map(|thing| thing.lots.iter().map(|lot| lot.at.clone())))
    }

    /// What containerd keeps files for.
    fn is_content(&self, key: &Key) -> bool {
        self.is_near(key) && *key.store != *"buildkit" && matches!(key.kind, Kind::Blob | Kind::Snapshot | Kind::Ingest)
    }

    /// The lease that keeps the manifests of a pulled image.
    // moby daemon/images/store.go imageKey; daemon/daemon.go RemapContainerdNamespaces
    pub(super) fn lease_of_image(&self, image: &str) -> Option<&'a Key> {
        let ids = self.case.view.root().rsplit_once('/').filter(|(_, ids)| is_remapped(ids.as_bytes()));
        let remapped = ids.map(|(_, ids)| format!("moby-{ids}"));
        let names = remapped.into_iter().chain(["moby".to_owned()]).map(|ns| format!("{ns}/moby-image-{image}"));
        let find = |id: String| {
            let mut leases = self.case.inventory.of_kind(Kind::Lease).map(|(key, _)| key);
            leases.find(|key| *key.id == *id && *key.store != *"buildkit" && self.is_near(key))
        };
        names.into_iter().find_map(find)
    }

    fn is_near(&self, key: &Key) -> bool {
        let root = self.case.view.root();
        let around = root.rsplit_once('/').filter(|(_, ids)| is_remapped(ids.as_bytes())).map_or(root, |(top, _)| top);
        self.case.inventory.is_containerds(&key.root) || *key.root == *root || *key.root == *around
    }
}
