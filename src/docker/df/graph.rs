//! Images and containers of graph drivers: sizes that the layer store recorded.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::rows::{ImageRow, YEAR_ONE};
use crate::docker::seen::{ContainerSeen, ImageSeen, Seen, Triple};
use crate::docker::sizes::{Size, Sizes};
use crate::inventory::facts::Layer;
use crate::terms::Key;

/// From this version on an image without a date was made in 1970, not in the year 1. moby image/image.go (25.0).
const NO_DATE_IS_1970: Triple = (25, 0, 0);
/// Up to this version an image's layers are shared only with images that are listed; then with intermediate ones too.
/// moby daemon/images/images.go (23.0).
const ALL_IMAGES_SHARE: Triple = (23, 0, 0);

fn recorded(layer: &Layer) -> i64 {
    layer.size.and_then(|size| i64::try_from(size).ok()).unwrap_or(0)
}

fn sum<'a>(layers: impl Iterator<Item = &'a Layer>) -> i64 {
    layers.map(recorded).fold(0, i64::saturating_add)
}

/// moby daemon/images/service.go ImageDiskUsage: layers of listed images; what only containers or cache need is not there.
pub(super) fn layers_size(seen: &Seen<'_>) -> i64 {
    let listed = seen.images.values().filter(|image| image.is_listed());
    let layers: BTreeSet<&Key> = listed.flat_map(|image| image_layers(seen, image)).map(|(key, _)| key).collect();
    sum(layers.into_iter().filter_map(|key| seen.layers.get(key)).copied())
}

/// The layers of an image that are loaded, base first, by what its config says.
fn image_layers<'a>(seen: &Seen<'a>, image: &ImageSeen<'a>) -> Vec<(&'a Key, &'a Layer)> {
    image.facts.chain.iter().filter_map(|chain| seen.layer(chain)).collect()
}

/// moby daemon/images/image_list.go Images; `all` has intermediate ones, too.
pub(super) fn images<'a>(seen: &Seen<'a>, all: bool) -> Vec<ImageRow<'a>> {
    let mut uses: BTreeMap<&Key, usize> = BTreeMap::new();
    let counted = |image: &&ImageSeen<'_>| seen.version >= ALL_IMAGES_SHARE || image.is_listed();
    for image in seen.images.values().filter(counted) {
        for (key, _) in image_layers(seen, image) {
            let uses = uses.entry(key).or_default();
            *uses = uses.saturating_add(1);
        }
    }
    let is_shared = |key: &Key| uses.get(key).is_some_and(|uses| *uses > 1);
    let names = |keys: &[&Key]| keys.iter().map(|key| key.id.to_string()).collect();
    let row = |(key, image): (&&'a Key, &ImageSeen<'a>)| ImageRow {
        key,
        id: key.id.to_string(),
        parent: image.facts.parent.as_ref().map_or_else(String::new, ToString::to_string),
        tags: names(&image.tags),
        digests: names(&image.digests),
        created: image_created(seen, image),
        // the layer store's own chain
        size: image.facts.chain.last().map_or(0, |top| sum(seen.chain_of(top).into_iter().map(|(_, layer)| layer))),
        shared: sum(image_layers(seen, image).into_iter().filter(|(key, _)| is_shared(key)).map(|(_, layer)| layer)),
        containers: i64::try_from(image.containers.len()).unwrap_or(i64::MAX),
        labels: image.facts.labels.as_ref().map(Cow::Borrowed),
        descriptor: None,
        manifests: Vec::new(),
        doubt: None,
    };
    let listed = seen.images.iter().filter(|(_, image)| all || image.is_listed());
    let mut rows: Vec<ImageRow<'a>> = listed.map(row).collect();
    rows.sort_by_key(|row| (Reverse(row.created), row.key));
    rows
}

fn image_created(seen: &Seen<'_>, image: &ImageSeen<'_>) -> i64 {
    let none = if seen.version >= NO_DATE_IS_1970 { 0 } else { YEAR_ONE };
    image.facts.created.map_or(none, |time| time.as_second())
}

/// moby daemon/images/image_unix.go GetContainerLayerSize: without a read-write layer both are zero; what cannot be
/// measured is -1, and left out of the second.
pub(super) fn container_sizes(seen: &Seen<'_>, sizes: &Sizes<'_>, container: &ContainerSeen<'_>) -> (Size, i64) {
    let mount = container.mount.and_then(|key| seen.mounts.get(key));
    let Some((mount, id)) = mount.and_then(|mount| Some((mount, mount.mount_id.as_ref()?))) else {
        return (Size::Known(0), 0);
    };
    let parent = mount.parent.as_ref().and_then(|chain| seen.layer(chain));
    // moby layer/mounted_layer.go cacheParent: the init layer comes between
    let below = mount.init_id.as_ref().or_else(|| parent.and_then(|(_, layer)| layer.cache_id.as_ref()));
    let measured = sizes.diff(seen, id, below);
    let root_fs = mount.parent.as_ref().map_or(0, |chain| {
        let layers = sum(seen.chain_of(chain).into_iter().map(|(_, layer)| layer));
        layers.saturating_add(measured.value().max(0))
    });
    (measured, root_fs)
}
