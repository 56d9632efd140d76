//! F7: knowledge about the store. A rule is a value: its class, what it relies on, and how it looks.
//!
//! A new finding is one file here, one line in `RULES`, one page in `docs/findings/`, one fixture.

mod age;
mod build_cache;
mod case;
mod container_logs;
mod containerd;
mod damaged_metadata;
mod dangling_image;
mod dead_container;
mod duplicate_compressed_blob;
mod foreign_file;
mod foreign_namespace;
mod half_removed_container;
mod intermediate_image;
mod interrupted_leftover;
mod layers_pinned_by_running_container;
mod layers_pinned_by_stopped_container;
mod leased_content;
mod left_over;
mod nested_data_root;
mod orphan_driver_directory;
mod pinned;
mod stale_lease;
mod stopped_container;
mod stranded_store;
#[cfg(test)]
mod tests;
mod unowned;
mod unreferenced_layer;
mod unreferenced_volume;
mod untagged_image_pinned_by_container;
mod unused_image;
mod withhold;
mod words;
mod zero_size_cache_record;

pub use case::{Case, Mass};
pub use damaged_metadata::is_damage;

use crate::terms::{Key, LinkKind, Place};

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    High,
    Medium,
    Low,
    Info,
}

impl Severity {
    pub fn name(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Info => "info",
        }
    }

    /// By what it costs: 1 GB is worth a night call, 10 MB a look.
    pub fn of_bytes(bytes: u64) -> Self {
        match bytes {
            1_000_000_000.. => Self::High,
            10_000_000.. => Self::Medium,
            _ => Self::Low,
        }
    }
}

/// How sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    Certain,
    Likely,
    /// It rests on something that could not be read, or that a daemon may be writing.
    Unknown,
}

impl Confidence {
    pub fn name(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
            Self::Unknown => "unknown",
        }
    }
}

/// What frees it.
#[derive(Clone, Debug, Default)]
pub struct Remedy {
    /// Docker commands, as typed in a shell.
    pub commands: Vec<String>,
    /// What else to know; a plain statement where no Docker command frees it.
    pub note: String,
}

/// One finding.
#[derive(Clone, Debug)]
pub struct Finding {
    pub class: &'static str,
    pub severity: Severity,
    pub confidence: Confidence,
    pub objects: Vec<Key>,
    pub paths: Vec<Place>,
    pub on_disk_bytes: u64,
    pub inodes: u64,
    pub in_docker_df: bool,
    pub cause: String,
    pub evidence: Vec<String>,
    pub remedy: Remedy,
    /// When the youngest thing it concludes from absence about last changed: an operation in flight on a live root
    /// looks the same as its remains.
    pub youngest: Option<(i64, u32)>,
    /// Why it is not certain, where the rule itself sees that two files contradict each other.
    pub doubt: Option<String>,
}

/// A class of findings.
#[derive(Clone, Copy)]
pub struct Rule {
    pub class: &'static str,
    /// References whose loss would mislead it: it concludes from their absence.
    pub relies_on: &'static [LinkKind],
    pub check: for<'a> fn(&Case<'a>) -> Vec<Finding>,
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rule").field("class", &self.class).field("relies_on", &self.relies_on).finish_non_exhaustive()
    }
}

/// A class whose conclusions rest on something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Withheld {
    pub class: &'static str,
    pub because: String,
}

/// Every rule.
pub const RULES: &[Rule] = &[
    layers_pinned_by_stopped_container::RULE,
    layers_pinned_by_running_container::RULE,
    dangling_image::RULE,
    unused_image::RULE,
    intermediate_image::RULE,
    stopped_container::RULE,
    container_logs::RULE,
    unreferenced_layer::RULE,
    orphan_driver_directory::RULE,
    half_removed_container::RULE,
    dead_container::RULE,
    interrupted_leftover::RULE,
    stranded_store::RULE,
    left_over::RULE,
    unreferenced_volume::RULE,
    build_cache::RULE,
    build_cache::HISTORY,
    zero_size_cache_record::RULE,
    stale_lease::RULE,
    foreign_file::RULE,
    nested_data_root::RULE,
    damaged_metadata::RULE,
    untagged_image_pinned_by_container::RULE,
    leased_content::RULE,
    duplicate_compressed_blob::RULE,
    foreign_namespace::RULE,
    containerd::pinned::STOPPED,
    containerd::pinned::RUNNING,
    containerd::images::DANGLING,
    containerd::images::UNUSED,
    containerd::images::INTERMEDIATE,
    containerd::stopped::RULE,
    containerd::stranded::RULE,
    containerd::build_cache::RULE,
    containerd::half_removed::RULE,
    containerd::stale_lease::RULE,
    containerd::orphans::RULE,
    containerd::ingests::RULE,
];

/// Asks every rule, and puts the answers in order: biggest first.
pub fn all(case: &Case<'_>) -> (Vec<Finding>, Vec<Withheld>) {
    use rayon::prelude::*;
    let answers: Vec<(Vec<Finding>, Vec<Withheld>)> = RULES.par_iter().map(|rule| withhold::ask(rule, case)).collect();
    let (mut findings, mut withheld): (Vec<Finding>, Vec<Withheld>) = (Vec::new(), Vec::new());
    for (found, held) in answers {
        findings.extend(found);
        withheld.extend(held);
    }
    findings.sort_by(|a, b| {
        b.on_disk_bytes
            .cmp(&a.on_disk_bytes)
            .then_with(|| (a.class, &a.objects, &a.paths).cmp(&(b.class, &b.objects, &b.paths)))
    });
    withheld.sort();
    withheld.dedup();
    (findings, withheld)
}
