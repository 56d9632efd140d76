//! The JSON Schemas in `docs/schema/` are made from the types; here they are compared, and with `UPDATE_SCHEMA=1` written.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

use std::path::PathBuf;

use deadweight::report::{Beside, Check, LeftOut, List, Network, Plan, Reclaim, Report, Status, WhatIf, Why};
use schemars::{Schema, schema_for};

fn check(name: &str, schema: &Schema) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/schema").join(name);
    let fresh = serde_json::to_string_pretty(schema).expect("a schema is JSON") + "\n";
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::create_dir_all(path.parent().expect("has a folder")).expect("can be made");
        std::fs::write(&path, &fresh).expect("can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(kept, fresh, "{} is stale: UPDATE_SCHEMA=1 cargo test --test schema", path.display());
}

#[test]
fn schemas_are_fresh() {
    check("report-v1.json", &schema_for!(Report));
    check("why-v1.json", &schema_for!(Why));
    check("status-v1.json", &schema_for!(Status));
    check("df-deadweight-v1.json", &schema_for!(LeftOut));
    check("list-v1.json", &schema_for!(List));
    check("list-deadweight-v1.json", &schema_for!(Beside));
    check("what-if-v1.json", &schema_for!(WhatIf));
    check("plan-v1.json", &schema_for!(Plan));
    check("reclaim-v1.json", &schema_for!(Reclaim));
    check("check-v1.json", &schema_for!(Check));
    check("graph-v1.json", &schema_for!(Network));
}
