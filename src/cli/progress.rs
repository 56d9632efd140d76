//! Progress on stderr, on a terminal, after a second.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Counts what the walk has seen, and shows it if it takes long.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    inodes: AtomicU64,
    bytes: AtomicU64,
}

impl Progress {
    pub(super) fn new(wanted: bool) -> Self {
        let bar = ProgressBar::hidden();
        if wanted && std::io::stderr().is_terminal() {
            let late = bar.clone();
            bar.set_style(
                ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
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
        Self { bar, inodes: AtomicU64::new(0), bytes: AtomicU64::new(0) }
    }

    /// What came in since.
    pub(super) fn add(&self, inodes: u64, bytes: u64) {
        let inodes = self.inodes.fetch_add(inodes, Ordering::Relaxed).saturating_add(inodes);
        let bytes = self.bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if !self.bar.is_hidden() {
            self.bar.set_message(format!("{} inodes, {}", HumanCount(inodes), HumanBytes(bytes)));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
