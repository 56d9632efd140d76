//! `daemon.json`: what the daemon was told.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

/// What an analysis needs of `daemon.json`. Options may have been given on the daemon's command line instead, of which
/// nothing is on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DaemonConfig {
    /// The file was there and read: what it does not say was not said in it.
    pub known: bool,
    /// `data-root`, or its older name `graph`.
    pub data_root: Option<PathBuf>,
    pub storage_driver: Option<String>,
    /// `features.containerd-snapshotter`
    pub containerd_snapshotter: Option<bool>,
    /// `features.containerd-migration`
    pub containerd_migration: Option<bool>,
    pub userns_remap: Option<String>,
    pub log_driver: Option<String>,
    pub log_options: BTreeMap<String, String>,
    pub live_restore: bool,
    pub builder_gc: BuilderGc,
}

/// `builder.gc`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuilderGc {
    pub enabled: Option<bool>,
    /// `defaultKeepStorage`, or the newer `defaultReservedSpace`, as written.
    pub keep: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum DaemonConfigError {
    #[error("not valid JSON: {0}")]
    Syntax(serde_json::Error),
    #[error("JSON, but no object")]
    NoObject,
    #[error("not what the daemon takes: {0}")]
    Shape(serde_json::Error),
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct File {
    data_root: Option<PathBuf>,
    graph: Option<PathBuf>,
    storage_driver: Option<String>,
    features: BTreeMap<String, Option<bool>>,
    userns_remap: Option<String>,
    log_driver: Option<String>,
    log_opts: BTreeMap<String, String>,
    live_restore: bool,
    builder: Builder,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Builder {
    gc: Gc,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Gc {
    enabled: Option<bool>,
    default_keep_storage: Option<String>,
    default_reserved_space: Option<String>,
}

impl DaemonConfig {
    /// Reads the file. Unknown keys are passed over; an empty file says nothing.
    // moby daemon/config/config.go: getConflictFreeConfiguration
    pub fn parse(bytes: &[u8]) -> Result<Self, DaemonConfigError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self { known: true, ..Self::default() });
        }
        let mut value: Value = serde_json::from_slice(bytes).map_err(DaemonConfigError::Syntax)?;
        let Value::Object(map) = &mut value else { return Err(DaemonConfigError::NoObject) };
        map.retain(|_, inner| !inner.is_null());
        let file = File::deserialize(value).map_err(DaemonConfigError::Shape)?;
        let said = |text: Option<String>| text.filter(|text| !text.is_empty());
        let feature = |name: &str| file.features.get(name).copied().flatten();
        Ok(Self {
            known: true,
            containerd_snapshotter: feature("containerd-snapshotter"),
            containerd_migration: feature("containerd-migration"),
            data_root: file.data_root.or(file.graph).filter(|path| !path.as_os_str().is_empty()),
            storage_driver: said(file.storage_driver),
            userns_remap: said(file.userns_remap),
            log_driver: said(file.log_driver),
            log_options: file.log_opts,
            live_restore: file.live_restore,
            builder_gc: BuilderGc {
                enabled: file.builder.gc.enabled,
                keep: said(file.builder.gc.default_reserved_space).or(said(file.builder.gc.default_keep_storage)),
            },
        })
    }
}
