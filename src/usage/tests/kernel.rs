//! What file systems have in store for a walk.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{CWD, FileType, mknodat};

use super::*;

#[test]
fn all_kinds_of_files_and_odd_names_are_weighed_as_du_does() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &[u8]| dir.path().join(OsStr::from_bytes(name));
    std::fs::File::create(path(b"sparse")).unwrap().set_len(1 << 30).unwrap();
    mknodat(CWD, path(b"fifo"), FileType::Fifo, 0o600.into(), 0).unwrap();
    if mknodat(CWD, path(b"null"), FileType::CharacterDevice, 0o600.into(), rustix::fs::makedev(0, 0)).is_err() {
        eprintln!("skipped: no device could be made");
    }
    let _socket = std::os::unix::net::UnixListener::bind(path(b"socket")).unwrap();
    symlink("/etc", path(b"link")).unwrap();
    symlink("y".repeat(3000), path(b"long-link")).unwrap();
    write(path(b"new\nline/\xff\xfe"), 1);
    write(path(b" "), 1);
    write(path(b"..."), 1);
    write(path(&[b'n'; 255]), 9000);
    std::fs::create_dir(path(b"empty")).unwrap();
    let ledger = agrees(dir.path());
    assert!(ledger.total.apparent > 1 << 30 && ledger.total.allocated < 1 << 20);
}

#[test]
fn a_huge_directory_is_split_and_counted_whole() {
    let dir = tempfile::tempdir().unwrap();
    for n in 0..20_000 {
        let path = dir.path().join(format!("a-name-of-ordinary-length-{n}"));
        match n % 100 {
            0 => std::fs::create_dir(path).unwrap(),
            1 => std::fs::hard_link(dir.path().join(format!("a-name-of-ordinary-length-{}", n + 1 - 100)), path)
                .unwrap_or_default(),
            _ => drop(std::fs::File::create(path).unwrap()),
        }
    }
    agrees(dir.path());
    // each name a claim of its own
    let disk = disk(dir.path());
    let mut claims = Claims::new();
    claims.claim(&top(), Extent::Itself, 0);
    let names: Vec<_> = disk.dir(&top()).unwrap().entries().map(|(name, _)| top().join(name)).collect();
    names.iter().zip(1..).for_each(|(at, owner)| claims.claim(at, Extent::Tree, owner));
    let ledger = measure(&disk, &claims, names.len() + 1, 0, 8, &|_, _| ());
    assert_eq!(ledger.unclaimed, Weight::default());
    assert_eq!(ledger.owners.iter().map(|w| w.inodes).sum::<u64>(), ledger.total.inodes);
}

#[test]
fn a_directory_deeper_than_any_path_is_reached() {
    let dir = tempfile::tempdir().unwrap();
    let mut at = rustix::fs::open(dir.path(), rustix::fs::OFlags::DIRECTORY, 0.into()).unwrap();
    for _ in 0..3000 {
        rustix::fs::mkdirat(&at, "deeper", 0o755.into()).unwrap();
        rustix::fs::mkdirat(&at, "beside", 0o755.into()).unwrap();
        at = rustix::fs::openat(&at, "deeper", rustix::fs::OFlags::DIRECTORY, 0.into()).unwrap();
    }
    let ledger = whole(&disk(dir.path()), 4);
    assert_eq!((ledger.total.inodes, ledger.problems.len()), (6001, 0));
    assert_eq!(du(&[dir.path()], &[]).unwrap_or(ledger.total.allocated), ledger.total.allocated);
    // std gives up on such a tree
    assert!(std::process::Command::new("rm").arg("-rf").arg(dir.path()).status().unwrap().success());
}
