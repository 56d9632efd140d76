//! Which past builds an engine knows: `buildkit/history.db`, and from 27.4 on with containerd's store `buildkit/history_c8d.db`.
//! None of the two is ever read into the other, so what was built before an upgrade, or with the other kind of store, is forgotten
//! where it lies.

use super::View;
use super::seen::Triple;
use crate::inventory::facts::PastBuild;
use crate::inventory::{Entity, StoreKind};

const OWN_LIST: Triple = (27, 4, 0);

/// Whether an engine with a store of some kind reads the list that a build is in.
// moby builder/builder-next/controller.go: newSnapshotterController, newGraphDriverController
pub fn is_known(build: &PastBuild, kind: StoreKind, version: Triple) -> bool {
    let own = kind == StoreKind::Containerd && version >= OWN_LIST;
    build.list.name() == if own { b"history_c8d.db".as_slice() } else { b"history.db" }
}

impl View<'_, '_> {
    /// Whether a thing is a build that the engine of this store remembers.
    pub fn remembers(self, thing: &Entity) -> bool {
        let kind = match self {
            Self::GraphDriver(_) => StoreKind::GraphDriver,
            Self::Containerd(_) => StoreKind::Containerd,
        };
        thing.past_build().is_some_and(|build| is_known(build, kind, self.version()))
    }
}
