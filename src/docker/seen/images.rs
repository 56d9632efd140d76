//! Images that load, their references, children and containers.

use std::collections::{BTreeMap, BTreeSet};

use super::Seen;
use crate::inventory::facts::Image;
use crate::terms::{Digest, Key, Kind};

/// A loaded image.
#[derive(Clone, Debug)]
pub struct ImageSeen<'a> {
    pub facts: &'a Image,
    /// Loaded images that were built on it.
    pub children: BTreeSet<&'a Key>,
    /// `name:tag`, in the engine's order.
    pub tags: Vec<&'a Key>,
    /// `name@digest`, in the engine's order.
    pub digests: Vec<&'a Key>,
    /// Loaded containers that were created from it.
    pub containers: BTreeSet<&'a Key>,
}

impl ImageSeen<'_> {
    /// moby daemon/images/image_list.go: an untagged image with children is intermediate, and not shown.
    pub fn is_listed(&self) -> bool {
        self.is_referenced() || self.children.is_empty()
    }

    pub fn is_referenced(&self) -> bool {
        !self.tags.is_empty() || !self.digests.is_empty()
    }

    /// moby daemon/images/image_prune.go: no tag, and nothing was built on it. A digest does not keep it.
    pub fn is_dangling(&self) -> bool {
        self.tags.is_empty() && self.children.is_empty()
    }

    /// Untagged, and another was built on it.
    pub fn is_intermediate(&self) -> bool {
        !self.is_listed()
    }
}

/// moby image/store.go restore: the config is sound, for this system, and its top layer is loaded.
pub(super) fn loaded<'a>(seen: &Seen<'a>) -> BTreeMap<&'a Key, ImageSeen<'a>> {
    let mut images: BTreeMap<&Key, ImageSeen<'a>> = seen
        .of_kind(Kind::Image)
        .filter_map(|(key, thing)| Some((key, thing.image()?)))
        .filter(|(_, image)| image.broken.is_none() && is_for_linux(image))
        .filter(|(_, image)| image.chain.last().is_none_or(|top| seen.layer(top).is_some()))
        .map(|(key, facts)| (key, ImageSeen::new(facts)))
        .collect();
    let parents: Vec<(&Key, &Digest)> =
        images.iter().filter_map(|(key, image)| Some((*key, image.facts.parent.as_ref()?))).collect();
    for (child, parent) in parents {
        if let Some(parent) = images.get_mut(&seen.key(Kind::Image, parent.as_str())) {
            parent.children.insert(child);
        }
    }
    name(seen, &mut images);
    images
}

/// moby image/image.go CheckOS; a config without `os` is taken for the engine's own. An image without layers is not asked.
fn is_for_linux(image: &Image) -> bool {
    image.chain.is_empty() || image.os.is_empty() || image.os.eq_ignore_ascii_case("linux")
}

fn name<'a>(seen: &Seen<'a>, images: &mut BTreeMap<&'a Key, ImageSeen<'a>>) {
    for (key, thing) in seen.of_kind(Kind::Tag) {
        let Some(tag) = thing.tag() else { continue };
        let Some(image) = images.get_mut(&seen.key(Kind::Image, tag.image.as_str())) else { continue };
        if tag.is_digest { &mut image.digests } else { &mut image.tags }.push(key);
    }
    // moby reference/store.go: sorted by the whole name, so that `docker.io/` takes part
    for image in images.values_mut() {
        let whole = |key: &&Key| super::Reference::parse(&key.id).map(|r| r.to_string());
        image.tags.sort_by_cached_key(whole);
        image.digests.sort_by_cached_key(whole);
    }
}

/// moby daemon/images/image_list.go: in whatever state; a mount of the image is not counted.
pub(super) fn count_containers(seen: &mut Seen<'_>) {
    for (key, container) in &seen.containers {
        if let Some(image) = container.image.and_then(|image| seen.images.get_mut(image)) {
            image.containers.insert(*key);
        }
    }
}

impl<'a> ImageSeen<'a> {
    fn new(facts: &'a Image) -> Self {
        let (children, containers) = (BTreeSet::new(), BTreeSet::new());
        Self { facts, children, tags: Vec::new(), digests: Vec::new(), containers }
    }
}
