//! The rows of the image list and the container list, as far as they differ from those of `/system/df`.
// moby daemon/server/router/image/image_routes.go getImagesJSON, container/container_routes.go getContainersJSON

use serde_json::{Value, json};

use super::{Setting, rows};
use crate::docker::api::Api;
use crate::docker::df::{ContainerRow, ImageRow, ManifestRow};
use crate::docker::seen::Triple;
use crate::docker::stored::ManifestKind;

/// A list can tell what is shared.
const SHARED_SIZE: Api = Api::new(42);
/// Names are never null; and an image without any has none, instead of `<none>:<none>`.
const NAMES: Api = Api::new(43);
/// An annotation of a container is told.
const ANNOTATIONS: Api = Api::new(46);
/// The manifests of an image.
const MANIFESTS: Api = Api::new(47);
/// What an image's ID stands for, and what a container was made from.
const DESCRIPTOR: Api = Api::new(48);
/// How many containers there are.
const CONTAINERS: Api = Api::new(51);
/// The health of a container.
const HEALTH: Api = Api::new(52);
/// Until here manifests that are whole came first, in the opposite order.
// moby daemon/containerd/image_list.go (28.0)
const IN_ORDER: Triple = (28, 0, 0);

pub(super) fn image(row: &ImageRow<'_>, version: Triple, api: Api) -> Value {
    let mut out = rows::image(row, version, api);
    let mut put = |name: &str, value: Value| out.as_object_mut().map(|out| out.insert(name.into(), value));
    if api >= NAMES {
        put("RepoTags", json!(row.tags));
        put("RepoDigests", json!(row.digests));
    } else if !row.is_referenced() {
        put("RepoTags", json!(["<none>:<none>"]));
        put("RepoDigests", json!(["<none>@<none>"]));
    }
    if api < SHARED_SIZE {
        put("SharedSize", json!(-1));
    }
    if api < CONTAINERS {
        put("Containers", json!(-1));
    }
    if api >= MANIFESTS && !row.manifests.is_empty() {
        put("Manifests", manifests(&row.manifests, version));
    }
    if api < DESCRIPTOR {
        out.as_object_mut().map(|out| out.remove("Descriptor"));
    }
    out
}

fn manifests(rows: &[ManifestRow<'_>], version: Triple) -> Value {
    if version >= IN_ORDER {
        return rows.iter().map(manifest).collect();
    }
    let (mut whole, missing): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.available);
    whole.reverse();
    whole.into_iter().chain(missing).map(manifest).collect()
}

fn manifest(row: &ManifestRow<'_>) -> Value {
    let unpacked = row.unpacked.unwrap_or(0);
    let kind = match row.kind {
        ManifestKind::Image => "image",
        ManifestKind::Attestation => "attestation",
        ManifestKind::Unknown => "unknown",
    };
    let mut out = json!({
        "ID": row.descriptor.digest,
        "Descriptor": rows::descriptor(&row.descriptor),
        "Available": row.available,
        "Size": { "Content": row.content, "Total": row.content.saturating_add(unpacked) },
        "Kind": kind,
    });
    let mut put = |name: &str, value: Value| out.as_object_mut().map(|out| out.insert(name.into(), value));
    match row.kind {
        ManifestKind::Image => {
            let users: Vec<&str> = row.containers.iter().map(|key| &*key.id).collect();
            let platform = rows::platform(&row.platform.clone().unwrap_or_default());
            put(
                "ImageData",
                json!({
                    "Platform": platform,
                    "Size": { "Unpacked": unpacked },
                    "Containers": if users.is_empty() { Value::Null } else { json!(users) },
                }),
            );
        }
        ManifestKind::Attestation => {
            put("AttestationData", json!({ "For": row.attests }));
        }
        ManifestKind::Unknown => {}
    }
    out
}

/// A row of the container list from one of `/system/df`.
pub(super) fn container(mut out: Value, row: &ContainerRow<'_>, version: Triple, setting: &Setting) -> Value {
    let api = setting.api(version);
    if api < ANNOTATIONS {
        out.pointer_mut("/HostConfig").and_then(Value::as_object_mut).map(|told| told.remove("Annotations"));
    }
    if api < HEALTH {
        out.as_object_mut().map(|out| out.remove("Health"));
    }
    let config = &row.container.facts.config;
    let made_from = config.get("ImageManifest").and_then(Value::as_object);
    if let Some(mut from) = made_from.cloned().filter(|_| api >= DESCRIPTOR) {
        // moby daemon/container/view.go: transform
        if from.get("platform").is_none_or(Value::is_null) {
            let none = || json!({ "architecture": "", "os": "" });
            from.insert("platform".into(), config.get("ImagePlatform").cloned().unwrap_or_else(none));
        }
        out.as_object_mut().map(|out| out.insert("ImageManifestDescriptor".into(), from.into()));
    }
    out
}
