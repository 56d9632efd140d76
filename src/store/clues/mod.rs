//! Traces by which an engine's version shows itself. Each says where moby began or ceased to write something; what to
//! make of them together is not decided here.

mod builds;
mod config;
mod network;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub(super) use config::of_container;

use super::Site;
use crate::disk::Dir;
use crate::inventory::{Clue, Inventory};
use crate::terms::{Lost, Place};

type Triple = (u32, u32, u32);
type Time = (i64, u32);

/// What an absence tells is believed last: somebody may have removed the file.
const ABSENT: Time = (1, 0);

fn at_least(inv: &mut Inventory, site: &Site<'_>, version: Triple, evidence: Place, written: Time, because: &str) {
    let (root, because) = (site.root.name.clone(), because.to_owned());
    inv.clues.push(Clue { root, at_least: Some(version), below: None, evidence, written, because });
}

/// What later versions do not write; it counts if the engine that was started last wrote it.
fn below(inv: &mut Inventory, site: &Site<'_>, version: Triple, evidence: Place, written: Time, because: &str) {
    if written != ABSENT && !since_start(site, written) {
        return;
    }
    let (root, because) = (site.root.name.clone(), because.to_owned());
    inv.clues.push(Clue { root, at_least: None, below: Some(version), evidence, written, because });
}

/// When a file or directory was last written.
fn written(site: &Site<'_>, at: &Place) -> Time {
    site.disk.stat(at).map_or(ABSENT, |stat| stat.mtime)
}

/// What a volume's labels tell.
pub(super) fn of_volume(
    inv: &mut Inventory,
    site: &Site<'_>,
    database: &Place,
    labels: Option<&BTreeMap<String, String>>,
) {
    if labels.is_some_and(|labels| labels.contains_key("com.docker.volume.anonymous")) {
        let because = "anonymous volumes are labelled since 23.0";
        at_least(inv, site, (23, 0, 0), database.clone(), written(site, database), because);
    }
}

/// What the metadata of an image tells.
pub(super) fn of_built_image(inv: &mut Inventory, site: &Site<'_>, at: &Place) {
    // moby image/store.go: SetBuiltLocally; 25.0 and 25.0.1 lack it
    at_least(inv, site, (24, 0, 9), at.clone(), written(site, at), "builtLocally is written since 24.0.9");
}

/// What the top of a data root tells, and what lies in it that no store reads for itself.
pub(super) fn of_top(inv: &mut Inventory, site: &Site<'_>, top: &Dir<'_>) {
    if top.kind(b"containers").is_none() {
        return; // no engine was ever started on it
    }
    last_start(inv, site);
    let known = |path: &str| site.disk.stat(&site.at(path)).is_ok();
    let mut since = |path: &str, version: Triple, because: &str| {
        let at = site.at(path);
        if let Ok(stat) = site.disk.stat(&at) {
            at_least(inv, site, version, at, stat.mtime, because);
        }
    };
    since("engine-id", (23, 0, 0), "engine-id is written since 23.0");
    since("image/identity-cache.db", (29, 3, 0), "image/identity-cache.db is written since 29.3");
    // containerd's content store, which 29.7 takes over, makes its directory at the start, and ingest/ when needed
    if !known("plugins/storage/ingest") && !known("plugins/storage/blobs") {
        since("plugins/storage", (29, 7, 0), "an empty plugins/storage is made since 29.7");
    }
    if top.kind(b"engine-id").is_some() {
        engine_id(inv, top);
    }
    let mut until = |path: &str, version: Triple, because: &str| {
        below(inv, site, version, site.at(path), ABSENT, because);
    };
    if !known("engine-id") {
        until("engine-id", (23, 0, 0), "engine-id is missing, which is written since 23.0");
    }
    if known("buildkit/cache.db") {
        if !known("buildkit/metadata_v2.db") && known("buildkit/metadata.db") {
            until("buildkit/metadata_v2.db", (20, 10, 0), "metadata_v2.db is missing, which is written since 20.10");
        }
        if !known("buildkit/history.db") && !known("buildkit/history_c8d.db") {
            until("buildkit/history.db", (24, 0, 0), "history.db is missing, which is written since 24.0");
        }
    }
    shared_history(inv, site);
    network::look(inv, site);
    builds::look(inv, site);
}

/// A UUID, or the fingerprint of the key that an older engine had.
// moby daemon/id.go: loadOrCreateID, migrateTrustKeyID
fn engine_id(inv: &mut Inventory, top: &Dir<'_>) {
    let at = top.place().join("engine-id");
    let Some(bytes) = inv.note("unreadable-file", &at, Lost::Nothing, top.read(b"engine-id")) else { return };
    let text = bytes.trim_ascii();
    let parts = |separator: u8| text.split(move |b| *b == separator).map(<[u8]>::len).collect::<Vec<_>>();
    let uuid = parts(b'-') == [8, 4, 4, 4, 12] && text.iter().all(|b| b.is_ascii_hexdigit() || *b == b'-');
    let key = parts(b':') == [4; 12] && text.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b':');
    if !uuid && !key {
        inv.problem("damaged-file", &at, Lost::Nothing, "is neither a UUID nor the fingerprint of a key");
    }
}

/// Every start makes `runtimes/` anew, empty as a rule.
// moby daemon/runtime_unix.go: initRuntimesDir
fn start(site: &Site<'_>) -> Option<Time> {
    site.disk.stat(&site.at("runtimes")).ok().map(|stat| stat.mtime)
}

/// Whether something was written by the engine that was started last. A start takes a moment.
fn since_start(site: &Site<'_>, time: Time) -> bool {
    const MOMENT: i64 = 60;
    start(site).is_none_or(|start| time.0.saturating_add(MOMENT) >= start.0)
}

fn last_start(inv: &mut Inventory, site: &Site<'_>) {
    let Some(written) = start(site) else { return };
    inv.clues.push(Clue {
        root: site.root.name.clone(),
        at_least: None,
        below: None,
        evidence: site.at("runtimes"),
        written,
        because: format!("the engine was last started on {}", day(written)),
    });
}

fn day(time: Time) -> String {
    let time = jiff::Timestamp::new(time.0, 0).unwrap_or_default();
    time.strftime("%Y-%m-%d").to_string()
}

/// Up to 27.3 builds in the containerd store were remembered in the same file as those of graph drivers.
// moby builder/builder-next/controller.go
fn shared_history(inv: &mut Inventory, site: &Site<'_>) {
    let Ok(buildkit) = site.disk.dir(&site.at("buildkit")) else { return };
    let with_containerd = buildkit.entries().any(|(name, _)| name.starts_with(b"containerd-"));
    let with_graph_driver = buildkit.kind(b"snapshots.db").is_some();
    let at = buildkit.place().join("history.db");
    let newer = buildkit.kind(b"history_c8d.db").is_some();
    if let Ok(stat) = site.disk.stat(&at)
        && with_containerd
        && !with_graph_driver
        && !newer
    {
        let because = "builds in the containerd store have history_c8d.db since 27.4, and not history.db";
        below(inv, site, (27, 4, 0), at, stat.mtime, because);
    }
}
