//! A layer's directory: the folder of the last entry stays open, since entries come folder by folder.

use super::path::Path;
use crate::disk::{Disk, Halt, Step};
use crate::terms::Place;

/// Where an entry's name is looked up.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) step: Step,
    /// The way leads over a link of the layer itself.
    pub(super) over_a_link: bool,
}

#[derive(Debug)]
pub(super) struct Tree {
    at: Place,
    top: Step,
    last: Option<(Vec<u8>, Folder)>,
}

impl Tree {
    pub(super) fn open(disk: &Disk, at: &Place) -> Result<Self, Halt> {
        Ok(Self { at: at.clone(), top: disk.step(at)?, last: None })
    }

    pub(super) fn at(&self) -> &Place {
        &self.at
    }

    /// Where a path of the layer lies.
    pub(super) fn place(&self, path: &[u8]) -> Place {
        if path.is_empty() { self.at.clone() } else { self.at.join(path) }
    }

    pub(super) fn top(&self) -> &Step {
        &self.top
    }

    /// The folder that an entry lies in.
    pub(super) fn folder(&mut self, path: &Path) -> Result<&Folder, Halt> {
        let wanted = path.folder();
        let open = match self.last.take() {
            Some((known, folder)) if known == wanted => (known, folder),
            other => {
                let mut known = other.map(|(known, _)| known).unwrap_or_default();
                known.clear();
                known.extend_from_slice(wanted);
                (known, reach(&self.top, wanted)?)
            }
        };
        Ok(&self.last.insert(open).1)
    }
}

pub(super) fn reach(top: &Step, path: &[u8]) -> Result<Folder, Halt> {
    match top.reach(path) {
        Ok(step) => Ok(Folder { step, over_a_link: false }),
        // the engine unpacked with the layer's directory as its root, so a link on the way led to a place in it
        Err(Halt::NotADirectory) => Ok(Folder { step: top.reach_through_links(path)?, over_a_link: true }),
        Err(other) => Err(other),
    }
}
