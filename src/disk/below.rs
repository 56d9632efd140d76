//! The directories below a tree's top, by path alone: for looking around where no engine's tree was found.

use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;

use walkdir::{DirEntry, WalkDir};

use super::Tree;
use crate::terms::Place;

impl Tree {
    /// Goes down as far as `depth`, past whatever cannot be read, and not into what is `wanted`: that is returned, in order.
    /// Links are not followed and mounts not entered. Only names are taken from the walk, which goes by paths; whatever is
    /// read of a place is opened beneath the top as ever.
    pub fn below(&self, depth: usize, mut wanted: impl FnMut(&Place) -> bool) -> Vec<Place> {
        // through the open directory, so that what the walk lists is the quiet view, too
        let top = format!("/proc/self/fd/{}", self.fd().as_raw_fd());
        let place = |entry: &DirEntry| {
            let path = entry.path().strip_prefix(&top).ok()?.as_os_str().as_bytes();
            Some(Place::tree(self.name()).join(path))
        };
        let mut walk = WalkDir::new(&top).min_depth(1).max_depth(depth).same_file_system(true).into_iter();
        let mut found = Vec::new();
        while let Some(entry) = walk.next() {
            let Ok(entry) = entry else { continue };
            if !entry.file_type().is_dir() {
                continue;
            }
            let Some(at) = place(&entry) else { continue };
            if wanted(&at) {
                found.push(at);
                walk.skip_current_dir();
            }
        }
        found.sort();
        found
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn directories_are_found_in_order_not_through_links_and_not_inside_each_other() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["b/root/root", "a/root", "a/deep/er/root", "elsewhere"] {
            fs::create_dir_all(dir.path().join(path)).unwrap();
        }
        std::os::unix::fs::symlink(dir.path().join("b"), dir.path().join("elsewhere/link")).unwrap();
        fs::write(dir.path().join("elsewhere/root"), "a file").unwrap();
        let tree = Tree::open("host", dir.path()).unwrap();
        let found =
            |depth| tree.below(depth, |at| at.name() == b"root").iter().map(Place::to_string).collect::<Vec<_>>();
        assert_eq!(found(2), ["host/a/root", "host/b/root"]);
        assert_eq!(found(9), ["host/a/deep/er/root", "host/a/root", "host/b/root"]);
    }
}
