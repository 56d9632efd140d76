//! The row of a container. moby daemon/container/view.go transform, api/types/container Summary.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Setting;
use crate::docker::df::ContainerRow;
use crate::docker::seen::Triple;
use crate::docker::units::ago;
use crate::inventory::facts::Container;
use crate::terms::Key;

/// API 1.52.
const HEALTH: Triple = (29, 0, 0);
/// API 1.46.
const ANNOTATIONS: Triple = (27, 0, 0);
/// The exit status that the engine writes down for a container whose process it does not find again.
const LOST: i64 = 255;

pub(super) fn summary(row: &ContainerRow<'_>, names: &Names<'_>, version: Triple, setting: &Setting) -> Value {
    let facts = row.container.facts;
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| out.insert(name.into(), value);
    put("Id", json!(&*row.key.id));
    put("Names", json!(names.get(row.key).into_iter().flatten().collect::<Vec<_>>()));
    put("Image", json!(row.image));
    put("ImageID", json!(facts.image.as_ref().map_or("", |image| image.as_str())));
    put("Command", json!(command(facts)));
    put("Created", json!(row.created));
    put("Ports", json!([]));
    if row.size_rw != 0 {
        put("SizeRw", json!(row.size_rw));
    }
    if row.size_root_fs != 0 {
        put("SizeRootFs", json!(row.size_root_fs));
    }
    put("Labels", json!(facts.labels));
    put("State", json!(if setting.as_recorded { facts.state.word() } else { state(facts) }));
    put("Status", json!(status(facts, setting)));
    put("HostConfig", host_config(facts, version));
    if version >= HEALTH {
        put("Health", json!({ "Status": "none", "FailingStreak": 0 }));
    }
    put("NetworkSettings", json!({ "Networks": networks(facts, version) }));
    put("Mounts", mounts(facts));
    Value::Object(out)
}

/// Arguments with blanks stand in single quotes; nothing is escaped.
pub(crate) fn command(facts: &Container) -> String {
    let quoted = facts.args.iter().map(|arg| if arg.contains(' ') { format!("'{arg}'") } else { arg.clone() });
    std::iter::once(facts.path.clone()).chain(quoted).collect::<Vec<_>>().join(" ")
}

/// As after a start: what was running has ended.
pub(crate) fn state(facts: &Container) -> &'static str {
    if facts.state.is_alive() { "exited" } else { facts.state.word() }
}

/// moby daemon/container/state.go String.
pub(crate) fn status(facts: &Container, setting: &Setting) -> String {
    let now = setting.now;
    let state = &facts.state;
    match state.word() {
        "removing" => "Removal In Progress".to_owned(),
        "dead" => "Dead".to_owned(),
        "created" => "Created".to_owned(),
        "exited" => {
            state.finished_at.map_or_else(String::new, |at| format!("Exited ({}) {}", state.exit_code, ago(now, at)))
        }
        _ if setting.as_recorded => alive(facts, now),
        // recorded as running: its end is noticed only now
        _ => format!("Exited ({LOST}) {}", ago(now, now)),
    }
}

fn alive(facts: &Container, now: Timestamp) -> String {
    let state = &facts.state;
    let since = |at: Option<Timestamp>| ago(now, at.unwrap_or(now));
    let up = || format!("Up {}", since(state.started_at).trim_end_matches(" ago"));
    match state.word() {
        "paused" => format!("{} (Paused)", up()),
        "restarting" => format!("Restarting ({}) {}", state.exit_code, since(state.finished_at)),
        _ => up(),
    }
}

fn host_config(facts: &Container, version: Triple) -> Value {
    let mut out = Map::new();
    if !facts.network_mode.is_empty() {
        out.insert("NetworkMode".into(), json!(facts.network_mode));
    }
    let annotations = facts.host_config.get("Annotations").filter(|a| a.as_object().is_some_and(|a| !a.is_empty()));
    if let Some(annotations) = annotations.filter(|_| version >= ANNOTATIONS) {
        out.insert("Annotations".into(), annotations.clone());
    }
    Value::Object(out)
}

/// The networks that a container is to be joined to; on none of them does it have an address now.
fn networks(facts: &Container, version: Triple) -> Value {
    let recorded = facts.config.pointer("/NetworkSettings/Networks").and_then(Value::as_object);
    let network = |(name, told): (&String, &Value)| {
        let mut out = json!({
            "IPAMConfig": told.get("IPAMConfig").cloned().unwrap_or(Value::Null),
            "Links": null,
            "Aliases": null,
            "DriverOpts": null,
            "NetworkID": told.get("NetworkID").and_then(Value::as_str).unwrap_or(""),
            "EndpointID": "",
            "Gateway": "",
            "IPAddress": "",
            "IPPrefixLen": 0,
            "IPv6Gateway": "",
            "GlobalIPv6Address": "",
            "GlobalIPv6PrefixLen": 0,
            "MacAddress": "",
        });
        let mut put = |name: &str, value: Value| out.as_object_mut().map(|out| out.insert(name.into(), value));
        if version >= (25, 0, 0) {
            put("DNSNames", Value::Null);
        }
        if version >= (28, 0, 0) {
            put("GwPriority", json!(0));
        }
        (name.clone(), out)
    };
    Value::Object(recorded.map(|recorded| recorded.iter().map(network).collect()).unwrap_or_default())
}

fn mounts(facts: &Container) -> Value {
    let told = |destination: &str, name: &str| {
        let points = facts.config.get("MountPoints").and_then(|points| points.get(destination));
        points.and_then(|point| point.get(name)).and_then(Value::as_str).unwrap_or("").to_owned()
    };
    let one = |mount: &crate::inventory::facts::MountPoint| {
        let mut out = json!({
            "Source": mount.source,
            "Destination": mount.destination,
            "Mode": told(&mount.destination, "Relabel"),
            "RW": mount.writable,
            "Propagation": told(&mount.destination, "Propagation"),
        });
        let given = [("Type", &mount.kind), ("Name", &mount.name), ("Driver", &mount.driver)];
        for (name, value) in given.into_iter().filter(|(_, value)| !value.is_empty()) {
            out.as_object_mut().map(|out| out.insert(name.into(), json!(value)));
        }
        out
    };
    facts.mounts.iter().map(one).collect()
}

/// Every name of every container.
pub(crate) type Names<'a> = BTreeMap<&'a Key, BTreeSet<String>>;

/// A container's own name, and those that other containers gave it by `--link`. moby daemon/daemon_unix.go registerLinks.
pub(crate) fn names<'a>(rows: &[ContainerRow<'a>]) -> Names<'a> {
    let mut names: Names<'a> = BTreeMap::new();
    let by_name: BTreeMap<&str, &Key> = rows.iter().map(|row| (row.container.facts.name.as_str(), row.key)).collect();
    for row in rows {
        let facts = row.container.facts;
        let own = names.entry(row.key).or_default();
        if !facts.name.is_empty() {
            own.insert(format!("/{}", facts.name));
        }
        for (child, alias) in links(facts) {
            if let Some(child) = by_name.get(child) {
                names.entry(child).or_default().insert(format!("/{}/{alias}", facts.name));
            }
        }
    }
    names
}

/// `child`, `child:alias`, or `/child:/parent/alias`; on a network of one's own, aliases are no names.
fn links(facts: &Container) -> impl Iterator<Item = (&str, &str)> {
    let legacy = matches!(facts.network_mode.as_str(), "" | "default" | "bridge" | "none");
    let links = facts.host_config.get("Links").and_then(Value::as_array).filter(|_| legacy);
    links.into_iter().flatten().filter_map(Value::as_str).map(|link| {
        let (child, alias) = link.split_once(':').unwrap_or((link, link));
        (child.trim_start_matches('/'), alias.rsplit('/').next().unwrap_or(alias))
    })
}
