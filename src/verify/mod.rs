//! F5: is it still what it was. Layers are made to tar streams again and hashed; their files are compared with the headers
//! of those streams; blobs are hashed. What cannot be checked is told apart, and never called intact.
//!
//! ```text
//! tar-split record ─┬─ bytes ───────────────┐
//!                   └─ names ─ file ─ bytes ┴─> SHA-256 = diff ID     (split.rs)
//! headers in those bytes ─ mode, owner, time, … = the inode           (examine.rs, compare.rs)
//! names of the directory ─ all in the record                          (walk.rs)
//! ```

mod acl;
mod ahead;
mod blob;
mod budget;
mod changes;
mod compare;
mod crew;
mod desk;
mod examine;
mod gather;
mod habits;
mod layer;
mod lowers;
mod merged;
mod model;
mod moved;
mod names;
mod owners;
mod path;
mod run;
mod seen;
mod snapshot;
mod split;
mod subject;
#[cfg(test)]
mod tests;
mod top;
mod tree;
mod unpack;
mod unpacked_as;
mod verdict;
mod walk;

pub use run::{Orders, Part, run};
pub use subject::{Subject, subjects};
pub use verdict::{Difference, Outcome, Verdict, What};
