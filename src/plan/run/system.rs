//! `docker system prune`: containers, networks, volumes if asked, images, build cache, in that order; the first that fails
//! ends it. docker/cli cli/command/system/prune.go.

use super::{Done, caches, containers, images, volumes};
use crate::plan::action::{Filters, Limits};
use crate::plan::host::Host;

/// From this version on each part looks at its filters before any is run.
const LOOKS_FIRST: (u32, u32, u32) = (29, 0, 0);

pub(super) fn prune(host: &mut Host<'_>, all: bool, with_volumes: bool, filters: &Filters) -> Done {
    if with_volumes && filters.has("until") {
        return Done::refused("ERROR: The \"until\" filter is not supported with \"--volumes\"");
    }
    if host.case.view.version() >= LOOKS_FIRST
        && let Err(because) = filters.accepted(&["label", "label!", "until"])
    {
        return Done::refused(because);
    }
    let parts: [&dyn Fn(&mut Host<'_>) -> Done; 4] = [
        &|host| containers::prune(host, filters),
        &|host| if with_volumes { volumes::prune(host, false, filters) } else { Done::default() },
        &|host| images::prune(host, all, filters),
        &|host| caches::prune(host, all, filters, Limits::default()),
    ];
    let mut whole = Done { reports: Some(0), ..Done::default() };
    for part in parts {
        let done = part(host);
        whole.changed |= done.changed;
        whole.says.extend(done.says);
        whole.notes.extend(done.notes);
        whole.reports = whole.reports.map(|sum| sum.saturating_add(done.reports.unwrap_or(0)));
        if !done.refused.is_empty() {
            // it ends without its last line
            whole.refused = done.refused;
            whole.reports = None;
            return whole;
        }
    }
    whole
}
