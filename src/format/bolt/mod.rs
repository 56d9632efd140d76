//! bbolt, the database of containerd, BuildKit and dockerd, read from a file's bytes.
//!
//! ```text
//! page 0, 1    meta: page size, root page, transaction, checksum        (meta.rs)
//! page 2 …     branch and leaf pages of one b+tree a bucket, freelist, free pages        (page.rs)
//! a leaf's value is a value, or a bucket: the root page of its own tree, or a small leaf inline        (walk.rs)
//! ```
//!
//! The bytes are trusted in nothing. A meta is sealed by a checksum, and nothing else is: a copy of a database in use, or
//! one whose writer does not sync, can be torn below a valid meta. So every page is checked, and a broken one costs its
//! bucket only: `Tree::damage` lists where, and `Bucket::is_whole` tells whether a key's absence means anything.
//!
//! ```
//! use deadweight::format::bolt::{Bolt, BoltError};
//!
//! fn images(file: Vec<u8>) -> Result<usize, BoltError> {
//!     let tree = Bolt::open(file)?.read();
//!     Ok(tree.at(&[b"v1", b"moby", b"images"]).map_or(0, |images| images.buckets().count()))
//! }
//! assert_eq!(images(Vec::new()), Err(BoltError::Empty));
//! ```

mod error;
mod int;
mod live;
mod meta;
mod page;
#[cfg(test)]
pub(crate) mod tests;
mod tree;
mod walk;

use std::fmt;
use std::sync::Arc;

pub use error::{BoltError, Fault, MetaFault};
pub use live::{LiveError, read_stable};
pub(in crate::format) use meta::seal;
pub use meta::{best_txid, head_len};
pub use tree::{BoltDamage, Bucket, Entry, Tree};

/// A database whose meta is valid.
pub struct Bolt {
    bytes: Arc<Vec<u8>>,
    chosen: meta::Chosen,
}

impl Bolt {
    /// Takes a whole file, and finds the state that it is in.
    pub fn open(bytes: Vec<u8>) -> Result<Self, BoltError> {
        let chosen = meta::choose(&bytes)?;
        Ok(Self { bytes: Arc::new(bytes), chosen })
    }

    /// The last transaction that was committed.
    pub fn txid(&self) -> u64 {
        self.chosen.meta.txid
    }

    pub fn page_size(&self) -> usize {
        self.chosen.meta.page_size
    }

    /// Why the other meta is invalid, if it is: then this may be the state before the last commit, complete in itself.
    pub fn stepped_back(&self) -> Option<MetaFault> {
        self.chosen.other
    }

    /// Reads every bucket and key. The tree keeps the bytes.
    pub fn read(&self) -> Tree {
        walk::walk(&self.bytes, &self.chosen.meta)
    }
}

impl fmt::Debug for Bolt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bolt").field("bytes", &self.bytes.len()).field("meta", &self.chosen).finish()
    }
}
