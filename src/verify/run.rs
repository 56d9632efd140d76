//! The workers: each takes the largest thing that is left.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use sha2::{Digest as _, Sha256};

use super::crew::Crew;
use super::desk::{Desk, Progress};
use super::subject::{Subject, Task};
use super::verdict::Verdict;
use super::{blob, layer, owners, snapshot};
use crate::disk::Disk;

/// The n-th of so many parts, from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub number: u64,
    pub of: u64,
}

impl Part {
    /// The same thing is in the same part, whatever else there is.
    pub fn has(self, subject: &Subject) -> bool {
        let hash = Sha256::digest(subject.key.to_string().as_bytes());
        let number = hash.iter().take(8).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        self.of == 0 || number % self.of == self.number.saturating_sub(1)
    }
}

/// How to go about it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Orders {
    pub threads: usize,
    /// What is not done by then is not checked.
    pub until: Option<Instant>,
}

/// Checks everything that is handed over; a verdict for each, in order of the keys.
pub fn run(disk: &Disk, mut subjects: Vec<Subject>, orders: Orders, progress: Progress<'_>) -> Vec<Verdict> {
    subjects.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.key.cmp(&b.key)));
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<Verdict>> = Mutex::new(Vec::with_capacity(subjects.len()));
    let threads = orders.threads.min(of_use(&subjects)).max(1);
    let crew = Crew::of(threads);
    let worker = || {
        let mut desk: Option<Desk<'_>> = None;
        let mut mine = Vec::new();
        while let Some(subject) = subjects.get(next.fetch_add(1, Ordering::Relaxed)) {
            let desk = desk.get_or_insert_with(|| Desk::new(disk, &crew, orders.until, progress));
            mine.push(fenced(desk, subject).sorted());
        }
        desk.iter_mut().for_each(Desk::flush);
        drop(desk);
        done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(mine);
        crew.help(disk);
    };
    std::thread::scope(|scope| {
        let apart = || {
            crate::disk::stand_alone();
            worker();
        };
        let started = (0..threads).filter(|_| std::thread::Builder::new().spawn_scoped(scope, apart).is_ok()).count();
        (started..threads).for_each(|_| drop(crew.is_one_less()));
        if started == 0 {
            worker();
        }
    });
    let mut verdicts = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    verdicts.sort_by(|a, b| a.key.cmp(&b.key));
    owners::settle(&mut verdicts);
    verdicts
}

/// How many threads have something to do: one for each thing, and of layers, whose files others can fetch, one for each
/// megabyte.
fn of_use(subjects: &[Subject]) -> usize {
    let layers = subjects.iter().filter(|it| matches!(it.task, Task::Layer(_)));
    let bytes = layers.map(|it| it.size).fold(0, u64::saturating_add);
    usize::try_from(bytes >> 20).unwrap_or(usize::MAX).saturating_add(subjects.len())
}

/// A panic is a bug of ours; it costs one verdict.
fn fenced(desk: &mut Desk<'_>, subject: &Subject) -> Verdict {
    catch_unwind(AssertUnwindSafe(|| one(desk, subject))).unwrap_or_else(|_| {
        let mut verdict = Verdict::of(&subject.key, &subject.at);
        verdict.unchecked("checking it failed unexpectedly");
        verdict
    })
}

fn one(desk: &mut Desk<'_>, subject: &Subject) -> Verdict {
    let mut verdict = Verdict::of(&subject.key, &subject.at);
    if desk.look_at_the_clock().is_err() {
        verdict.unchecked("the time that was given is over");
        return verdict;
    }
    match &subject.task {
        Task::Layer(files) => layer::check(desk, files, verdict),
        Task::Snapshot(files) => snapshot::check(desk, files, verdict),
        Task::Blob(size) => blob::check(desk, *size, verdict),
        Task::Cannot(why) => {
            verdict.unchecked(why.clone());
            verdict
        }
        Task::Nothing(why) => {
            verdict.unchecked(*why);
            verdict.by_design = true;
            verdict
        }
    }
}
