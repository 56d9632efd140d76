//! A root that `userns-remap` led to, or away from, and that the engine no longer uses: images, containers and volumes. Nothing
//! inside is judged, and no command is told for it, since one of the same name in the engine's own root would be meant.

use super::case::topmost;
use super::words::{self, list, shown, size};
use super::{Case, Confidence, Finding, Remedy, Rule};
use crate::inventory::{Owner, Role, Root};
use crate::terms::{Key, Kind, Place, short_id};

/// Which root is in use is told by `daemon.json`.
pub(super) const RULE: Rule = Rule { class: "stranded-store", relies_on: &[], check };

/// Of these a left-over root has findings of its own, without commands: what is damaged, and what is inside.
const TOLD: &[&str] = &["damaged-metadata", "nested-data-root"];

/// What it holds, in words.
const HOLDS: &[(Kind, &str, &str)] = &[
    (Kind::Image, "image", "images"),
    (Kind::Container, "container", "containers"),
    (Kind::Layer, "layer", "layers"),
    (Kind::Volume, "volume", "volumes"),
    (Kind::CacheRecord, "build-cache record", "build-cache records"),
];

fn check(case: &Case<'_>) -> Vec<Finding> {
    case.inventory
        .engine_roots()
        .filter(|root| case.is_left_over(&root.name))
        .filter_map(|root| of(case, root))
        .collect()
}

/// Leaves of what rules found what holds for a root that is not in use, too.
pub(super) fn pass_over(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let is_left_over =
        |it: &Finding| !it.objects.is_empty() && it.objects.iter().all(|key| case.is_left_over(&key.root));
    findings.retain(|it| it.class == RULE.class || TOLD.contains(&it.class) || !is_left_over(it));
    findings.iter_mut().filter(|it| is_left_over(it)).for_each(|it| it.remedy.commands.clear());
}

fn of(case: &Case<'_>, root: &Root) -> Option<Finding> {
    let things = |kind: Kind| case.inventory.of_kind(kind).map(|(key, _)| key).filter(|key| key.root == root.name);
    let holds = words::counts(HOLDS.iter().map(|(kind, one, many)| (things(*kind).count(), *one, *many)));
    if holds.is_empty() {
        return None;
    }
    let owners: Vec<(usize, &Owner)> = case.owners.iter().filter(|(_, owner)| owner.key.root == root.name).collect();
    let base = case.finding(RULE.class, &owners);
    let in_use = case.active.root.as_deref().unwrap_or("another");
    let stores = case.inventory.stores.iter().filter(|store| store.root == root.name);
    let stores = stores.map(|store| root.key(&store.name, Kind::Store, store.name.clone()));
    let kept = [Kind::Container, Kind::Image, Kind::Volume].into_iter().flat_map(things).cloned();
    Some(Finding {
        confidence: Confidence::Likely,
        objects: stores.chain(kept).collect(),
        cause: format!(
            "The engine uses the root {in_use}; {}, with {}, is still there, shown by no Docker command: {}.",
            root.name,
            list(holds),
            size(base.on_disk_bytes)
        ),
        evidence: std::iter::once(root.place.to_string()).chain(case.active.reasons.iter().cloned()).collect(),
        remedy: Remedy { commands: Vec::new(), note: note(case, root, &things(Kind::Volume).collect::<Vec<_>>()) },
        paths: paths(root, &owners),
        ..base
    })
}

/// The root itself, unless the one in use may lie in it.
fn paths(root: &Root, owners: &[(usize, &Owner)]) -> Vec<Place> {
    let lots = owners.iter().flat_map(|(_, owner)| owner.lots.iter().map(|(at, _)| at.clone()));
    topmost(lots.filter(|at| root.role == Role::Remapped || *at != root.place))
}

fn note(case: &Case<'_>, root: &Root, volumes: &[&Key]) -> String {
    let name = &root.name;
    let led = match root.role {
        Role::Remapped => format!("Another \"userns-remap\" in daemon.json led to `{name}`; with that setting"),
        _ => format!("Without \"userns-remap\" in daemon.json the engine used `{name}`; once that is so again,"),
    };
    let mut note = vec![
        "No Docker command frees it, and one that names something in it would take what has the same name in the root that is in \
         use."
            .to_owned(),
        format!("{led} the engine has what is in it again, containers and volumes included."),
    ];
    if !volumes.is_empty() {
        let names = list(volumes.iter().map(|key| shown(short_id(&key.id))));
        let it = if volumes.len() == 1 { "it" } else { "them" };
        note.push(format!(
            "Its {} ({names}) {} data: removing {it} by hand, or pruning volumes once the engine uses this root again, loses {it}.",
            if volumes.len() == 1 { "volume" } else { "volumes" },
            if volumes.len() == 1 { "is" } else { "are" },
        ));
    }
    let inside =
        case.active.root.as_deref().filter(|used| used.strip_prefix(&**name).is_some_and(|rest| rest.starts_with('/')));
    note.push(format!(
        "Once nothing in it is wanted, what is in it can be removed by hand with the engine stopped{}.",
        inside.map(|used| format!(", but for `{used}`")).unwrap_or_default()
    ));
    note.join(" ")
}
