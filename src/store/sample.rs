//! A small data root of an engine with overlay2 or vfs, written file by file, for tests that then spoil it.
//!
//! Two images, the second built on the first; three layers; one container; nothing else.

#![allow(clippy::unwrap_used)]

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::survey;
use crate::disk::{Disk, Tree};
use crate::inventory::Inventory;
use crate::terms::{ChainId, DiffId, Digest};

pub(crate) const CONTAINER: &str = "aa00000000000000000000000000000000000000000000000000000000000000";
pub(crate) const MOUNT: &str = "dd00000000000000000000000000000000000000000000000000000000000000";

/// A gzip file of nothing.
pub(crate) const GZIP: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x03\0\0\0\0\0\0\0\0\0";

/// The root, and what is in it.
pub(crate) struct Sample {
    dir: tempfile::TempDir,
    driver: &'static str,
    /// Base first.
    pub(crate) chain: Vec<ChainId>,
    /// The base image, and the one built on it.
    pub(crate) images: Vec<Digest>,
}

impl Sample {
    pub(crate) fn overlay2() -> Self {
        Self::of("overlay2")
    }

    pub(crate) fn of(driver: &'static str) -> Self {
        let diffs: Vec<DiffId> = [b"1", b"2", b"3"].map(|bytes| DiffId(Digest::of(bytes))).into();
        let dir = tempfile::tempdir().unwrap();
        let mut sample = Self { dir, driver, chain: ChainId::all(&diffs), images: Vec::new() };
        for below in ["layerdb/tmp", "imagedb/metadata/sha256", "distribution"] {
            std::fs::create_dir_all(sample.image(below)).unwrap();
        }
        sample.layers(&diffs);
        sample.write_images(&diffs);
        sample.mount();
        sample.container();
        sample
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    /// A path below `image/<driver>`.
    pub(crate) fn image(&self, below: &str) -> PathBuf {
        self.path("image").join(self.driver).join(below)
    }

    /// The entry of a layer, base first.
    pub(crate) fn layer(&self, number: usize) -> PathBuf {
        self.image("layerdb/sha256").join(self.chain[number].0.hex())
    }

    pub(crate) fn mount_entry(&self) -> PathBuf {
        self.image("layerdb/mounts").join(CONTAINER)
    }

    /// The directory of a layer, base first.
    pub(crate) fn data(&self, number: usize) -> PathBuf {
        self.home(&Self::id(number))
    }

    /// A directory of the driver.
    pub(crate) fn home(&self, id: &str) -> PathBuf {
        match self.driver {
            "vfs" => self.path("vfs/dir").join(id),
            driver => self.path(driver).join(id),
        }
    }

    pub(crate) fn id(number: usize) -> String {
        format!("{number}").repeat(64)
    }

    pub(crate) fn disk(&self) -> Disk {
        Disk::new([Tree::open("docker", self.dir.path()).unwrap()]).unwrap()
    }

    pub(crate) fn survey(&self) -> Inventory {
        survey(&self.disk())
    }

    /// `code place` of every problem.
    pub(crate) fn problems(&self) -> Vec<String> {
        said(&self.survey())
    }

    /// Makes a directory of the driver above others, nearest first.
    pub(crate) fn directory(&self, id: &str, lower: &[&str]) {
        let at = self.home(id);
        if self.driver == "vfs" {
            return std::fs::create_dir_all(at).unwrap();
        }
        put(&at.join("diff/file"), id.as_bytes());
        put(&at.join("link"), short(id).as_bytes());
        if !lower.is_empty() {
            let names: Vec<String> = lower.iter().map(|id| format!("l/{}", short(id))).collect();
            put(&at.join("lower"), names.join(":").as_bytes());
        }
        self.short_link(&short(id), &format!("../{id}/diff"));
    }

    pub(crate) fn short_link(&self, name: &str, target: &str) {
        let links = self.path(self.driver).join("l");
        std::fs::create_dir_all(&links).unwrap();
        symlink(target, links.join(name)).unwrap();
    }

    fn layers(&self, diffs: &[DiffId]) {
        for (number, diff) in diffs.iter().enumerate() {
            let entry = self.layer(number);
            put(&entry.join("diff"), diff.0.as_str().as_bytes());
            put(&entry.join("cache-id"), Self::id(number).as_bytes());
            put(&entry.join("size"), b"64");
            put(&entry.join("tar-split.json.gz"), GZIP);
            if let Some(parent) = number.checked_sub(1) {
                put(&entry.join("parent"), self.chain[parent].0.as_str().as_bytes());
            }
            let below: Vec<String> = (0..number).rev().map(Self::id).collect();
            self.directory(&Self::id(number), &below.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }

    fn write_images(&mut self, diffs: &[DiffId]) {
        for count in [1, 3] {
            let list: Vec<String> = diffs[..count].iter().map(|diff| format!("{:?}", diff.0.as_str())).collect();
            let config = format!(r#"{{"os":"linux","rootfs":{{"type":"layers","diff_ids":[{}]}}}}"#, list.join(","));
            self.images.push(self.put_image(config.as_bytes()));
        }
        let metadata = self.image("imagedb/metadata/sha256").join(self.images[1].hex());
        put(&metadata.join("parent"), self.images[0].as_str().as_bytes());
        put(&metadata.join("lastUpdated"), b"2026-11-21T00:15:38.153991859Z");
        self.tag(&[("base:1", &self.images[0]), ("web:1", &self.images[1])]);
    }

    /// Adds an image config.
    pub(crate) fn put_image(&self, config: &[u8]) -> Digest {
        let id = Digest::of(config);
        put(&self.image("imagedb/content/sha256").join(id.hex()), config);
        id
    }

    /// Writes `repositories.json`.
    pub(crate) fn tag(&self, tags: &[(&str, &Digest)]) {
        let one =
            |(name, id): &(&str, &Digest)| format!(r#""{}":{{"{name}":"{id}"}}"#, name.split(':').next().unwrap());
        let tags: Vec<String> = tags.iter().map(one).collect();
        put(&self.image("repositories.json"), format!(r#"{{"Repositories":{{{}}}}}"#, tags.join(",")).as_bytes());
    }

    fn mount(&self) {
        let init = format!("{MOUNT}-init");
        put(&self.mount_entry().join("mount-id"), MOUNT.as_bytes());
        put(&self.mount_entry().join("init-id"), init.as_bytes());
        put(&self.mount_entry().join("parent"), self.chain[2].0.as_str().as_bytes());
        let below: Vec<String> = (0..3).rev().map(Self::id).collect();
        let below: Vec<&str> = below.iter().map(String::as_str).collect();
        self.directory(&init, &below);
        self.directory(MOUNT, &[&[init.as_str()], below.as_slice()].concat());
    }

    fn container(&self) {
        let config = format!(
            r#"{{"ID":"{CONTAINER}","Name":"/c","Driver":"{}","Image":"{}","State":{{}},"Config":{{"Image":"web:1"}}}}"#,
            self.driver, self.images[1]
        );
        put(&self.path("containers").join(CONTAINER).join("config.v2.json"), config.as_bytes());
        put(&self.path("containers").join(CONTAINER).join("hostconfig.json"), b"{}");
    }
}

/// `code place` of every problem.
pub(crate) fn said(inv: &Inventory) -> Vec<String> {
    inv.problems.iter().map(|problem| format!("{} {}", problem.code, problem.at)).collect()
}

pub(crate) fn put(at: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(at.parent().unwrap()).unwrap();
    std::fs::write(at, bytes).unwrap();
}

/// A short name: any 26 characters do.
fn short(id: &str) -> String {
    let tail = if id.ends_with("-init") { "I" } else { "X" };
    format!("{}{tail}", id[..25].to_uppercase())
}
