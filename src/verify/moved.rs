//! Attributes of a symbolic link that an engine gave to the file that the link leads to.
//!
//! ```text
//! sym -> target   trusted.note=1      in the stream
//! target          trusted.note=1      on the disk
//! ```
//!
//! Engines with moby/go-archive 0.3 resolve an entry's path beneath the layer before they set its attributes, its last part too
//! (archive.go createTarFile, rootpath.go); those before and after it set them on the link. No file says which one unpacked a layer.

use super::compare::{self, Found};
use super::examine::{Attributes, Examiner};
use super::path::{HOPS, Path, Went, follow, parts};
use super::verdict::What;
use crate::disk::FileKind;

impl Examiner {
    /// Takes back what was told of attributes that are missing on a link, and that what it leads to has.
    pub(super) fn attributes_moved(&mut self, link: &Path, missing: &Attributes, found: &mut Found) {
        if !self.habits.attributes_may_move {
            return;
        }
        let Some((target, kind)) = self.leads_to(link) else { return };
        let Some(path) = Path::of(&target) else { return };
        let is = self.tree.folder(&path).and_then(|folder| folder.step.attributes_at(path.name()));
        let is = is.unwrap_or_default();
        for (name, value) in missing {
            if !is.iter().any(|(known, has)| known == name && has == value) {
                continue;
            }
            let told = compare::is_missing(name);
            found.retain(|(what, detail)| *what != What::Attribute || *detail != told);
            if kind == FileKind::Dir {
                // its attributes are looked at on the walk
                self.directories.entry(target.clone()).or_default().push((name.clone(), value.clone()));
                self.look_again(&target);
                continue;
            }
            let (at, told) = (self.tree.place(&target), compare::is_strange(name));
            let same = |detail: &str| detail == told;
            self.verdict.differences.retain(|it| it.at != at || it.what != What::Attribute || !same(&it.detail));
            self.names.given(&target, name, value);
        }
    }

    /// The file that a link of the layer leads to in the end, with the layer as its root.
    fn leads_to(&mut self, link: &Path) -> Option<(Vec<u8>, FileKind)> {
        let mut todo: Vec<Vec<u8>> = parts(link.bytes());
        let (mut way, mut kind, mut hops): (Vec<u8>, FileKind, usize) = (Vec::new(), FileKind::Dir, 0);
        while let Some(part) = todo.pop() {
            let above = way.len();
            match follow(&mut way, &part) {
                Went::Nowhere => continue,
                Went::Up => {
                    kind = FileKind::Dir;
                    continue;
                }
                Went::Down => {}
            }
            let path = Path::of(&way)?;
            let folder = self.tree.folder(&path);
            let traits = folder.and_then(|folder| folder.step.traits_at(path.name()));
            // what is not there is no link, and may be left again
            kind = traits.map_or(FileKind::Unknown, |traits| traits.kind);
            if kind != FileKind::Symlink {
                continue;
            }
            hops = hops.saturating_add(1).min(HOPS);
            let target = self.tree.folder(&path).and_then(|folder| folder.step.target_at(path.name())).ok()?;
            if hops == HOPS {
                return None;
            }
            way.truncate(if target.starts_with(b"/") { 0 } else { above });
            todo.extend(parts(&target));
        }
        (kind != FileKind::Unknown && !way.is_empty()).then_some((way, kind))
    }
}
