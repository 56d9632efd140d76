//! A managed plugin: `plugins/<64 hex>/config.json`.

use serde::Deserialize;

use super::JsonError;
use super::json::{first, shaped};

/// `config.json`, as far as an analysis needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PluginConfig {
    pub plugin: PluginObject,
    /// The digest of its config blob in `plugins/storage`.
    #[serde(rename = "Config")]
    pub config: String,
    /// The digests of its layer blobs.
    #[serde(rename = "Blobsums")]
    pub blobs: Vec<String>,
    #[serde(rename = "Manifest")]
    pub manifest: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PluginObject {
    pub enabled: bool,
    #[serde(rename = "Id")]
    pub id: String,
    pub name: String,
}

pub fn parse_plugin(bytes: &[u8]) -> Result<PluginConfig, JsonError> {
    shaped(&first(bytes)?)
}
