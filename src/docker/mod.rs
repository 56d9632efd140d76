//! F6: what the engine itself would see on this disk, and what it would answer.

mod active;
pub mod api;
pub mod builds;
pub mod cache;
pub mod changes;
pub mod counted;
mod daemon_json;
pub mod df;
pub mod df_json;
pub mod df_text;
pub mod mark;
pub mod measured;
pub mod seen;
pub mod sizes;
pub mod stored;
#[cfg(test)]
mod tests;
pub mod units;
pub mod version;
mod view;

pub use active::{Active, Selected, active, selected_root};
pub use daemon_json::{BuilderGc, DaemonConfig, DaemonConfigError};
pub use version::{EngineVersion, Inferred, infer};
pub use view::View;
