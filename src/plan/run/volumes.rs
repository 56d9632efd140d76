//! `docker volume rm`, `docker volume prune`. moby volume/service/service.go, store.go; volume/local/local.go.

use std::collections::BTreeMap;

use super::Done;
use crate::disk::FileKind;
use crate::docker::units;
use crate::plan::Case;
use crate::plan::action::Filters;
use crate::plan::host::{Host, Local};
use crate::plan::images::Refusal;

/// From this version on `prune` takes anonymous volumes only, unless asked for all.
// moby api/server/router/volume: API 1.42 (23.0)
const ANONYMOUS_ONLY: (u32, u32, u32) = (23, 0, 0);
const ANONYMOUS: &str = "com.docker.volume.anonymous";

pub(super) fn remove(host: &mut Host<'_>, names: &[String], force: bool) -> Done {
    let mut done = Done::default();
    for name in names {
        match removable(host, name) {
            Ok(()) => {
                done.notes.extend(host.remove_volume(name, None));
                done.changed = true;
                done.says.push(name.clone());
            }
            Err(refusal) => done.refuse(refusal, force),
        }
    }
    done
}

fn removable(host: &Host<'_>, name: &str) -> Result<(), Refusal> {
    let Some(volume) = host.volumes.get(name) else {
        return Err(match elsewhere(host, name) {
            Some(driver) => Refusal::conflict(format!(
                "unknown, because volume {name} is kept by driver {driver}, whose data is not below the data root"
            )),
            None => Refusal::not_found(format!("get {name}: no such volume")),
        });
    };
    let users = host.users(name);
    if !users.is_empty() {
        return Err(Refusal::conflict(format!("remove {name}: volume is in use - [{}]", users.join(", "))));
    }
    check_data(host.case, volume).map_err(Refusal::conflict)
}

/// The driver of a volume that is not the local one's.
fn elsewhere(host: &Host<'_>, name: &str) -> Option<String> {
    let key = crate::terms::Key {
        root: host.case.view.root().into(),
        store: "engine".into(),
        kind: crate::terms::Kind::Volume,
        id: name.into(),
    };
    let facts = host.case.inventory.get(&key)?.volume()?;
    (facts.in_database && !matches!(facts.driver.as_str(), "local" | "")).then(|| facts.driver.clone())
}

/// The local driver goes where `_data` leads, and refuses what is outside. moby volume/local/local.go Remove
fn check_data(case: &Case<'_>, volume: &Local<'_>) -> Result<(), String> {
    let data = volume.facts.at.as_ref().map(|at| at.join("_data"));
    match data.map(|data| case.disk.stat(&data)) {
        Some(Ok(stat)) if stat.kind == FileKind::Symlink => {
            Err(format!("unknown, because _data of volume {} is a symbolic link", volume.key.id))
        }
        _ => Ok(()),
    }
}

pub(super) fn prune(host: &mut Host<'_>, all: bool, filters: &Filters) -> Done {
    let all = match wants_all(host.case.view.version(), all, filters) {
        Ok(all) => all,
        Err(because) => return Done::refused(because),
    };
    let fits = |volume: &&Local<'_>| {
        let labels = volume.facts.labels.as_ref();
        let plain = volume.facts.options.as_ref().is_none_or(BTreeMap::is_empty);
        let anonymous = labels.is_some_and(|labels| labels.get(ANONYMOUS).is_some());
        plain && (all || anonymous) && filters.match_labels(labels)
    };
    let found: Vec<(&str, i64)> =
        host.volumes.values().filter(fits).map(|volume| (&*volume.key.id, volume.size)).collect();
    let mut done = Done { reports: Some(0), ..Done::default() };
    for (name, size) in found {
        if host.users(name).is_empty() && removable(host, name).is_ok() {
            done.notes.extend(host.remove_volume(name, None));
            // one that cannot be measured counts nothing
            done.reports = done.reports.map(|sum| sum.saturating_add(size.max(0)));
            done.changed = true;
            done.says.push(name.to_owned());
        }
    }
    done
}

/// Whether volumes with a name go, too.
// moby volume/service/convert.go withPrune; docker/cli cli/command/volume/prune.go
fn wants_all(version: (u32, u32, u32), all: bool, filters: &Filters) -> Result<bool, String> {
    let mut accepted = vec!["label", "label!"];
    if version < ANONYMOUS_ONLY {
        if all {
            return Err("\"--all\" requires API version 1.42, which this engine does not have".to_owned());
        }
        return filters.accepted(&accepted).map(|()| true);
    }
    accepted.push("all");
    filters.accepted(&accepted)?;
    let given: Vec<&str> = filters.get("all").collect();
    match (all, given.as_slice()) {
        (true, []) => Ok(true),
        (true, _) => Err("conflicting options: cannot specify both --all and --filter all=1".to_owned()),
        (false, []) => Ok(false),
        (false, [one]) => match *one {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
            other => Err(format!("invalid filter 'all': {other:?}")),
        },
        (false, _) => Err("invalid filter 'all': only one value is expected".to_owned()),
    }
}

/// How many names of a volume's top are told.
const TOLD: usize = 5;

/// Which data goes with a volume, and since when nothing used it.
pub(in crate::plan) fn note(case: &Case<'_>, volume: &Local<'_>, unused: Option<String>) -> String {
    let size = u64::try_from(volume.size).unwrap_or(0);
    let data = volume.facts.at.as_ref().map(|at| at.join("_data"));
    let dir = data.as_ref().and_then(|data| case.disk.dir(data).ok());
    let mut names: Vec<String> =
        dir.iter().flat_map(|dir| dir.entries()).map(|(name, _)| crate::terms::Printable(name).to_string()).collect();
    let more = names.len().saturating_sub(TOLD);
    names.truncate(TOLD);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    let what = if names.is_empty() { "nothing in it".to_owned() } else { names.join(", ") };
    let changed = data.and_then(|data| case.disk.stat(&data).ok()).map(|stat| stat.mtime.0);
    let changed =
        changed.and_then(|at| jiff::Timestamp::from_second(at).ok()).map(|at| format!("its top last changed {at}"));
    let unused = unused.or(changed).unwrap_or_else(|| "since when is not known".to_owned());
    format!("volume {} goes with {} of data ({what}); unused: {unused}", volume.key.id, units::human_bytes(size))
}
