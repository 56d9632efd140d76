//! F1: bytes into values. No paths, no files.

pub mod bolt;
pub mod engine;
#[doc(hidden)]
pub mod fuzz;
pub mod gotime;
pub mod image;
pub mod oci;
pub mod tar;
pub mod tarsplit;
pub mod varint;
