//! `docker rmi`, `docker image prune`.

use super::Done;
use crate::plan::action::Filters;
use crate::plan::host::Host;
use crate::plan::images::Manner;

pub(super) fn remove(host: &mut Host<'_>, names: &[String], force: bool, prune: bool, platforms: &[String]) -> Done {
    let manner = Manner { force, prune, platforms };
    let mut done = Done::default();
    let mut fatal = false;
    for typed in names {
        match host.images.remove(&host.containers, typed, manner, &mut host.gone) {
            Ok(records) => {
                done.changed |= !records.is_empty();
                done.says.extend(records.iter().map(ToString::to_string));
            }
            Err(refusal) => {
                fatal |= !refusal.not_found;
                done.refused.push(refusal.message);
            }
        }
    }
    // docker/cli cli/command/image/remove.go: with --force, and nothing worse, what is not there is no failure
    if force && !fatal {
        done.says.append(&mut done.refused);
    }
    done
}

pub(super) fn prune(host: &mut Host<'_>, all: bool, filters: &Filters) -> Done {
    if filters.has("dangling") && filters.get("dangling").any(|value| (value == "false") != all) {
        return Done::refused("invalid filter 'dangling'");
    }
    match host.images.prune(&host.containers, all, filters, &mut host.gone) {
        Err(because) => Done::refused(because),
        Ok(pruned) => Done {
            changed: !pruned.records.is_empty(),
            says: pruned.records.iter().map(|record| record.to_string()).collect(),
            notes: pruned.notes,
            reports: Some(pruned.reclaimed),
            ..Done::default()
        },
    }
}
