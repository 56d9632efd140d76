//! The four lines of `docker system df`. Daemon and CLI have computed them differently over time.

use super::{DiskUsage, Triple};
use crate::docker::cache::CacheRow;

/// The daemon computes the sums; before, the CLI did. moby daemon/disk_usage.go, cli/command/formatter/disk_usage.go.
const DAEMON_SUMS: Triple = (29, 0, 0);
/// The daemon's sum of reclaimable images is no longer upside down. moby daemon/disk_usage.go (29.4.0).
const SUMS_UPRIGHT: Triple = (29, 4, 0);
/// An image of which it is not known how many containers it has is taken for used. moby daemon/disk_usage.go (29.4.1).
const UNKNOWN_IS_USED: Triple = (29, 4, 1);

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    /// `Images`, `Containers`, `Local Volumes`, `Build Cache`
    pub name: &'static str,
    pub total: usize,
    pub active: usize,
    pub size: i64,
    pub reclaimable: i64,
}

fn add(sizes: impl Iterator<Item = i64>) -> i64 {
    sizes.fold(0, i64::saturating_add)
}

impl DiskUsage<'_> {
    /// The four lines, in Docker's order.
    pub fn totals(&self) -> [Total; 4] {
        [self.image_total(), self.container_total(), self.volume_total(), self.cache_total()]
    }

    /// The four sizes added, as a reader of Docker's table would.
    pub fn docker_says(&self) -> i64 {
        add(self.totals().iter().map(|total| total.size))
    }

    pub fn image_total(&self) -> Total {
        let sized = || self.images.iter().filter(|row| row.is_sized());
        let unique =
            |counts: &dyn Fn(i64) -> bool| add(sized().filter(|row| counts(row.containers)).map(|row| row.unique()));
        // with containerd's store -1 is an image of which nothing could be run
        let reclaimable = match self.version {
            version if version >= UNKNOWN_IS_USED => unique(&|containers| containers == 0),
            version if version >= SUMS_UPRIGHT => unique(&|containers| containers <= 0),
            version if version >= DAEMON_SUMS => self.layers_size.saturating_sub(unique(&|containers| containers == 0)),
            _ => self.layers_size.saturating_sub(unique(&|containers| containers != 0)),
        };
        let upside_down = (DAEMON_SUMS..SUMS_UPRIGHT).contains(&self.version);
        let is_active = |containers: i64| if upside_down { containers != 0 } else { containers > 0 };
        let active = self.images.iter().filter(|row| is_active(row.containers)).count();
        Total { name: "Images", total: self.images.len(), active, size: self.layers_size, reclaimable }
    }

    /// On a disk that no engine works on, no container runs.
    pub fn container_total(&self) -> Total {
        // a size that could not be measured is -1, and takes part
        let size = add(self.containers.iter().map(|row| row.size_rw));
        Total { name: "Containers", total: self.containers.len(), active: 0, size, reclaimable: size }
    }

    pub fn volume_total(&self) -> Total {
        let measured = || self.volumes.iter().filter(|row| row.size != -1);
        let unused = || measured().filter(|row| row.references() == 0);
        let active = if self.version >= DAEMON_SUMS {
            // one that cannot be measured is taken for active
            self.volumes.len().saturating_sub(unused().count())
        } else {
            self.volumes.iter().filter(|row| row.references() > 0).count()
        };
        Total {
            name: "Local Volumes",
            total: self.volumes.len(),
            active,
            size: add(measured().map(|row| row.size)),
            reclaimable: add(unused().map(|row| row.size)),
        }
    }

    pub fn cache_total(&self) -> Total {
        let size_of = |keep: &dyn Fn(&CacheRow) -> bool| {
            add(self.cache.iter().filter(|row| keep(row)).map(|row| row.size.value()))
        };
        let own = size_of(&|row| !row.shared);
        let (size, reclaimable) = if self.version >= DAEMON_SUMS {
            (size_of(&|_| true), size_of(&|row| !row.in_use && !row.shared))
        } else {
            (own, own.saturating_sub(size_of(&|row| row.in_use && !row.shared)))
        };
        let active = self.cache.iter().filter(|row| row.in_use).count();
        Total { name: "Build Cache", total: self.cache.len(), active, size, reclaimable }
    }

    /// Whether the row's size is part of the sum.
    pub fn counts(&self, row: &CacheRow) -> bool {
        self.version >= DAEMON_SUMS || !row.shared
    }
}
