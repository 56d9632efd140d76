//! Progress on stderr, on a terminal, after a second.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::docker::units::human_bytes;

/// Counts what the walk has seen, and shows it if it takes long.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    inodes: AtomicU64,
    bytes: AtomicU64,
}

fn bar(wanted: bool) -> ProgressBar {
    let bar = ProgressBar::hidden();
    if wanted && std::io::stderr().is_terminal() {
        let late = bar.clone();
        bar.set_style(
            ProgressStyle::with_template("{spinner} {wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        // detached on purpose: it ends with the process, and draws nothing once the bar is finished
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_secs(1));
            if !late.is_finished() {
                late.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
                late.enable_steady_tick(Duration::from_millis(200));
            }
        });
    }
    bar
}

impl Progress {
    pub(super) fn new(wanted: bool) -> Self {
        Self { bar: bar(wanted), inodes: AtomicU64::new(0), bytes: AtomicU64::new(0) }
    }

    /// Something that has no measure.
    pub(super) fn of(wanted: bool, what: &'static str) -> Self {
        let progress = Self::new(wanted);
        progress.bar.set_message(what);
        progress
    }

    /// What came in since.
    pub(super) fn add(&self, inodes: u64, bytes: u64) {
        let inodes = self.inodes.fetch_add(inodes, Ordering::Relaxed).saturating_add(inodes);
        let bytes = self.bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if !self.bar.is_hidden() {
            self.bar.set_message(format!("weighing: {} inodes, {}", HumanCount(inodes), human_bytes(bytes)));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// How much of the contents was read, and how fast.
#[derive(Debug)]
pub(super) struct Rate {
    progress: Progress,
    /// About how many bytes there are.
    total: u64,
}

impl Rate {
    pub(super) fn new(wanted: bool, total: u64) -> Self {
        Self { progress: Progress::new(wanted), total }
    }

    pub(super) fn add(&self, files: u64, bytes: u64) {
        let Progress { bar, inodes, bytes: sum } = &self.progress;
        let files = inodes.fetch_add(files, Ordering::Relaxed).saturating_add(files);
        let bytes = sum.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if bar.is_hidden() {
            return;
        }
        let second = u64::try_from(bar.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = bytes.saturating_mul(1000) / second;
        let of = human_bytes(self.total.max(bytes));
        bar.set_message(format!(
            "checking contents: {} of about {of}, {}/s, {} files",
            human_bytes(bytes),
            human_bytes(rate),
            HumanCount(files)
        ));
    }
}
