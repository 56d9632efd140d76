//! How large containerd says a snapshot is: what was recorded when it was committed, or the blocks of its directory now.
// containerd core/metadata/snapshot.go: Usage; plugins/snapshots/overlay: Usage

use super::Stored;
use crate::docker::sizes::{Size, Sizes};
use crate::inventory::facts::{BackendSnapshot, Snapshot, SnapshotKind};

/// The sizes of snapshots.
#[derive(Clone, Copy, Debug)]
pub struct Usages<'s, 'a> {
    pub stored: &'s Stored<'a>,
    pub sizes: &'s Sizes<'s>,
}

/// A sum over a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// As far as the engine got.
    pub size: i64,
    /// One of the chain is not there, or cannot be measured: the engine stopped here.
    pub broken: bool,
    /// What keeps us from knowing.
    pub doubt: Option<String>,
}

impl Usages<'_, '_> {
    /// None if there is no such snapshot.
    pub fn of(&self, name: &str) -> Option<Size> {
        let (_, snapshot) = self.stored.snapshots.get(name)?;
        let backend = snapshot.backend.as_ref()?;
        if snapshot.snapshotter == "blockfile" {
            return Some(self.beyond_its_parent(snapshot, backend));
        }
        Some(match backend.kind {
            SnapshotKind::Active => self.now(snapshot),
            // a view has nothing of its own, and nothing recorded
            _ => Size::Known(backend.size.unwrap_or(0)),
        })
    }

    /// Of a file that holds all below it, too: its length, less what was recorded of the one that it began as.
    // containerd plugins/snapshots/blockfile/blockfile.go: Usage
    fn beyond_its_parent(&self, snapshot: &Snapshot, backend: &BackendSnapshot) -> Size {
        let length = match (backend.kind, &snapshot.at) {
            (SnapshotKind::Active, Some(at)) => self.sizes.disk.stat(at).map(|stat| stat.size).ok(),
            (SnapshotKind::Active, None) => None,
            _ => Some(backend.size.unwrap_or(0)),
        };
        let Some(length) = length else { return Size::Fails("its file is not there".to_owned()) };
        let parent = snapshot.parent.as_deref().and_then(|parent| self.stored.snapshots.get(parent));
        let below = parent.and_then(|(_, below)| below.backend.as_ref()?.size).unwrap_or(0);
        match length.checked_sub(below) {
            Some(size) => Size::Known(size),
            None => Size::Unknown("it is smaller than what it stands on".to_owned()),
        }
    }

    fn now(&self, snapshot: &Snapshot) -> Size {
        match (&snapshot.content, &snapshot.at) {
            (Some(content), _) => self.sizes.blocks(content),
            (None, Some(_)) => {
                Size::Unknown(format!("files alone do not tell with the snapshotter {}", snapshot.snapshotter))
            }
            (None, None) => Size::Fails("its directory is not there".to_owned()),
        }
    }

    /// Of a snapshot and all below it.
    // moby daemon/containerd/image_snapshot.go: calculateSnapshotTotalUsage
    pub fn of_chain(&self, top: &str) -> Sum {
        let mut sum = Sum::default();
        let mut next = Some(top);
        // no chain is longer than all snapshots; a cycle would hang the engine
        for _ in 0..=self.stored.snapshots.len() {
            let Some(name) = next else { return sum };
            match self.of(name) {
                Some(Size::Known(size)) => sum.size = sum.size.saturating_add(i64::try_from(size).unwrap_or(i64::MAX)),
                Some(Size::Unknown(because)) => sum.doubt = Some(because),
                Some(Size::Fails(_)) | None => {
                    sum.broken = true;
                    return sum;
                }
            }
            next = self.stored.snapshots.get(name).and_then(|(_, snapshot)| snapshot.parent.as_deref());
        }
        sum.broken = true;
        sum
    }
}
