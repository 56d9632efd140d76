//! Where a survey works: one root of a disk.

use crate::disk::{Dir, Disk, Unreadable};
use crate::inventory::{Inventory, Root};
use crate::terms::{Lost, Place, Problem};

/// A root with the disk it lies on.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    pub disk: &'a Disk,
    pub root: &'a Root,
    /// Every root of the run: a root inside another is no business of the outer one.
    pub roots: &'a [Root],
}

impl<'a> Site<'a> {
    pub fn new(disk: &'a Disk, root: &'a Root, roots: &'a [Root]) -> Self {
        Self { disk, root, roots }
    }

    /// A place below the root.
    pub fn at(&self, path: &str) -> Place {
        self.root.place.join(path)
    }

    /// A directory that may be absent; anything else that is wrong with it is a problem.
    pub fn dir(&self, inv: &mut Inventory, at: &Place, lost: Lost) -> Option<Dir<'a>> {
        match self.disk.dir(at) {
            Err(Unreadable::Missing) => None,
            other => inv.note("unreadable-directory", at, lost, other),
        }
    }

    /// A metadata file that may be absent; anything else that is wrong with it is a problem.
    pub fn file(&self, inv: &mut Inventory, at: &Place, lost: Lost) -> Option<Vec<u8>> {
        match self.disk.read(at) {
            Err(Unreadable::Missing) => None,
            other => inv.note("unreadable-file", at, lost, other),
        }
    }
}

/// The roots of a disk.
pub(super) struct Roots {
    pub(super) found: Vec<Root>,
    pub(super) problems: Vec<Problem>,
}

/// Each tree is a root; below a data root each `<uid>.<gid>` directory that holds `image/` or `containers/` is another.
pub(super) fn roots(disk: &Disk) -> Roots {
    let mut roots = Roots { found: Vec::new(), problems: Vec::new() };
    for tree in disk.trees() {
        let top = Place::tree(tree.name());
        roots.found.push(Root::new(top.clone()));
        match disk.dir(&top) {
            Ok(dir) => roots.found.extend(dir.entries().filter_map(|(name, _)| remapped(&dir, name))),
            Err(cause) => roots.problems.push(Problem {
                at: top,
                code: "unreadable-directory",
                cause: cause.to_string(),
                lost: Lost::Bytes,
            }),
        }
    }
    roots
}

fn remapped(top: &Dir<'_>, name: &[u8]) -> Option<Root> {
    let digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let dot = name.iter().position(|b| *b == b'.')?;
    let (uid, gid) = (name.get(..dot)?, name.get(dot + 1..)?);
    if !digits(uid) || !digits(gid) {
        return None;
    }
    let inner = top.dir(name).ok()?;
    let holds = inner.kind(b"image").is_some() || inner.kind(b"containers").is_some();
    holds.then(|| Root::new(top.place().join(name)))
}
