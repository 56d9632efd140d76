//! What dockerd writes for itself, as JSON: containers, volumes, plugins, its own configuration.

pub mod container;
mod json;
pub mod plugin;
#[cfg(test)]
mod tests;
pub mod volume;

pub use json::JsonError;
