//! Drawn databases: metas, lookups, every fault, hostile shapes. Databases of real engines are in `tests/bolt.rs`.

mod damage;
mod hostile;
mod live;
mod metas;
mod reading;
mod seeds;
pub(crate) mod sketch;
