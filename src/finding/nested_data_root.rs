//! Data roots inside volumes and containers: docker-in-docker, builders of buildx, nodes of kind.

use super::words::{self, shown, size};
use super::{Case, Finding, Remedy, Rule, Severity};
use crate::inventory::Entity;
use crate::inventory::facts::Nested;
use crate::terms::{Key, Kind, LinkKind, Place, short_id};

const CLASS: &str = "nested-data-root";

/// It is told by its own files.
pub(super) const RULE: Rule = Rule { class: CLASS, relies_on: &[], check };

fn check(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (key, thing) in case.inventory.of_kind(Kind::Volume) {
        let nested = thing.volume().map(|facts| facts.nested.as_slice()).unwrap_or_default();
        findings.extend(nested.iter().map(|inner| finding(case, key, inner, &in_volume(case, key, &inner.at))));
    }
    let mounts = case.inventory.of_kind(Kind::Mount).filter(|(key, _)| !case.is_stranded(&key.root, &key.store));
    for (key, thing) in mounts {
        let nested = thing.mount().map(|facts| facts.nested.as_slice()).unwrap_or_default();
        findings.extend(nested.iter().map(|inner| finding(case, key, inner, &in_container(case, key, &inner.at))));
    }
    let snapshots = case.inventory.of_kind(Kind::Snapshot).filter(|(key, _)| !case.is_stranded(&key.root, &key.store));
    for (key, thing) in snapshots {
        let nested = thing.snapshot().map(|facts| facts.nested.as_slice()).unwrap_or_default();
        findings
            .extend(nested.iter().map(|inner| finding(case, key, inner, &of_snapshot(case, key, thing, &inner.at))));
    }
    findings
}

/// What holds it, and what frees it.
struct Outer {
    called: String,
    users: Vec<Key>,
    commands: Vec<String>,
    note: String,
}

fn in_volume(case: &Case<'_>, volume: &Key, inner: &Place) -> Outer {
    let using = case.graph.holders(volume).filter(|(_, edge)| edge.kind == LinkKind::Uses);
    let users: Vec<&Key> = using.map(|(user, _)| user).collect();
    let names: Vec<String> = users.iter().map(|user| name(case, user)).collect();
    let called = match names.len() {
        0 => format!("volume {} (used by no container)", shown(short_id(&volume.id))),
        _ => format!("volume {} (used by {})", shown(short_id(&volume.id)), words::list(&names)),
    };
    let builder = volume.id.strip_prefix("buildx_buildkit_").and_then(|rest| rest.strip_suffix("_state"));
    // buildx driver/docker-container: the builder's name, the number of the node, `_state`
    let builder = builder.map(|builder| builder.trim_end_matches(|c: char| c.is_ascii_digit()));
    let (commands, note) = match builder.filter(|builder| words::is_plain(builder) && !users.is_empty()) {
        Some(builder) => (
            vec![format!("docker buildx prune --builder {builder}"), format!("docker buildx rm {builder}")],
            "The first command empties the builder's cache, the second removes the builder with its volume.".to_owned(),
        ),
        None => (Vec::new(), ask_inside(inner)),
    };
    Outer { called, users: users.into_iter().cloned().collect(), commands, note }
}

fn in_container(case: &Case<'_>, mount: &Key, inner: &Place) -> Outer {
    let kinds = [LinkKind::ReadWrite, LinkKind::ImageMount];
    let users = case.graph.holders(mount).filter(|(_, edge)| kinds.contains(&edge.kind));
    container(case, mount, users.map(|(user, _)| user.clone()).collect(), inner)
}

/// With containerd's store the snapshot of a container is called after it.
fn of_snapshot(case: &Case<'_>, key: &Key, thing: &Entity, inner: &Place) -> Outer {
    let name = thing.snapshot().map_or("", |facts| facts.name.as_str());
    let containers = case.inventory.of_kind(Kind::Container).filter(|(container, _)| *container.id == *name);
    container(case, key, containers.map(|(container, _)| container.clone()).collect(), inner)
}

fn container(case: &Case<'_>, layer: &Key, users: Vec<Key>, inner: &Place) -> Outer {
    let names: Vec<String> = users.iter().map(|user| name(case, user)).collect();
    let called = match names.first() {
        Some(name) => format!("container {}", shown(name)),
        None => format!("read-write layer {}", short_id(&layer.id)),
    };
    Outer { called, users, commands: Vec::new(), note: ask_inside(inner) }
}

fn ask_inside(inner: &Place) -> String {
    format!(
        "The Docker outside sees one size and none of what is in it. Ask the engine inside (`docker system prune` in that container), or \
         remove the container and its volume. What lies in it is under `nested` of this report; of all else `--nested {inner}` asks."
    )
}

fn name(case: &Case<'_>, container: &Key) -> String {
    let name = case.inventory.get(container).map_or("", |thing| thing.name.as_str());
    if name.is_empty() { short_id(&container.id).to_owned() } else { name.to_owned() }
}

fn finding(case: &Case<'_>, key: &Key, inner: &Nested, outer: &Outer) -> Finding {
    let measure = case.measures.get(&inner.at).copied().unwrap_or_default();
    let owners = case.owners_of([key]);
    let what = match inner.engine {
        "buildkitd" => "a builder's state",
        "containerd" => "a containerd root",
        _ => "a Docker data root",
    };
    let mut objects = vec![key.clone()];
    objects.extend(outer.users.iter().cloned());
    Finding {
        severity: Severity::of_bytes(measure.allocated),
        objects,
        paths: vec![inner.at.clone()],
        on_disk_bytes: measure.allocated,
        inodes: measure.inodes,
        cause: format!("There is {what} inside {}: {}.", outer.called, size(measure.allocated)),
        evidence: vec![format!("{}/{}", inner.at, inner.sign)],
        remedy: Remedy { commands: outer.commands.clone(), note: outer.note.clone() },
        ..case.finding(CLASS, &owners)
    }
}
