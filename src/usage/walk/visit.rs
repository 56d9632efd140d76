//! One directory visited: weighed, listed, its names weighed in turn.

use std::ffi::CStr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::notes::problem;
use super::{BATCH, BUFFER, Here, Job, Task, Walk, same};
use crate::disk::{FileKind, Halt, Mass, Step, Sum, Weighed};
use crate::usage::chart::AccountIx;
use crate::usage::trail::Trail;

impl Walk<'_> {
    pub(super) fn enter(&self, task: Task, stack: &mut Vec<Job>) {
        if let Some(weighed) = task.node.and_then(|node| self.chart.weighed(node)) {
            return self.take(task.account, weighed);
        }
        let dir = match self.open(&task) {
            Ok(dir) => dir,
            Err(halt) => return self.stay_outside(task, halt),
        };
        self.entered.fetch_add(1, Relaxed);
        let mass = match dir.weigh() {
            Ok(mass) => mass,
            Err(halt) => return self.stay_outside(task, halt),
        };
        if self.is_other_tree(&task, &mass) || self.is_elsewhere(&mass, &task.trail, None) {
            return;
        }
        self.charge(task.account, &Sum::of(&mass));
        let below = task.node.map_or(task.account, |node| self.chart.below(node));
        let here = Here { dir: Arc::new(dir), trail: task.trail, below, node: task.node };
        BUFFER.with_borrow_mut(|buffer| self.list(here, stack, buffer));
    }

    /// Somebody has been here already.
    fn take(&self, account: AccountIx, weighed: &Weighed) {
        let mut sum = weighed.sum;
        for (mass, links) in &weighed.links {
            (0..*links).for_each(|_| self.count(mass, account, &mut sum));
        }
        self.charge(account, &sum);
    }

    fn open(&self, task: &Task) -> Result<Step, Halt> {
        if let Some(why) = task.node.and_then(|node| self.chart.fault(node)) {
            return Err(Halt::Barred(why.clone()));
        }
        match &task.above {
            Some(above) => above.enter(task.trail.name()),
            None => self.go(&task.trail),
        }
    }

    /// The way from the top.
    fn go(&self, trail: &Trail) -> Result<Step, Halt> {
        let tree = self.trees.get(trail.tree()).ok_or(Halt::Vanished)?;
        trail.names().iter().try_fold(tree.step()?, |dir, name| dir.enter(name))
    }

    /// A directory that we do not get into is still an inode.
    fn stay_outside(&self, task: Task, halt: Halt) {
        if halt == Halt::Vanished && task.trail.up().is_some() {
            self.vanished.fetch_add(1, Relaxed);
            return;
        }
        if halt == Halt::Crowded {
            return self.note(|notes| notes.parked.push(Task { above: None, ..task }));
        }
        let mass = match (&task.above, task.trail.up()) {
            (Some(above), _) => above.weigh_at(task.trail.name()),
            (None, Some(up)) => self.go(up).and_then(|above| above.weigh_at(task.trail.name())),
            (None, None) => Err(halt.clone()),
        };
        match mass {
            Err(Halt::Crowded) => return self.note(|notes| notes.parked.push(Task { above: None, ..task })),
            Err(Halt::Vanished) => _ = self.vanished.fetch_add(1, Relaxed),
            Err(_) => {}
            Ok(mass) if self.is_elsewhere(&mass, &task.trail, None) => return,
            Ok(mass) => {
                let mut sum = Sum::default();
                self.count(&mass, task.account, &mut sum);
                self.charge(task.account, &sum);
            }
        }
        if halt != Halt::NotADirectory {
            self.bar(&task, &halt);
        }
    }

    /// The first bufferful is weighed as it is read; mostly it is the only one.
    fn list(&self, here: Here, stack: &mut Vec<Job>, buffer: &mut Vec<u8>) {
        let mut sum = Sum::default();
        let read = here.dir.names(buffer, |name, kind| self.weigh(&here, name, kind, &mut sum, stack));
        self.charge(here.below, &sum);
        match read {
            Ok(0) => {}
            Ok(_) => self.more(here, stack, buffer),
            Err(halt) => self.break_off(&here, halt),
        }
    }

    /// Further bufferfuls go to whoever is free, this thread included; the reader does not run ahead of them.
    pub(super) fn more(&self, here: Here, stack: &mut Vec<Job>, buffer: &mut Vec<u8>) {
        let mut batches: Vec<Vec<u8>> = Vec::new();
        let mut tasks: Vec<Job> = Vec::new();
        let mut room = 0;
        let read = here.dir.names(buffer, |name, kind| {
            if kind == FileKind::Dir {
                tasks.extend(self.task(&here, name).map(Job::Enter));
                return;
            }
            if room == 0 {
                batches.push(Vec::new());
                room = BATCH;
            }
            room -= 1;
            if let Some(batch) = batches.last_mut() {
                batch.extend_from_slice(name.to_bytes_with_nul());
            }
        });
        let batches = batches.into_iter().map(|names| Job::Names(here.clone(), names));
        match read {
            Ok(0) => {}
            Ok(_) => {
                stack.push(Job::More(here.clone()));
                stack.extend(batches);
                stack.extend(tasks);
            }
            Err(halt) => {
                stack.extend(batches);
                stack.extend(tasks);
                self.break_off(&here, halt);
            }
        }
    }

    pub(super) fn weigh_names(&self, here: &Here, names: &[u8], stack: &mut Vec<Job>) {
        let mut sum = Sum::default();
        let mut rest = names;
        while let Ok(name) = CStr::from_bytes_until_nul(rest) {
            self.weigh(here, name, FileKind::Unknown, &mut sum, stack);
            rest = rest.get(name.count_bytes().saturating_add(1)..).unwrap_or_default();
        }
        self.charge(here.below, &sum);
    }

    /// One name. `sum` is what goes to those whom unclaimed names are charged to.
    fn weigh(&self, here: &Here, name: &CStr, kind: FileKind, sum: &mut Sum, stack: &mut Vec<Job>) {
        if kind == FileKind::Dir {
            stack.extend(self.task(here, name).map(Job::Enter));
            return;
        }
        let node = here.node.and_then(|node| self.chart.child(Some(node), name.to_bytes()));
        if node.is_some_and(|node| self.chart.is_mount(node)) {
            return;
        }
        let account = node.map_or(here.below, |node| self.chart.itself(node));
        match here.dir.weigh_at(name) {
            // not every listing says what is a directory
            Ok(mass) if mass.kind == FileKind::Dir => stack.extend(self.task(here, name).map(Job::Enter)),
            Ok(mass) if self.is_elsewhere(&mass, &here.trail, Some(name)) => {}
            Ok(mass) if account == here.below => self.count(&mass, account, sum),
            Ok(mass) => {
                let mut own = Sum::default();
                self.count(&mass, account, &mut own);
                self.charge(account, &own);
            }
            Err(Halt::Vanished) => _ = self.vanished.fetch_add(1, Relaxed),
            Err(halt) => {
                let at = self.place(&here.trail).join(name.to_bytes());
                self.sums.mark_unreadable(account);
                self.note(|notes| notes.problems.push(problem(at, "unweighed-file", &halt)));
            }
        }
    }

    /// A directory to go into, unless something is mounted on it.
    fn task(&self, here: &Here, name: &CStr) -> Option<Task> {
        let node = here.node.and_then(|node| self.chart.child(Some(node), name.to_bytes()));
        if node.is_some_and(|node| self.chart.is_mount(node)) {
            return None;
        }
        let account = node.map_or(here.below, |node| self.chart.itself(node));
        Some(Task { above: Some(here.dir.clone()), trail: Trail::below(&here.trail, name), account, node })
    }

    fn count(&self, mass: &Mass, account: AccountIx, sum: &mut Sum) {
        let linked = mass.nlink > 1 && mass.kind != FileKind::Dir;
        if !linked || self.links.see(mass, account) {
            sum.add(mass);
        }
    }

    fn charge(&self, account: AccountIx, sum: &Sum) {
        self.sums.add(account, sum);
        (self.progress)(sum.inodes, sum.allocated);
    }

    /// The top of another tree, which is walked from there.
    fn is_other_tree(&self, task: &Task, mass: &Mass) -> bool {
        self.tops.len() > 1 && task.trail.up().is_some() && self.tops.iter().flatten().any(|top| same(top, mass))
    }
}
