//! What dockerd's image and layer stores write: tiny files of one value, image configs, tags, maps of the registry
//! client, and the small files of a graph driver.

pub mod config;
pub mod distribution;
pub mod gzip;
pub mod overlay;
pub mod repositories;
#[cfg(test)]
mod tests;
pub mod text;
