//! Where a survey works: one root of a disk.

use crate::disk::{Dir, Disk, Unreadable};
use crate::inventory::{Inventory, Role, Root, is_remapped};
use crate::terms::{Lost, Place, Problem};

/// A root with the disk it lies on.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    pub disk: &'a Disk,
    pub root: &'a Root,
    /// Every root of the run: a root inside another is no business of the outer one.
    pub roots: &'a [Root],
    /// The root's own directory, where it has been listed before.
    top: Option<&'a Dir<'a>>,
}

impl<'a> Site<'a> {
    pub fn new(disk: &'a Disk, root: &'a Root, roots: &'a [Root]) -> Self {
        Self { disk, root, roots, top: None }
    }

    /// With the listing of the root's own directory, which every store would read again.
    #[must_use]
    pub(super) fn under(self, top: Option<&'a Dir<'a>>) -> Self {
        Self { top, ..self }
    }

    /// The root's own directory.
    pub fn top(&self) -> Result<Dir<'a>, Unreadable> {
        self.top.map_or_else(|| self.disk.dir(&self.root.place), |top| Ok(top.clone()))
    }

    /// A place below the root.
    pub fn at(&self, path: &str) -> Place {
        self.root.place.join(path)
    }

    /// A directory that may be absent; anything else that is wrong with it is a problem.
    pub fn dir(&self, inv: &mut Inventory, at: &Place, lost: Lost) -> Option<Dir<'a>> {
        let dir = if *at == self.root.place { self.top() } else { self.disk.dir(at) };
        match dir {
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
pub(super) struct Roots<'a> {
    pub(super) found: Vec<Root>,
    /// The directory of each, unless it cannot be read.
    pub(super) tops: Vec<Option<Dir<'a>>>,
    pub(super) problems: Vec<Problem>,
}

/// Each tree is a root.
pub(super) fn trees(disk: &Disk) -> Vec<Root> {
    disk.trees().map(|tree| Root::new(Place::tree(tree.name()))).collect()
}

/// These roots; below a data root each `<uid>.<gid>` directory that holds `image/` or `containers/` is another.
pub(super) fn roots(disk: &Disk, of: Vec<Root>) -> Roots<'_> {
    let mut roots = Roots { found: Vec::new(), tops: Vec::new(), problems: Vec::new() };
    for mut root in of {
        let top = root.place.clone();
        match disk.dir(&top) {
            Ok(dir) => {
                if root.role == Role::Engine && is_containerds(&dir) {
                    root.role = Role::Containerd;
                }
                let (found, tops): (Vec<_>, Vec<_>) =
                    dir.entries().filter_map(|(name, _)| remapped(&dir, name)).unzip();
                roots.found.push(root);
                roots.tops.push(Some(dir));
                roots.found.extend(found);
                roots.tops.extend(tops.into_iter().map(Some));
            }
            Err(cause) => {
                roots.found.push(root);
                roots.tops.push(None);
                let (code, cause) = ("unreadable-directory", cause.to_string());
                roots.problems.push(Problem { at: top, code, cause, lost: Lost::Bytes });
            }
        }
    }
    roots
}

/// A directory that was named as a data root, and is a containerd's.
fn is_containerds(top: &Dir<'_>) -> bool {
    let engines = [&b"image"[..], b"containers"].iter().any(|name| top.kind(name).is_some());
    !engines && top.kind(b"io.containerd.metadata.v1.bolt").is_some()
}

fn remapped<'a>(top: &Dir<'a>, name: &[u8]) -> Option<(Root, Dir<'a>)> {
    if !is_remapped(name) {
        return None;
    }
    let inner = top.dir(name).ok()?;
    let holds = inner.kind(b"image").is_some() || inner.kind(b"containers").is_some();
    holds.then(|| (Root::new(inner.place().clone()), inner))
}
