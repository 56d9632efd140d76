//! `docker rm --link`, `docker checkpoint rm`, `docker plugin rm`.

use super::Done;
use crate::inventory::facts::Plugin;
use crate::plan::host::Host;
use crate::plan::images::Refusal;
use crate::terms::{Key, Kind};

/// A name that one container has for another, in memory and in a few bytes of JSON.
pub(super) fn link() -> Done {
    Done { notes: vec!["only the link goes; nothing on the disk does".to_owned()], ..Done::default() }
}

/// moby daemon/checkpoint.go CheckpointDelete
pub(super) fn checkpoint(host: &mut Host<'_>, container: &str, name: &str, dir: Option<&str>) -> Done {
    if let Some(dir) = dir {
        return Done::refused(format!("unknown, because checkpoints in {dir} are not below the data root"));
    }
    let container = match host.find_container(container) {
        Ok(container) => container,
        Err(refusal) => return Done::refused(refusal.message),
    };
    let lots = host.case.inventory.get(container.key).map(|thing| thing.lots.as_slice()).unwrap_or_default();
    let found = lots
        .iter()
        .map(|lot| &lot.at)
        .find(|at| at.name() == name.as_bytes() && at.parent().is_some_and(|above| above.name() == b"checkpoints"));
    match found.cloned() {
        Some(at) => {
            host.gone.place(at);
            Done { changed: true, says: Vec::new(), ..Done::default() }
        }
        // what is not there is removed without a word
        None => Done::default(),
    }
}

/// moby plugin/backend_linux.go Remove: the directory, and then the blobs that no other plugin has.
pub(super) fn plugins(host: &mut Host<'_>, names: &[String], force: bool) -> Done {
    let mut done = Done::default();
    for typed in names {
        match plugin(host, typed) {
            Err(refusal) => done.refuse(refusal, false),
            Ok((key, facts)) if facts.enabled && !force => {
                let name = host.case.inventory.get(key).map_or("", |thing| thing.name.as_str());
                done.refused.push(format!("plugin {name} is enabled - disable plugin before removing"));
            }
            Ok((key, _)) => {
                host.gone.thing(key);
                done.notes
                    .push("blobs in plugins/storage that no other plugin has go, too; they are not counted".to_owned());
                done.changed = true;
                done.says.push(typed.clone());
            }
        }
    }
    done
}

/// By its name, with `:latest` if no tag is said, its ID, or the beginning of that.
fn plugin<'a>(host: &Host<'a>, typed: &str) -> Result<(&'a Key, &'a Plugin), Refusal> {
    let root = host.case.view.root();
    let all = host.case.inventory.of_kind(Kind::Plugin).filter(|(key, _)| *key.root == *root);
    let all: Vec<(&Key, &str, &Plugin)> =
        all.filter_map(|(key, thing)| Some((key, thing.name.as_str(), thing.plugin()?))).collect();
    let tagged = if typed.contains(':') { typed.to_owned() } else { format!("{typed}:latest") };
    let named = all.iter().find(|(key, name, _)| *name == tagged || *key.id == *typed);
    let mut fits = all.iter().filter(|(key, _, _)| key.id.starts_with(typed));
    let found = named.or_else(|| fits.next().filter(|_| fits.next().is_none()));
    found.map(|(key, _, facts)| (*key, *facts)).ok_or_else(|| Refusal::not_found(format!("plugin {typed:?} not found")))
}
