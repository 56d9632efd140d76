//! `docker rm`, `docker container prune`. moby daemon/delete.go, daemon/prune.go.

use super::Done;
use crate::plan::action::Filters;
use crate::plan::host::{Host, Known};
use crate::plan::images::Refusal;

pub(super) fn remove(host: &mut Host<'_>, names: &[String], force: bool, volumes: bool) -> Done {
    let mut done = Done::default();
    for typed in names {
        let name = typed.trim_matches('/');
        match removable(host, name, force) {
            Ok(id) => {
                done.notes.extend(host.remove_container(id, volumes));
                done.changed = true;
                done.says.push(typed.clone());
            }
            Err(refusal) => {
                let found = host.find_container(name).ok().filter(|container| host.starts_again(container));
                done.notes.extend(found.map(|container| starting(&[&container.facts.name])));
                done.refuse(refusal, force);
            }
        }
    }
    done
}

/// Why what is recorded as ended is in the way.
fn starting(names: &[&str]) -> String {
    let (do_, them) = if let [_] = names { ("does", "it") } else { ("do", "them") };
    format!(
        "{} {do_} not run now, and the start of the engine starts {them} again: the restart policy",
        names.join(", ")
    )
}

fn removable<'a>(host: &Host<'a>, name: &str, force: bool) -> Result<&'a str, Refusal> {
    if name.is_empty() {
        return Err(Refusal::conflict("container name cannot be empty"));
    }
    let container = host.find_container(name)?;
    if container.alive && !force {
        return Err(Refusal::conflict(runs(host, name, container)));
    }
    Ok(&container.key.id)
}

/// moby daemon/delete.go cleanupContainer, in the words of each version.
fn runs(host: &Host<'_>, typed: &str, container: &Known<'_>) -> String {
    let state = if host.starts_again(container) { "running" } else { container.facts.state.word() };
    let (id, name) = (&container.key.id, &container.facts.name);
    match (host.case.view.version(), state) {
        (version, _) if version < (25, 0, 0) => {
            let procedure = "top the container before attempting removal or force remove";
            let procedure =
                if state == "paused" { format!("Unpause and then s{procedure}") } else { format!("S{procedure}") };
            format!("You cannot remove a {state} container {id}. {procedure}")
        }
        (version, "paused") if version < (28, 0, 0) => {
            format!("cannot remove container \"/{name}\": container is paused and must be unpaused first")
        }
        (version, _) if version < (28, 0, 0) => format!(
            "cannot remove container \"/{name}\": container is {state}: stop the container before removing or force remove"
        ),
        (_, "paused") => {
            format!("cannot remove container {typed:?}: container is paused and must be unpaused first")
        }
        _ => format!(
            "cannot remove container {typed:?}: container is {state}: stop the container before removing or force remove"
        ),
    }
}

/// All that do not run; their anonymous volumes stay.
pub(super) fn prune(host: &mut Host<'_>, filters: &Filters) -> Done {
    let until = match filters.accepted(&["label", "label!", "until"]).and_then(|()| super::until(host.case, filters)) {
        Ok(until) => until,
        Err(because) => return Done::refused(because),
    };
    // a container without a date was made in the year 1
    let old = |container: &Known<'_>| until.is_none_or(|until| container.facts.created.is_none_or(|at| at <= until));
    let fits = |container: &&Known<'_>| {
        !container.alive && old(container) && filters.match_labels(container.facts.labels.as_ref())
    };
    let found: Vec<(&str, i64)> =
        host.containers.0.values().filter(fits).map(|container| (&*container.key.id, container.size)).collect();
    let mut done = Done { reports: Some(0), ..Done::default() };
    let started = host.containers.0.values().filter(|container| host.starts_again(container));
    let names: Vec<&str> = started.map(|container| container.facts.name.as_str()).collect();
    done.notes.extend((!names.is_empty()).then(|| starting(&names)));
    for (id, size) in found {
        done.notes.extend(host.remove_container(id, false));
        done.reports = done.reports.map(|sum| sum.saturating_add(size.max(0)));
        done.changed = true;
        done.says.push(id.to_owned());
    }
    done
}
