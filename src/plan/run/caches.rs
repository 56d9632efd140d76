//! `docker builder prune`, `docker buildx history rm`.

use super::Done;
use crate::plan::action::{Filters, Limits, Moment};
use crate::plan::host::Host;
use crate::plan::images::{CacheManner, Record};

/// Past builds are remembered from this version on. moby builder/builder-next/controller.go (24.0)
const REMEMBERS: (u32, u32, u32) = (24, 0, 0);

pub(super) fn builder_prune(host: &mut Host<'_>, all: bool, filters: &Filters, limits: Limits) -> Done {
    let mut done = prune(host, all, filters, limits);
    done.notes.extend(refused_by_buildx(host, filters));
    done
}

pub(super) fn prune(host: &mut Host<'_>, all: bool, filters: &Filters, limits: Limits) -> Done {
    match host.images.prune_cache(CacheManner { all, filters, limits }, &mut host.gone) {
        Err(because) => Done::refused(because),
        Ok(pruned) => {
            let ids = pruned.records.iter().map(|record| match record {
                Record::Deleted(id) | Record::Untagged(id) => id.clone(),
            });
            Done {
                changed: !pruned.records.is_empty(),
                says: ids.collect(),
                notes: pruned.notes,
                reports: Some(pruned.reclaimed),
                ..Done::default()
            }
        }
    }
}

/// The engine knows points in time; buildx, which takes the place of `docker builder` where it is installed, does not.
// buildx commands/prune.go: toBuildkitPruneInfo
fn refused_by_buildx(host: &Host<'_>, filters: &Filters) -> Option<String> {
    let mut times = filters.get("until").chain(filters.get("unused-for"));
    let point = times.find(|text| matches!(Moment::parse(text, host.case.zone), Some(Moment::At(_))))?;
    Some(format!(
        "where docker-buildx answers for docker builder, it refuses {point:?}: it takes durations only, such as 24h"
    ))
}

pub(super) fn remove_history(host: &mut Host<'_>, refs: &[String], all: bool) -> Done {
    if host.case.view.version() < REMEMBERS {
        return Done::refused("this engine keeps no history of builds");
    }
    let mut done = Done::default();
    for removed in host.images.remove_history(refs, all, &mut host.gone) {
        match removed {
            Ok(build) => {
                done.changed = true;
                done.says.push(build);
            }
            Err(refusal) => done.refuse(refusal, false),
        }
    }
    done
}
