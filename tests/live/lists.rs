//! The lists of images, containers and volumes against those of an engine at work, under filters and in older APIs.

use serde_json::{Value, json};

use crate::df::{CONTAINERS, Compared, IMAGES, List};
use crate::engine::Engine;
use crate::run;

const IMAGE: &str = "/images/json?all=1&shared-size=1&manifests=1";
const CONTAINER: &str = "/containers/json?all=1&size=1";

fn escaped(text: &str) -> String {
    let escaped = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(escaped).collect()
}

/// What the engine says, and what we say, in an API or under filters.
fn both(engine: &Engine, what: &str, path: &str, (api, filters): (Option<&str>, &[(&str, &str)])) -> (Value, Value) {
    let mut asked = serde_json::Map::new();
    for (name, value) in filters {
        asked.entry(*name).or_insert_with(|| json!([])).as_array_mut().unwrap().push(json!(value));
    }
    let version = api.map_or_else(String::new, |api| format!("/v{api}"));
    let theirs = engine.json(&format!("{version}{path}&filters={}", escaped(&Value::Object(asked).to_string())));
    let typed: Vec<String> = filters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut line = vec!["ls", what, "--format", "json"];
    let engine_version = engine.version();
    line.extend(["--engine", &engine_version]);
    line.extend(typed.iter().flat_map(|one| ["--filter", one]));
    line.extend(api.into_iter().flat_map(|api| ["--api-version", api]));
    (theirs, run::deadweight_now(engine.dir(), &line).json())
}

/// A list, its path, its kind, and filters.
type Question = (&'static str, &'static str, List, &'static [(&'static str, &'static str)]);

/// Every list is the engine's own, whatever is asked.
pub(crate) fn agree(engine: &Engine, about: &str) {
    let questions: &[Question] = &[
        ("images", IMAGE, IMAGES, &[]),
        ("images", IMAGE, IMAGES, &[("dangling", "true")]),
        ("images", IMAGE, IMAGES, &[("dangling", "false")]),
        ("images", IMAGE, IMAGES, &[("reference", "*:1")]),
        ("images", IMAGE, IMAGES, &[("reference", "base"), ("reference", "k*")]),
        ("images", IMAGE, IMAGES, &[("before", "keep:1")]),
        ("images", IMAGE, IMAGES, &[("since", "base:1"), ("reference", "*")]),
        ("containers", CONTAINER, CONTAINERS, &[]),
        ("containers", CONTAINER, CONTAINERS, &[("status", "running")]),
        ("containers", CONTAINER, CONTAINERS, &[("status", "exited"), ("status", "created")]),
        ("containers", CONTAINER, CONTAINERS, &[("ancestor", "base:1")]),
        ("containers", CONTAINER, CONTAINERS, &[("ancestor", "keep:1"), ("name", "^/[a-m]")]),
    ];
    let tags = engine.json("/images/json").to_string();
    for (what, path, list, filters) in questions {
        // an engine refuses an image that is not there
        if filters.iter().any(|(name, image)| matches!(*name, "before" | "since") && !tags.contains(image)) {
            continue;
        }
        let (theirs, ours) = both(engine, what, path, (None, filters));
        let mut found = Compared::default();
        found.rows(&theirs, &ours, *list, |_, _, _| false);
        let states = |rows: &Value| -> Vec<(String, Value)> {
            let rows = rows.as_array().unwrap().iter();
            let mut states: Vec<_> =
                rows.map(|row| (row["Id"].as_str().unwrap().to_owned(), row["State"].clone())).collect();
            states.sort_by(|a, b| a.0.cmp(&b.0));
            states
        };
        assert_eq!(states(&theirs), states(&ours), "{about}: {what} {filters:?}");
        assert!(found.0.is_empty(), "{about}: {what} {filters:?}:\n{}", found.0.join("\n"));
    }
    for api in ["1.40", "1.41"] {
        for (what, path, list) in [("images", IMAGE, IMAGES), ("containers", CONTAINER, CONTAINERS)] {
            let (theirs, ours) = both(engine, what, path, (Some(api), &[]));
            let mut found = Compared::default();
            found.rows(&theirs, &ours, list, |_, _, _| false);
            assert!(found.0.is_empty(), "{about}: {what} in API {api}:\n{}", found.0.join("\n"));
        }
    }
}
