//! The small files of overlay2 and fuse-overlayfs: `link`, `lower`, and the targets of the links in `l/`.

use std::str;

use crate::terms::CacheId;

/// The kernel takes no more layers than this of the driver; the engine refuses to make more.
// moby daemon/graphdriver/overlay2/overlay.go: maxDepth
pub const MAX_DEPTH: usize = 128;

/// What is wrong with one of these files.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverlayError {
    #[error("{0:?} is not a short name")]
    NotAShortName(String),
    #[error("{0:?} is not a list of l/<short name>")]
    NotAList(String),
    #[error("more than {MAX_DEPTH} layers")]
    TooDeep,
    #[error("not empty")]
    NotEmpty,
    #[error("{0:?} is not ../<directory>/diff")]
    NotOurTarget(String),
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().take(80).collect()
}

/// `link`: the short name, 26 characters of base 32.
pub fn short_name(bytes: &[u8]) -> Result<String, OverlayError> {
    // one path component is all that the engine asks for
    let good = str::from_utf8(bytes).ok().and_then(CacheId::parse);
    good.map(|id| id.as_str().to_owned()).ok_or_else(|| OverlayError::NotAShortName(shown(bytes)))
}

/// `committed`: nothing in it.
pub fn empty(bytes: &[u8]) -> Result<(), OverlayError> {
    if bytes.is_empty() { Ok(()) } else { Err(OverlayError::NotEmpty) }
}

/// `lower`: `l/<short>:l/<short>…`, nearest first.
pub fn lower(bytes: &[u8]) -> Result<Vec<String>, OverlayError> {
    let text = str::from_utf8(bytes).map_err(|_| OverlayError::NotAList(shown(bytes)))?;
    let mut names = Vec::new();
    for part in text.split(':') {
        let name = part.strip_prefix("l/").and_then(CacheId::parse);
        names.push(name.ok_or_else(|| OverlayError::NotAList(shown(bytes)))?.as_str().to_owned());
        if names.len() > MAX_DEPTH {
            return Err(OverlayError::TooDeep);
        }
    }
    Ok(names)
}

/// The target of `l/<short>`: `../<directory>/diff`.
pub fn link_target(bytes: &[u8]) -> Result<CacheId, OverlayError> {
    let text = str::from_utf8(bytes).ok();
    let name = text.and_then(|t| t.strip_prefix("../")).and_then(|t| t.strip_suffix("/diff")).and_then(CacheId::parse);
    name.ok_or_else(|| OverlayError::NotOurTarget(shown(bytes)))
}
