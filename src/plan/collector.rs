//! containerd's garbage collection: what no root of its metadata reaches any more goes with the next one, and whoever gives
//! up a lease brings one about. containerd plugins/gc/scheduler.go, core/metadata/gc.go.

use std::collections::{BTreeMap, BTreeSet};

use super::Case;
use super::gone::Gone;
use crate::graph::{Node, Standing};
use crate::inventory::is_remapped;
use crate::terms::{Key, Kind, Place};

#[derive(Debug)]
pub(super) struct Collector<'a> {
    case: &'a Case<'a>,
    /// Without what has expired.
    roots: BTreeSet<Node>,
    /// Leases that were given up, and those of them that no collection has seen yet.
    dropped: BTreeSet<Node>,
    fresh: Vec<Node>,
    live: Standing,
    /// What it takes whatever is asked.
    expired: BTreeSet<Place>,
    /// The leases that keep the manifests of pulled images, by their IDs.
    of_images: BTreeMap<&'a str, &'a Key>,
}

/// What the ID of such a lease begins with, behind the namespace. moby daemon/images/store.go imageKey
const OF_IMAGE: &str = "moby-image-";

impl<'a> Collector<'a> {
    pub(super) fn of(case: &'a Case<'a>) -> Self {
        let roots: BTreeSet<Node> = case.graph.roots_at(case.inventory, case.now).into_keys().collect();
        let live = Standing::of(case.graph.reach_from(roots.iter().copied(), &[]));
        let mut collector = Self {
            case,
            roots,
            dropped: BTreeSet::new(),
            fresh: Vec::new(),
            live,
            expired: BTreeSet::new(),
            of_images: BTreeMap::new(),
        };
        collector.expired = collector.without_owner();
        let leases = case.inventory.of_kind(Kind::Lease).map(|(key, _)| key);
        let leases =
            leases.filter(|key| *key.store != *"buildkit" && collector.is_near(key) && key.id.contains(OF_IMAGE));
        for key in leases.collect::<Vec<_>>() {
            collector.of_images.entry(&key.id).or_insert(key);
        }
        collector
    }

    /// Gives up a lease.
    pub(super) fn drop_lease(&mut self, lease: &Key) {
        let node = self.case.graph.node(lease);
        self.fresh.extend(node.filter(|node| self.dropped.insert(*node)));
    }

    /// Removes what only leases kept that were given up.
    pub(super) fn collect(&mut self, gone: &mut Gone<'_>) {
        let (roots, dropped) = (&self.roots, &self.dropped);
        let is_root = |node: Node| roots.contains(&node) && !dropped.contains(&node);
        let follows = |_, _, to: Node| !dropped.contains(&to);
        let lost = self.live.let_go(self.case.graph, std::mem::take(&mut self.fresh), is_root, follows);
        let lost = lost.into_iter().filter_map(|node| self.case.graph.key(node));
        lost.filter(|key| self.is_content(key)).for_each(|key| gone.thing(key));
    }

    /// What is kept by nothing but leases whose date has passed.
    pub(super) fn expired(&self) -> BTreeSet<Place> {
        self.expired.clone()
    }

    fn without_owner(&self) -> BTreeSet<Place> {
        let kept = |key: &Key| self.case.graph.is_live(key);
        let keys = self.case.graph.keys().filter(|(_, key)| self.is_content(key));
        let expired = keys.filter(|(node, key)| kept(key) && !self.live.has(*node)).map(|(_, key)| key);
        let lots = expired.filter_map(|key| self.case.inventory.get(key));
        super::gone::topmost(lots.flat_map(|thing| thing.lots.iter().map(|lot| lot.at.clone())))
    }

    /// What containerd keeps files for.
    fn is_content(&self, key: &Key) -> bool {
        self.is_near(key) && *key.store != *"buildkit" && matches!(key.kind, Kind::Blob | Kind::Snapshot | Kind::Ingest)
    }

    /// The lease that keeps the manifests of a pulled image.
    // moby daemon/daemon.go RemapContainerdNamespaces
    pub(super) fn lease_of_image(&self, image: &str) -> Option<&'a Key> {
        let ids = self.case.view.root().rsplit_once('/').filter(|(_, ids)| is_remapped(ids.as_bytes()));
        let remapped = ids.map(|(_, ids)| format!("moby-{ids}"));
        let mut names = remapped.into_iter().chain(["moby".to_owned()]).map(|ns| format!("{ns}/{OF_IMAGE}{image}"));
        names.find_map(|id| self.of_images.get(id.as_str()).copied())
    }

    fn is_near(&self, key: &Key) -> bool {
        let top = self.case.view.root().split('/').next().unwrap_or_default();
        *key.root == *"containerd" || *key.root == *self.case.view.root() || *key.root == *top
    }
}
