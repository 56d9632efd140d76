//! Marks, on drawn databases.

use super::*;
use crate::store::containerd::tests::{Drawn, digest, host};

fn marked(meta: &[(String, String)], snapshots: &[(&str, u8, u8)], now: &str) -> (Inventory, Marked) {
    let meta: Vec<Drawn<'_>> = meta.iter().map(|(path, value)| (path.as_str(), value.as_bytes())).collect();
    let (_dir, disk) = host(&meta, snapshots);
    let inventory = crate::store::survey(&disk);
    let marked = Marked::of(&inventory, &Graph::of(&inventory), now.parse().unwrap());
    (inventory, marked)
}

fn key(store: &str, kind: Kind, id: impl Into<String>) -> Key {
    Key { root: "containerd".into(), store: store.into(), kind, id: id.into().into() }
}

fn entry(namespace: &str, letter: char) -> Key {
    key("containerd", Kind::Content, format!("{namespace}/{}", digest(letter)))
}

fn blob(namespace: &str, letter: char, below: &[char]) -> Vec<(String, String)> {
    let path = format!("v1|{namespace}|content|blob|{}", digest(letter));
    let mut values = vec![(format!("{path}|labels|"), String::new())];
    for (number, letter) in below.iter().enumerate() {
        values.push((format!("{path}|labels|containerd.io/gc.ref.content.l.{number}"), digest(*letter)));
    }
    values
}

fn leased(namespace: &str, lease: &str, labels: &[(&str, &str)], letter: char) -> Vec<(String, String)> {
    let path = format!("v1|{namespace}|leases|{lease}");
    let labels = labels.iter().map(|(label, value)| (format!("{path}|labels|{label}"), (*value).to_owned()));
    labels.chain([(format!("{path}|content|{}", digest(letter)), String::new())]).collect()
}

const NOW: &str = "2026-01-01T12:00:00Z";

#[test]
fn a_flat_lease_keeps_what_it_lists_and_follows_no_label() {
    for (flat, below) in [(false, true), (true, false)] {
        let labels: &[(&str, &str)] = if flat { &[("containerd.io/gc.flat", "x")] } else { &[] };
        let meta = [blob("moby", 'a', &['b']), blob("moby", 'b', &[]), leased("moby", "l", labels, 'a')].concat();
        let (_, marked) = marked(&meta, &[], NOW);
        assert!(marked.is_live(&entry("moby", 'a')), "flat {flat}");
        assert_eq!(marked.is_live(&entry("moby", 'b')), below, "flat {flat}");
    }
}

#[test]
fn a_flat_lease_keeps_the_parents_of_a_snapshot_and_what_labels_on_it_name_it_does_not() {
    for flat in [false, true] {
        let mut meta: Vec<(String, String)> = Vec::new();
        for (number, name) in ["top", "base", "other"].iter().enumerate() {
            let path = format!("v1|moby|snapshots|overlayfs|{name}");
            meta.push((format!("{path}|name"), format!("moby/{}/{name}", number + 1)));
        }
        meta.push(("v1|moby|snapshots|overlayfs|top|parent".into(), "base".into()));
        meta.push((
            "v1|moby|snapshots|overlayfs|base|labels|containerd.io/gc.ref.snapshot.overlayfs/x".into(),
            "other".into(),
        ));
        meta.push(("v1|moby|leases|l|snapshots|overlayfs|top".into(), String::new()));
        if flat {
            meta.push(("v1|moby|leases|l|labels|containerd.io/gc.flat".into(), "x".into()));
        }
        let (_, marked) = marked(&meta, &[("moby/1/top", 1, 2), ("moby/2/base", 2, 3), ("moby/3/other", 3, 3)], NOW);
        let live = |name: &str| marked.is_live(&key("overlayfs", Kind::Snapshot, name));
        assert_eq!((live("top"), live("base"), live("other")), (true, true, !flat), "flat {flat}");
    }
}

#[test]
fn a_lease_holds_until_its_date_and_one_with_a_date_that_is_none_for_ever() {
    for (date, live) in [
        ("2026-01-01T12:00:00Z", true),
        ("2026-01-01T11:59:59Z", false),
        ("2026-01-01T13:30:00+02:00", false),
        ("soon", true),
    ] {
        let meta = [blob("moby", 'a', &[]), leased("moby", "l", &[("containerd.io/gc.expire", date)], 'a')].concat();
        let (_, marked) = marked(&meta, &[], NOW);
        assert_eq!(marked.is_live(&entry("moby", 'a')), live, "{date}");
        let lease = marked.fate(&key("containerd", Kind::Lease, "moby/l")).unwrap();
        assert_eq!(*lease, if live { Fate::Root } else { Fate::Collectable }, "{date}");
    }
}

#[test]
fn nothing_crosses_a_namespace_but_the_file() {
    let meta = [
        blob("moby", 'a', &['b']),
        blob("moby", 'c', &[]),
        blob("other", 'b', &[]),
        blob("other", 'a', &[]),
        leased("moby", "l", &[], 'a'),
    ]
    .concat();
    let (inventory, marked) = marked(&meta, &[], NOW);
    let fates = [entry("moby", 'a'), entry("other", 'a'), entry("other", 'b'), entry("moby", 'c')];
    assert_eq!(fates.each_ref().map(|key| marked.is_live(key)), [true, false, false, false]);
    let file = |letter| marked.is_live(&key("containerd", Kind::Blob, digest(letter)));
    assert_eq!((file('a'), file('b')), (true, false));
    let why: Vec<Kind> =
        marked.why(&key("containerd", Kind::Blob, digest('a'))).iter().map(|(key, _)| key.kind).collect();
    assert_eq!(why, [Kind::Blob, Kind::Content, Kind::Lease]);
    assert!(inventory.problems.iter().all(|problem| problem.code == "missing-blob"), "{:?}", inventory.problems);
}

#[test]
fn labels_make_roots_and_references_backwards() {
    let root = format!("v1|moby|content|blob|{}|labels|containerd.io/gc.root", digest('a'));
    let back = format!("v1|moby|content|blob|{}|labels|containerd.io/gc.bref.content", digest('c'));
    let meta = [
        blob("moby", 'a', &['b']),
        blob("moby", 'b', &[]),
        blob("moby", 'c', &[]),
        vec![(root, "x".to_owned()), (back, digest('b'))],
    ]
    .concat();
    let (_, marked) = marked(&meta, &[], NOW);
    let live = ['a', 'b', 'c'].map(|letter| marked.is_live(&entry("moby", letter)));
    assert_eq!(live, [true, true, true], "c is kept as long as b is");
}

#[test]
fn cycles_of_labels_come_to_an_end_and_keep_nothing_alive() {
    let meta = [blob("moby", 'a', &['b']), blob("moby", 'b', &['a', 'b'])].concat();
    let (_, marked) = marked(&meta, &[], NOW);
    assert_eq!(marked.fate(&entry("moby", 'a')), Some(&Fate::Collectable));
    assert_eq!(marked.fate(&entry("moby", 'b')), Some(&Fate::Collectable));
    assert!(marked.why(&entry("moby", 'a')).is_empty());
}

#[test]
fn what_only_the_snapshotter_knows_is_unowned() {
    let meta = [("v1|moby|leases|l|snapshots|overlayfs|gone".to_owned(), String::new())];
    let (_, marked) = marked(&meta, &[("moby/9/gone", 9, 3)], NOW);
    assert_eq!(marked.fate(&key("overlayfs", Kind::Snapshot, "backend/moby/9/gone")), Some(&Fate::Unowned));
}
