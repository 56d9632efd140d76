//! How large the engine would say a tree is: by walking it, or by comparing it with the tree it stands on.
//!
//! ```text
//! overlay2, aufs          the layer's own files, walked         (moby daemon/graphdriver/overlay2/overlay.go DiffSize)
//! vfs, btrfs, …           both trees compared                   (moby daemon/graphdriver/fsdiff.go DiffSize)
//! fuse-overlayfs          both mounted and compared             (fuse-overlayfs/fuseoverlayfs.go DiffSize)
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use super::changes::{self, Below, Marks};
use super::seen::Seen;
use crate::disk::{Disk, Unreadable};
use crate::inventory::facts::DriverDirectory;
use crate::terms::{CacheId, Key, Kind, Place};
use crate::usage::Measure;

/// What the walk measured, by place.
pub type Measures = BTreeMap<Place, Measure>;

/// A size as the engine would give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Size {
    Known(u64),
    /// The engine's own measuring fails here; it then says -1, or leaves the thing out.
    Fails(String),
    /// We cannot tell what the engine would say.
    Unknown(String),
}

impl Size {
    /// The number in the engine's answer; -1 stands for no number.
    pub fn value(&self) -> i64 {
        match self {
            Self::Known(size) => i64::try_from(*size).unwrap_or(i64::MAX),
            Self::Fails(_) | Self::Unknown(_) => -1,
        }
    }

    /// What keeps us from knowing.
    pub fn doubt(&self) -> Option<&str> {
        match self {
            Self::Unknown(because) => Some(because),
            Self::Known(_) | Self::Fails(_) => None,
        }
    }
}

/// What sizes are taken from.
#[derive(Clone, Copy, Debug)]
pub struct Sizes<'a> {
    pub disk: &'a Disk,
    pub measures: &'a Measures,
}

impl Sizes<'_> {
    /// moby daemon/internal/directory: the length of all but directories, an inode once.
    pub fn walked(&self, at: &Place) -> Size {
        self.measured(at, |measure| measure.walked)
    }

    /// continuity fs/du_unix.go: the blocks of everything, the directory itself included, an inode once.
    pub fn blocks(&self, at: &Place) -> Size {
        self.measured(at, |measure| measure.allocated)
    }

    fn measured(&self, at: &Place, size: impl FnOnce(&Measure) -> u64) -> Size {
        match self.measures.get(at) {
            None => Size::Unknown("it was not measured".to_owned()),
            Some(measure) if measure.behind_mount => Size::Unknown("something is mounted there".to_owned()),
            Some(measure) if measure.missing => Size::Fails("it is not there".to_owned()),
            Some(measure) if measure.unreadable => Size::Fails("it cannot be read whole".to_owned()),
            Some(measure) => Size::Known(size(measure)),
        }
    }

    /// What the directory `id` adds to `parent`.
    pub fn diff(&self, seen: &Seen<'_>, id: &CacheId, parent: Option<&CacheId>) -> Size {
        let Some(own) = directory(seen, id) else { return Size::Fails("its directory is not there".to_owned()) };
        let Some(content) = &own.content else {
            return Size::Unknown("it is not known where its files are".to_owned());
        };
        match &*seen.store {
            "overlay2" if is_on(own, parent) => self.walked(content),
            "overlay2" => self.bare(seen, own, content, parent),
            "aufs" => self.walked(content),
            "fuse-overlayfs" if is_on(own, parent) => match self.stack(seen, &own.lower, Marks::DevicesAndFiles) {
                Ok(below) => self.compared(content, Marks::DevicesAndFiles, &below),
                Err(cause) => Size::Fails(cause),
            },
            "fuse-overlayfs" => Size::Unknown(ELSEWHERE.to_owned()),
            "vfs" | "btrfs" => match parent.map(|id| directory(seen, id).and_then(|dir| dir.content.clone())) {
                None => self.compared(content, Marks::None, &Below::Nothing),
                Some(Some(below)) => self.compared(content, Marks::None, &Below::Tree(below)),
                Some(None) => Size::Fails("the directory of the layer below is not there".to_owned()),
            },
            _ => Size::Unknown(format!("files alone do not tell with the driver {}", seen.store)),
        }
    }

    /// A layer that has lost its `lower` is not mounted: its own files are compared with the tree of its parent, which is.
    /// moby overlay2/overlay.go Get, DiffSize.
    fn bare(&self, seen: &Seen<'_>, own: &DriverDirectory, content: &Place, parent: Option<&CacheId>) -> Size {
        let lower = own.at.as_ref().map(|at| self.disk.stat(&at.join("lower")));
        let (Some(Err(Unreadable::Missing)), Some(parent)) = (lower, parent) else {
            return Size::Unknown(ELSEWHERE.to_owned());
        };
        let Some(above) = directory(seen, parent) else {
            return Size::Fails("the directory of the layer below is not there".to_owned());
        };
        let stack: Vec<Arc<str>> = std::iter::once(parent.into()).chain(above.lower.clone()).collect();
        match self.stack(seen, &stack, Marks::Devices) {
            Ok(below) => self.compared(content, Marks::None, &below),
            Err(cause) => Size::Fails(cause),
        }
    }

    /// Layers as an overlay would show them.
    fn stack(&self, seen: &Seen<'_>, ids: &[Arc<str>], marks: Marks) -> Result<Below, String> {
        let places = ids.iter().map(|id| directory(seen, &CacheId::parse(id)?)?.content.clone());
        match places.collect::<Option<Vec<_>>>() {
            Some(places) if places.is_empty() => Ok(Below::Nothing),
            Some(places) => Ok(Below::Stack(places, marks)),
            None => Err("a layer below is not there, so that it cannot be mounted".to_owned()),
        }
    }

    fn compared(&self, new: &Place, marks: Marks, below: &Below) -> Size {
        changes::sum(self.disk, new, marks, below).map_or_else(|halt| Size::Fails(halt.to_string()), Size::Known)
    }
}

const ELSEWHERE: &str = "its `lower` does not name the layer it stands on";

/// moby overlay2/overlay.go isParent: the first of `lower` is the directory of the parent.
fn is_on(own: &DriverDirectory, parent: Option<&CacheId>) -> bool {
    own.lower.first().map(|id| &**id) == parent.map(CacheId::as_str)
}

/// A directory of the driver, by its ID.
fn directory<'a>(seen: &Seen<'a>, id: &CacheId) -> Option<&'a DriverDirectory> {
    let key: Key = seen.key(Kind::DriverDirectory, id.as_str());
    seen.inventory.get(&key)?.driver_directory()
}
