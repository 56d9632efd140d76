//! What `GET /system/df` would answer: the rows, by kind, with the engine's own numbers.
//!
//! Nothing here is how large things are on the disk. Layers have the size that was recorded when they were made,
//! read-write layers and volumes the lengths of their files, cache records what BuildKit wrote down.

mod rows;
#[cfg(test)]
mod tests;
mod totals;

use super::cache::CacheRow;
use super::seen::{Seen, Triple};
use super::sizes::Sizes;
use crate::terms::Key;
pub use rows::{ContainerRow, ImageRow, VolumeRow};
pub use totals::Total;

/// The whole answer.
#[derive(Clone, Debug)]
pub struct DiskUsage<'a> {
    pub version: Triple,
    /// The recorded sizes of all layers of listed images, each layer once.
    pub layers_size: i64,
    /// Newest first.
    pub images: Vec<ImageRow<'a>>,
    /// Newest first.
    pub containers: Vec<ContainerRow<'a>>,
    /// By name.
    pub volumes: Vec<VolumeRow<'a>>,
    /// By ID.
    pub cache: Vec<CacheRow>,
    /// Numbers that we could not compute as the engine would, and why. They stand as -1.
    pub doubts: Vec<(Key, String)>,
}

impl<'a> DiskUsage<'a> {
    pub fn of(seen: &Seen<'a>, sizes: &Sizes<'_>, cache: Vec<CacheRow>) -> Self {
        let mut df = Self {
            version: seen.version,
            layers_size: rows::layers_size(seen),
            images: rows::images(seen),
            containers: rows::containers(seen, sizes),
            volumes: rows::volumes(seen, sizes),
            cache,
            doubts: Vec::new(),
        };
        df.doubts = df.find_doubts();
        df
    }

    fn find_doubts(&self) -> Vec<(Key, String)> {
        let containers = self.containers.iter().map(|row| (row.key, &row.measured));
        let volumes = self.volumes.iter().map(|row| (row.key, &row.measured));
        let cache = self.cache.iter().map(|row| (&row.key, &row.size));
        let all = containers.chain(volumes).chain(cache);
        all.filter_map(|(key, size)| Some((key.clone(), size.doubt()?.to_owned()))).collect()
    }
}
