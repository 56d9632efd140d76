//! The walk. The unit of work is a directory, or some hundred names of a huge one; never an owner, since few owners
//! have most of the files. Nothing is kept of a file but its numbers.
//!
//! Each thread works down a stack of its own, depth first, so that few directories are open at a time; when others have
//! nothing to do it hands them the older half. A directory that cannot be opened for want of descriptors is put aside
//! without holding any, and tried again when the rest is done: what was seen once is never left out.

use std::ffi::CStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rayon::{Scope, ThreadPool, ThreadPoolBuilder};

use super::chart::{AccountIx, Chart, NodeIx};
use super::links::Links;
use super::sums::{Sum, Sums};
use super::trail::Trail;
use crate::disk::{Disk, FileKind, Halt, Mass, Step, Tree};
use crate::terms::{Lost, Place, Problem};

/// Names of a huge directory that are handed to another thread together.
const BATCH: usize = 512;
/// How often, 50 ms apart, a walk that gets no descriptor at all tries again.
const PATIENCE: u32 = 40;

/// What a walk brings home.
#[derive(Debug)]
pub(super) struct Walked {
    pub(super) sums: Sums,
    pub(super) links: Links,
    pub(super) problems: Vec<Problem>,
    /// Claimed directories that could not be read.
    pub(super) barred: Vec<NodeIx>,
    /// Mount points that turned up during the walk.
    pub(super) mounts: Vec<(Place, String)>,
    pub(super) vanished: u64,
}

/// A directory to go into.
struct Task {
    /// The open directory above; without it the way is gone again from the top.
    above: Option<Arc<Step>>,
    trail: Arc<Trail>,
    account: AccountIx,
    node: Option<NodeIx>,
}

/// A directory we are in.
#[derive(Clone)]
struct Here {
    dir: Arc<Step>,
    trail: Arc<Trail>,
    /// Whom a name that nobody claims is charged to.
    below: AccountIx,
    node: Option<NodeIx>,
}

enum Job {
    Enter(Task),
    /// Read on in a directory whose names did not fit the buffer.
    More(Here),
    /// Weigh these names, each followed by a zero.
    Names(Here, Vec<u8>),
}

#[derive(Default)]
struct Notes {
    problems: Vec<Problem>,
    barred: Vec<NodeIx>,
    mounts: Vec<(Place, String)>,
    parked: Vec<Task>,
}

struct Walk<'a> {
    chart: &'a Chart<'a>,
    trees: Vec<&'a Tree>,
    /// What the tops of the trees are. One that lies in another is walked as a tree of its own.
    tops: Vec<Option<Mass>>,
    sums: Sums,
    links: Links,
    notes: Mutex<Notes>,
    vanished: AtomicU64,
    entered: AtomicU64,
    progress: &'a (dyn Fn(u64, u64) + Sync),
}

thread_local! {
    static BUFFER: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
}

pub(super) fn walk(disk: &Disk, chart: &Chart<'_>, threads: usize, progress: &(dyn Fn(u64, u64) + Sync)) -> Walked {
    let trees: Vec<&Tree> = disk.trees().collect();
    let tops = trees.iter().map(|tree| tree.step().and_then(|top| top.weigh()).ok()).collect();
    let walk = Walk {
        chart,
        trees,
        tops,
        sums: Sums::new(chart.accounts().len()),
        links: Links::new(),
        notes: Mutex::default(),
        vanished: AtomicU64::new(0),
        entered: AtomicU64::new(0),
        progress,
    };
    match pool(threads) {
        Some(pool) => walk.rounds(&pool),
        None => walk.tops().into_iter().for_each(|task| walk.bar(&task, &"no thread could be started")),
    }
    let notes = walk.notes.into_inner().unwrap_or_else(PoisonError::into_inner);
    Walked {
        sums: walk.sums,
        links: walk.links,
        problems: notes.problems,
        barred: notes.barred,
        mounts: notes.mounts,
        vanished: walk.vanished.into_inner(),
    }
}

/// Threads of our own, fewer if the system gives no more.
fn pool(threads: usize) -> Option<ThreadPool> {
    let halves = std::iter::successors(Some(threads.max(1)), |n| Some(n / 2)).take_while(|n| *n > 0);
    halves
        .map(|n| ThreadPoolBuilder::new().num_threads(n).thread_name(|i| format!("walk-{i}")))
        .find_map(|b| b.build().ok())
}

impl<'a> Walk<'a> {
    fn tops(&self) -> Vec<Task> {
        let twice = |at: usize, mass: &Option<Mass>| {
            mass.is_some_and(|top| self.tops.iter().take(at).flatten().any(|other| same(&top, other)))
        };
        let tops = self.trees.iter().zip(&self.tops).enumerate();
        tops.filter(|(at, (_, mass))| !twice(*at, mass))
            .map(|(at, (tree, _))| {
                let node = self.chart.child(None, tree.name().as_bytes());
                let account = node.map_or(0, |node| self.chart.itself(node));
                Task { above: None, trail: Trail::top(at), account, node }
            })
            .collect()
    }

    fn rounds(&self, pool: &ThreadPool) {
        let mut todo = self.tops();
        let mut patience = PATIENCE;
        while !todo.is_empty() {
            let before = self.entered.load(Relaxed);
            pool.scope(|scope| {
                for task in todo.drain(..) {
                    scope.spawn(move |scope| self.work(vec![Job::Enter(task)], pool, scope));
                }
            });
            self.note(|notes| std::mem::swap(&mut notes.parked, &mut todo));
            if todo.is_empty() || self.entered.load(Relaxed) > before {
                continue;
            }
            patience = patience.saturating_sub(1);
            if patience == 0 {
                return todo.iter().for_each(|task| self.bar(task, &"too many open files"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn work<'s>(&'s self, mut stack: Vec<Job>, pool: &'s ThreadPool, scope: &Scope<'s>) {
        while let Some(job) = stack.pop() {
            match job {
                Job::Enter(task) => self.enter(task, &mut stack),
                Job::More(here) => BUFFER.with_borrow_mut(|buffer| self.more(here, &mut stack, buffer)),
                Job::Names(here, names) => self.weigh_names(&here, &names, &mut stack),
            }
            if stack.len() > 1 && pool.current_thread_has_pending_tasks() == Some(false) {
                let mine = stack.split_off(stack.len() / 2);
                let older = std::mem::replace(&mut stack, mine);
                scope.spawn(move |scope| self.work(older, pool, scope));
            }
        }
    }

    fn enter(&self, task: Task, stack: &mut Vec<Job>) {
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
        if halt == Halt::Vanished {
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
            Ok(mass) => {
                let mut sum = Sum::default();
                self.count(&mass, task.account, &mut sum);
                self.charge(task.account, &sum);
            }
        }
        if let Halt::Barred(why) = halt {
            self.bar(&task, &why);
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
    fn more(&self, here: Here, stack: &mut Vec<Job>, buffer: &mut Vec<u8>) {
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

    fn weigh_names(&self, here: &Here, names: &[u8], stack: &mut Vec<Job>) {
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

    /// Seen through another mount than the tree: something was mounted here since the mounts were listed.
    fn is_elsewhere(&self, mass: &Mass, trail: &Trail, name: Option<&CStr>) -> bool {
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
    fn break_off(&self, here: &Here, halt: Halt) {
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

    fn bar(&self, task: &Task, why: &dyn std::fmt::Display) {
        self.sums.mark_unreadable(task.account);
        let problem = problem(self.place(&task.trail), "unreadable-directory", why);
        self.note(|notes| {
            notes.problems.push(problem);
            notes.barred.extend(task.node);
        });
    }

    fn place(&self, trail: &Trail) -> Place {
        let tree = self.trees.get(trail.tree()).map_or("", |tree| tree.name());
        trail.names().iter().fold(Place::tree(tree), |at, name| at.join(name.to_bytes()))
    }

    fn note(&self, write: impl FnOnce(&mut Notes)) {
        write(&mut self.notes.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn same(one: &Mass, other: &Mass) -> bool {
    (one.dev, one.ino) == (other.dev, other.ino)
}

fn problem(at: Place, code: &'static str, why: &dyn std::fmt::Display) -> Problem {
    Problem { at, code, cause: why.to_string(), lost: Lost::Bytes }
}
