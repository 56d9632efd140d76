//! The rows of images, volumes and build cache. moby api/types: image/summary.go, volume/volume.go, build/cache.go.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{PARENTS, SINCE_23, SUMMED, Setting, count};
use crate::docker::api::Api;
use crate::docker::cache::CacheRow;
use crate::docker::df::{ImageRow, VolumeRow};
use crate::docker::seen::Triple;
use crate::format::oci::{Descriptor, Platform};

/// From this engine on an image without names has none, instead of `<none>:<none>`.
pub(super) const NO_NAMES: Triple = (24, 0, 0);
/// `VirtualSize`, which is the size again, is gone.
const NO_VIRTUAL_SIZE: Api = Api::new(44);

pub(super) fn image(row: &ImageRow<'_>, version: Triple, api: Api) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| out.insert(name.into(), value);
    put("Id", json!(row.id));
    put("ParentId", json!(row.parent));
    let nameless = !row.is_referenced() && version < NO_NAMES;
    put("RepoTags", if nameless { json!(["<none>:<none>"]) } else { names(&row.tags) });
    put("RepoDigests", if nameless { json!(["<none>@<none>"]) } else { names(&row.digests) });
    put("Created", json!(row.created));
    put("Size", json!(row.size));
    if api < NO_VIRTUAL_SIZE {
        put("VirtualSize", json!(row.size));
    }
    put("SharedSize", json!(row.shared));
    put("Containers", json!(row.containers));
    put("Labels", json!(row.labels));
    if let Some(target) = &row.descriptor {
        put("Descriptor", descriptor(target));
    }
    Value::Object(out)
}

/// None is null.
fn names(names: &[String]) -> Value {
    if names.is_empty() { Value::Null } else { json!(names) }
}

/// image-spec: Descriptor, Platform; what is empty is left out.
pub(super) fn descriptor(of: &Descriptor) -> Value {
    let mut out = json!({ "mediaType": of.media_type, "digest": of.digest, "size": of.size });
    let mut put = |name: &str, value: Value| out.as_object_mut().map(|out| out.insert(name.into(), value));
    if !of.annotations.is_empty() {
        put("annotations", json!(of.annotations));
    }
    if let Some(told) = &of.platform {
        put("platform", platform(told));
    }
    if !of.artifact_type.is_empty() {
        put("artifactType", json!(of.artifact_type));
    }
    out
}

pub(super) fn platform(of: &Platform) -> Value {
    let mut out = json!({ "architecture": of.architecture, "os": of.os });
    for (name, value) in [("os.version", &of.os_version), ("variant", &of.variant)] {
        if !value.is_empty() {
            out.as_object_mut().map(|out| out.insert(name.into(), json!(value)));
        }
    }
    out
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

pub(super) fn cache(row: &CacheRow, version: Triple, api: Api) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| out.insert(name.into(), value);
    put("ID", json!(row.id));
    // BuildKit 0.10 on knows several parents, and none that it would call the parent: older APIs are told nothing
    let parent = row.parents.first().map_or("", String::as_str);
    if version < SINCE_23 {
        put("Parent", json!(parent));
    } else if !row.parents.is_empty() && (api >= PARENTS || version >= SUMMED) {
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
