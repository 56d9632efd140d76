//! What an image of containerd's store is made of: JSON blobs that lead from one to the next by descriptors.
//!
//! ```text
//! index (manifest list)   manifests[]: descriptor with platform, annotations    one a platform, attestations too
//! manifest                config, layers[]: descriptors                         subject: what it is about
//! config                  rootfs.diff_ids, config.Labels, history …             format/image/config.rs
//! ```
//!
//! A descriptor is `{mediaType, digest, size}`; its size is what Docker adds up, whatever the file's is.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use crate::format::image::config::{self, Config, ConfigError};

/// What is read of one such blob: containerd's own limit for a manifest.
// containerd core/remotes/docker/resolver.go: MaxManifestSize is 4 MiB; configs have been seen above that
pub const CAP: u64 = 8 << 20;

/// What a media type says a blob is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MediaKind {
    Index,
    Manifest,
    Config,
    Layer,
    Other,
}

impl MediaKind {
    // containerd core/images/mediatypes.go: IsIndexType, IsManifestType, IsConfigType, IsLayerType
    pub fn of(media_type: &str) -> Self {
        match media_type {
            "application/vnd.oci.image.index.v1+json" | "application/vnd.docker.distribution.manifest.list.v2+json" => {
                Self::Index
            }
            "application/vnd.oci.image.manifest.v1+json" | "application/vnd.docker.distribution.manifest.v2+json" => {
                Self::Manifest
            }
            "application/vnd.oci.image.config.v1+json" | "application/vnd.docker.container.image.v1+json" => {
                Self::Config
            }
            other if is_layer(other) => Self::Layer,
            _ => Self::Other,
        }
    }
}

fn is_layer(media_type: &str) -> bool {
    // a suffix `+gzip`, `+zstd` or `+encrypted` is no part of the type
    let base = media_type.split('+').next().unwrap_or_default();
    base.starts_with("application/vnd.oci.image.layer.")
        || matches!(
            media_type,
            "application/vnd.docker.image.rootfs.diff.tar"
                | "application/vnd.docker.image.rootfs.diff.tar.gzip"
                | "application/vnd.docker.image.rootfs.diff.tar.zstd"
                | "application/vnd.docker.image.rootfs.foreign.diff.tar"
                | "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
                | "application/vnd.docker.image.rootfs.foreign.diff.tar.zstd"
        )
        || base.starts_with("application/vnd.erofs")
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Descriptor {
    pub media_type: String,
    pub digest: String,
    pub size: i64,
    pub annotations: BTreeMap<String, String>,
    pub platform: Option<Platform>,
    pub artifact_type: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(default)]
pub struct Platform {
    pub architecture: String,
    pub os: String,
    pub variant: String,
    #[serde(rename = "os.version")]
    pub os_version: String,
}

impl fmt::Display for Platform {
    /// `linux/arm64/v8`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if self.variant.is_empty() { Ok(()) } else { write!(f, "/{}", self.variant) }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Index {
    pub media_type: String,
    pub manifests: Vec<Descriptor>,
    pub annotations: BTreeMap<String, String>,
    pub subject: Option<Descriptor>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Manifest {
    pub media_type: String,
    pub config: Descriptor,
    pub layers: Vec<Descriptor>,
    pub annotations: BTreeMap<String, String>,
    pub subject: Option<Descriptor>,
    pub artifact_type: String,
}

/// A blob that could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    Index(Index),
    Manifest(Box<Manifest>),
    Config(Config),
}

/// Why a blob is not what its media type says.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    #[error("{0}")]
    Config(#[from] ConfigError),
    #[error("an index that has layers, or a manifest that has manifests")]
    Mixed,
}

impl Document {
    /// Reads a blob as what its descriptor says it is; none if that is nothing that leads on.
    pub fn parse(kind: MediaKind, bytes: &[u8]) -> Option<Result<Self, DocumentError>> {
        Some(match kind {
            MediaKind::Index => index(bytes).map(Self::Index),
            MediaKind::Manifest => manifest(bytes).map(|manifest| Self::Manifest(Box::new(manifest))),
            MediaKind::Config => config::parse(bytes).map(Self::Config).map_err(DocumentError::from),
            MediaKind::Layer | MediaKind::Other => return None,
        })
    }

    /// What it leads to, in the engine's order: of a manifest its config, then its layers, base first.
    // containerd core/images/image.go: Children
    pub fn children(&self) -> impl Iterator<Item = &Descriptor> {
        let (config, list): (Option<&Descriptor>, &[Descriptor]) = match self {
            Self::Index(index) => (None, &index.manifests),
            Self::Manifest(manifest) => (Some(&manifest.config), &manifest.layers),
            Self::Config(_) => (None, &[]),
        };
        config.into_iter().chain(list)
    }
}

/// Such a blob may mean two things to two readers, and containerd takes it for neither.
// containerd core/images/image.go: validateMediaType
fn refuse_mixed(bytes: &[u8], strange: &[&str]) -> Result<(), DocumentError> {
    let fields: BTreeMap<String, serde::de::IgnoredAny> = serde_json::from_slice(bytes)?;
    if strange.iter().any(|name| fields.contains_key(*name)) { Err(DocumentError::Mixed) } else { Ok(()) }
}

fn index(bytes: &[u8]) -> Result<Index, DocumentError> {
    refuse_mixed(bytes, &["config", "layers"])?;
    shaped(bytes)
}

fn manifest(bytes: &[u8]) -> Result<Manifest, DocumentError> {
    refuse_mixed(bytes, &["manifests"])?;
    shaped(bytes)
}

/// `null` leaves a field as it was, as Go decodes it.
fn shaped<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, DocumentError> {
    let mut value: serde_json::Value = serde_json::from_slice(bytes)?;
    drop_nulls(&mut value);
    Ok(serde_json::from_value(value)?)
}

fn drop_nulls(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(map) => {
            map.retain(|_, inner| !inner.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        serde_json::Value::Array(list) => list.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// How Docker shows the name of an image: without its own registry and `library/`.
// distribution/reference: FamiliarString
pub fn familiar(name: &str) -> &str {
    match name.strip_prefix("docker.io/") {
        None => name,
        Some(short) => match short.strip_prefix("library/") {
            // `docker.io/library/a/b` is not familiar as `a/b`
            Some(shorter) if !shorter.split(['@', ':']).next().unwrap_or_default().contains('/') => shorter,
            _ => short,
        },
    }
}

/// The repository of a familiar name: what is before the tag or the digest.
pub fn repository(name: &str) -> &str {
    let name = name.split('@').next().unwrap_or_default();
    let after_slash = name.rfind('/').map_or(0, |slash| slash + 1);
    match name.get(after_slash..).and_then(|last| last.find(':')) {
        Some(colon) => name.get(..after_slash + colon).unwrap_or(name),
        None => name,
    }
}
