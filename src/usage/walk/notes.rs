//! What is written down on the way: holes, mounts that turned up, work put aside.

use std::ffi::CStr;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;

use super::{Here, Task, Walk};
use crate::disk::{Halt, Mass};
use crate::terms::{Lost, Place, Problem};
use crate::usage::chart::NodeIx;
use crate::usage::trail::Trail;

#[derive(Default)]
pub(super) struct Notes {
    pub(super) problems: Vec<Problem>,
    pub(super) barred: Vec<NodeIx>,
    pub(super) mounts: Vec<(Place, String)>,
    pub(super) parked: Vec<Task>,
}

impl Walk<'_> {
    /// Seen through another mount than the tree: something was mounted here since the mounts were listed.
    pub(super) fn is_elsewhere(&self, mass: &Mass, trail: &Trail, name: Option<&CStr>) -> bool {
        // a quiet view has no mounts below
        if mass.mount == 0 {
            return false;
        }
        let top = self.tops.get(trail.tree()).copied().flatten().map_or(0, |top| top.mount);
        if top == mass.mount || top == 0 {
            return false;
        }
        let at = self.place(trail);
        let at = name.map_or(at.clone(), |name| at.join(name.to_bytes()));
        self.note(|notes| notes.mounts.push((at, "unknown".to_owned())));
        true
    }

    /// A listing that ends with an error.
    pub(super) fn break_off(&self, here: &Here, halt: Halt) {
        if halt == Halt::Vanished {
            self.vanished.fetch_add(1, Relaxed);
            return;
        }
        self.sums.mark_unreadable(here.below);
        let problem = problem(self.place(&here.trail), "unreadable-directory", &halt);
        self.note(|notes| {
            notes.problems.push(problem);
            notes.barred.extend(here.node);
        });
    }

    pub(super) fn bar(&self, task: &Task, why: &dyn std::fmt::Display) {
        self.sums.mark_unreadable(task.account);
        let problem = problem(self.place(&task.trail), "unreadable-directory", why);
        self.note(|notes| {
            notes.problems.push(problem);
            notes.barred.extend(task.node);
        });
    }

    pub(super) fn place(&self, trail: &Trail) -> Place {
        let tree = self.trees.get(trail.tree()).map_or("", |tree| tree.name());
        trail.names().iter().fold(Place::tree(tree), |at, name| at.join(name.to_bytes()))
    }

    pub(super) fn note(&self, write: impl FnOnce(&mut Notes)) {
        write(&mut self.notes.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

pub(super) fn problem(at: Place, code: &'static str, why: &dyn std::fmt::Display) -> Problem {
    Problem { at, code, cause: why.to_string(), lost: Lost::Bytes }
}
