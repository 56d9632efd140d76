//! The containers that filters let pass.

use std::collections::BTreeSet;

use super::Wanted;
use super::filter::Names;
use crate::docker::View;
use crate::docker::df::{self, ContainerRow};
use crate::docker::sizes::Sizes;
use crate::docker::stored::parent_of_record;

// moby daemon/list.go: includeContainerInList
pub(super) fn containers<'a>(view: View<'_, 'a>, sizes: &Sizes<'_>, wanted: &Wanted) -> Vec<ContainerRow<'a>> {
    let mut rows = df::containers(view, sizes);
    if wanted.is_empty() {
        return rows;
    }
    let ancestors = ancestors(view, wanted);
    let names = Names::of(wanted);
    rows.retain(|row| {
        let facts = row.container.facts;
        let any =
            |name: &str, test: &dyn Fn(&str) -> bool| !wanted.filters.has(name) || wanted.filters.get(name).any(test);
        let mounted = |place: &str| {
            let name = |mount: &crate::inventory::facts::MountPoint| {
                if mount.name.is_empty() { mount.source == place } else { mount.name == place }
            };
            facts.mounts.iter().any(|mount| mount.destination == place || name(mount))
        };
        // as it stands on the disk: what is recorded as running may have ended with its engine
        any("status", &|state| state == facts.state.word())
            && any("volume", &mounted)
            && (names.fit(&facts.name) || names.fit(&format!("/{}", facts.name)))
            && wanted.filters.match_labels(facts.labels.as_ref())
            && (!wanted.filters.has("ancestor")
                || facts.image.as_ref().is_some_and(|image| ancestors.contains(image.as_str())))
    });
    rows
}

/// The images named, and all that were built on them.
// moby daemon/list.go: populateImageFilterByParents
fn ancestors(view: View<'_, '_>, wanted: &Wanted) -> BTreeSet<String> {
    let mut todo: Vec<String> =
        wanted.filters.get("ancestor").filter_map(|typed| view.resolve(typed)).map(str::to_owned).collect();
    let mut found: BTreeSet<String> = BTreeSet::new();
    while let Some(id) = todo.pop() {
        if found.contains(&id) {
            continue;
        }
        todo.extend(children(view, &id));
        found.insert(id);
    }
    found
}

fn children(view: View<'_, '_>, id: &str) -> Vec<String> {
    match view {
        View::GraphDriver(seen) => {
            let image = seen.images.iter().find(|(key, _)| *key.id == *id);
            image.into_iter().flat_map(|(_, image)| &image.children).map(|key| key.id.to_string()).collect()
        }
        View::Containerd(stored) => {
            let built_on = |image: &&crate::docker::stored::ImageStored<'_>| {
                image.facts.records.iter().any(|record| parent_of_record(record) == Some(id))
            };
            stored.images.values().filter(built_on).map(|image| image.facts.target.clone()).collect()
        }
    }
}
