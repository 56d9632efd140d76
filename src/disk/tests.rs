//! Opening, checked on a small tree.

use std::os::unix::fs::symlink;
use std::path::Path;

use super::*;
use crate::terms::Place;

fn disk() -> (tempfile::TempDir, Disk) {
    let dir = tempfile::tempdir().unwrap();
    let tree = Tree::open("docker", dir.path()).unwrap();
    (dir, Disk::new([tree]).unwrap())
}

#[test]
fn files_are_read_and_directories_listed_in_order() {
    let (dir, disk) = disk();
    std::fs::create_dir(dir.path().join("d")).unwrap();
    for name in ["b", "a"] {
        std::fs::write(dir.path().join("d").join(name), name).unwrap();
    }
    let at = Place::tree("docker").join("d");
    let listing = disk.dir(&at).unwrap();
    assert_eq!(listing.entries().map(|(n, _)| n.to_owned()).collect::<Vec<_>>(), [b"a", b"b"]);
    assert_eq!(listing.read(b"a").unwrap(), b"a");
    assert_eq!(listing.head(b"a", 9).unwrap(), b"a");
    assert_eq!(listing.ends(b"a", 9, 9).unwrap(), Ends { head: b"a".into(), tail: b"a".into(), len: 1 });
    std::fs::write(dir.path().join("d/a"), "longer").unwrap();
    assert_eq!(listing.ends(b"a", 1, 2).unwrap(), Ends { head: b"l".into(), tail: b"er".into(), len: 6 });
    std::fs::write(dir.path().join("d/a"), "a").unwrap();
    assert_eq!(disk.read(&at.join("b")).unwrap(), b"b");
    assert_eq!(disk.read(&at.join("c")), Err(Unreadable::Missing));
    assert_eq!(disk.read_capped(&at.join("b"), 0), Err(Unreadable::TooLong { len: 1, cap: 0 }));
}

#[test]
fn no_link_is_followed_and_nothing_but_a_file_is_read() {
    let (dir, disk) = disk();
    symlink("/etc", dir.path().join("out")).unwrap();
    symlink("/etc/passwd", dir.path().join("passwd")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, dir.path().join("fifo"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let top = Place::tree("docker");
    assert_eq!(disk.read(&top.join("out/passwd")), Err(Unreadable::LeadsAway));
    assert_eq!(disk.read(&top.join("passwd")), Err(Unreadable::NotAFile(FileKind::Symlink)));
    assert_eq!(disk.read(&top.join("fifo")), Err(Unreadable::NotAFile(FileKind::Fifo)));
    assert_eq!(disk.link_target(&top.join("passwd")).unwrap(), b"/etc/passwd");
    assert!(matches!(disk.dir(&top.join("out")), Err(Unreadable::LeadsAway | Unreadable::NotADirectory(_))));
    assert_eq!(disk.dir(&top.join("fifo")).unwrap_err(), Unreadable::NotADirectory(FileKind::Fifo));
}

#[test]
fn an_injected_fault_is_reported_as_the_kernel_would() {
    let (dir, mut disk) = disk();
    std::fs::write(dir.path().join("f"), "x").unwrap();
    let at = Place::tree("docker").join("f");
    disk.inject(at.clone(), 5);
    assert_eq!(disk.read(&at).unwrap_err().to_string(), "Input/output error (os error 5)");
    assert!(disk.dir(&Place::tree("docker")).unwrap().read(b"f").is_err());
}

#[test]
fn mounts_below_a_root_are_told_with_their_type() {
    let text = b"1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 0:9 / /r/a\\040b/merged rw,x shared:1 - overlay overlay rw\n3 1 0:9 / /r rw - ext4 /dev/a rw\n";
    let found = mountinfo::parse(text, Path::new("/r"));
    assert_eq!(found, [MountPoint { inside: b"a b/merged".to_vec(), fs_type: "overlay".into() }]);
}

#[test]
fn links_of_another_host_stay_below_its_top() {
    let top = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(top.path().join("data/docker")).unwrap();
    std::fs::create_dir_all(top.path().join("var/lib")).unwrap();
    symlink("/data/docker", top.path().join("var/lib/docker")).unwrap();
    symlink("/etc/passwd", top.path().join("passwd")).unwrap();
    let host = Host::open(top.path()).unwrap();
    assert_eq!(host.dir(Path::new("/var/lib/docker")), Some(top.path().canonicalize().unwrap().join("data/docker")));
    assert_eq!(host.read(Path::new("passwd")), Ok(None));
    assert_eq!(host.dir(Path::new("nowhere")), None);
}

#[test]
fn a_quiet_view_is_kept_still_by_the_kernel_and_mounted_nowhere() {
    use rustix::fs::{Mode, OFlags, StatVfsMountFlags, fstatvfs, openat};
    let (dir, disk) = disk();
    let tree = disk.trees().next().unwrap();
    if !tree.is_quiet() {
        eprintln!("skipped: no right to mount, or no kernel that gives a view");
        return;
    }
    let flags = fstatvfs(tree.fd()).unwrap().f_flag;
    assert!(flags.contains(StatVfsMountFlags::RDONLY | StatVfsMountFlags::NOATIME | StatVfsMountFlags::NODEV));
    let made = openat(tree.fd(), "new", OFlags::CREATE | OFlags::WRONLY, Mode::RUSR);
    assert_eq!(made.unwrap_err(), rustix::io::Errno::ROFS);
    std::fs::write(dir.path().join("later"), "seen").unwrap();
    assert_eq!(disk.read(&Place::tree("docker").join("later")).unwrap(), b"seen");
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(dir.path().to_str().unwrap()));
}

#[test]
fn a_thread_that_stands_alone_sees_the_same_attributes_of_a_link_and_moves_nobody_else() {
    let (dir, disk) = disk();
    let link = dir.path().join("link");
    symlink("nowhere", &link).unwrap();
    if xattr::set(&link, "trusted.mark", b"one").is_err() {
        eprintln!("skipped: only root sets attributes of links, and not on every file system");
        return;
    }
    let here = std::env::current_dir().unwrap();
    let step = disk.step(&Place::tree("docker")).unwrap();
    let from_outside = step.attributes_at(c"link").unwrap();
    let from_inside = std::thread::scope(|scope| {
        let alone = scope.spawn(|| {
            super::stand_alone();
            step.attributes_at(c"link").unwrap()
        });
        alone.join().unwrap()
    });
    assert_eq!(from_outside, [(b"trusted.mark".to_vec(), b"one".to_vec())]);
    assert_eq!(from_inside, from_outside);
    assert_eq!(std::env::current_dir().unwrap(), here);
}
