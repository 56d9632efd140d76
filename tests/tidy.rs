//! The house keeps itself in order: floors, headers, where files are opened, what each finding must have.

#![allow(clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Imports go down this list; rooms on one floor do not know each other.
const FLOORS: &[(&str, u8)] = &[
    ("terms", 0),
    ("format", 1),
    ("disk", 2),
    ("inventory", 3),
    ("store", 4),
    ("graph", 5),
    ("usage", 5),
    ("verify", 5),
    ("docker", 6),
    ("explain", 7),
    ("finding", 7),
    ("plan", 8),
    ("report", 9),
    ("engine", 10),
    ("render", 10),
    ("cli", 11),
];

/// Ways to open a file.
const OPENING: &[&str] = &[
    "File::open(",
    "File::create",
    "OpenOptions",
    "fs::open(",
    "fs::openat",
    "fs::read(",
    "fs::read_dir(",
    "fs::read_link(",
    "fs::read_to_string(",
    "fs::write(",
];

fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<(PathBuf, String)> {
    let mut found: Vec<_> = walkdir::WalkDir::new(top().join("src"))
        .into_iter()
        .map(|entry| entry.expect("src is readable").into_path())
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .map(|path| (path.clone(), std::fs::read_to_string(&path).expect("source is text")))
        .collect();
    found.sort();
    assert!(found.len() > 30, "the sources were not found");
    found
}

fn room(path: &Path) -> Option<String> {
    let inside = path.strip_prefix(top().join("src")).expect("below src");
    let first = inside.components().next().expect("not empty").as_os_str().to_string_lossy().into_owned();
    (!first.ends_with(".rs")).then_some(first)
}

fn is_test(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "tests.rs" || name == "sample.rs")
        || path.components().any(|c| c.as_os_str() == "tests")
}

#[test]
fn imports_go_down() {
    let floors: BTreeMap<&str, u8> = FLOORS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let Some(here) = room(&path).filter(|_| !is_test(&path)) else { continue };
        let floor = floors.get(here.as_str()).unwrap_or_else(|| panic!("{here} has no floor"));
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            for used in line.split("crate::").skip(1) {
                let other = used.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
                let Some(below) = floors.get(other) else { continue };
                if other != here && below >= floor {
                    wrong.push(format!("{}:{}: {here} (F{floor}) uses {other} (F{below})", path.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is() {
    let silent: Vec<_> =
        sources().into_iter().filter(|(_, text)| !text.starts_with("//! ")).map(|(path, _)| path).collect();
    assert!(silent.is_empty(), "without a header: {silent:?}");
}

#[test]
fn files_are_opened_in_one_place() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        // the walk over descriptors opens too, beneath the same roots
        if is_test(&path) || matches!(room(&path).as_deref(), Some("disk" | "usage")) {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            if OPENING.iter().any(|word| line.contains(word)) {
                wrong.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "files are opened outside disk/:\n{}", wrong.join("\n"));
}

#[test]
fn files_stay_readable() {
    let long: Vec<_> =
        sources().into_iter().filter(|(_, text)| text.lines().count() > 420).map(|(path, _)| path).collect();
    assert!(long.is_empty(), "longer than a reader's patience: {long:?}");
}

#[test]
fn every_class_has_its_page_and_a_fixture_that_shows_it() {
    let pages = top().join("docs/findings");
    let shown: String = walkdir::WalkDir::new(top().join("fixtures"))
        .max_depth(2)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name() == "about.toml")
        .map(|entry| std::fs::read_to_string(entry.path()).expect("about.toml is text"))
        .collect();
    for rule in deadweight::finding::RULES {
        assert!(pages.join(format!("{}.md", rule.class)).is_file(), "{} has no page", rule.class);
        assert!(shown.contains(&format!("\"{}\"", rule.class)), "no fixture shows {}", rule.class);
    }
}
