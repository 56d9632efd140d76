//! The content store: blobs that all namespaces share, and those that are being written.
//!
//! ```text
//! blobs/<algorithm>/<hex>
//! ingest/<sha256 of the reference>/   ref: the reference  data  startedat updatedat total
//! ```
//!
//! containerd plugins/content/local/{store,writer}.go.

use std::collections::BTreeMap;

use super::home::Home;
use crate::disk::{Dir, FileKind};
use crate::inventory::Inventory;
use crate::store::Site;
use crate::terms::{LinkKind, Lost, Place};

/// What lies in the content store.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// The files, by digest.
    pub(super) blobs: BTreeMap<String, Place>,
    /// The directories, by name.
    pub(super) ingests: BTreeMap<String, IngestDirectory>,
}

#[derive(Debug)]
pub(super) struct IngestDirectory {
    pub(super) at: Place,
    /// The text of `ref`; a client resumes by it.
    pub(super) reference: Option<String>,
}

/// How much of `ref` is read.
const REFERENCE: usize = 8 << 10;

pub(super) fn survey(site: &Site<'_>, inv: &mut Inventory, home: &Home<'_>) -> Content {
    let mut content = Content::default();
    let lost = Lost::Links(vec![LinkKind::Content]);
    let Some(top) = site.dir(inv, &home.content, lost.clone()) else { return content };
    inv.scaffold(site.root, &home.store, &top);
    if let Some(blobs) = site.dir(inv, &top.place().join("blobs"), lost.clone()) {
        inv.scaffold(site.root, &home.store, &blobs);
        for (algorithm, _) in blobs.entries().filter(|(_, kind)| *kind == FileKind::Dir) {
            let Some(dir) = site.dir(inv, &blobs.place().join(algorithm), lost.clone()) else { continue };
            inv.scaffold(site.root, &home.store, &dir);
            content.blobs.extend(files(&dir, algorithm));
        }
    }
    if let Some(ingest) = site.dir(inv, &top.place().join("ingest"), lost) {
        inv.scaffold(site.root, &home.store, &ingest);
        for (name, _) in ingest.entries().filter(|(name, kind)| *kind == FileKind::Dir && is_hex(name)) {
            let at = ingest.place().join(name);
            let text = reference(site, &at);
            let name = String::from_utf8_lossy(name).into_owned();
            // a directory without the reference that it is called after is passed over, and never swept
            let text = text.and_then(|text| match super::enter::directory(&text) == Some(name.clone()) {
                true => Ok(text),
                false => Err("not the reference that the directory is called after".to_owned()),
            });
            let text = inv.note("damaged-file", &at.join("ref"), Lost::Nothing, text);
            content.ingests.insert(name, IngestDirectory { at, reference: text });
        }
    }
    content
}

// containerd plugins/content/local/store.go: WalkStatusRefs
fn reference(site: &Site<'_>, at: &Place) -> Result<String, String> {
    let text = site.disk.head(&at.join("ref"), REFERENCE).map_err(|cause| cause.to_string())?;
    String::from_utf8(text).map_err(|cause| cause.to_string())
}

fn files(dir: &Dir<'_>, algorithm: &[u8]) -> impl Iterator<Item = (String, Place)> {
    let algorithm = String::from_utf8_lossy(algorithm).into_owned();
    let named = dir.entries().filter(|(name, kind)| *kind == FileKind::File && is_hex(name));
    named.map(move |(name, _)| (format!("{algorithm}:{}", String::from_utf8_lossy(name)), dir.place().join(name)))
}

fn is_hex(name: &[u8]) -> bool {
    name.len() >= 32 && name.iter().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte))
}
