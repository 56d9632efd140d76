//! Containers.
//!
//! ```text
//! containers/<64 hex>/
//!     config.v2.json  hostconfig.json                    what it is, how it runs
//!     hostname hosts resolv.conf resolv.conf.hash        made at its first start
//!     <id>-json.log[.N][.gz]  local-logs/  container-cached.log*        its output
//!     checkpoints/<name>/  mounts/{shm,secrets}
//!     .tmp-<file><random>                                left by an interrupted write
//! ```
//!
//! The engine loads a container if both files parse, the ID is the directory's name, and the driver is the active one
//! (moby daemon/daemon.go: restore). A missing `hostconfig.json` counts as an empty one.

mod files;
mod links;
mod made;
#[cfg(test)]
mod tests;

use std::time::Duration;

use rayon::prelude::*;

use super::{Site, clues};
use crate::disk::{Dir, FileKind, Unreadable};
use crate::format::engine::container::{self, ContainerConfig, HostConfig, RestartPolicy};
use crate::inventory::{Entity, Inventory, Keeps, facts};
use crate::terms::{Digest, Kind, LinkKind, Lost, Place};

/// What only a container's config says.
const SAID_BY_CONFIG: [LinkKind; 3] = [LinkKind::RunsFrom, LinkKind::Uses, LinkKind::ImageMount];

pub(super) fn survey(site: &Site<'_>) -> Inventory {
    let mut inv = Inventory::default();
    let lost = Lost::Links([SAID_BY_CONFIG.as_slice(), &[LinkKind::ReadWrite]].concat());
    let Some(dir) = site.dir(&mut inv, &site.at("containers"), lost) else { return inv };
    inv.scaffold(site.root, "engine", &dir);
    let mounts = links::Mounts::of(site);
    let names: Vec<&[u8]> = dir.entries().filter(|(_, kind)| *kind == FileKind::Dir).map(|(name, _)| name).collect();
    let parts: Vec<Inventory> = names.into_par_iter().map(|name| one(site, &dir, name, &mounts)).collect();
    parts.into_iter().for_each(|part| inv.merge(part));
    // what an engine of old left is not touched when another one cannot load it
    let newest = inv.clues.iter().map(|clue| clue.written).max();
    inv.clues.retain(|clue| Some(clue.written) == newest);
    inv
}

/// One directory of `containers/`. One that is gone by the time we look was removed meanwhile.
fn one(site: &Site<'_>, above: &Dir<'_>, name: &[u8], mounts: &links::Mounts) -> Inventory {
    let mut inv = Inventory::default();
    let at = above.place().join(name);
    let dir = match settled(site, above.dir(name), &at) {
        Err(Unreadable::Missing) => return inv,
        Err(cause) => {
            let lost = Lost::Links(SAID_BY_CONFIG.to_vec());
            inv.problem("unreadable-directory", &at, lost, cause);
            return inv;
        }
        Ok(dir) => dir,
    };
    let Ok(id) = std::str::from_utf8(name) else { return inv };
    let has_config = dir.kind(b"config.v2.json").is_some();
    if !has_config && Digest::from_hex(id).is_none() {
        return inv; // never was a container's: a stranger
    }
    let Some(read) = read(&mut inv, site, &dir, id, mounts) else { return Inventory::default() };
    let store = if read.facts.driver.is_empty() { "engine" } else { read.facts.driver.as_str() };
    let key = site.root.key(store, Kind::Container, id);
    links::add(&mut inv, site, &key, &read, mounts);
    let mut facts = read.facts;
    let lots = files::lots(&mut inv, site, &dir, &mut facts.checkpoints);
    let mut thing = Entity { lots, ..Entity::default() }.named(facts.name.clone()).kept(Keeps::Container);
    thing.facts = facts.into();
    inv.add(key, thing);
    inv
}

/// How often, and how far apart, we look again at what a daemon is at work on.
const LOOKS: usize = 10;
const PAUSE: Duration = Duration::from_millis(20);

/// While a daemon makes or removes a container, its directory is there without its files for a moment: that is waited
/// for, and only then.
fn settled<'a>(site: &Site<'a>, first: Result<Dir<'a>, Unreadable>, at: &Place) -> Result<Dir<'a>, Unreadable> {
    let whole = |dir: &Dir<'_>| dir.kind(b"config.v2.json").is_some() && dir.kind(b"hostconfig.json").is_some();
    let mut dir = first?;
    // a daemon holds a lock on this database as long as it runs
    let is_live = || site.disk.is_flocked(&site.at("volumes/metadata.db"));
    if whole(&dir) || !is_live() {
        return Ok(dir);
    }
    for _ in 0..LOOKS {
        std::thread::sleep(PAUSE);
        dir = site.disk.dir(at)?;
        if whole(&dir) {
            break;
        }
    }
    Ok(dir)
}

/// Whether a directory is on its way out: a file that was listed in it is gone, and soon it is, too.
fn vanishes(site: &Site<'_>, dir: &Dir<'_>, file: &[u8]) -> bool {
    let looks = if dir.kind(file).is_some() { LOOKS } else { 1 };
    (0..looks).any(|look| {
        if look > 0 {
            std::thread::sleep(PAUSE);
        }
        site.disk.stat(dir.place()) == Err(Unreadable::Missing)
    })
}

/// A container as its files say.
struct Reading {
    facts: facts::Container,
    /// Whether `config.v2.json` could be read, whatever is wrong with it otherwise.
    config_read: bool,
    /// The file that says so.
    evidence: Place,
}

/// Reads both files. None if the directory vanished meanwhile.
fn read(inv: &mut Inventory, site: &Site<'_>, dir: &Dir<'_>, id: &str, mounts: &links::Mounts) -> Option<Reading> {
    let evidence = dir.place().join("config.v2.json");
    let mut facts = facts::Container::default();
    let config = match config_bytes(site, dir) {
        Err(Unreadable::Missing) if vanishes(site, dir, b"config.v2.json") => return None,
        Err(Unreadable::Missing) => Err(facts::Container::NO_CONFIG.to_owned()),
        Err(cause) => Err(format!("config.v2.json: {cause}")),
        Ok(bytes) => match container::parse_config(&bytes) {
            Ok((config, raw)) => Ok((config, raw, bytes)),
            Err(cause) => Err(format!("config.v2.json: {cause}")),
        },
    };
    let config_read = config.is_ok();
    let mut text = Vec::new();
    match config {
        Ok((config, raw, bytes)) => {
            made::check(inv, site, dir, &config);
            facts = from_config(inv, &evidence, config, raw, id);
            text = bytes;
        }
        Err(cause) => {
            inv.problem("bad-container-config", &evidence, what_a_config_loses(site, dir, id, mounts), &cause);
            facts.broken = Some(cause);
        }
    }
    host_config(inv, site, dir, &mut facts, config_read);
    clues::of_container(inv, site, &evidence, &text, &facts.config, &facts.host_config);
    // there may be thousands of containers, and a listing prints little of this
    keep(&mut facts.config, &["MountPoints", "NetworkSettings", "ImageManifest", "ImagePlatform"]);
    facts.config.get_mut("NetworkSettings").into_iter().for_each(|settings| keep(settings, &["Networks"]));
    keep(&mut facts.host_config, &["Annotations", "Links"]);
    Some(Reading { facts, config_read, evidence })
}

fn keep(value: &mut serde_json::Value, keys: &[&str]) {
    if let Some(map) = value.as_object_mut() {
        map.retain(|key, _| keys.contains(&key.as_str()));
    }
}

/// The config is replaced by a rename, and appears late while a container is made: what the listing did not show is
/// looked for once more.
fn config_bytes(site: &Site<'_>, dir: &Dir<'_>) -> Result<Vec<u8>, Unreadable> {
    match dir.read(b"config.v2.json") {
        Err(Unreadable::Missing) => site.disk.read(&dir.place().join("config.v2.json")),
        other => other,
    }
}

/// A directory without a config, and without a read-write layer in any layer store, is what an interrupted removal
/// leaves (moby daemon/delete.go: the layer is released first): nothing that it referred to is wanted any more. In all
/// other cases a container may have been here that used images and volumes.
fn what_a_config_loses(site: &Site<'_>, dir: &Dir<'_>, id: &str, mounts: &links::Mounts) -> Lost {
    let absent = dir.kind(b"config.v2.json").is_none();
    let only_graph_drivers = mounts.any_driver() && site.disk.stat(&site.at("rootfs")) == Err(Unreadable::Missing);
    if absent && only_graph_drivers && mounts.holding(id).is_empty() {
        return Lost::Nothing;
    }
    Lost::Links(SAID_BY_CONFIG.to_vec())
}

fn from_config(
    inv: &mut Inventory,
    evidence: &Place,
    config: ContainerConfig,
    raw: serde_json::Value,
    id: &str,
) -> facts::Container {
    // an absent ID leaves the one that the engine made from the directory's name
    let broken = config.id.filter(|inside| inside != id).map(|inside| {
        let cause = format!("config.v2.json is that of container {inside}");
        inv.problem("id-mismatch", evidence, Lost::Links(SAID_BY_CONFIG.to_vec()), &cause);
        cause
    });
    let image = Digest::parse(&config.image);
    if image.is_none() && !config.image.is_empty() {
        let cause = format!("{:?} is not an image ID", config.image.chars().take(100).collect::<String>());
        inv.problem("bad-image-id", evidence, Lost::Links(vec![LinkKind::RunsFrom]), cause);
    }
    facts::Container {
        broken,
        name: config.name.trim_start_matches('/').to_owned(),
        image,
        image_as_typed: config.config.image,
        image_manifest: config.image_manifest.and_then(|manifest| Digest::parse(&manifest.digest)),
        driver: config.driver,
        path: config.path,
        args: config.args,
        created: config.created,
        labels: config.config.labels,
        state: facts::State {
            running: config.state.running,
            paused: config.state.paused,
            restarting: config.state.restarting,
            dead: config.state.dead,
            removal_in_progress: config.state.removal_in_progress,
            exit_code: config.state.exit_code,
            started_at: config.state.started_at,
            finished_at: config.state.finished_at,
            started_before: config.has_been_started_before,
            stopped_by_user: config.has_been_manually_stopped,
            restarts: config.restart_count,
        },
        mounts: config.mount_points.into_iter().map(|(to, mount)| mount_point(to, mount)).collect(),
        config: raw,
        ..facts::Container::default()
    }
}

fn mount_point(destination: String, mount: container::MountPoint) -> facts::MountPoint {
    facts::MountPoint {
        anonymous: mount.kind == "volume" && mount.spec.source.is_empty(),
        asked_for: mount.spec.source,
        kind: mount.kind,
        name: mount.name,
        source: mount.source,
        destination: if mount.destination.is_empty() { destination } else { mount.destination },
        driver: mount.driver,
        writable: mount.writable,
        id: mount.id,
    }
}

fn host_config(inv: &mut Inventory, site: &Site<'_>, dir: &Dir<'_>, facts: &mut facts::Container, config_read: bool) {
    let at = dir.place().join("hostconfig.json");
    let read: Result<(HostConfig, serde_json::Value), String> = match dir.read(b"hostconfig.json") {
        Err(Unreadable::Missing) if vanishes(site, dir, b"hostconfig.json") => return,
        Err(Unreadable::Missing) => {
            // moby container/container.go: readHostConfig takes a missing file for an empty one
            if config_read {
                inv.problem(
                    "missing-file",
                    &at,
                    Lost::Nothing,
                    "missing: the log driver and the network are not known",
                );
            }
            return;
        }
        Err(cause) => Err(cause.to_string()),
        Ok(bytes) => container::parse_host_config(&bytes).map_err(|cause| cause.to_string()),
    };
    match read {
        Ok((host, raw)) => {
            contradiction(inv, &at, facts, &host, config_read);
            facts.log_driver = host.log_config.driver;
            facts.log_options = host.log_config.config;
            facts.auto_remove = host.auto_remove;
            facts.starts_again = starts_again(&facts.state, &host.restart_policy);
            facts.network_mode = host.network_mode;
            facts.host_config = raw;
        }
        Err(cause) => {
            inv.problem("bad-host-config", &at, Lost::Nothing, &cause);
            facts.broken.get_or_insert_with(|| format!("hostconfig.json: {cause}"));
        }
    }
}

/// Whether a start of the engine starts it. What is recorded as running has ended by then, with 255.
// moby daemon/daemon.go restore; restartmanager/restartmanager.go ShouldRestart
fn starts_again(state: &facts::State, policy: &RestartPolicy) -> bool {
    let tries_left = policy.maximum_retry_count == 0 || state.restarts < policy.maximum_retry_count;
    let wanted = match policy.name.as_str() {
        "always" => true,
        "unless-stopped" => !state.stopped_by_user,
        "on-failure" => (state.running || state.exit_code != 0) && tries_left,
        _ => false,
    };
    wanted && state.started_before && !state.dead && !state.removal_in_progress
}

/// What one file binds the other one mounts; if not, one of them is another container's.
fn contradiction(inv: &mut Inventory, at: &Place, facts: &facts::Container, host: &HostConfig, config_read: bool) {
    let mounted = |to: &String| facts.mounts.iter().any(|mount| mount.destination == *to);
    if let Some(to) = host.destinations().iter().find(|to| !mounted(to)).filter(|_| config_read) {
        let cause = format!("mounts something on {to:?}, of which config.v2.json knows nothing");
        inv.problem("host-config-mismatch", at, Lost::Nothing, cause);
    }
}
