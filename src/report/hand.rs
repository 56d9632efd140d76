//! What no Docker command frees, with the safe way to remove it by hand where there is one. Nothing of it is ever run by us.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::Analysis;
use crate::finding::{Confidence, Finding};
use crate::terms::{Key, Kind, LinkKind, Place};

/// Something that is not needed and that no Docker command removes.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct HandWork {
    /// The class of the finding that says so.
    pub class: String,
    pub cause: String,
    pub on_disk_bytes: u64,
    pub inodes: u64,
    /// All that belongs to it: what is removed is removed as a whole.
    pub paths: Vec<String>,
    /// Shell commands, in order; empty where none is safe.
    pub by_hand: Vec<String>,
    pub note: String,
}

/// Whose remains can be removed by hand, once the finding is certain.
const REMOVABLE: &[&str] =
    &["orphan-driver-directory", "unreferenced-layer", "half-removed-container", "interrupted-leftover"];
/// Of these only the way is told.
const TOLD: &[&str] = &["stranded-store", "stale-lease", "leased-content", "container-logs"];

pub(super) fn hand_work(analysis: &Analysis<'_>) -> Vec<HandWork> {
    let certain = |finding: &&Finding| finding.confidence != Confidence::Unknown && finding.remedy.commands.is_empty();
    let known = |finding: &&Finding| REMOVABLE.contains(&finding.class) || TOLD.contains(&finding.class);
    analysis.findings.iter().filter(certain).filter(known).map(|finding| work(analysis, finding)).collect()
}

fn work(analysis: &Analysis<'_>, finding: &Finding) -> HandWork {
    let places = places(analysis, finding);
    HandWork {
        class: finding.class.to_owned(),
        cause: finding.cause.clone(),
        on_disk_bytes: finding.on_disk_bytes,
        inodes: finding.inodes,
        paths: places.iter().map(ToString::to_string).collect(),
        by_hand: if is_removable(analysis, finding) { commands(analysis, &places) } else { Vec::new() },
        note: finding.remedy.note.clone(),
    }
}

/// Certain, of a graph driver's store, and nothing that goes by itself.
fn is_removable(analysis: &Analysis<'_>, finding: &Finding) -> bool {
    let inventory = &analysis.reading.inventory;
    let by_itself = |key: &Key| inventory.get(key).and_then(|thing| thing.leftover()).is_some_and(|it| it.by_itself);
    let drivers = |key: &Key| {
        matches!(key.kind, Kind::DriverDirectory | Kind::Mount | Kind::Layer | Kind::Container | Kind::Leftover)
    };
    let ours = |key: &Key| {
        !inventory.is_containerds(&key.root) && analysis.stored.iter().all(|stored| stored.store != key.store)
    };
    REMOVABLE.contains(&finding.class)
        && finding.confidence == Confidence::Certain
        && finding.objects.iter().all(|key| drivers(key) && ours(key) && !by_itself(key))
}

/// Each object with the driver directories that nobody else stores anything in.
fn places(analysis: &Analysis<'_>, finding: &Finding) -> BTreeSet<Place> {
    let inventory = &analysis.reading.inventory;
    let mut things: Vec<&Key> = finding.objects.iter().collect();
    let kinds = [LinkKind::StoredIn, LinkKind::InitLayer, LinkKind::Interrupted];
    for object in &finding.objects {
        let targets = kinds.iter().flat_map(|kind| analysis.graph.targets(object, *kind));
        things.extend(targets.filter(|target| {
            let mut holders = analysis.graph.holders(target).filter(|(_, edge)| kinds.contains(&edge.kind));
            target.kind == Kind::DriverDirectory && holders.all(|(holder, _)| finding.objects.contains(holder))
        }));
    }
    let lots = things
        .iter()
        .filter_map(|key| inventory.get(key))
        .flat_map(|thing| thing.lots.iter().map(|lot| lot.at.clone()));
    let all: BTreeSet<Place> = lots.chain(finding.paths.iter().cloned()).collect();
    let below = |at: &Place| std::iter::successors(at.parent(), Place::parent).any(|above| all.contains(&above));
    all.iter().filter(|at| !below(at)).cloned().collect()
}

/// The engine must not run: it holds what it loaded in memory. Nothing that is mounted is entered.
fn commands(analysis: &Analysis<'_>, places: &BTreeSet<Place>) -> Vec<String> {
    let quoted = |at: &Place| {
        let path = analysis.reading.disk.host_path(at)?;
        Some(shlex::try_quote(path.to_str()?).ok()?.into_owned())
    };
    let Some(paths) = places.iter().map(quoted).collect::<Option<Vec<String>>>() else { return Vec::new() };
    if paths.is_empty() {
        return Vec::new();
    }
    let subvolume = |at: &&Place| at.parent().is_some_and(|above| above.name() == b"subvolumes");
    let mut commands = vec!["systemctl stop docker.socket docker.service".to_owned()];
    for (at, path) in places.iter().zip(&paths) {
        commands.push(match subvolume(&at) {
            // a directory of its own, which rm may empty and not remove on old kernels
            true => format!("btrfs subvolume delete {path}"),
            false => format!("rm -rf --one-file-system -- {path}"),
        });
    }
    commands.push("systemctl start docker.service".to_owned());
    commands
}
