//! The JSON blobs that images lead to: read level by level, each once, and compared with the digest that names it.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::content::Content;
use super::meta::Meta;
use crate::disk::Unreadable;
use crate::format::oci::{self, Document, MediaKind};
use crate::inventory::Inventory;
use crate::store::Site;
use crate::terms::{Digest, Lost, Place};

/// How far descriptors are followed: an index in an index is rare, more is a cycle or a joke.
const DEPTH: usize = 8;

/// What could be read, by digest.
pub(super) fn read(
    site: &Site<'_>,
    inv: &mut Inventory,
    meta: &Meta,
    content: &Content,
) -> BTreeMap<String, Box<Document>> {
    let mut found: BTreeMap<String, Box<Document>> = BTreeMap::new();
    let mut seen: BTreeSet<(String, MediaKind)> = BTreeSet::new();
    let records = meta.namespaces.values().flat_map(|namespace| namespace.images.values());
    let mut level: BTreeSet<(String, MediaKind)> =
        records.map(|record| (record.target.clone(), MediaKind::of(&record.media_type))).collect();
    for _ in 0..DEPTH {
        level.retain(|wanted| leads_on(wanted.1) && !seen.contains(wanted));
        if level.is_empty() {
            break;
        }
        seen.extend(level.iter().cloned());
        let read: Vec<_> = level
            .into_par_iter()
            // a blob that was never fetched, or one that is lost: the metadata tell
            .filter_map(|(digest, kind)| Some((one(site, &digest, kind, content.blobs.get(&digest)?), digest)))
            .collect();
        level = BTreeSet::new();
        for ((document, problem), digest) in read {
            if let Some((code, at, cause)) = problem {
                inv.problem(code, &at, Lost::Nothing, cause);
            }
            if let Some(document) = document {
                let children = document.children();
                level.extend(children.map(|child| (child.digest.clone(), MediaKind::of(&child.media_type))));
                found.insert(digest, Box::new(document));
            }
        }
    }
    found
}

fn leads_on(kind: MediaKind) -> bool {
    matches!(kind, MediaKind::Index | MediaKind::Manifest | MediaKind::Config)
}

type Told = (Option<Document>, Option<(&'static str, Place, String)>);

/// A blob, as far as it can be read, and what is wrong with it.
fn one(site: &Site<'_>, digest: &str, kind: MediaKind, at: &Place) -> Told {
    let bytes = match site.disk.read_capped(at, oci::CAP) {
        Ok(bytes) => bytes,
        Err(Unreadable::Missing) => return (None, None),
        Err(cause) => return (None, Some(("unreadable-blob", at.clone(), cause.to_string()))),
    };
    let document = match Document::parse(kind, &bytes) {
        None => return (None, None),
        Some(document) => document,
    };
    let hash = Digest::of(&bytes);
    let sound = Digest::parse(digest).is_none_or(|named| named == hash);
    let wrong = || ("digest-mismatch", at.clone(), format!("its bytes have the digest {hash}"));
    match document {
        Ok(document) => (Some(document), (!sound).then(wrong)),
        Err(_) if !sound => (None, Some(wrong())),
        Err(cause) => (None, Some(("bad-blob", at.clone(), cause.to_string()))),
    }
}
