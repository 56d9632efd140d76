//! The graph drivers of a root, as far as build cache needs them: which of them has a directory, which has a layer.
//!
//! BuildKit's databases name driver directories and chain IDs and not the driver, and all drivers of a root share them.

use super::Site;
use crate::disk::FileKind;
use crate::inventory::Inventory;
use crate::terms::{CacheId, ChainId, Key, Kind, Lost, Place};

/// A driver, where its directories lie below the root, and which part of one is a layer's own files.
struct Driver {
    name: &'static str,
    directories: &'static str,
    content: &'static str,
}

/// moby daemon/graphdriver/*: what `Get` and `DiffSize` of each driver look at.
const DRIVERS: &[Driver] = &[
    Driver { name: "aufs", directories: "aufs/diff", content: "" },
    Driver { name: "btrfs", directories: "btrfs/subvolumes", content: "" },
    Driver { name: "devicemapper", directories: "devicemapper/metadata", content: "" },
    Driver { name: "fuse-overlayfs", directories: "fuse-overlayfs", content: "diff" },
    Driver { name: "overlay", directories: "overlay", content: "root" },
    Driver { name: "overlay2", directories: "overlay2", content: "diff" },
    Driver { name: "vfs", directories: "vfs/dir", content: "" },
    Driver { name: "zfs", directories: "zfs/graph", content: "" },
];

/// The drivers that are present.
pub(super) struct Homes<'a> {
    site: &'a Site<'a>,
    present: Vec<&'static Driver>,
}

impl<'a> Homes<'a> {
    pub(super) fn find(site: &'a Site<'a>) -> Self {
        let is_dir = |path: &str| site.disk.stat(&site.at(path)).is_ok_and(|stat| stat.kind == FileKind::Dir);
        let here = |driver: &&Driver| is_dir(driver.directories) || is_dir(&format!("image/{}", driver.name));
        Self { site, present: DRIVERS.iter().filter(here).collect() }
    }

    /// The directories of this name; if none has one, the place where the only driver would have it.
    pub(super) fn directory(&self, id: &CacheId) -> Vec<Key> {
        self.pick(|driver| self.at(driver, id), Kind::DriverDirectory, id.as_str())
    }

    /// The layers of this name; if none has one, the place where the only driver would have it.
    pub(super) fn layer(&self, chain: &ChainId) -> Vec<Key> {
        let at = |driver: &Driver| self.site.at("image").join(driver.name).join("layerdb/sha256").join(chain.0.hex());
        self.pick(at, Kind::Layer, chain.0.as_str())
    }

    /// Where the files of a driver directory lie, in every driver that has it.
    pub(super) fn contents(&self, id: &CacheId) -> impl Iterator<Item = Place> {
        let with = |driver: &&&Driver| self.site.disk.stat(&self.at(driver, id)).is_ok();
        let content = |driver: &&'static Driver| match driver.content {
            "" => self.at(driver, id),
            below => self.at(driver, id).join(below),
        };
        self.present.iter().filter(with).map(content).collect::<Vec<_>>().into_iter()
    }

    /// Whether a driver has directories that BuildKit must have made: 25 letters and digits, no layer's hash.
    pub(super) fn has_build_directories(&self, inv: &mut Inventory) -> bool {
        self.present.iter().any(|driver| {
            let home = self.site.dir(inv, &self.site.at(driver.directories), Lost::Nothing);
            home.is_some_and(|home| home.entries().any(|(name, kind)| kind == FileKind::Dir && is_build_id(name)))
        })
    }

    fn at(&self, driver: &Driver, id: &CacheId) -> Place {
        self.site.at(driver.directories).join(id.as_str())
    }

    fn pick(&self, at: impl Fn(&Driver) -> Place, kind: Kind, id: &str) -> Vec<Key> {
        let has = |driver: &&&'static Driver| self.site.disk.stat(&at(driver)).is_ok();
        let key = |driver: &&'static Driver| self.site.root.key(driver.name, kind, id);
        let found: Vec<Key> = self.present.iter().filter(has).map(key).collect();
        match (found.is_empty(), self.present.as_slice()) {
            (true, [only]) => vec![key(only)],
            _ => found,
        }
    }
}

/// moby vendor/github.com/moby/buildkit/identity/randomid.go: 25 digits to the base 36.
pub(super) fn is_build_id(name: &[u8]) -> bool {
    name.len() == 25 && name.iter().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
}
