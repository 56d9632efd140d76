//! What of all this Docker's own lists show, and what `docker system df` counts.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::{Listing, is_active};
use crate::docker::View;
use crate::docker::df;
use crate::docker::seen::Triple;
use crate::docker::stored::ImagesAsked;
use crate::report::Analysis;
use crate::terms::Key;

/// Whether one of Docker's own lists shows a thing: `docker images`, `docker ps -a`, `docker volume ls`; of layers, build
/// cache and logs whether `docker system df` counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Shown {
    Yes,
    /// Only `docker images -a` does.
    WithAll,
    #[default]
    No,
}

/// From this version on the command-line client lists images without a tag only with `-a`.
// docker/cli cli/command/image/list.go (29.0)
const TAGGED_ONLY: Triple = (29, 0, 0);

/// The things that Docker's list of this kind shows; none if it has no list of this kind.
pub(in crate::report) fn shown<'a>(analysis: &Analysis<'a>, what: Listing) -> Option<BTreeMap<&'a Key, Shown>> {
    let active = analysis.views().find(|view| is_active(analysis, *view));
    let yes = |keys: BTreeSet<&'a Key>| keys.into_iter().map(|key| (key, Shown::Yes)).collect();
    match what {
        Listing::Images => Some(active.map(|view| images(analysis, view)).unwrap_or_default()),
        Listing::Containers => Some(yes(active.iter().flat_map(|view| view.containers().keys().copied()).collect())),
        Listing::Volumes => Some(yes(active.iter().flat_map(|view| view.volumes().keys().copied()).collect())),
        Listing::Layers | Listing::Cache | Listing::Logs => None,
    }
}

fn images<'a>(analysis: &Analysis<'a>, view: View<'_, 'a>) -> BTreeMap<&'a Key, Shown> {
    let sizes = analysis.reading.sizes();
    let list = |all| df::images(view, &sizes, &ImagesAsked { all, keep: &|_, _| true });
    let mut shown: BTreeMap<&Key, Shown> = list(true).into_iter().map(|row| (row.key, Shown::WithAll)).collect();
    let client = |row: &df::ImageRow<'_>| view.version() < TAGGED_ONLY || !row.tags.is_empty();
    shown.extend(list(false).into_iter().filter(client).map(|row| (row.key, Shown::Yes)));
    shown
}

/// Whether `docker system df` counts anything that an image needs.
pub(in crate::report) fn counts_image(analysis: &Analysis<'_>, image: &Key) -> bool {
    let graph = &analysis.graph;
    let Some(top) = graph.node(image) else { return false };
    let (mut met, mut todo) = (BTreeSet::from([top]), vec![top]);
    while let Some(node) = todo.pop() {
        let mut owners = graph.key(node).into_iter().flat_map(|key| analysis.reading.owners.of_thing(key));
        if owners.any(|(_, owner)| analysis.counted.contains(&owner.key)) {
            return true;
        }
        todo.extend(graph.below(node).iter().map(|edge| edge.other).filter(|other| met.insert(*other)));
    }
    false
}
