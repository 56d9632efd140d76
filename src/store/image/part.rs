//! `image/<driver>` of one root, with the words to speak of it.

use std::fmt::Display;
use std::sync::Arc;

use crate::disk::{Dir, Unreadable};
use crate::inventory::Inventory;
use crate::store::Site;
use crate::terms::{Key, Kind, LinkKind, Lost, Place};

/// One store below `image/`.
#[derive(Clone, Debug)]
pub(super) struct Part<'a> {
    pub(super) site: &'a Site<'a>,
    pub(super) name: Arc<str>,
    pub(super) at: Place,
}

impl<'a> Part<'a> {
    pub(super) fn new(site: &'a Site<'a>, name: String, image: &Dir<'_>) -> Self {
        Self { site, at: image.place().join(&name), name: name.into() }
    }

    pub(super) fn key(&self, kind: Kind, id: impl Into<Arc<str>>) -> Key {
        Key { root: self.site.root.name.clone(), store: self.name.clone(), kind, id: id.into() }
    }

    /// A directory that may be absent.
    pub(super) fn dir(&self, inv: &mut Inventory, at: &Place, lost: &[LinkKind]) -> Option<Dir<'a>> {
        self.site.dir(inv, at, links(lost))
    }

    /// A directory that the engine makes at its first start: it is claimed, and its absence is a problem.
    pub(super) fn own_dir(&self, inv: &mut Inventory, at: &Place, lost: &[LinkKind]) -> Option<Dir<'a>> {
        let dir = self.expected(inv, at, lost)?;
        inv.scaffold(self.site.root, &self.name, &dir);
        Some(dir)
    }

    /// A directory whose absence is a problem.
    pub(super) fn expected(&self, inv: &mut Inventory, at: &Place, lost: &[LinkKind]) -> Option<Dir<'a>> {
        let found = self.site.disk.dir(at);
        let code = match found {
            Err(Unreadable::Missing) => "missing-directory",
            _ => "unreadable-directory",
        };
        inv.note(code, at, links(lost), found)
    }

    /// Notes what is wrong with one file of an entry; a file that must be there and is not is named as missing.
    pub(super) fn fault(&self, inv: &mut Inventory, dir: &Dir<'_>, name: &str, lost: &[LinkKind], why: &impl Display) {
        let code = if dir.kind(name.as_bytes()).is_none() { "missing-file" } else { "damaged-file" };
        inv.problem(code, &dir.place().join(name), links(lost), why);
    }
}

pub(super) fn links(lost: &[LinkKind]) -> Lost {
    if lost.is_empty() { Lost::Nothing } else { Lost::Links(lost.to_vec()) }
}
