//! An image config: what `imagedb/content/sha256/<image ID>` holds. The image ID is the hash of these bytes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::terms::{DiffId, Digest};

/// The fields that are needed here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    pub diff_ids: Vec<DiffId>,
    pub created: Option<Timestamp>,
    /// `null` and `{}` are not the same answer.
    pub labels: Option<BTreeMap<String, String>>,
    pub os: String,
    pub architecture: String,
    pub variant: String,
    /// Newest last: (created_by, empty_layer).
    pub history: Box<[(Box<str>, bool)]>,
    pub volumes: Vec<String>,
}

/// Why the engine would not load it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    #[error("no rootfs")]
    NoRootfs,
    #[error("{0:?} in rootfs.diff_ids is not a digest")]
    NotADiffId(String),
    #[error("created is {0:?}, which is not a time")]
    NotATime(String),
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct File {
    created: Option<String>,
    config: Option<Inner>,
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
    rootfs: Option<Rootfs>,
    history: Option<Vec<Step>>,
}

#[derive(Deserialize)]
struct Inner {
    #[serde(rename = "Labels", default)]
    labels: Option<BTreeMap<String, Option<String>>>,
    #[serde(rename = "Volumes", default)]
    volumes: Option<BTreeMap<String, IgnoredAny>>,
}

#[derive(Deserialize)]
struct Rootfs {
    #[serde(default)]
    diff_ids: Option<Vec<Option<String>>>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Step {
    created_by: Option<String>,
    empty_layer: Option<bool>,
}

/// Reads a config. One without `rootfs` is no image; one without layers is.
// moby image/image.go: NewFromJSON
pub fn parse(bytes: &[u8]) -> Result<Config, ConfigError> {
    let file: File = serde_json::from_slice(bytes)?;
    let rootfs = file.rootfs.ok_or(ConfigError::NoRootfs)?;
    let diff_id = |text: Option<String>| {
        let text = text.unwrap_or_default();
        let bad = || ConfigError::NotADiffId(text.chars().take(80).collect());
        Digest::parse(&text).map(DiffId).ok_or_else(bad)
    };
    let time = |text: String| text.parse().map_err(|_| ConfigError::NotATime(text.chars().take(80).collect()));
    let config = file.config.unwrap_or(Inner { labels: None, volumes: None });
    let step = |step: Step| (step.created_by.unwrap_or_default().into(), step.empty_layer.unwrap_or_default());
    let text = |(key, value): (String, Option<String>)| (key, value.unwrap_or_default());
    Ok(Config {
        diff_ids: rootfs.diff_ids.unwrap_or_default().into_iter().map(diff_id).collect::<Result<_, _>>()?,
        created: file.created.map(time).transpose()?,
        labels: config.labels.map(|labels| labels.into_iter().map(text).collect()),
        os: file.os.unwrap_or_default(),
        architecture: file.architecture.unwrap_or_default(),
        variant: file.variant.unwrap_or_default(),
        history: file.history.unwrap_or_default().into_iter().map(step).collect(),
        volumes: config.volumes.unwrap_or_default().into_keys().collect(),
    })
}
