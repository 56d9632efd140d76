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

/// Every parser of this folder, for fuzzing: no input may panic.
pub fn fuzz(bytes: &[u8]) {
    let _ = config::parse(bytes);
    let _ = distribution::parse_blobs(bytes);
    let _ = repositories::parse(bytes);
    let _ = gzip::looks_whole(bytes, bytes, bytes.len() as u64);
    let _ = (overlay::short_name(bytes), overlay::lower(bytes), overlay::link_target(bytes));
    let _ = (text::digest(bytes), text::cache_id(bytes), text::size(bytes), text::time(bytes));
}
