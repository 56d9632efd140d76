//! What no Docker command frees, with the safe way to remove it by hand where there is one. Nothing of it is ever run by us.
//!
//! ```text
//! graph driver's remains      the engine stopped: it holds what it loaded
//! containerd's strays         containerd stopped, too: no metadata name them, and it looks for none of them
//! a stranded store            only if daemon.json says which store is in use; its volumes stay
//! a lease without an owner    containerd's own tool, at work: the next collection takes what it kept
//! ```

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
        paths: places.iter().map(ToString::to_string).collect(),
        by_hand,
        safe_because: way.filter(|_| is_way).map(|way| way.safe_because().to_owned()).unwrap_or_default(),
        check_after: if is_way { CHECKS.map(str::to_owned).to_vec() } else { Vec::new() },
        note: finding.remedy.note.clone(),
    }
}

const CHECKS: [&str; 3] = ["docker ps -a", "docker images", "deadweight check"];

/// How something can be removed by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Files of the engine's, which must not run.
    Engine,
    /// Files of containerd's; neither must run. Whether it has a service of its own.
    Containerd {
        alone: bool,
    },
    Stranded,
    Lease,
}

impl Way {
    /// Only what is certain, and does not go by itself.
    fn of(analysis: &Analysis<'_>, finding: &Finding, places: &BTreeSet<Place>) -> Option<Self> {
        let objects = &finding.objects;
        let first = objects.first().filter(|_| finding.confidence == Confidence::Certain)?;
        let inventory = &analysis.reading.inventory;
        let alone = inventory.is_containerds(&first.root);
        // data of people, in no case
        if objects.iter().any(|key| key.kind == Kind::Volume) || places.iter().any(is_of_volumes) {
            return None;
        }
        match finding.class {
            "stale-lease" if first.kind == Kind::Lease => Some(Self::Lease),
            "stranded-store" if first.kind == Kind::Store && !alone => Some(Self::Stranded),
            class if !REMOVABLE.contains(&class) => None,
            _ if objects.iter().all(|key| is_drivers(analysis, key)) => Some(Self::Engine),
            _ if objects.iter().all(|key| is_stray(analysis, key)) && !places.iter().any(is_of_tasks) => {
                Some(Self::Containerd { alone })
            }
            _ => None,
        }
    }

    fn safe_because(self) -> &'static str {
        match self {
            Self::Engine => "No metadata of the engine names it, and it is not running meanwhile.",
            Self::Containerd { .. } => {
                "No namespace of containerd and no database of the snapshotter names it, and containerd is not running meanwhile."
            }
            Self::Stranded => {
                "daemon.json says that the engine uses another store, which shares no layer with this one. Its volumes stay."
            }
            Self::Lease => {
                "Nothing that the lease was made for is there any more; what others need they keep themselves."
            }
        }
    }

    fn commands(self, analysis: &Analysis<'_>, finding: &Finding, places: &BTreeSet<Place>) -> Vec<String> {
        let (stop, start) = match self {
            Self::Lease => return release(analysis, finding),
            Self::Containerd { alone: true } => {
                ("docker.socket docker.service containerd.service", "containerd.service docker.service")
            }
            _ => ("docker.socket docker.service", "docker.service"),
        };
        let Some(removals) = places.iter().map(|at| removal(analysis, at)).collect::<Option<Vec<String>>>() else {
            return Vec::new();
        };
        if removals.is_empty() {
            return Vec::new();
        }
        let first = format!("systemctl stop {stop}");
        std::iter::once(first).chain(removals).chain([format!("systemctl start {start}")]).collect()
    }
}

fn is_drivers(analysis: &Analysis<'_>, key: &Key) -> bool {
    let inventory = &analysis.reading.inventory;
    let by_itself = inventory.get(key).and_then(|thing| thing.leftover()).is_some_and(|it| it.by_itself);
    let kinds =
        matches!(key.kind, Kind::DriverDirectory | Kind::Mount | Kind::Layer | Kind::Container | Kind::Leftover);
    kinds && !is_in_containerd(analysis, key) && !by_itself
}

/// Among the files of containerd, and named by none of its databases. A snapshot that the snapshotter's database names is none.
fn is_stray(analysis: &Analysis<'_>, key: &Key) -> bool {
    let unnamed = || {
        let ingest = analysis.reading.inventory.get(key).and_then(|thing| thing.ingest());
        ingest.is_some_and(|ingest| ingest.namespace.is_none()) && analysis.graph.holders(key).next().is_none()
    };
    is_in_containerd(analysis, key)
        && match key.kind {
            Kind::DriverDirectory | Kind::Blob | Kind::Leftover => true,
            Kind::Ingest => unnamed(),
            _ => false,
        }
}

fn is_in_containerd(analysis: &Analysis<'_>, key: &Key) -> bool {
    analysis.reading.inventory.is_containerds(&key.root)
        || *key.store == *"containerd"
        || analysis.stored.iter().any(|stored| stored.store == key.store)
}

fn is_of_volumes(at: &Place) -> bool {
    std::iter::successors(Some(at.clone()), Place::parent).any(|above| above.name() == b"volumes")
}

/// What runs has its files there, and one directory for all that do.
fn is_of_tasks(at: &Place) -> bool {
    std::iter::successors(Some(at.clone()), Place::parent)
        .any(|above| above.name().starts_with(b"io.containerd.runtime."))
}

/// containerd cmd/ctr: leases rm. The one that dockerd started listens in the engine's own directory.
fn release(analysis: &Analysis<'_>, finding: &Finding) -> Vec<String> {
    let lease = finding.objects.first().and_then(|key| analysis.reading.inventory.get(key)).and_then(|it| it.lease());
    let alone = finding.objects.first().is_some_and(|key| analysis.reading.inventory.is_containerds(&key.root));
    let address = if alone { "" } else { "--address /var/run/docker/containerd/containerd.sock " };
    let quoted = |text: &str| shlex::try_quote(text).map(std::borrow::Cow::into_owned).ok();
    let command = lease.and_then(|lease| {
        let (namespace, id) = (quoted(&lease.namespace)?, quoted(&lease.id)?);
        Some(format!("ctr {address}--namespace {namespace} leases rm --sync {id}"))
    });
    command.into_iter().collect()
}

/// Nothing that is mounted is entered.
fn removal(analysis: &Analysis<'_>, at: &Place) -> Option<String> {
    let path = analysis.reading.disk.host_path(at)?;
    let path = shlex::try_quote(path.to_str()?).ok()?.into_owned();
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
    let below = |at: &Place| std::iter::successors(at.parent(), Place::parent).any(|above| all.contains(&above));
    all.iter().filter(|at| !below(at)).cloned().collect()
}
