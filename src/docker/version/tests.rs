//! Versions, and what is made of traces.

use super::*;
use crate::inventory::{Clue, Inventory};
use crate::terms::Place;

type Bound = Option<(u32, u32, u32)>;

fn inferred(clues: &[(Bound, Bound, i64)]) -> Inferred {
    let clues = clues
        .iter()
        .map(|(at_least, below, written)| Clue {
            root: "docker".into(),
            at_least: *at_least,
            below: *below,
            evidence: Place::tree("docker").join("x"),
            written: (*written, 0),
            because: format!("{at_least:?} {below:?}"),
        })
        .collect();
    infer(&Inventory { clues, ..Inventory::default() }, None)
}

fn version(clues: &[(Bound, Bound, i64)]) -> String {
    inferred(clues).version.to_string()
}

#[test]
fn versions_are_read_as_people_and_distributions_write_them() {
    let read = |text: &str| EngineVersion::parse(text).map(EngineVersion::triple);
    for (text, triple) in [
        ("28.5.2", (28, 5, 2)),
        ("28.5.2+dfsg1-1", (28, 5, 2)),
        ("v26.1.5", (26, 1, 5)),
        ("docker-v29.0.0-rc.1", (29, 0, 0)),
        ("17.03.2-ce", (17, 3, 2)),
        ("20.10", (20, 10, 27)),
        ("29.7", (29, 7, 2)),
        ("29", (29, 7, 2)),
        ("31.2", (31, 2, 0)),
    ] {
        assert_eq!(read(text), Some(triple), "{text}");
    }
    for text in ["", "x", "1.2.3.4", "28.x", "28..1", "99999999999", "-1", "28.5.2beta"] {
        assert_eq!(read(text), None, "{text:?}");
    }
}

#[test]
fn versions_are_ordered_by_number_and_printed_as_docker_prints_them() {
    let v = |text: &str| EngineVersion::parse(text).unwrap();
    assert!(v("20.10.9") < v("20.10.24") && v("27.5.1") < v("28.0.0"));
    assert_eq!((v("17.03.2").to_string(), v("29.7.2").to_string()), ("17.03.2".into(), "29.7.2".into()));
}

#[test]
fn the_newest_known_version_of_the_range_is_taken() {
    assert_eq!(version(&[(Some((28, 2, 0)), None, 5), (None, Some((29, 0, 0)), 5)]), "28.5.2");
    assert_eq!(version(&[(None, Some((29, 1, 2)), 5)]), "29.1.1");
    assert_eq!(version(&[(Some((40, 0, 0)), None, 5)]), "40.0.0");
    assert_eq!(version(&[(None, Some((17, 0, 0)), 5)]), "29.7.2"); // older than any we know: nothing is told
}

#[test]
fn of_contradicting_traces_the_newer_one_is_believed() {
    let back = inferred(&[(Some((28, 0, 0)), None, 5), (None, Some((23, 0, 0)), 9)]);
    assert_eq!(back.version.to_string(), "20.10.27");
    assert!(back.reasons.last().unwrap().contains("what was written later tells otherwise"));
    assert_eq!(version(&[(Some((28, 0, 0)), None, 9), (None, Some((23, 0, 0)), 5)]), "29.7.2");
}

#[test]
fn no_version_is_older_than_its_release() {
    let in_2025_06 = 1_749_000_000;
    let since_23 = (Some((23, 0, 0)), None, in_2025_06);
    assert_eq!(version(&[since_23, (None, None, in_2025_06)]), "28.5.2");
    // a clock that contradicts what the files say was wrong
    assert_eq!(version(&[(Some((29, 4, 0)), None, in_2025_06), (None, None, in_2025_06)]), "29.7.2");
}

#[test]
fn when_nothing_tells_that_is_said() {
    let nothing = inferred(&[]);
    assert_eq!(nothing.version.to_string(), "29.7.2");
    assert_eq!(nothing.reasons, ["nothing on the disk tells the version: 29.7.2, the newest known, is assumed"]);
}

#[test]
fn the_traces_of_another_root_do_not_count() {
    let mut inventory = Inventory::default();
    inventory.clues.push(Clue {
        root: "docker/1.1".into(),
        at_least: None,
        below: Some((23, 0, 0)),
        evidence: Place::tree("docker"),
        written: (1, 0),
        because: String::new(),
    });
    assert_eq!(infer(&inventory, Some("docker")).below, None);
    assert!(infer(&inventory, Some("docker/1.1")).below.is_some());
}
