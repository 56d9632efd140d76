//! A snapshot whose blob was made of it: the stream has what differs from the snapshots below and nothing else. So what
//! lies in its directory and is no different from what lies below is left out, and a directory that hides all below is written
//! as the removal of each name.
//!
//! buildkit util/overlay/overlay_linux.go Changes; continuity fs/diff.go sameFile.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CStr;

use super::compare::{self, Found};
use super::examine::Examiner;
use super::habits::{Habits, Whiteouts};
use super::path::Path;
use super::verdict::What;
use super::walk::join;
use crate::disk::{Content, Disk, FileKind, Halt, Step, Traits};
use crate::terms::Place;

/// How the directories of the snapshots below are kept, nearest first.
#[derive(Debug, Default)]
pub(super) struct Lowers(pub(super) Vec<Step>);

impl Lowers {
    pub(super) fn are_there(&self) -> bool {
        !self.0.is_empty()
    }

    /// What the snapshots below have under a path: the nearest, unless it hides it.
    fn find(&self, path: &Path) -> Option<(Step, Traits)> {
        for lower in &self.0 {
            let Ok(folder) = lower.reach(path.folder()) else { continue };
            match folder.traits_at(path.name()) {
                Ok(traits) if Examiner::is_whiteout(&traits) => return None,
                Ok(traits) => return Some((folder, traits)),
                Err(_) if is_opaque(&folder) || has_whiteout(&folder, path.name()) => return None,
                Err(_) => {}
            }
        }
        None
    }

    /// The names that a directory has below.
    fn names(&self, path: &[u8]) -> Result<BTreeSet<Vec<u8>>, Halt> {
        let mut found: BTreeMap<Vec<u8>, bool> = BTreeMap::new();
        let mut buffer = Vec::new();
        for lower in &self.0 {
            let Ok(folder) = lower.reach(path) else { continue };
            let mut devices = Vec::new();
            loop {
                let listed = folder.names(&mut buffer, |name, kind| {
                    if kind == FileKind::CharDevice {
                        devices.push(name.to_owned());
                    } else {
                        found.entry(name.to_bytes().to_vec()).or_insert(true);
                    }
                })?;
                if listed == 0 {
                    break;
                }
            }
            for name in devices {
                let shows = !folder.traits_at(&name).is_ok_and(|traits| Examiner::is_whiteout(&traits));
                found.entry(name.to_bytes().to_vec()).or_insert(shows);
            }
            if is_opaque(&folder) {
                break;
            }
        }
        Ok(found.into_iter().filter(|(_, shows)| *shows).map(|(name, _)| name).collect())
    }
}

fn is_opaque(folder: &Step) -> bool {
    const MARKS: [&[u8]; 2] = [b"trusted.overlay.opaque", b"user.overlay.opaque"];
    let opaque = |(name, value): &(Vec<u8>, Vec<u8>)| MARKS.contains(&name.as_slice()) && value == b"y";
    folder.attributes().is_ok_and(|attributes| attributes.iter().any(opaque))
        || folder.traits_at(c".wh..wh..opq").is_ok()
}

/// Whether a name is hidden as fuse-overlayfs may do it, and as the engine unpacks a layer for it.
fn has_whiteout(folder: &Step, name: &CStr) -> bool {
    let mark = std::ffi::CString::new([b".wh.", name.to_bytes()].concat());
    mark.is_ok_and(|mark| folder.traits_at(&mark).is_ok())
}

impl Examiner {
    /// Opens the directories of the layers below, nearest first.
    pub(super) fn open_lowers(&mut self, disk: &Disk, lowers: &[Place]) {
        for lower in lowers {
            match disk.step(lower) {
                Ok(step) => self.lowers.0.push(step),
                Err(halt) => self.verdict.unchecked(format!("what lies below: {lower}: {halt}")),
            }
        }
    }

    /// Whether a file stands for the one that is hidden.
    pub(super) fn is_hidden_by_name(&mut self, path: &Path) -> bool {
        let fuse = self.habits.whiteouts == Whiteouts::FuseMount;
        fuse && self.tree.folder(path).is_ok_and(|folder| has_whiteout(&folder.step, path.name()))
    }

    /// How a file that the stream does not have differs from the one below: as far as a difference would have put it into
    /// the stream; and attributes, which it would not have. None if nothing lies below.
    pub(super) fn beside_below(
        &self,
        step: &Step,
        path: &[u8],
        name: &CStr,
        is: &Traits,
    ) -> Result<Option<(Found, Found)>, Halt> {
        let path = Path::of(path);
        let Some((folder, was)) = path.as_ref().and_then(|path| self.lowers.find(path)) else { return Ok(None) };
        let mut found = Found::new();
        compare::inodes(is, &was, &mut found);
        let not_told = match is.kind {
            _ if is.kind != was.kind => None,
            FileKind::File if !same_content(&step.content(name)?.0, &folder.content(name)?.0, is.size == was.size)? => {
                Some((What::Content, "other bytes than the file below has, and the layer has none".to_owned()))
            }
            FileKind::Symlink => {
                let (is, was) = (step.target_at(name)?, folder.target_at(name)?);
                (is != was).then(|| (What::Target, compare::targets(&is, &was)))
            }
            _ => None,
        };
        found.extend(not_told);
        let mut attributes = Found::new();
        // a directory is opened on the walk
        if is.kind == was.kind && is.kind != FileKind::Dir {
            let all = Habits { from_directory: false, ..self.habits };
            compare::attributes(&folder.attributes_at(name)?, &step.attributes_at(name)?, &all, &mut attributes);
        }
        Ok(Some((found, attributes)))
    }

    /// Whether a path is hidden by a directory above it that hides all.
    pub(super) fn is_hidden_at_once(&self, path: &[u8]) -> bool {
        let cuts = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        let above = cuts.filter_map(|cut| path.get(..cut));
        let top = self.tree.top();
        self.lowers.are_there() && above.into_iter().any(|folder| top.reach(folder).is_ok_and(|step| is_opaque(&step)))
    }

    /// Whether the stream removes every name that an opaque directory hides.
    pub(super) fn removes_all_below(&self, path: &[u8]) -> Result<bool, Halt> {
        let names = self.lowers.names(path)?;
        let removed = |name: &Vec<u8>| {
            let Ok(name) = std::ffi::CString::new(name.as_slice()) else { return false };
            let below = join(path, &name);
            self.seen.has(&below) || self.whiteouts.contains(&below)
        };
        Ok(names.iter().all(removed))
    }
}

fn same_content(one: &Content, other: &Content, same_size: bool) -> Result<bool, Halt> {
    const PART: usize = 64 << 10;
    let (mut a, mut b) = (vec![0; PART], vec![0; PART]);
    loop {
        let read = one.read(&mut a)?;
        if !same_size || read == 0 {
            return Ok(same_size);
        }
        let mut filled = 0;
        while filled < read {
            let Some(rest) = b.get_mut(filled..read) else { return Ok(false) };
            match other.read(rest)? {
                0 => return Ok(false),
                more => filled = filled.saturating_add(more),
            }
        }
        if a.get(..read) != b.get(..read) {
            return Ok(false);
        }
    }
}
