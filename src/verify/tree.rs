//! A layer's directory. Entries come folder by folder, so the folders on the way to the last one stay open, each opened in
//! the one above by its own name.

use std::ffi::{CStr, CString};

use super::path::Path;
use crate::disk::{Disk, Halt, Step, Traits};
use crate::terms::Place;

/// Where an entry's name is looked up.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) step: Step,
    /// The way leads over a link of the layer itself.
    pub(super) over_a_link: bool,
}

/// A folder on the way, and how long the path of the one above it is.
#[derive(Debug)]
struct Level {
    folder: Folder,
    above: usize,
}

/// Folders that are kept open. What lies deeper is looked up from the top: a layer decides how deep it is, and nobody
/// else may be left without descriptors for it.
const DEEPEST: usize = 16;

#[derive(Debug)]
pub(super) struct Tree {
    at: Place,
    top: Folder,
    /// The path of the last folder on the way; empty at the top.
    path: Vec<u8>,
    way: Vec<Level>,
    /// One that is not on the way.
    aside: Option<(Vec<u8>, Folder)>,
}

impl Tree {
    pub(super) fn open(disk: &Disk, at: &Place) -> Result<Self, Halt> {
        let top = Folder { step: disk.step(at)?, over_a_link: false };
        Ok(Self { at: at.clone(), top, path: Vec::new(), way: Vec::new(), aside: None })
    }

    pub(super) fn at(&self) -> &Place {
        &self.at
    }

    /// Where a path of the layer lies.
    pub(super) fn place(&self, path: &[u8]) -> Place {
        if path.is_empty() { self.at.clone() } else { self.at.join(path) }
    }

    pub(super) fn top(&self) -> &Step {
        &self.top.step
    }

    /// The folder that an entry lies in.
    pub(super) fn folder(&mut self, path: &Path) -> Result<&Folder, Halt> {
        let wanted = path.folder();
        if self.path == wanted {
            return Ok(self.way.last().map_or(&self.top, |level| &level.folder));
        }
        let open = match self.aside.take() {
            Some((known, folder)) if known == wanted => (known, folder),
            other => {
                let mut known = other.map(|(known, _)| known).unwrap_or_default();
                known.clear();
                known.extend_from_slice(wanted);
                (known, reach(&self.top.step, wanted)?)
            }
        };
        Ok(&self.aside.insert(open).1)
    }

    /// Goes to a folder, up and then down.
    pub(super) fn go_to(&mut self, folder: &[u8]) {
        while let Some((path, _, above)) = self.go_out_for(folder) {
            self.came_out(path, above);
        }
        self.go_down(folder);
    }

    /// Goes down to a folder, as far as that can be done by single names, from one that lies above it.
    pub(super) fn go_down(&mut self, folder: &[u8]) {
        while let Some(rest) = folder.get(self.path.len()..).filter(|rest| !rest.is_empty()) {
            let rest = rest.strip_prefix(b"/").unwrap_or(rest);
            let name = rest.split(|byte| *byte == b'/').next().unwrap_or_default();
            let Some(step) = CString::new(name).ok().and_then(|name| self.step_into(&name)) else { return };
            self.push(name, step);
        }
    }

    /// Goes into a directory of the folder that we are in; what it is.
    pub(super) fn enter(&mut self, path: &Path) -> Option<Traits> {
        let step = (self.path == path.folder()).then(|| self.step_into(path.name())).flatten()?;
        let traits = step.traits().ok()?;
        self.push(path.name().to_bytes(), step);
        Some(traits)
    }

    fn step_into(&self, name: &CStr) -> Option<Step> {
        // a mount on the way would have to be told
        let may = self.way.len() < DEEPEST && self.top.step.is_quiet() && !name.is_empty();
        let above = self.way.last().map_or(&self.top, |level| &level.folder);
        may.then(|| above.step.enter(name).ok()).flatten()
    }

    fn push(&mut self, name: &[u8], step: Step) {
        self.way.push(Level { folder: Folder { step, over_a_link: false }, above: self.path.len() });
        if !self.path.is_empty() {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(name);
    }

    /// Goes out of the last folder, unless another one lies in it; to be followed by `came_out`.
    pub(super) fn go_out_for(&mut self, folder: &[u8]) -> Option<(Vec<u8>, Step, usize)> {
        let inside = folder.strip_prefix(self.path.as_slice());
        if self.path.is_empty() || inside.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/")) {
            return None;
        }
        let Level { folder, above } = self.way.pop()?;
        Some((std::mem::take(&mut self.path), folder.step, above))
    }

    pub(super) fn came_out(&mut self, mut path: Vec<u8>, above: usize) {
        path.truncate(above);
        self.path = path;
    }

    /// Closes whatever is open for speed alone; whether anything was.
    pub(super) fn close(&mut self) -> bool {
        let open = !self.way.is_empty() || self.aside.is_some();
        self.way.clear();
        self.path.clear();
        self.aside = None;
        open
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
