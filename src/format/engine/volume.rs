//! What the engine knows of a volume.
//!
//! ```text
//! volumes/metadata.db        bucket `volumes`: name -> {"Name","Driver","Labels","Options"}
//! volumes/<name>/opts.json   {"MountType","MountOpts","MountDevice","Quota":{"Size"}}, if options were given
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;

use super::JsonError;
use super::json::{first, shaped};

/// A value of the bucket `volumes`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct VolumeRecord {
    pub name: String,
    pub driver: String,
    /// `null` and `{}` are not the same.
    pub labels: Option<BTreeMap<String, String>>,
    pub options: Option<BTreeMap<String, String>>,
}

/// `opts.json`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct VolumeOptions {
    pub mount_type: String,
    pub mount_opts: String,
    pub mount_device: String,
    pub quota: Quota,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Quota {
    pub size: u64,
}

impl VolumeOptions {
    /// While the volume is in use, something else is mounted on its `_data`.
    // moby daemon/volume/local/local_unix.go: needsMount
    pub fn needs_mount(&self) -> bool {
        !self.mount_device.is_empty() || !self.mount_type.is_empty()
    }

    /// Whether they are what the engine makes of the options that a volume was created with.
    // moby daemon/volume/local/local_unix.go: setOpts
    pub fn are(&self, given: &BTreeMap<String, String>) -> bool {
        let same = |key: &str, value: &str| given.get(key).map_or("", String::as_str) == value;
        same("type", &self.mount_type) && same("device", &self.mount_device) && same("o", &self.mount_opts)
    }
}

pub fn parse_record(bytes: &[u8]) -> Result<VolumeRecord, JsonError> {
    shaped(&first(bytes)?)
}

pub fn parse_options(bytes: &[u8]) -> Result<VolumeOptions, JsonError> {
    shaped(&first(bytes)?)
}
