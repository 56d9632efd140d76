//! F6: what the engine itself would see on this disk, and what it would answer.

pub mod changes;
pub mod seen;
pub mod sizes;
