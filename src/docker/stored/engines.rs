//! Which engine works in which namespace of which containerd: one for a root, called after its IDs if it is remapped.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{STORE, Spot, Stored};
use crate::docker::seen::Triple;
use crate::inventory::{Inventory, Role, Root, StoreInfo, StoreKind, is_remapped};
use crate::terms::{Key, Kind};

impl<'a> Stored<'a> {
    /// containerd's stores as the engine of root `asked` would see each, and beside each those of other engines'
    /// namespaces; a buildkitd's own is none of an engine.
    pub fn all(inventory: &'a Inventory, asked: &str, version: Triple) -> Vec<Self> {
        let is_engines = |store: &&StoreInfo| store.kind == StoreKind::Containerd && !store.name.starts_with("runc-");
        let mut found = Vec::new();
        for store in inventory.stores.iter().filter(is_engines) {
            // one that dockerd started serves the root that it lies in
            let asked = if inventory.is_containerds(&store.root) { asked } else { &*store.root };
            let own = Spot::of(store, namespace(asked), asked.into());
            let mut spots = others(inventory, store);
            spots.insert(own.clone());
            let view = |at: Spot| Self { asked: at == own, ..Self::read(inventory, at, version) };
            found.extend(spots.into_iter().map(view));
        }
        found
    }

    /// There is something in the store, and the namespace is one in which the engine of this root works.
    pub fn is_lived_in(&self) -> bool {
        let mut stores = self.inventory.stores.iter();
        let is_populated = stores.any(|it| it.root == self.home && it.name == self.store && it.populated);
        let key =
            Key { root: self.home.clone(), store: STORE.into(), kind: Kind::Namespace, id: (*self.namespace).into() };
        is_populated && engine_root(self.inventory, &key).is_some_and(|root| root == self.root)
    }
}

impl Spot {
    fn of(store: &StoreInfo, namespace: String, root: Arc<str>) -> Self {
        Self { namespace, root, home: store.root.clone(), store: store.name.clone() }
    }
}

/// The namespaces of engines in a store that holds anything.
fn others(inventory: &Inventory, store: &StoreInfo) -> BTreeSet<Spot> {
    let spaces = inventory.of_kind(Kind::Namespace).map(|(key, _)| key);
    let here = spaces.filter(|key| store.populated && key.root == store.root && *key.store == *STORE);
    here.filter_map(|key| Some(Spot::of(store, key.id.to_string(), engine_root(inventory, key)?))).collect()
}

// moby daemon/daemon_unix.go: RemapContainerdNamespaces
pub(super) fn namespace(root: &str) -> String {
    match root.rsplit_once('/') {
        Some((_, ids)) if is_remapped(ids.as_bytes()) => format!("moby-{ids}"),
        _ => "moby".to_owned(),
    }
}

/// The engine's root that a namespace belongs to: `moby` to the plain one, `moby-<uid>.<gid>` to that of the remapped.
// moby daemon/daemon_unix.go: RemapContainerdNamespaces
fn engine_root(inventory: &Inventory, namespace: &Key) -> Option<Arc<str>> {
    let thing = inventory.get(namespace)?.namespace()?;
    let remapped = namespace.id.strip_prefix("moby-");
    if !thing.of_engine || namespace.id.ends_with("_history") || (&*namespace.id != "moby" && remapped.is_none()) {
        return None;
    }
    let is_shared = inventory.is_containerds(&namespace.root);
    // containerd's own root serves every engine; one inside a data root serves that one
    let mut near = inventory.engine_roots().filter(|root| is_shared || root.name.starts_with(&*namespace.root));
    let fits = |root: &&Root| match remapped {
        Some(ids) => root.place.name() == ids.as_bytes(),
        None => root.role == Role::Engine || root.name == namespace.root,
    };
    near.find(fits).map(|root| root.name.clone())
}
