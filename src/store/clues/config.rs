//! What the keys of a container's files tell. The engine writes every container that it loads anew at its start, so that
//! the newest file shows the engine that was started last.

use serde_json::Value;

use super::{Triple, at_least, below};
use crate::inventory::Inventory;
use crate::store::Site;
use crate::terms::Place;

/// One key that came or went.
struct Trace {
    present: bool,
    /// The version from which on it is as it is here.
    from: Option<Triple>,
    /// The version from which on it is otherwise.
    until: Option<Triple>,
    because: &'static str,
}

/// A key that is written from a version on.
fn came(present: bool, version: Triple, because: &'static str) -> Trace {
    Trace { present, from: present.then_some(version), until: (!present).then_some(version), because }
}

/// A key that is written up to a version.
fn went(present: bool, version: Triple, because: &'static str) -> Trace {
    Trace { present, from: (!present).then_some(version), until: present.then_some(version), because }
}

/// Notes the two narrowest bounds that the files of one container give.
// moby daemon/daemon.go: restore calls checkpointAndSave; container/container.go, state.go, network/settings.go
pub(in crate::store) fn of_container(
    inv: &mut Inventory,
    site: &Site<'_>,
    at: &Place,
    bytes: &[u8],
    config: &Value,
    host: &Value,
) {
    let Some(top) = config.as_object() else { return };
    let inside = |part: &str, key: &str| top.get(part).and_then(Value::as_object).map(|map| map.contains_key(key));
    let mut traces = vec![
        came(top.contains_key("LocalLogCacheMeta"), (20, 10, 0), "LocalLogCacheMeta, written since 20.10"),
        came(top.contains_key("ImageManifest"), (24, 0, 0), "ImageManifest, written since 24.0"),
        came(top.contains_key("ImagePlatform"), (28, 0, 0), "ImagePlatform, written since 28.0"),
    ];
    traces.extend(host.as_object().map(|host| {
        went(host.contains_key("KernelMemory"), (23, 0, 0), "KernelMemory in hostconfig.json, written up to 20.10")
    }));
    traces.extend(
        inside("NetworkSettings", "IsAnonymousEndpoint")
            .map(|present| went(present, (25, 0, 0), "NetworkSettings.IsAnonymousEndpoint, written up to 24.0")),
    );
    traces.extend(
        options_come_first(bytes)
            .map(|present| came(present, (27, 0, 0), "DriverOpts before NetworkID, the order since 27.0")),
    );
    traces.extend(
        inside("State", "RemovalInProgress")
            .map(|present| went(present, (28, 2, 0), "State.RemovalInProgress, written up to 28.1")),
    );
    traces.extend(
        inside("NetworkSettings", "Bridge")
            .map(|present| went(present, (29, 0, 0), "NetworkSettings.Bridge, written up to 28")),
    );
    let written = super::written(site, at);
    let says = |trace: &Trace| format!("{} {}", if trace.present { "has" } else { "has no" }, trace.because);
    if let Some((trace, from)) = traces.iter().filter_map(|t| Some((t, t.from?))).max_by_key(|(_, from)| *from) {
        at_least(inv, site, from, at.clone(), written, &says(trace));
    }
    if let Some((trace, until)) = traces.iter().filter_map(|t| Some((t, t.until?))).min_by_key(|(_, until)| *until) {
        below(inv, site, until, at.clone(), written, &says(trace));
    }
}

/// The order of the keys of an endpoint, if the container has one.
// moby daemon/network/settings.go, api/types/network/endpoint.go: DriverOpts moved up in 27.0
fn options_come_first(bytes: &[u8]) -> Option<bool> {
    let find = |from: usize, key: &[u8]| {
        bytes.get(from..)?.windows(key.len()).position(|window| window == key).map(|found| from + found)
    };
    let settings = find(0, b"\"NetworkSettings\"")?;
    let options = find(settings, b"\"DriverOpts\"")?;
    let network = find(settings, b"\"NetworkID\"")?;
    Some(options < network)
}
