//! Those who help, and names.

use super::crew::{Crew, Fetched, Wanted};
use super::path::Path;
use crate::disk::{Disk, Tree};
use crate::terms::Place;

fn wanted(files: &[(&str, u64)]) -> Vec<Wanted> {
    files.iter().map(|(name, size)| Wanted { name: name.as_bytes().to_vec(), size: *size }).collect()
}

fn disk() -> (tempfile::TempDir, Disk) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("a/b")).unwrap();
    std::fs::write(dir.path().join("a/b/x"), "xx").unwrap();
    std::fs::write(dir.path().join("a/y"), "yyy").unwrap();
    std::os::unix::fs::symlink("b", dir.path().join("a/link")).unwrap();
    let disk = Disk::new([Tree::open("docker", dir.path()).unwrap()]).unwrap();
    (dir, disk)
}

#[test]
fn a_helper_fetches_what_is_as_it_should_be_and_leaves_the_rest() {
    let (_dir, disk) = disk();
    let crew = Crew::of(2);
    let files = [("a/b/x", 2), ("a/y", 2), ("a/gone", 1), ("a/link/x", 2), ("../a/y", 3), ("a/y", 3), ("./a//y", 3)];
    let fetched = std::thread::scope(|scope| {
        scope.spawn(|| crew.help(&disk));
        // one that was not begun in time comes back empty
        let results = std::iter::repeat_with(|| crew.post(&Place::tree("docker"), wanted(&files)));
        let found = results.map(|errand| {
            std::thread::sleep(std::time::Duration::from_millis(5));
            errand.result()
        });
        let found = found.take(10_000).find(|found| !found.is_empty());
        drop(crew.is_one_less());
        found
    });
    let content = |found: &Option<Fetched>| found.as_ref().map(|found| (found.content.clone(), found.traits.size));
    let found: Vec<_> = fetched.unwrap().iter().map(content).collect();
    let (x, y) = (Some((b"xx".to_vec(), 2)), Some((b"yyy".to_vec(), 3)));
    assert_eq!(found, [x, None, None, None, None, y.clone(), y]);
}

#[test]
fn an_errand_that_nobody_begins_is_given_back() {
    let crew = Crew::of(1);
    assert_eq!(crew.room(), 0, "nobody is free");
    assert!(crew.post(&Place::tree("docker"), wanted(&[("a/y", 3)])).result().is_empty());
}

#[test]
fn a_name_that_needs_no_cleaning_comes_out_like_one_that_does() {
    let cases: [(&[u8], Option<&[u8]>); 14] = [
        (b"", Some(b"")),
        (b"a", Some(b"a")),
        (b"a/b/", Some(b"a/b")),
        (b"./a/b", Some(b"a/b")),
        (b"/a/b", Some(b"a/b")),
        (b"a//b", Some(b"a/b")),
        (b"a/b//", Some(b"a/b")),
        (b"a/./b", Some(b"a/b")),
        (b"a/.b", Some(b"a/.b")),
        (b"a/../b", Some(b"b")),
        (b"a/..", Some(b"")),
        (b"../a", None),
        (b"a/../../b", None),
        (b"a/b\0", None),
    ];
    for (name, wanted) in cases {
        let path = Path::of(name);
        assert_eq!(path.as_ref().map(Path::bytes), wanted, "{name:?}");
        let Some(path) = path else { continue };
        let joined =
            [path.folder(), if path.folder().is_empty() { b"" } else { b"/" }, path.name().to_bytes()].concat();
        assert_eq!(joined, path.bytes());
    }
}
