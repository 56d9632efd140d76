//! The tree that a layer stands on: one directory of it, plain or as a stack of overlay layers shows it.
//!
//! ```text
//! <name>, device 0:0      hides <name> of the layers below                     kernel and fuse-overlayfs
//! attribute `opaque`      hides all that the layers below have in it           kernel and fuse-overlayfs
//! .wh.<name>              hides <name> of the layers below                     fuse-overlayfs
//! .wh..wh..opq            hides all that the layers below have beside it       fuse-overlayfs
//! ```

use std::ffi::{CStr, CString};

use super::{Below, Marks};
use crate::disk::{Disk, FileKind, Halt, Step, Traits};
use crate::terms::Place;

pub(super) const WHITEOUT: &[u8] = b".wh.";
const OPAQUE_FILE: &CStr = c".wh..wh..opq";
const OPAQUE: [&CStr; 3] = [c"trusted.overlay.opaque", c"user.overlay.opaque", c"user.fuseoverlayfs.opaque"];
const CAPABILITY: &CStr = c"security.capability";

/// One directory of the old tree.
pub(super) struct Old {
    /// Uppermost first; a plain tree is a stack of one.
    layers: Vec<Step>,
    marks: Marks,
}

impl Old {
    pub(super) fn open(disk: &Disk, below: &Below) -> Result<Option<Self>, Halt> {
        let (places, marks): (&[Place], Marks) = match below {
            Below::Nothing => return Ok(None),
            Below::Tree(place) => (std::slice::from_ref(place), Marks::None),
            Below::Stack(places, marks) => (places, *marks),
        };
        let mut old = Self { layers: Vec::new(), marks };
        for place in places {
            let layer = disk.step(place)?;
            if old.push(layer)? {
                break;
            }
        }
        Ok(Some(old))
    }

    /// The directory under a name, if there is one.
    pub(super) fn enter(&self, name: &CStr) -> Result<Option<Self>, Halt> {
        let mut below = Self { layers: Vec::new(), marks: self.marks };
        for layer in &self.layers {
            match self.look(layer, name)? {
                Look::Found(traits) if traits.kind == FileKind::Dir => {
                    if below.push(layer.enter(name)?)? {
                        break;
                    }
                }
                // a file ends the stack: what lies below it is hidden
                Look::Found(_) | Look::Hidden => break,
                Look::Absent => {}
            }
        }
        Ok((!below.layers.is_empty()).then_some(below))
    }

    /// Puts a layer below the others; says whether it hides all that would come after it.
    fn push(&mut self, layer: Step) -> Result<bool, Halt> {
        let opaque = match self.marks {
            Marks::None => false,
            Marks::Devices => has_opaque_attribute(&layer),
            Marks::DevicesAndFiles => has_opaque_attribute(&layer) || exists(&layer, OPAQUE_FILE)?,
        };
        self.layers.push(layer);
        Ok(opaque)
    }

    /// Whether the same name is here, and does not differ from `new`, which lies in `beside`.
    pub(super) fn has_same(&self, name: &CStr, new: &Traits, beside: &Step) -> Result<bool, Halt> {
        for layer in &self.layers {
            match self.look(layer, name)? {
                Look::Absent => {}
                Look::Hidden => return Ok(false),
                Look::Found(old) if differ(&old, new) => return Ok(false),
                Look::Found(old) => return Ok(old.kind != FileKind::File || same_capability(name, layer, beside)),
            }
        }
        Ok(false)
    }

    fn look(&self, layer: &Step, name: &CStr) -> Result<Look, Halt> {
        match layer.traits_at(name) {
            Ok(traits) if self.marks != Marks::None && is_whiteout(&traits) => Ok(Look::Hidden),
            Ok(traits) => Ok(Look::Found(traits)),
            Err(Halt::Vanished) if self.marks == Marks::DevicesAndFiles => {
                let mark = CString::new([WHITEOUT, name.to_bytes()].concat()).map_err(|_| Halt::Vanished)?;
                Ok(if exists(layer, &mark)? { Look::Hidden } else { Look::Absent })
            }
            Err(Halt::Vanished) => Ok(Look::Absent),
            Err(halt) => Err(halt),
        }
    }
}

/// What one layer says of a name.
enum Look {
    Found(Traits),
    /// Deleted here: the layers below are not asked.
    Hidden,
    Absent,
}

/// A name too long for its mark cannot have one.
fn exists(layer: &Step, name: &CStr) -> Result<bool, Halt> {
    if name.to_bytes().len() > 255 {
        return Ok(false);
    }
    match layer.traits_at(name) {
        Ok(_) => Ok(true),
        Err(Halt::Vanished) => Ok(false),
        Err(halt) => Err(halt),
    }
}

fn has_opaque_attribute(layer: &Step) -> bool {
    OPAQUE.iter().any(|name| layer.attribute(name).as_deref() == Some(b"y"))
}

/// How an overlay deletes a name where it may make devices.
pub(super) fn is_whiteout(traits: &Traits) -> bool {
    traits.kind == FileKind::CharDevice && traits.rdev == (0, 0)
}

/// go-archive changes_unix.go statDifferent, for what is not a directory.
fn differ(old: &Traits, new: &Traits) -> bool {
    // the size of a directory says nothing; but here the new one is none, so that the modes differ already
    (old.mode, old.uid, old.gid, old.rdev, old.size) != (new.mode, new.uid, new.gid, new.rdev, new.size)
        || !same_time(old.mtime, new.mtime)
}

/// go-archive changes.go sameFsTime: an archive may have cut the fraction off.
fn same_time(a: (i64, u32), b: (i64, u32)) -> bool {
    a.0 == b.0 && (a.1 == b.1 || a.1 == 0 || b.1 == 0)
}

fn same_capability(name: &CStr, old: &Step, new: &Step) -> bool {
    old.attribute_at(name, CAPABILITY) == new.attribute_at(name, CAPABILITY)
}
