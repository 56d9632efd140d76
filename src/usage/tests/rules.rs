//! Who is charged for what.

use super::*;

#[test]
fn the_deepest_claim_is_charged_and_an_own_directory_covers_only_itself() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a/one", "a/b/two", "a/b/c/three", "four"] {
        write(dir.path().join(name), 5000);
    }
    let mut claims = Claims::new();
    claims.claim(&top(), Extent::Itself, 0);
    claims.rest(&top(), 1);
    claims.claim(&top().join("a"), Extent::Tree, 2);
    claims.claim(&top().join("a/b"), Extent::Itself, 3);
    claims.claim(&top().join("a/b/c"), Extent::Tree, 4);
    claims.claim(&top().join("not/there"), Extent::Tree, 5);
    let ledger = measure(&disk(dir.path()), &claims, 6, 0, 2, &|_, _| ());
    // the top; `four`; `a`, `a/one` and `a/b/two`; `a/b`; `a/b/c` and what is in it; nothing
    assert_eq!(ledger.owners.iter().map(|w| w.inodes).collect::<Vec<_>>(), [1, 1, 3, 1, 2, 0]);
    assert_eq!(ledger.owners.iter().map(|w| w.allocated).sum::<u64>(), ledger.total.allocated);
    assert_eq!(ledger.total.inodes, oracle(&[dir.path()]).2);
    assert_eq!(ledger.unclaimed, Weight::default());
}

#[test]
fn what_lies_beside_a_deep_claim_is_the_rest_with_all_below() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path().join("x/y/claimed"), 1);
    write(dir.path().join("x/y/z/stranger"), 1);
    let mut claims = Claims::new();
    claims.claim(&top(), Extent::Itself, 0);
    claims.rest(&top(), 1);
    claims.claim(&top().join("x/y/claimed"), Extent::Tree, 2);
    let ledger = measure(&disk(dir.path()), &claims, 3, 0, 1, &|_, _| ());
    assert_eq!(ledger.owners.iter().map(|w| w.inodes).collect::<Vec<_>>(), [1, 4, 1]);
}

#[test]
fn what_nobody_claims_is_still_in_the_total() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path().join("a/f"), 1);
    let mut claims = Claims::new();
    claims.claim(&top().join("a"), Extent::Itself, 0);
    let ledger = measure(&disk(dir.path()), &claims, 1, 0, 1, &|_, _| ());
    assert_eq!((ledger.owners[0].inodes, ledger.unclaimed.inodes, ledger.total.inodes), (1, 2, 3));
}

#[test]
fn of_two_claims_on_one_place_the_first_stands_and_the_second_is_told() {
    let mut claims = Claims::new();
    claims.claim(&top(), Extent::Itself, 7);
    claims.claim(&top(), Extent::Tree, 7);
    assert_eq!(claims.collisions(), []);
    claims.claim(&top(), Extent::Tree, 1);
    claims.rest(&top(), 1);
    claims.rest(&top(), 2);
    assert_eq!(claims.collisions(), [top(), top()]);
}

#[test]
fn an_inode_of_several_owners_is_charged_to_the_smallest_and_shared_by_all() {
    let dir = tempfile::tempdir().unwrap();
    for owner in ["a", "b", "c"] {
        write(dir.path().join(owner).join("own"), 1);
    }
    write(dir.path().join("c/f"), 10_000);
    std::fs::hard_link(dir.path().join("c/f"), dir.path().join("b/f")).unwrap();
    std::fs::hard_link(dir.path().join("c/own"), dir.path().join("c/own2")).unwrap();
    let mut claims = Claims::new();
    claims.claim(&top(), Extent::Tree, 3);
    for (owner, name) in ["a", "b", "c"].iter().enumerate() {
        claims.claim(&top().join(name), Extent::Tree, owner as OwnerIx);
        claims.meter(&top().join(name), owner as MeterIx);
    }
    let ledger = measure(&disk(dir.path()), &claims, 4, 3, 2, &|_, _| ());
    assert_eq!(ledger.owners.iter().map(|w| w.inodes).collect::<Vec<_>>(), [2, 3, 2, 1]);
    let shared = 12_288;
    assert_eq!(ledger.owners.iter().map(|w| w.shared).collect::<Vec<_>>(), [0, shared, shared, 0]);
    assert_eq!(ledger.total.shared, shared);
    assert_eq!(ledger.meters.iter().map(|m| m.walked).collect::<Vec<_>>(), [1, 10_001, 10_001]);
    assert_eq!(ledger.total.allocated, oracle(&[dir.path()]).0);
    assert_eq!(ledger.outside_links, 0);
}

#[test]
fn a_link_from_outside_is_told_and_links_between_trees_count_once() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path().join("one/f"), 5000);
    write(dir.path().join("one/g"), 5000);
    std::fs::create_dir(dir.path().join("two")).unwrap();
    std::fs::hard_link(dir.path().join("one/f"), dir.path().join("two/f")).unwrap();
    std::fs::hard_link(dir.path().join("one/g"), dir.path().join("g")).unwrap();
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    let disk = Disk::new([Tree::open("a", &one).unwrap(), Tree::open("b", &two).unwrap()]).unwrap();
    let mut claims = Claims::new();
    claims.claim(&Place::tree("b"), Extent::Tree, 0);
    claims.claim(&Place::tree("a"), Extent::Tree, 1);
    let ledger = measure(&disk, &claims, 2, 0, 2, &|_, _| ());
    assert_eq!(ledger.owners.iter().map(|w| w.inodes).collect::<Vec<_>>(), [2, 2]);
    assert_eq!(ledger.outside_links, 1);
    assert_eq!(ledger.total.allocated, du(&[&one, &two], &[]).unwrap_or(ledger.total.allocated));
    assert_eq!(ledger.total.inodes, oracle(&[&one, &two]).2);
}

#[test]
fn a_tree_in_another_tree_is_counted_once_under_its_own_name() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("in/ner");
    write(inner.join("f"), 5000);
    write(dir.path().join("g"), 5000);
    let trees = [("docker", dir.path()), ("containerd", &inner), ("again", &inner)];
    let disk = Disk::new(trees.map(|(name, path)| Tree::open(name, path).unwrap())).unwrap();
    let mut claims = Claims::new();
    for (owner, name) in ["docker", "containerd", "again"].iter().enumerate() {
        claims.claim(&Place::tree(name), Extent::Tree, owner as OwnerIx);
    }
    let ledger = measure(&disk, &claims, 3, 0, 2, &|_, _| ());
    // of two names of one directory, the first in order of name
    assert_eq!(ledger.owners.iter().map(|w| w.inodes).collect::<Vec<_>>(), [3, 0, 2]);
    assert_eq!(ledger.total.allocated, oracle(&[dir.path()]).0);
}

#[test]
fn a_meter_measures_what_the_engine_would_and_nested_meters_both_count() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path().join("v/_data/f"), 5000);
    write(dir.path().join("v/opts.json"), 10);
    symlink("0123456789", dir.path().join("v/_data/link")).unwrap();
    std::fs::hard_link(dir.path().join("v/_data/f"), dir.path().join("v/f")).unwrap();
    let mut claims = Claims::new();
    claims.claim(&top(), Extent::Tree, 0);
    for (meter, place) in ["v", "v/_data", "v/opts.json", "v/none"].iter().enumerate() {
        claims.meter(&top().join(place), meter as MeterIx);
    }
    let meters = measure(&disk(dir.path()), &claims, 1, 4, 2, &|_, _| ()).meters;
    let (allocated, _, inodes, walked) = oracle(&[&dir.path().join("v")]);
    assert_eq!((meters[0].walked, meters[0].allocated, meters[0].inodes), (walked, allocated, inodes));
    let (allocated, _, inodes, walked) = oracle(&[&dir.path().join("v/_data")]);
    assert_eq!((meters[1].walked, meters[1].allocated, meters[1].inodes), (walked, allocated, inodes));
    assert_eq!((walked, meters[1].symlink_bytes), (5010, 10));
    assert_eq!((meters[2].walked, meters[2].inodes, meters[2].missing), (10, 1, false));
    assert_eq!(meters[3], Measure { missing: true, ..Measure::default() });
}

#[test]
fn a_mount_point_is_listed_and_neither_entered_nor_counted() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path().join("m/merged/f"), 5000);
    write(dir.path().join("m/diff/f"), 5000);
    let mut claims = Claims::new();
    claims.claim(&top(), Extent::Tree, 0);
    claims.skip(&top().join("m/merged"), "overlay");
    for (meter, place) in ["m", "m/merged", "m/merged/f"].iter().enumerate() {
        claims.meter(&top().join(place), meter as MeterIx);
    }
    let ledger = measure(&disk(dir.path()), &claims, 1, 3, 2, &|_, _| ());
    assert_eq!(ledger.mounts, [(top().join("m/merged"), "overlay".to_owned())]);
    assert_eq!(ledger.total.inodes, 4);
    let expected = du(&[dir.path()], &["--exclude=merged"]).unwrap_or(ledger.total.allocated);
    assert_eq!(ledger.total.allocated, expected);
    assert_eq!(
        ledger.meters.iter().map(|m| (m.inodes, m.behind_mount)).collect::<Vec<_>>(),
        [(3, false), (0, true), (0, true)]
    );
    assert!(ledger.meters.iter().all(|m| !m.missing));
}

#[test]
fn a_directory_that_cannot_be_read_is_a_problem_and_still_an_inode() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path().join("bad/in/f"), 5000);
    write(dir.path().join("good/f"), 5000);
    let mut disk = disk(dir.path());
    disk.inject(top().join("bad"), 5);
    let mut claims = Claims::new();
    claims.claim(&top(), Extent::Tree, 0);
    for (meter, place) in ["bad", "bad/in", "good"].iter().enumerate() {
        claims.meter(&top().join(place), meter as MeterIx);
    }
    claims.meter(&top(), 3);
    let ledger = measure(&disk, &claims, 1, 4, 2, &|_, _| ());
    assert_eq!(ledger.total.inodes, 4);
    let problem = &ledger.problems[0];
    assert_eq!((&problem.at, problem.code, &problem.lost), (&top().join("bad"), "unreadable-directory", &Lost::Bytes));
    assert_eq!(problem.cause, "Input/output error (os error 5)");
    assert_eq!(ledger.meters.iter().map(|m| m.unreadable).collect::<Vec<_>>(), [true, true, false, true]);
    assert!(ledger.meters.iter().all(|m| !m.missing));
}

#[test]
fn progress_adds_up_to_the_total() {
    let dir = tempfile::tempdir().unwrap();
    (0..50).for_each(|n| write(dir.path().join(format!("d{}/f{n}", n % 7)), n * 300));
    let seen = std::sync::Mutex::new((0, 0));
    let mut claims = Claims::new();
    claims.claim(&top(), Extent::Tree, 0);
    let ledger = measure(&disk(dir.path()), &claims, 1, 0, 3, &|inodes, bytes| {
        let mut seen = seen.lock().unwrap();
        *seen = (seen.0 + inodes, seen.1 + bytes);
    });
    assert_eq!(*seen.lock().unwrap(), (ledger.total.inodes, ledger.total.allocated));
}
