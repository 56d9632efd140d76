//! Answers of the engine's API, compared field by field: lists as sets, every field but those that only a live daemon knows;
//! what the API leaves out is not the same as null.

#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// A list of the API.
#[derive(Clone, Copy)]
pub(crate) struct List {
    pub(crate) name: &'static str,
    pub(crate) key: &'static str,
    /// Fields that are not compared, and of what is ours alone.
    pub(crate) passed: &'static [&'static str],
}

pub(crate) const IMAGES: List = List { name: "Images", key: "Id", passed: &["Deadweight"] };
pub(crate) const CONTAINERS: List = List {
    name: "Containers",
    key: "Id",
    passed: &["State", "Status", "Ports", "NetworkSettings", "Health", "Mounts", "Deadweight"],
};
pub(crate) const VOLUMES: List = List { name: "Volumes", key: "Name", passed: &["CreatedAt", "Mountpoint"] };
pub(crate) const CACHE: List = List { name: "BuildCache", key: "ID", passed: &[] };
const LISTS: &[List] = &[IMAGES, CONTAINERS, VOLUMES, CACHE];
const USAGES: &[&str] = &["ImageUsage", "ContainerUsage", "VolumeUsage", "BuildCacheUsage"];

/// The rows of a list by their key.
pub(crate) fn keyed<'v>(rows: &'v Value, key: &str) -> BTreeMap<String, &'v Value> {
    let rows = rows.as_array().into_iter().flatten();
    rows.map(|row| (row[key].as_str().unwrap().to_owned(), row)).collect()
}

/// Collects differences, in words.
#[derive(Default)]
pub(crate) struct Compared(pub(crate) Vec<String>);

impl Compared {
    pub(crate) fn check(&mut self, what: &str, engine: &Value, ours: &Value) {
        if engine != ours {
            self.0.push(format!("{what}: engine {engine}, deadweight {ours}"));
        }
    }

    /// Of one field of two objects; nothing is not null.
    fn field(&mut self, what: &str, engine: Option<&Value>, ours: Option<&Value>) {
        if engine != ours {
            let told = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
            self.0.push(format!("{what}: engine {}, deadweight {}", told(engine), told(ours)));
        }
    }

    /// Two lists; `passed` are fields of rows that are not compared besides.
    pub(crate) fn rows(
        &mut self,
        engine: &Value,
        ours: &Value,
        list: List,
        passed: impl Fn(&str, &Value, &str) -> bool,
    ) {
        let name = list.name;
        self.check(&format!("{name} is null"), &engine.is_null().into(), &ours.is_null().into());
        let (engine, ours) = (keyed(engine, list.key), keyed(ours, list.key));
        let ids = |rows: &BTreeMap<String, &Value>| serde_json::json!(rows.keys().collect::<Vec<_>>());
        self.check(&format!("{name} listed"), &ids(&engine), &ids(&ours));
        for (id, engine) in &engine {
            let Some(ours) = ours.get(id) else { continue };
            let keys = |of: &Value| of.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
            for field in keys(engine).union(&keys(ours)) {
                if !list.passed.contains(&field.as_str()) && !passed(id, engine, field) {
                    self.field(&format!("{name} {id} {field}"), engine.get(field), ours.get(field));
                }
            }
        }
    }

    /// Two answers of `/system/df`.
    pub(crate) fn answers(&mut self, engine: &Value, ours: &Value, passed: &Passed<'_>) {
        for name in ["LayersSize", "BuilderSize"] {
            if !(passed.cache && name == "BuilderSize") {
                self.field(name, engine.get(name), ours.get(name));
            }
        }
        for list in LISTS.iter().filter(|list| !(passed.cache && list.name == "BuildCache")) {
            self.rows(&engine[list.name], &ours[list.name], *list, passed.field);
        }
        for usage in USAGES {
            self.check(
                &format!("{usage} is told"),
                &engine.get(usage).is_some().into(),
                &ours.get(usage).is_some().into(),
            );
            for field in ["ActiveCount", "TotalCount", "Reclaimable", "TotalSize"] {
                let live = passed.alive && *usage == "ContainerUsage" && matches!(field, "ActiveCount" | "Reclaimable");
                if !live {
                    self.field(&format!("{usage} {field}"), engine[usage].get(field), ours[usage].get(field));
                }
            }
            let items = |of: &Value| of[usage]["Items"].as_array().map_or(0, Vec::len);
            // the summary alone was asked of some
            if items(engine) > 0 {
                self.check(&format!("{usage} Items"), &items(engine).into(), &items(ours).into());
            }
        }
    }
}

/// What is not compared of an answer of `/system/df`.
pub(crate) struct Passed<'p> {
    /// A container ran while the engine answered.
    pub(crate) alive: bool,
    /// The build cache.
    pub(crate) cache: bool,
    /// A field of a row, by the list's key and the engine's row.
    pub(crate) field: &'p dyn Fn(&str, &Value, &str) -> bool,
}

/// Where the two answers are not the same, in what does not take a live daemon.
pub(crate) fn differences(ours: &Value, engine: &Value) -> Vec<String> {
    // to size a record that it has not sized yet the engine takes it in use, so that asking changes the answer
    let field = |_: &str, _: &Value, field: &str| matches!(field, "UsageCount" | "LastUsedAt");
    let mut found = Compared::default();
    found.answers(engine, ours, &Passed { alive: true, cache: false, field: &field });
    found.0
}

pub(crate) fn assert_same(ours: &Value, engine: &Value, about: &str) {
    let found = differences(ours, engine);
    assert!(found.is_empty(), "{about}:\n{}", found.join("\n"));
}
