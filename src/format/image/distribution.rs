//! `distribution/v2metadata-by-diffid/sha256/<diff ID>`: where a layer was seen in registries, newest last.

use serde::Deserialize;

use crate::terms::Digest;

#[derive(Deserialize)]
struct Seen {
    #[serde(rename = "Digest", default)]
    digest: String,
}

/// What is wrong with such a file.
#[derive(Debug, thiserror::Error)]
pub enum SeenError {
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    #[error("{0:?} is not a digest")]
    NotADigest(String),
}

/// The digests of the compressed blobs that hold this layer.
pub fn parse_blobs(bytes: &[u8]) -> Result<Vec<Digest>, SeenError> {
    let list: Option<Vec<Seen>> = serde_json::from_slice(bytes)?;
    let digest = |seen: Seen| {
        Digest::parse(&seen.digest).ok_or_else(|| SeenError::NotADigest(seen.digest.chars().take(80).collect()))
    };
    list.unwrap_or_default().into_iter().map(digest).collect()
}
