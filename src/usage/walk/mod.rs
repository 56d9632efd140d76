//! The walk: what its work is cut into, and who does it. The unit of work is a directory, or some hundred names of a huge
//! one; never an owner, since few owners have most of the files. Nothing is kept of a file but its numbers.
//!
//! Each thread works down a stack of its own, depth first, so that few directories are open at a time; when others have
//! nothing to do it hands them the older half. A directory that cannot be opened for want of descriptors is put aside
//! without holding any, and tried again when the rest is done: what was seen once is never left out.

mod notes;
mod visit;

use std::ffi::CString;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rayon::{Scope, ThreadPool, ThreadPoolBuilder};

use self::notes::Notes;
use super::chart::{AccountIx, Chart, NodeIx};
use super::links::Links;
use super::sums::Sums;
use super::trail::Trail;
use crate::disk::{Disk, Mass, Step, Tree};
use crate::terms::{Place, Problem};

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

/// The tops of all trees.
pub(super) fn trees(disk: &Disk) -> Vec<Place> {
    disk.trees().map(|tree| Place::tree(tree.name())).collect()
}

pub(super) fn walk(
    disk: &Disk,
    chart: &Chart<'_>,
    from: &[Place],
    threads: usize,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Walked {
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
        Some(pool) => walk.rounds(&pool, from),
        None => walk.starts(from).into_iter().for_each(|task| walk.bar(&task, &"no thread could be started")),
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
    /// Where to begin; a tree that is there under two names is walked once.
    fn starts(&self, from: &[Place]) -> Vec<Task> {
        let twice = |at: usize| {
            let mass = self.tops.get(at).copied().flatten();
            mass.is_some_and(|top| self.tops.iter().take(at).flatten().any(|other| same(&top, other)))
        };
        let tree_of = |place: &Place| self.trees.iter().position(|tree| tree.name().as_bytes() == place.tree_name());
        let starts = from.iter().filter_map(|place| Some((place, tree_of(place)?)));
        starts.filter(|(_, tree)| !twice(*tree)).map(|(place, tree)| self.start(place, tree)).collect()
    }

    fn start(&self, place: &Place, tree: usize) -> Task {
        let mut node = self.chart.child(None, place.tree_name());
        let mut trail = Trail::top(tree);
        for name in place.components().skip(1) {
            node = node.and_then(|node| self.chart.child(Some(node), name));
            // the components of a place have no zero in them
            trail = Trail::below(&trail, &CString::new(name).unwrap_or_default());
        }
        let account = node.map_or(0, |node| self.chart.itself(node));
        Task { above: None, trail, account, node }
    }

    fn rounds(&self, pool: &ThreadPool, from: &[Place]) {
        let mut todo = self.starts(from);
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
}

fn same(one: &Mass, other: &Mass) -> bool {
    (one.dev, one.ino) == (other.dev, other.ino)
}
