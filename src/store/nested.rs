//! Data roots inside a data root: a volume, or what a container wrote, may hold one of its own (docker-in-docker, a
//! builder of buildx, a node of kind). Here they are only told by their signs.
//!
//! ```text
//! image/<driver>/layerdb/                     dockerd with a graph driver
//! containers/  volumes/metadata.db            dockerd with the store of a containerd elsewhere; also engine-id, or network/files/local-kv.db
//! <uid>.<gid>/                                dockerd with userns-remap: one of the two above
//! io.containerd.metadata.v1.bolt/             containerd
//! runc-<snapshotter>/metadata_v2.db           buildkitd (or containerd-<snapshotter>/)
//! ```

use super::Site;
use crate::disk::{Dir, Disk, FileKind, Tree};
use crate::inventory::facts::Nested;
use crate::inventory::is_remapped;
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
        if let Some((engine, sign)) = engine(site.disk, &at) {
            found.push(Nested { at, engine, sign });
        }
    }
    found
}

/// How far down a host or a disk a data root is looked for: `/var/snap/docker/common/var-lib-docker` is one of the farthest.
const FAR: usize = 5;

/// Where engines have their data below a directory that is none's itself: dockerd's, then containerd's.
pub fn look_around(disk: &Disk, tree: &Tree) -> [Vec<Place>; 2] {
    let is = |at: &Place, whose| engine(disk, at).is_some_and(|(engine, _)| engine == whose);
    let all = tree.below(FAR, |at| engine(disk, at).is_some());
    ["dockerd", "containerd"].map(|whose| all.iter().filter(|at| is(at, whose)).cloned().collect())
}

/// Whose it is, and by what that is told.
fn engine(disk: &Disk, at: &Place) -> Option<(&'static str, &'static str)> {
    let is_dir = |at: &Place| disk.stat(at).is_ok_and(|stat| stat.kind == FileKind::Dir);
    if is_dir(&at.join("image")) && dirs_in(disk, &at.join("image"), |image, name| holds(image, name, b"layerdb")) {
        return Some(("dockerd", "image/*/layerdb"));
    }
    if is_engines(disk, at) {
        return Some(("dockerd", "volumes/metadata.db"));
    }
    if dirs_in(disk, at, |_, name| is_remapped(name) && is_remapped_engines(disk, at, name)) {
        return Some(("dockerd", "[0-9]*.[0-9]*"));
    }
    let bolt = "io.containerd.metadata.v1.bolt";
    if is_dir(&at.join("containerd/daemon").join(bolt)) {
        return Some(("dockerd", "containerd/daemon/io.containerd.metadata.v1.bolt"));
    }
    if is_dir(&at.join(bolt)) {
        return Some(("containerd", bolt));
    }
    // it keeps this lock and its solver's memory beside the directory of its worker
    let marked = ["buildkitd.lock", "cache.db"].iter().any(|name| disk.stat(&at.join(name)).is_ok());
    let is_worker = |top: &Dir<'_>, name: &[u8]| {
        (name.starts_with(b"runc-") || name.starts_with(b"containerd-")) && holds(top, name, b"metadata_v2.db")
    };
    (marked && dirs_in(disk, at, is_worker)).then_some(("buildkitd", "runc-*/metadata_v2.db"))
}

/// What an engine keeps whose images are in a containerd elsewhere.
fn is_engines(disk: &Disk, at: &Place) -> bool {
    let is = |path: &str, kind| disk.stat(&at.join(path)).is_ok_and(|stat| stat.kind == kind);
    let named = ["engine-id", "network/files/local-kv.db"].iter().any(|path| is(path, FileKind::File));
    named && is("containers", FileKind::Dir) && is("volumes/metadata.db", FileKind::File)
}

fn is_remapped_engines(disk: &Disk, top: &Place, name: &[u8]) -> bool {
    let at = top.join(name);
    is_engines(disk, &at) || dirs_in(disk, &at.join("image"), |image, name| holds(image, name, b"layerdb"))
}

fn dirs_in(disk: &Disk, at: &Place, is: impl Fn(&Dir<'_>, &[u8]) -> bool) -> bool {
    let Ok(dir) = disk.dir(at) else { return false };
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
    fn an_engine_whose_images_are_elsewhere_is_told_by_its_databases() {
        let files = ["v/containers/x/config.v2.json", "v/volumes/metadata.db", "v/engine-id"];
        assert_eq!(engines(&files), [("docker/v".to_owned(), "dockerd")]);
        let remapped = files.map(|file| file.replacen("v/", "v/100000.100000/", 1));
        assert_eq!(engines(&remapped.each_ref().map(String::as_str)), [("docker/v".to_owned(), "dockerd")]);
        assert_eq!(engines(&["v/containers/x", "v/volumes/metadata.db"]), []);
        assert_eq!(engines(&["v/containers", "v/volumes/metadata.db", "v/engine-id"]), []);
    }

    #[test]
    fn the_same_names_alone_make_no_data_root() {
        assert_eq!(engines(&["v/image/readme", "v/overlay2/x", "v/containers/x", "v/runc-native/x"]), []);
        assert_eq!(engines(&["v/image", "v/cache.db"]), []);
    }
}
