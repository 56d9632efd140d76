//! F6: what the engine itself would see on this disk, and what it would answer.

mod active;
pub mod changes;
mod daemon_json;
pub mod seen;
pub mod sizes;
#[cfg(test)]
mod tests;
pub mod version;

pub use active::{Active, Selected, active, selected_root};
pub use daemon_json::{BuilderGc, DaemonConfig, DaemonConfigError};
pub use version::{EngineVersion, Inferred, infer};
