//! What no Docker command frees, with the safe way to remove it by hand where there is one. Nothing of it is ever run by us.
//!
//! ```text
//! graph driver's remains      the engine stopped: it holds what it loaded
//! containerd's strays         containerd stopped, too: no metadata name them, and it looks for none of them
//! snapshots nobody names      containerd at work: a snapshot that comes and goes makes it look for them
//! a stranded store            only if daemon.json says which store is in use; its volumes stay. What BuildKit recorded of its layers
//!                             goes along: a build that meets a record without its layer fails. In containerd its images and leases
//!                             go by containerd's own tool, since what else it keeps lies in the same files
//! a lease without an owner    containerd's own tool, at work: the next collection takes what it kept
//! a database set aside        at any time: nothing opens it
//! a log that only grows       emptied where it lies: the driver has it open, and appends
//! ```

mod buildkit;
mod ctr;
mod logs;
mod way;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use self::way::Way;
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
    /// Why nobody misses it; empty where there is no command.
    pub safe_because: String,
    /// What shows afterwards that nothing is missing.
    pub check_after: Vec<String>,
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
    let way = Way::of(analysis, finding, &places);
    let by_hand = way.map(|way| way.commands(analysis, finding, &places)).unwrap_or_default();
    let is_way = !by_hand.is_empty();
    HandWork {
        class: finding.class.to_owned(),
        cause: finding.cause.clone(),
        on_disk_bytes: finding.on_disk_bytes,
        inodes: finding.inodes,
        paths: paths(finding, &places),
        by_hand,
        safe_because: way.filter(|_| is_way).map(|way| way.safe_because(analysis, finding)).unwrap_or_default(),
        check_after: way.filter(|_| is_way).map(|way| way.check_after(analysis, finding)).unwrap_or_default(),
        note: finding.remedy.note.clone(),
    }
}

/// Of logs nothing else of their containers.
fn paths(finding: &Finding, places: &BTreeSet<Place>) -> Vec<String> {
    match finding.class {
        "container-logs" => finding.paths.iter().map(ToString::to_string).collect(),
        _ => places.iter().map(ToString::to_string).collect(),
    }
}

/// As one would type it.
fn quoted(text: &str) -> Option<String> {
    shlex::try_quote(text).map(std::borrow::Cow::into_owned).ok()
}

/// Nothing that is mounted is entered.
fn removal(analysis: &Analysis<'_>, at: &Place) -> Option<String> {
    let path = analysis.reading.disk.host_path(at)?;
    let path = quoted(path.to_str()?)?;
    let is_in = |name: &[u8]| at.parent().is_some_and(|above| above.name() == name);
    Some(if is_in(b"subvolumes") {
        // a directory of its own, which rm may empty and not remove on old kernels
        format!("btrfs subvolume delete {path}")
    } else if is_in(b"tmpmounts") {
        // a bind mount of the same file system is no border for rm
        format!("mountpoint -q -- {path} || rm -rf --one-file-system -- {path}")
    } else {
        format!("rm -rf --one-file-system -- {path}")
    })
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
    topmost(all)
}

/// Those that lie in no other.
fn topmost(all: BTreeSet<Place>) -> BTreeSet<Place> {
    let below = |at: &Place| std::iter::successors(at.parent(), Place::parent).any(|above| all.contains(&above));
    all.iter().filter(|at| !below(at)).cloned().collect()
}
