//! What a layer adds to the tree below it, by comparing the two trees: how the engine sizes read-write layers on drivers
//! that do not keep the difference by itself (moby daemon/graphdriver/fsdiff.go DiffSize, go-archive changes.go).
//!
//! Counted is the length of everything but directories that is new, or whose mode, owner, device number, capability,
//! length or time differs; of several links to one inode, one. What was deleted counts nothing.
//!
//! Only the new tree is walked. In the old one the same names are looked up: in a plain tree (vfs, btrfs), or in a stack
//! of layers as an overlay shows them (fuse-overlayfs), where the new tree is the layer's own `diff`: whatever shows
//! through from below is the same file in both.

mod old;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::sync::{Arc, Mutex, PoisonError};

use crate::disk::{Disk, FileKind, Halt, Step, Traits};
use crate::terms::Place;
use old::{Old, is_whiteout};

/// How a tree says that a name of the layers below is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marks {
    /// It does not: what lies there is what it looks like.
    None,
    /// By character devices 0:0, as the kernel's overlay does.
    Devices,
    /// By these, or by files called `.wh.<name>`, as fuse-overlayfs does.
    DevicesAndFiles,
}

/// What a layer stands on.
#[derive(Clone, Debug)]
pub enum Below {
    /// Nothing: all is new.
    Nothing,
    /// A whole tree.
    Tree(Place),
    /// Layers of an overlay, uppermost first.
    Stack(Vec<Place>, Marks),
}

/// What `new` adds to `below`, or why that cannot be said.
pub fn sum(disk: &Disk, new: &Place, marks: Marks, below: &Below) -> Result<u64, Halt> {
    let pair = Pair { new: disk.step(new)?, old: Old::open(disk, below)? };
    let tally = Mutex::new(Tally::default());
    rayon::scope(|scope| compare(scope, Arc::new(pair), marks, &tally));
    tally.into_inner().unwrap_or_else(PoisonError::into_inner).total()
}

/// The same directory in both trees.
struct Pair {
    new: Step,
    old: Option<Old>,
}

/// What was found so far.
#[derive(Default)]
struct Tally {
    size: u64,
    /// Inodes with several links, by number: the engine does not look at the device.
    linked: HashMap<u64, u64>,
    failed: Option<Halt>,
}

impl Tally {
    fn add(&mut self, traits: &Traits) {
        if traits.nlink > 1 {
            let known = self.linked.entry(traits.ino).or_default();
            *known = traits.size.max(*known);
        } else {
            self.size = self.size.saturating_add(traits.size);
        }
    }

    fn merge(&mut self, other: Self) {
        self.size = self.size.saturating_add(other.size);
        for (ino, size) in other.linked {
            let known = self.linked.entry(ino).or_default();
            *known = size.max(*known);
        }
        self.failed = self.failed.take().or(other.failed);
    }

    fn total(self) -> Result<u64, Halt> {
        match self.failed {
            None => Ok(self.linked.values().fold(self.size, |sum, size| sum.saturating_add(*size))),
            Some(halt) => Err(halt),
        }
    }
}

/// One directory; those below it are tasks of their own, which hold this one open until they have begun.
fn compare<'s>(scope: &rayon::Scope<'s>, pair: Arc<Pair>, marks: Marks, tally: &'s Mutex<Tally>) {
    let mut here = Tally::default();
    let mut names: Vec<(CString, FileKind)> = Vec::new();
    let mut buffer = Vec::new();
    loop {
        match pair.new.names(&mut buffer, |name, kind| names.push((name.to_owned(), kind))) {
            Ok(0) => break,
            Ok(_) => {}
            Err(halt) => {
                here.failed = Some(halt);
                break;
            }
        }
        for (name, kind) in names.drain(..) {
            if marks == Marks::DevicesAndFiles && name.to_bytes().starts_with(old::WHITEOUT) {
                continue;
            }
            match judge(&pair, &name, kind, marks, &mut here) {
                Ok(true) => descend(scope, &pair, name, marks, tally),
                // went away meanwhile: the engine leaves it out too
                Ok(false) | Err(Halt::Vanished) => {}
                Err(halt) => here.failed = Some(halt),
            }
        }
    }
    tally.lock().unwrap_or_else(PoisonError::into_inner).merge(here);
}

/// Counts an entry if it is new or changed; says whether there is something below it.
fn judge(pair: &Pair, name: &CStr, kind: FileKind, marks: Marks, here: &mut Tally) -> Result<bool, Halt> {
    if kind == FileKind::Dir {
        return Ok(true);
    }
    let new = pair.new.traits_at(name)?;
    if new.kind == FileKind::Dir {
        return Ok(true);
    }
    if marks != Marks::None && is_whiteout(&new) {
        return Ok(false);
    }
    let unchanged = match &pair.old {
        Some(old) => old.has_same(name, &new, &pair.new)?,
        None => false,
    };
    if !unchanged {
        here.add(&new);
    }
    Ok(false)
}

fn descend<'s>(scope: &rayon::Scope<'s>, pair: &Arc<Pair>, name: CString, marks: Marks, tally: &'s Mutex<Tally>) {
    let above = Arc::clone(pair);
    scope.spawn(move |scope| {
        let entered = above.new.enter(&name).and_then(|new| {
            let old = above.old.as_ref().map_or(Ok(None), |old| old.enter(&name))?;
            Ok(Pair { new, old })
        });
        drop(above);
        match entered {
            Ok(below) => compare(scope, Arc::new(below), marks, tally),
            Err(Halt::Vanished) => {}
            Err(halt) => tally.lock().unwrap_or_else(PoisonError::into_inner).failed = Some(halt),
        }
    });
}
