//! Hard links of a layer. Every name of an inode has a header of its own, and each is applied to the same inode: permissions, owner
//! and time are those of the last, and the attributes of all are there, but for file capabilities of earlier ones.

use std::collections::{BTreeMap, BTreeSet};

use super::compare::{self, Found};
use super::examine::Attributes;
use super::path::Path;
use super::tree::Tree;
use super::verdict::{Verdict, What};
use crate::format::tar::{Header, Kind};
use crate::terms::Place;

#[derive(Debug, Default)]
pub(super) struct Names {
    /// Of files, where there are any: by each of the names that came.
    attributes: BTreeMap<Vec<u8>, Attributes>,
    /// Names of inodes of which something was said under one of them.
    of_inodes: BTreeMap<u64, BTreeSet<Place>>,
    /// What is no longer linked to what: target and link.
    broken: Vec<(Vec<u8>, Place)>,
}

impl Names {
    /// The attributes that a file has when all headers so far were applied.
    pub(super) fn attributes<'n>(&'n mut self, path: &Path, header: &'n Header) -> &'n [(Vec<u8>, Vec<u8>)] {
        let of_the_target = match header.kind {
            Kind::Link => Path::of(&header.link).and_then(|target| self.attributes.get(target.bytes()).cloned()),
            _ => None,
        };
        if header.xattrs.is_empty() && of_the_target.is_none() {
            if !self.attributes.is_empty() {
                self.attributes.remove(path.bytes());
            }
            return &[];
        }
        let mut all = of_the_target.unwrap_or_default();
        // each name sets the owner, and with that a capability goes
        all.retain(|(name, _)| name != compare::CAPABILITY);
        for (name, value) in &header.xattrs {
            all.retain(|(known, _)| known != name);
            all.push((name.clone(), value.clone()));
        }
        let known = self.attributes.entry(path.bytes().to_vec()).or_default();
        *known = all;
        known
    }

    /// One more attribute of a file, that its own header does not have.
    pub(super) fn given(&mut self, path: &[u8], name: &[u8], value: &[u8]) {
        let known = self.attributes.entry(path.to_vec()).or_default();
        known.retain(|(known, _)| known != name);
        known.push((name.to_vec(), value.to_vec()));
    }

    /// Takes back what an earlier name's header had said of the inode, where this one's is met.
    pub(super) fn linked(
        &mut self,
        target: &Path,
        path: &Path,
        ino: u64,
        found: &Found,
        tree: &Tree,
        verdict: &mut Verdict,
    ) {
        if verdict.differences.is_empty() {
            return;
        }
        let names = self.of_inodes.entry(ino).or_default();
        names.extend([tree.place(target.bytes()), tree.place(path.bytes())]);
        let is_met = |what: What| {
            matches!(what, What::Mode | What::Owner | What::Time | What::Attribute)
                && !found.iter().any(|(found, _)| *found == what)
        };
        verdict.differences.retain(|difference| !(is_met(difference.what) && names.contains(&difference.at)));
    }

    pub(super) fn broken(&mut self, target: &Path, path: &Path, tree: &Tree) {
        const KEPT: usize = 10_000;
        if self.broken.len() < KEPT {
            self.broken.push((target.bytes().to_vec(), tree.place(path.bytes())));
        }
    }

    /// A later entry took the place of a link's target: the link is to what was there before.
    pub(super) fn replaced(&mut self, target: &[u8], verdict: &mut Verdict) {
        for (_, link) in self.broken.extract_if(.., |(known, _)| known == target) {
            verdict.differences.retain(|difference| difference.at != link || difference.what != What::HardLink);
            verdict.unchecked(format!("{link}: a hard link to a file that a later entry replaced"));
        }
    }
}
