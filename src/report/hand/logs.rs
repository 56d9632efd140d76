//! Logs of containers.
//!
//! ```text
//! json-file without max-size    opened once, to append: an empty file is written on at its beginning
//! all others                    written on where the driver was once they were rotated: a hole of zeros, which `docker logs` cannot read
//! ```
// moby daemon/logger/loggerutils/logfile.go: NewLogFile opens with O_APPEND, rotate without

use super::{Analysis, quoted};
use crate::finding::Finding;
use crate::inventory::facts::Container;
use crate::terms::{Key, Place};

/// From how many bytes on it is worth emptying.
const GROWN: u64 = 1_000_000;

/// A log that has grown.
struct Log<'a> {
    facts: &'a Container,
    at: Place,
}

fn grown<'a>(analysis: &Analysis<'a>, finding: &Finding) -> Vec<Log<'a>> {
    let inventory = &analysis.reading.inventory;
    let log = |key: &Key| {
        let thing = inventory.get(key)?;
        let facts = thing.container().filter(|facts| facts.log_only_grows())?;
        let name = format!("{}-json.log", key.id);
        let lot = thing.lots.iter().find(|lot| lot.at.name() == name.as_bytes())?;
        let weight = analysis.reading.measures.get(&lot.at)?.allocated;
        (weight >= GROWN).then(|| Log { facts, at: lot.at.clone() })
    };
    finding.objects.iter().filter_map(log).collect()
}

pub(super) fn truncations(analysis: &Analysis<'_>, finding: &Finding) -> Vec<String> {
    let command = |log: &Log<'_>| {
        let path = analysis.reading.disk.host_path(&log.at)?;
        Some(format!("truncate -s 0 -- {}", quoted(path.to_str()?)?))
    };
    grown(analysis, finding).iter().filter_map(command).collect()
}

pub(super) fn safe_because(analysis: &Analysis<'_>, finding: &Finding) -> String {
    let mut because = "The json-file driver appends to a log that has no max-size, so that it goes on at the beginning of the empty file. \
                       What the container has said is lost: `docker logs` first, if it is wanted. Removing the file would free nothing \
                       while the container runs."
        .to_owned();
    let runs = grown(analysis, finding).iter().any(|log| log.facts.state.is_alive());
    // moby daemon/logger/loggerutils/logfile.go since 23.0: readers go by the length that the driver has counted
    if runs && analysis.engine.version.triple() >= (23, 0, 0) {
        because.push_str(
            " Until a container that runs is restarted, `docker logs` shows what it says from then on, but neither `--tail` nor `--follow` \
             does.",
        );
    }
    because
}

pub(super) fn check_after(analysis: &Analysis<'_>, finding: &Finding) -> Vec<String> {
    let first = finding.objects.first().and_then(|key| {
        let name = analysis.name(key);
        quoted(if name.is_empty() { &key.id } else { &name })
    });
    first.map(|name| format!("docker logs {name}")).into_iter().chain(["docker ps -s".to_owned()]).collect()
}

/// All of it is rotations: `<id>-json.log.2`, `<id>-json.log.2.gz`.
pub(super) fn are_rotated(finding: &Finding) -> bool {
    let is_rotated = |at: &Place| at.to_string().contains("-json.log.");
    !finding.paths.is_empty() && finding.paths.iter().all(is_rotated)
}
