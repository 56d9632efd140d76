//! A container's two files.
//!
//! ```text
//! containers/<id>/config.v2.json    what it is, its image, its mount points, its last state
//! containers/<id>/hostconfig.json   how it is to be run: log driver, network, removal
//! ```

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::JsonError;
use super::json::{first, shaped, time};

/// `config.v2.json`, as far as an analysis needs it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ContainerConfig {
    #[serde(rename = "ID")]
    pub id: Option<String>,
    #[serde(deserialize_with = "time")]
    pub created: Option<Timestamp>,
    pub path: String,
    pub args: Vec<String>,
    /// The image's ID at creation; it stays when the image is removed by force.
    pub image: String,
    pub image_manifest: Option<Descriptor>,
    /// With a slash in front.
    pub name: String,
    /// The graph driver, or the snapshotter.
    pub driver: String,
    /// Absolute, as the engine saw it; empty before the first start, like the three below.
    pub log_path: String,
    pub hostname_path: String,
    pub hosts_path: String,
    pub resolv_conf_path: String,
    pub state: State,
    pub has_been_started_before: bool,
    pub has_been_manually_stopped: bool,
    /// How often the engine started it by itself since a user did.
    pub restart_count: i64,
    pub config: Asked,
    /// By destination.
    pub mount_points: BTreeMap<String, MountPoint>,
}

/// `Config`: what was asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Asked {
    /// The image as typed.
    pub image: String,
    pub labels: Option<BTreeMap<String, String>>,
}

/// `ImageManifest`, with the containerd store only.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Descriptor {
    pub digest: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct State {
    pub running: bool,
    pub paused: bool,
    pub restarting: bool,
    pub dead: bool,
    pub removal_in_progress: bool,
    pub exit_code: i64,
    #[serde(deserialize_with = "time")]
    pub started_at: Option<Timestamp>,
    #[serde(deserialize_with = "time")]
    pub finished_at: Option<Timestamp>,
}

/// A value of `MountPoints`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct MountPoint {
    #[serde(rename = "Type")]
    pub kind: String,
    #[serde(rename = "Name")]
    pub name: String,
    #[serde(rename = "Source")]
    pub source: String,
    #[serde(rename = "Destination")]
    pub destination: String,
    #[serde(rename = "Driver")]
    pub driver: String,
    #[serde(rename = "RW")]
    pub writable: bool,
    #[serde(rename = "ID")]
    pub id: String,
    #[serde(rename = "Spec")]
    pub spec: Spec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Spec {
    /// Empty or absent for an anonymous volume.
    pub source: String,
}

/// `hostconfig.json`, as far as an analysis needs it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct HostConfig {
    pub log_config: LogConfig,
    pub restart_policy: RestartPolicy,
    pub auto_remove: bool,
    pub network_mode: String,
    /// `source:destination[:options]`
    pub binds: Vec<String>,
    pub mounts: Vec<MountSpec>,
}

/// `no` or empty, `always`, `unless-stopped`, `on-failure`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RestartPolicy {
    pub name: String,
    /// Of `on-failure`; 0 is no limit.
    pub maximum_retry_count: i64,
}

/// A value of `Mounts`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct MountSpec {
    #[serde(rename = "Type")]
    pub kind: String,
    #[serde(rename = "Target")]
    pub target: String,
}

impl HostConfig {
    /// Where it mounts something that has an entry in the config's `MountPoints`, as the engine writes the path there.
    // moby daemon/volumes.go: registerMountPoints
    pub fn destinations(&self) -> Vec<String> {
        let bound = self.binds.iter().filter_map(|bind| bind.split(':').nth(1));
        let mounted = self.mounts.iter().filter(|mount| mount.kind != "tmpfs").map(|mount| mount.target.as_str());
        bound.chain(mounted).map(clean).collect()
    }
}

/// The shortest path that means the same.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct LogConfig {
    #[serde(rename = "Type")]
    pub driver: String,
    pub config: BTreeMap<String, String>,
}

/// Reads `config.v2.json`: the fields that are needed, and all of it.
pub fn parse_config(bytes: &[u8]) -> Result<(ContainerConfig, Value), JsonError> {
    let value = first(bytes)?;
    Ok((shaped(&value)?, value))
}

/// Reads `hostconfig.json`: the fields that are needed, and all of it.
pub fn parse_host_config(bytes: &[u8]) -> Result<(HostConfig, Value), JsonError> {
    let value = first(bytes)?;
    Ok((shaped(&value)?, value))
}
