//! Whoever has nothing left to check fetches files for those who have: a layer is one stream, hashed by one worker, but its
//! files can be opened and read ahead by many.
//!
//! ```text
//! worker   record ─> batch, batch, batch …            compares and hashes, in order
//!                      └─ posted ─> taken ─> done ─┘  a batch that nobody took is done without help
//! ```

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::path::{Path, Sense};
use super::tree::Tree;
use crate::disk::{Attributes, Disk, Traits};
use crate::terms::Place;

/// A file's content, and what else there is to compare.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) traits: Traits,
    pub(super) attributes: Attributes,
    pub(super) content: Vec<u8>,
}

/// A file to fetch.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) name: Vec<u8>,
    pub(super) size: u64,
}

#[derive(Debug)]
enum Stage {
    Posted,
    Taken,
    /// In the order in which they were wanted; none for what could not be had as it should be.
    Done(Vec<Option<Fetched>>),
    /// Nobody waits for it.
    Off,
}

/// Some files of one layer.
#[derive(Debug)]
pub(super) struct Errand {
    layer: Place,
    wanted: Vec<Wanted>,
    stage: Mutex<Stage>,
    done: Condvar,
}

impl Errand {
    /// What was fetched; nothing if nobody has begun to, and then nobody will.
    pub(super) fn result(&self) -> Vec<Option<Fetched>> {
        let mut stage = lock(&self.stage);
        while matches!(*stage, Stage::Taken) {
            stage = self.done.wait(stage).unwrap_or_else(PoisonError::into_inner);
        }
        match std::mem::replace(&mut *stage, Stage::Off) {
            Stage::Done(fetched) => fetched,
            _ => Vec::new(),
        }
    }

    fn take(&self) -> bool {
        let mut stage = lock(&self.stage);
        let mine = matches!(*stage, Stage::Posted);
        if mine {
            *stage = Stage::Taken;
        }
        mine
    }

    fn finish(&self, fetched: Vec<Option<Fetched>>) {
        *lock(&self.stage) = Stage::Done(fetched);
        self.done.notify_all();
    }
}

/// Errands of one worker.
const MOST: usize = 16;

#[derive(Debug, Default)]
pub(super) struct State {
    errands: VecDeque<Arc<Errand>>,
    /// Workers that have something of their own to do.
    at_work: usize,
}

#[derive(Debug, Default)]
pub(super) struct Crew {
    state: Mutex<State>,
    news: Condvar,
    idle: AtomicUsize,
    at_work: AtomicUsize,
}

impl Crew {
    pub(super) fn of(workers: usize) -> Self {
        let crew = Self::default();
        lock(&crew.state).at_work = workers;
        crew.at_work.store(workers, Relaxed);
        crew
    }

    /// How many errands one worker may have out at a time; zero if nobody is free. What was fetched waits in memory.
    pub(super) fn room(&self) -> usize {
        match self.idle.load(Relaxed) {
            0 => 0,
            idle => (idle / self.at_work.load(Relaxed).max(1)).saturating_add(2).min(MOST),
        }
    }

    pub(super) fn post(&self, layer: &Place, wanted: Vec<Wanted>) -> Arc<Errand> {
        let (stage, done) = (Mutex::new(Stage::Posted), Condvar::new());
        let errand = Arc::new(Errand { layer: layer.clone(), wanted, stage, done });
        if !errand.wanted.is_empty() {
            lock(&self.state).errands.push_back(errand.clone());
            self.news.notify_one();
        }
        errand
    }

    /// One worker fewer has something of its own to do.
    pub(super) fn is_one_less(&self) -> MutexGuard<'_, State> {
        let mut state = lock(&self.state);
        state.at_work = state.at_work.saturating_sub(1);
        self.at_work.store(state.at_work, Relaxed);
        if state.at_work == 0 {
            self.news.notify_all();
        }
        state
    }

    /// A worker has done all of its own: it runs errands until the others have, too.
    pub(super) fn help(&self, disk: &Disk) {
        let mut state = self.is_one_less();
        let mut hand = Hand { disk, open: None, path: Path::default() };
        self.idle.fetch_add(1, Relaxed);
        loop {
            if let Some(errand) = state.errands.pop_front() {
                drop(state);
                if errand.take() {
                    self.idle.fetch_sub(1, Relaxed);
                    // a bug here costs the help, not the answer
                    let fetched = catch_unwind(AssertUnwindSafe(|| hand.run(&errand)));
                    errand.finish(fetched.unwrap_or_default());
                    self.idle.fetch_add(1, Relaxed);
                }
                state = lock(&self.state);
            } else if state.at_work == 0 {
                return;
            } else {
                state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

/// Who fetches, and the layer that is open for it.
struct Hand<'a> {
    disk: &'a Disk,
    open: Option<Tree>,
    path: Path,
}

impl Hand<'_> {
    fn run(&mut self, errand: &Errand) -> Vec<Option<Fetched>> {
        if self.open.as_ref().is_none_or(|tree| *tree.at() != errand.layer) {
            self.open = Tree::open(self.disk, &errand.layer).ok();
        }
        errand.wanted.iter().map(|wanted| self.fetch(wanted)).collect()
    }

    /// Only what is just as it should be: of the rest the worker makes its own picture.
    fn fetch(&mut self, wanted: &Wanted) -> Option<Fetched> {
        let tree = self.open.as_mut()?;
        if !self.path.set(&wanted.name) || self.path.sense() != Sense::File {
            return None;
        }
        tree.go_to(self.path.folder());
        let folder = tree.folder(&self.path).ok().filter(|folder| !folder.over_a_link)?;
        let (open, traits) = folder.step.content(self.path.name()).ok()?;
        let attributes = open.attributes().ok()?;
        if traits.size != wanted.size {
            return None;
        }
        let mut content = vec![0; usize::try_from(wanted.size).ok()?];
        let mut read = 0;
        while let Some(rest) = content.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match open.read(rest) {
                Ok(more @ 1..) => read = read.saturating_add(more),
                _ => return None,
            }
        }
        Some(Fetched { traits, attributes, content })
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
