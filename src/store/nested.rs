//! Data roots inside a data root: a volume, or what a container wrote, may hold one of its own (docker-in-docker, a
//! builder of buildx, a node of kind). Here they are only told by their signs.
//!
//! ```text
//! image/<driver>/layerdb/                     dockerd with a graph driver
//! io.containerd.metadata.v1.bolt/             containerd
//! runc-<snapshotter>/metadata_v2.db           buildkitd (or containerd-<snapshotter>/)
//! ```

use super::Site;
use crate::disk::{Dir, FileKind};
use crate::inventory::facts::Nested;
use crate::terms::Place;

/// Where a volume has it: a node of kind mounts one at `/var`.
pub(super) const IN_VOLUME: &[&str] = &["", "lib/docker", "lib/containerd", "lib/buildkit"];
/// Where a container has it that was not given a volume.
pub(super) const IN_CONTAINER: &[&str] = &["var/lib/docker", "var/lib/containerd", "var/lib/buildkit", "var/lib"];

/// A directory with more names than this is none of an engine's.
const MANY: usize = 1000;

/// The data roots at some places below a directory.
pub(super) fn look(site: &Site<'_>, top: &Place, below: &[&str]) -> Vec<Nested> {
    let is_dir = |at: &Place| site.disk.stat(at).is_ok_and(|stat| stat.kind == FileKind::Dir);
    let mut found: Vec<Nested> = Vec::new();
    for path in below {
        let at = if path.is_empty() { top.clone() } else { top.join(path) };
        if !is_dir(&at) || found.iter().any(|outer| at.starts_with(&outer.at)) {
            continue;
        }
        if let Some(engine) = engine(site, &at) {
            found.push(Nested { at, engine });
        }
    }
    found
}

fn engine(site: &Site<'_>, at: &Place) -> Option<&'static str> {
    let is_dir = |at: &Place| site.disk.stat(at).is_ok_and(|stat| stat.kind == FileKind::Dir);
    if is_dir(&at.join("image")) && dirs_in(site, &at.join("image"), |image, name| holds(image, name, b"layerdb")) {
        return Some("dockerd");
    }
    let bolt = "io.containerd.metadata.v1.bolt";
    if is_dir(&at.join("containerd/daemon").join(bolt)) {
        return Some("dockerd");
    }
    if is_dir(&at.join(bolt)) {
        return Some("containerd");
    }
    // it keeps this lock and its solver's memory beside the directory of its worker
    let marked = ["buildkitd.lock", "cache.db"].iter().any(|name| site.disk.stat(&at.join(name)).is_ok());
    let is_worker = |top: &Dir<'_>, name: &[u8]| {
        (name.starts_with(b"runc-") || name.starts_with(b"containerd-")) && holds(top, name, b"metadata_v2.db")
    };
    (marked && dirs_in(site, at, is_worker)).then_some("buildkitd")
}

fn dirs_in(site: &Site<'_>, at: &Place, is: impl Fn(&Dir<'_>, &[u8]) -> bool) -> bool {
    let Ok(dir) = site.disk.dir(at) else { return false };
    let mut dirs = dir.entries().filter(|(_, kind)| *kind == FileKind::Dir);
    dir.len() <= MANY && dirs.any(|(name, _)| is(&dir, name))
}

fn holds(above: &Dir<'_>, name: &[u8], inside: &[u8]) -> bool {
    above.dir(name).is_ok_and(|dir| dir.len() <= MANY && dir.kind(inside).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::site;
    use crate::store::tests::disk;

    fn engines(files: &[&str]) -> Vec<(String, &'static str)> {
        let files: Vec<(&str, &[u8])> = files.iter().map(|path| (*path, b"x".as_slice())).collect();
        let (_dir, disk) = disk(&files);
        let roots = site::roots(&disk, site::trees(&disk)).found;
        let site = Site::new(&disk, &roots[0], &roots);
        look(&site, &site.at("v"), IN_VOLUME).into_iter().map(|it| (it.at.to_string(), it.engine)).collect()
    }

    #[test]
    fn each_engine_is_told_by_what_only_it_writes() {
        assert_eq!(engines(&["v/image/vfs/layerdb/x"]), [("docker/v".to_owned(), "dockerd")]);
        assert_eq!(engines(&["v/cache.db", "v/runc-native/metadata_v2.db"]), [("docker/v".to_owned(), "buildkitd")]);
        assert_eq!(
            engines(&[
                "v/lib/containerd/io.containerd.metadata.v1.bolt/meta.db",
                "v/lib/docker/image/overlay2/layerdb/x"
            ]),
            [("docker/v/lib/docker".to_owned(), "dockerd"), ("docker/v/lib/containerd".to_owned(), "containerd")]
        );
    }

    #[test]
    fn the_same_names_alone_make_no_data_root() {
        assert_eq!(engines(&["v/image/readme", "v/overlay2/x", "v/containers/x", "v/runc-native/x"]), []);
        assert_eq!(engines(&["v/image", "v/cache.db"]), []);
    }
}
