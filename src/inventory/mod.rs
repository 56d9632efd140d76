//! F3: the table that stores lay claims on: things, references, places, holes.
//!
//! A store surveys its part of the disk into an `Inventory` of its own; they are merged in a fixed order and sealed.
//! Nothing here opens a file or decides anything.

mod cover;
pub mod facts;
mod owner;
mod share;
mod table;
#[cfg(test)]
mod tests;

pub use facts::Facts;
pub use owner::{Owner, OwnerKey, OwnerKind, Owners};
pub use table::{Clue, Entity, Extent, Inventory, Keeps, Lot, Role, Root, Scaffold, StoreInfo, StoreKind, is_remapped};
