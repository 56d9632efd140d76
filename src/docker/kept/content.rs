//! The blobs of an image, as far as they are present. "Present" is what the engine means by it: the namespace has an
//! entry. What a blob says can be read only if its file is there, too.

use super::Stored;
use crate::format::oci::{Descriptor, Document, Index, Manifest};
use crate::inventory::facts::{Blob, ContentEntry};
use crate::terms::{Key, Kind};

/// A descriptor that was met on the way down from an image, with what it leads to.
#[derive(Clone, Debug)]
pub struct Present<'a> {
    pub descriptor: &'a Descriptor,
    pub document: Option<&'a Document>,
}

/// How far descriptors are followed.
const DEPTH: usize = 8;

impl<'a> Stored<'a> {
    fn blob(&self, digest: &str) -> Option<&'a Blob> {
        let key = Key { root: self.root.clone(), store: "containerd".into(), kind: Kind::Blob, id: digest.into() };
        self.inventory.get(&key)?.blob()
    }

    /// The entry of a blob in this namespace.
    pub fn entry(&self, digest: &str) -> Option<&'a ContentEntry> {
        self.blob(digest)?.entries.get(&self.namespace)
    }

    pub fn is_present(&self, digest: &str) -> bool {
        self.entry(digest).is_some()
    }

    /// What a blob says: it is present, its file is there, and it parsed.
    pub fn document(&self, digest: &str) -> Option<&'a Document> {
        self.blob(digest).filter(|blob| blob.entries.contains_key(&self.namespace))?.document.as_deref()
    }

    pub fn index(&self, digest: &str) -> Option<&'a Index> {
        match self.document(digest)? {
            Document::Index(index) => Some(index),
            _ => None,
        }
    }

    pub fn manifest(&self, digest: &str) -> Option<&'a Manifest> {
        match self.document(digest)? {
            Document::Manifest(manifest) => Some(manifest),
            _ => None,
        }
    }

    /// The descriptors below a digest whose blobs are present, parents first, in the engine's order; one that is met
    /// twice is there twice.
    // moby daemon/containerd/image.go: walkPresentChildren
    pub fn present_below(&self, digest: &str) -> Vec<Present<'a>> {
        let mut found = Vec::new();
        self.walk(digest, DEPTH, &mut found);
        found
    }

    fn walk(&self, digest: &str, depth: usize, found: &mut Vec<Present<'a>>) {
        // an index may name a thousand others; what is beyond this is no image
        const MOST: usize = 100_000;
        let Some(document) = self.document(digest).filter(|_| depth > 0) else { return };
        for descriptor in document.children().filter(|child| self.is_present(&child.digest)) {
            if found.len() >= MOST {
                return;
            }
            found.push(Present { descriptor, document: self.document(&descriptor.digest) });
            self.walk(&descriptor.digest, depth.saturating_sub(1), found);
        }
    }
}
