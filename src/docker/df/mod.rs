//! What `GET /system/df` would answer: the rows, by kind, with the engine's own numbers.
//!
//! Nothing here is how large things are on the disk. With a graph driver layers have the size that was recorded when they
//! were made, read-write layers and volumes the lengths of their files; with containerd's store snapshots have the blocks
//! that were counted when they were committed, blobs the size that their descriptors say; cache records have what
//! BuildKit wrote down.

mod graph;
mod rows;
mod stored;
#[cfg(test)]
mod tests;
mod totals;

use super::View;
use super::cache::CacheRow;
use super::seen::Triple;
use super::sizes::Sizes;
use super::stored::ImagesAsked;
use crate::terms::Key;
pub use rows::{ContainerRow, ImageRow, ManifestRow, VolumeRow};
pub(super) use stored::{blobs_in_sum, snapshots_in_sum};
pub use totals::Total;

/// The whole answer.
#[derive(Clone, Debug)]
pub struct DiskUsage<'a> {
    pub version: Triple,
    /// What the engine says of all images together.
    pub layers_size: i64,
    /// Newest first.
    pub images: Vec<ImageRow<'a>>,
    /// Newest first.
    pub containers: Vec<ContainerRow<'a>>,
    /// By name.
    pub volumes: Vec<VolumeRow<'a>>,
    /// By ID.
    pub cache: Vec<CacheRow>,
    /// Numbers that we could not compute as the engine would, and why. Single ones stand as -1, sums lack them.
    pub doubts: Vec<(Key, String)>,
}

impl<'a> DiskUsage<'a> {
    pub fn of<'s>(view: impl Into<View<'s, 'a>>, sizes: &Sizes<'_>, cache: Vec<CacheRow>) -> Self
    where
        'a: 's,
    {
        let view = view.into();
        let mut doubts = Vec::new();
        let layers_size = match view {
            View::GraphDriver(seen) => graph::layers_size(seen),
            View::Containerd(stored) => stored::layers_size(stored, sizes, &mut doubts),
        };
        let mut df = Self {
            version: view.version(),
            layers_size,
            images: images(view, sizes, &ImagesAsked { all: false, keep: &|_, _| true }),
            containers: containers(view, sizes),
            volumes: rows::volumes(view, sizes),
            cache,
            doubts,
        };
        df.find_doubts();
        df
    }

    fn find_doubts(&mut self) {
        let containers = self.containers.iter().map(|row| (row.key, &row.measured));
        let volumes = self.volumes.iter().map(|row| (row.key, &row.measured));
        let cache = self.cache.iter().map(|row| (&row.key, &row.size));
        let all = containers.chain(volumes).chain(cache);
        let rows = all.filter_map(|(key, size)| Some((key.clone(), size.doubt()?.to_owned())));
        let images = self.images.iter().filter_map(|row| Some((row.key.clone(), row.doubt.clone()?)));
        let found: Vec<(Key, String)> = rows.chain(images).collect();
        self.doubts.extend(found);
        self.doubts.sort();
        self.doubts.dedup();
    }
}

/// The rows of the images that are asked for, newest first.
pub fn images<'a>(view: View<'_, 'a>, sizes: &Sizes<'_>, asked: &ImagesAsked<'_>) -> Vec<ImageRow<'a>> {
    match view {
        View::GraphDriver(seen) => graph::images(seen, asked.all),
        View::Containerd(stored) => stored::images(stored, sizes, asked),
    }
}

/// The rows of all loaded containers, newest first.
pub fn containers<'a>(view: View<'_, 'a>, sizes: &Sizes<'_>) -> Vec<ContainerRow<'a>> {
    rows::containers(view, |container, key| match view {
        View::GraphDriver(seen) => graph::container_sizes(seen, sizes, container),
        View::Containerd(stored) => stored::container_sizes(stored, sizes, key),
    })
}
