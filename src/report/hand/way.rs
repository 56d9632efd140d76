//! Which way there is for a finding, and what makes it safe.

use std::collections::BTreeSet;

use super::{Analysis, REMOVABLE, buildkit, ctr, logs, removal};
use crate::finding::{Confidence, Finding};
use crate::inventory::facts::Leftover;
use crate::terms::{Key, Kind, Place};

/// How something can be removed by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Files of the engine's, which must not run.
    Engine,
    /// Files of containerd's; neither must run. Whether it has a service of its own.
    Containerd {
        alone: bool,
    },
    /// Snapshots that the snapshotter's database has, and no namespace: containerd looks for them once it is told to.
    Sweep,
    Stranded,
    /// The same inside containerd, which others may use, too.
    StrandedContainerd,
    Lease,
    /// A file that nothing opens again.
    SetAside,
    /// Logs that only grow are emptied.
    Truncate,
    /// Rotations that the driver counts no more.
    Rotated,
}

impl Way {
    /// Only what is certain, and does not go by itself.
    pub(super) fn of(analysis: &Analysis<'_>, finding: &Finding, places: &BTreeSet<Place>) -> Option<Self> {
        let objects = &finding.objects;
        let first = objects.first().filter(|_| finding.confidence == Confidence::Certain)?;
        // data of people, in no case
        if objects.iter().any(|key| key.kind == Kind::Volume) || places.iter().any(is_of_volumes) {
            return None;
        }
        let alone = analysis.reading.inventory.is_containerds(&first.root);
        match finding.class {
            "container-logs" if logs::are_rotated(finding) => Some(Self::Rotated),
            "container-logs" => Some(Self::Truncate),
            "stale-lease" if first.kind == Kind::Lease => Some(Self::Lease),
            "stranded-store" if ctr::stranded(analysis, first).is_some() => Some(Self::StrandedContainerd),
            "stranded-store" if first.kind == Kind::Store && !alone => Some(Self::Stranded),
            class if !REMOVABLE.contains(&class) => None,
            _ if objects.iter().all(|key| is_set_aside(analysis, key)) => Some(Self::SetAside),
            "orphan-driver-directory" if objects.iter().all(|key| key.kind == Kind::Snapshot) => Some(Self::Sweep),
            _ if objects.iter().all(|key| is_drivers(analysis, key)) => Some(Self::Engine),
            _ if objects.iter().all(|key| is_stray(analysis, key)) && !places.iter().any(is_of_tasks) => {
                Some(Self::Containerd { alone })
            }
            _ => None,
        }
    }

    pub(super) fn safe_because(self, analysis: &Analysis<'_>, finding: &Finding) -> String {
        let because = match self {
            Self::Engine => "No metadata of the engine names it, and it is not running meanwhile.",
            Self::Containerd { .. } => {
                "No namespace of containerd and no database of the snapshotter names it, and containerd is not running meanwhile."
            }
            Self::Sweep => {
                "containerd removes it itself: it looks for snapshots that no namespace names whenever it has removed one of the same \
                 snapshotter, and the one that is made here is empty. It has to be at work."
            }
            Self::Stranded => {
                "daemon.json says that the engine uses another store, which shares no layer with this one. What BuildKit recorded of its \
                 layers goes along, if it records no others there. Its volumes stay."
            }
            Self::StrandedContainerd => {
                "daemon.json says that the engine uses a graph driver, which has neither images nor containers in containerd; what it has \
                 there has leases that are not named here. containerd removes by itself what nothing keeps any more. Volumes stay."
            }
            Self::Lease => {
                "Nothing that the lease was made for is there any more; what others need they keep themselves."
            }
            Self::SetAside => "BuildKit could not open it, began a new one, and never looks for the old one again.",
            Self::Truncate => return logs::safe_because(analysis, finding),
            Self::Rotated => "The log driver opens no rotation with such a number.",
        };
        because.to_owned()
    }

    pub(super) fn check_after(self, analysis: &Analysis<'_>, finding: &Finding) -> Vec<String> {
        match self {
            Self::Truncate | Self::Rotated => logs::check_after(analysis, finding),
            Self::SetAside => vec!["docker builder du".to_owned(), "deadweight check".to_owned()],
            _ => ["docker ps -a", "docker images", "deadweight check"].map(str::to_owned).to_vec(),
        }
    }

    pub(super) fn commands(self, analysis: &Analysis<'_>, finding: &Finding, places: &BTreeSet<Place>) -> Vec<String> {
        let removals = || places.iter().map(|at| removal(analysis, at)).collect::<Option<Vec<String>>>();
        match self {
            Self::Lease => ctr::release(analysis, finding),
            Self::Sweep => ctr::sweep(analysis, finding),
            Self::Truncate => logs::truncations(analysis, finding),
            Self::SetAside => removals().unwrap_or_default(),
            Self::Rotated => finding.paths.iter().filter_map(|at| removal(analysis, at)).collect(),
            Self::StrandedContainerd => {
                let Some((first, places)) = finding.objects.first().and_then(|key| ctr::stranded(analysis, key)) else {
                    return Vec::new();
                };
                let removals = places.iter().map(|at| removal(analysis, at)).collect::<Option<Vec<String>>>();
                first.into_iter().chain(stopped(removals, false)).collect()
            }
            Self::Containerd { alone } => stopped(removals(), alone),
            Self::Engine => stopped(removals(), false),
            Self::Stranded => {
                let store = finding.objects.first();
                let cache = store.map(|store| buildkit::of_driver(analysis, store)).unwrap_or_default();
                let all = places.iter().chain(&cache).map(|at| removal(analysis, at)).collect();
                stopped(all, false)
            }
        }
    }
}

/// Removals while the engine does not run; nor containerd, if it has files there.
fn stopped(removals: Option<Vec<String>>, containerd: bool) -> Vec<String> {
    let Some(removals) = removals.filter(|removals| !removals.is_empty()) else { return Vec::new() };
    let (stop, start) = match containerd {
        true => ("docker.socket docker.service containerd.service", "containerd.service docker.service"),
        false => ("docker.socket docker.service", "docker.service"),
    };
    let first = format!("systemctl stop {stop}");
    std::iter::once(first).chain(removals).chain([format!("systemctl start {start}")]).collect()
}

fn is_drivers(analysis: &Analysis<'_>, key: &Key) -> bool {
    let inventory = &analysis.reading.inventory;
    let by_itself = inventory.get(key).and_then(|thing| thing.leftover()).is_some_and(|it| it.by_itself);
    let kinds =
        matches!(key.kind, Kind::DriverDirectory | Kind::Mount | Kind::Layer | Kind::Container | Kind::Leftover);
    kinds && !is_in_containerd(analysis, key) && !by_itself
}

fn is_set_aside(analysis: &Analysis<'_>, key: &Key) -> bool {
    let leftover = analysis.reading.inventory.get(key).and_then(|thing| thing.leftover());
    leftover.is_some_and(|leftover| leftover.what == Leftover::SET_ASIDE)
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
