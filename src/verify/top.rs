//! A layer's own directory. An entry for it is in some streams, and where layers are kept apart neither engine heeds it: the
//! directory is what the engine makes, or what a build left.

use super::changes::USUAL_MODE;
use super::compare::{self, Found};
use super::examine::Examiner;
use super::owners::Owned;
use super::verdict::What;
use crate::disk::{Halt, Step};
use crate::format::tar::Header;

impl Examiner {
    /// Compares it; `wanted` is what the streams of a copy say of it.
    // moby daemon/graphdriver/overlay2/overlay.go create, containerd plugins/snapshots/overlay prepareDirectory: 0755;
    // pkg/archive/archive.go Unpack passes over "."; UnpackLayer, for drivers that copy, does not
    pub(super) fn top(&mut self, step: &Step, wanted: Option<&Header>) -> Result<(), Halt> {
        let traits = step.traits_at(c".")?;
        let at = self.tree.at().clone();
        let shift = self.habits.shift;
        let mode = wanted.map_or(u32::from(USUAL_MODE), |header| header.mode);
        let is = u32::from(traits.mode & 0o7777);
        let top = Header::default();
        let owned = shift.judge(wanted.unwrap_or(&top), &traits);
        let mut told = Found::new();
        if is != mode {
            told.push((What::Mode, format!("{is:04o} instead of {mode:04o}")));
        }
        if let Owned::Wrong(owned, owner) = owned {
            told.push((What::Owner, format!("{}:{} instead of {}:{}", owned.0, owned.1, owner.0, owner.1)));
        }
        for (what, detail) in &told {
            // a build may have given it any; containerd's has the owner of the one below
            let any = self.habits.from_directory || *what == What::Owner && self.habits.top_has_any_owner;
            if any {
                self.changes.doubt_top(&traits, at.clone(), *what, detail);
            } else {
                self.verdict.differs(at.clone(), *what, detail.clone());
            }
        }
        if told.is_empty() {
            self.changes.doubt_top(&traits, at, What::Time, &compare::time(traits.mtime));
        }
        Ok(())
    }
}
