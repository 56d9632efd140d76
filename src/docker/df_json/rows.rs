//! The rows of images, volumes and build cache. moby api/types: image/summary.go, volume/volume.go, build/cache.go.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{PARENTS, Setting, count};
use crate::docker::cache::CacheRow;
use crate::docker::df::{ImageRow, VolumeRow};
use crate::docker::seen::Triple;
use crate::terms::Key;

/// API 1.43: an image without names has none, instead of `<none>:<none>`.
const NO_NAMES: Triple = (24, 0, 0);
/// API 1.44: `VirtualSize`, which is the size again, is gone.
const NO_VIRTUAL_SIZE: Triple = (25, 0, 0);

pub(super) fn image(row: &ImageRow<'_>, version: Triple) -> Value {
    let facts = row.image.facts;
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| out.insert(name.into(), value);
    put("Id", json!(&*row.key.id));
    put("ParentId", json!(facts.parent.as_ref().map_or("", |parent| parent.as_str())));
    let nameless = !row.image.is_referenced() && version < NO_NAMES;
    put("RepoTags", if nameless { json!(["<none>:<none>"]) } else { names(&row.image.tags) });
    put("RepoDigests", if nameless { json!(["<none>@<none>"]) } else { names(&row.image.digests) });
    put("Created", json!(row.created));
    put("Size", json!(row.size));
    if version < NO_VIRTUAL_SIZE {
        put("VirtualSize", json!(row.size));
    }
    put("SharedSize", json!(row.shared));
    put("Containers", json!(count(row.containers())));
    put("Labels", json!(facts.labels));
    Value::Object(out)
}

/// None is null.
fn names(keys: &[&Key]) -> Value {
    let names: Vec<&str> = keys.iter().map(|key| &*key.id).collect();
    if names.is_empty() { Value::Null } else { json!(names) }
}

pub(super) fn volume(row: &VolumeRow<'_>, setting: &Setting) -> Value {
    let name = &*row.key.id;
    json!({
        "Name": name,
        "Driver": "local",
        "Labels": row.volume.facts.labels,
        "Options": row.volume.facts.options,
        "Scope": "local",
        "Mountpoint": format!("{}/volumes/{name}/_data", setting.data_root),
        "CreatedAt": row.created.map_or_else(|| moment(None), |at| format!("{at:.0}")),
        "UsageData": { "Size": row.size, "RefCount": count(row.references()) },
    })
}

pub(super) fn cache(row: &CacheRow, version: Triple) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| out.insert(name.into(), value);
    put("ID", json!(row.id));
    if version < PARENTS {
        put("Parent", json!(row.parents.first().map_or("", String::as_str)));
    } else if !row.parents.is_empty() {
        // the API's own key, blank and all
        put(" Parents", json!(row.parents));
    }
    put("Type", json!(row.record_type));
    put("Description", json!(row.description));
    put("InUse", json!(row.in_use));
    put("Shared", json!(row.shared));
    put("Size", json!(row.size.value()));
    put("CreatedAt", json!(moment(row.created_at)));
    put("LastUsedAt", row.last_used_at.map_or(Value::Null, |at| json!(moment(Some(at)))));
    put("UsageCount", json!(row.usage_count));
    Value::Object(out)
}

/// Go's time in JSON: RFC 3339, with as many decimals as there are; none is the year 1.
fn moment(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), |at| at.to_string())
}
