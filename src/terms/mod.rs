//! F0: the words. Names of things on disk, checked when made; no files, no formats.

mod digest;
mod evidence;
mod key;
mod link;
mod place;
mod printable;
mod problem;
#[cfg(test)]
mod tests;

pub use digest::{CacheId, ChainId, DiffId, Digest, Hash, short_id};
pub use evidence::Evidence;
pub use key::{Key, Kind};
pub use link::{Link, LinkKind};
pub use place::{NotBeneath, Place};
pub use printable::{Harmless, Printable, is_harmless};
pub use problem::{Lost, Problem};
