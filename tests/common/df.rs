//! Two answers of `/system/df`, compared field by field: lists as sets, and what the API leaves out is not the same as null.

#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use serde_json::Value;

const IMAGE: &[&str] = &[
    "ParentId",
    "RepoTags",
    "RepoDigests",
    "Created",
    "Size",
    "VirtualSize",
    "SharedSize",
    "Containers",
    "Labels",
    "Descriptor",
];
const CONTAINER: &[&str] =
    &["Names", "Image", "ImageID", "Command", "Created", "SizeRw", "SizeRootFs", "Labels", "HostConfig"];
const VOLUME: &[&str] = &["Driver", "Labels", "Options", "Scope", "UsageData"];
const CACHE: &[&str] =
    &["Parent", " Parents", "Type", "Description", "InUse", "Shared", "Size", "CreatedAt", "LastUsedAt", "UsageCount"];
/// List, key, fields.
pub(crate) const LISTS: &[(&str, &str, &[&str])] = &[
    ("Images", "Id", IMAGE),
    ("Containers", "Id", CONTAINER),
    ("Volumes", "Name", VOLUME),
    ("BuildCache", "ID", CACHE),
];

/// The rows of a list by their key.
pub(crate) fn keyed<'v>(list: &'v Value, key: &str) -> BTreeMap<String, &'v Value> {
    let rows = list.as_array().into_iter().flatten();
    rows.map(|row| (row[key].as_str().unwrap().to_owned(), row)).collect()
}

/// Differences of one list, in words; `passed` are fields that are not compared.
pub(crate) fn list_differences(
    engine: &Value,
    ours: &Value,
    (list, key, fields): (&str, &str, &[&str]),
    passed: impl Fn(&str, &Value, &str) -> bool,
) -> Vec<String> {
    let mut found = Vec::new();
    let mut check = |what: String, engine: &Value, ours: &Value| {
        if engine != ours {
            found.push(format!("{what}: engine {engine}, deadweight {ours}"));
        }
    };
    check(format!("{list} is null"), &engine[list].is_null().into(), &ours[list].is_null().into());
    let (engine, ours) = (keyed(&engine[list], key), keyed(&ours[list], key));
    let ids = |rows: &BTreeMap<String, &Value>| serde_json::json!(rows.keys().collect::<Vec<_>>());
    check(format!("{list} listed"), &ids(&engine), &ids(&ours));
    for (id, engine) in engine {
        for field in fields.iter().filter(|field| !passed(&id, engine, field)) {
            let of = |row: Option<&Value>| {
                row.and_then(|row| row.get(*field)).map_or("none".into(), |v| serde_json::json!([v]))
            };
            check(format!("{list} {id} {field}"), &of(Some(engine)), &of(ours.get(&id).copied()));
        }
    }
    found
}

/// The two answers are the same in everything that does not take a live daemon.
pub(crate) fn assert_same(ours: &Value, engine: &Value, about: &str) {
    let mut found: Vec<String> = Vec::new();
    if engine["LayersSize"] != ours["LayersSize"] {
        found.push(format!("LayersSize: engine {}, deadweight {}", engine["LayersSize"], ours["LayersSize"]));
    }
    // to size a record that it has not sized yet the engine takes it in use, so that asking changes the answer
    let passed = |_: &str, _: &Value, field: &str| matches!(field, "UsageCount" | "LastUsedAt");
    found.extend(LISTS.iter().flat_map(|list| list_differences(engine, ours, *list, passed)));
    assert!(found.is_empty(), "{about}:\n{}", found.join("\n"));
}
