//! F7: why a thing is there. What a word on the command line means, what keeps it, and what it keeps.

mod find;
mod ground;
#[cfg(test)]
mod tests;
mod weigh;

pub use find::{NotFound, by_name, find};
pub use ground::Ground;
pub use weigh::{Bytes, Scale, retained};
