//! Images: all records of one target. Which of them a list shows, and under which names.

use std::collections::{BTreeMap, BTreeSet};

use super::Stored;
use crate::docker::seen::{Reference, Triple};
use crate::format::oci::{self, Descriptor};
use crate::inventory::facts::{ImageRecord, StoredImage};
use crate::terms::{Key, LinkKind};

/// Classic builder and commit note here what an image was built on.
// moby daemon/containerd: imageLabelClassicBuilderParent
const PARENT: &str = "org.mobyproject.image.parent";
/// From this version on a tagged record goes before an untagged one; before, the last by name did.
// moby daemon/containerd/image_list.go (28.1)
const TAGGED_FIRST: Triple = (28, 1, 0);
/// Until here a list had names in full. moby daemon/containerd/image_list.go (25.0).
const FAMILIAR: Triple = (25, 0, 0);

/// An image with what hangs on it.
#[derive(Clone, Debug)]
pub struct ImageStored<'a> {
    pub key: &'a Key,
    pub facts: &'a StoredImage,
    pub target: Descriptor,
    /// Its names, without that of an untagged one.
    pub tags: BTreeSet<&'a Key>,
    /// Images that say they were built on it.
    pub children: BTreeSet<&'a Key>,
    /// Containers that were created from it, of whatever driver, and whether they load or not.
    pub containers: BTreeSet<&'a Key>,
}

/// Which images are asked for.
#[derive(Clone, Copy)]
pub struct ImagesAsked<'f> {
    /// Untagged ones that others were built on, too.
    pub all: bool,
    pub keep: &'f dyn Fn(&StoredImage, &ImageRecord) -> bool,
}

impl std::fmt::Debug for ImagesAsked<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImagesAsked").field("all", &self.all).finish_non_exhaustive()
    }
}

/// An image as a list has it.
#[derive(Clone, Debug)]
pub struct ImageListed<'s, 'a> {
    pub image: &'s ImageStored<'a>,
    /// The record that speaks for it.
    pub record: &'a ImageRecord,
    /// What that record says of its target: a load annotates the records that it makes, and no other of the same target.
    pub target: Descriptor,
    pub tags: Vec<String>,
    pub digests: Vec<String>,
    /// Its name, if that is no reference: shown as a tag if there is anything that could be run.
    pub odd: Option<String>,
}

pub(super) fn of<'a>(stored: &Stored<'a>) -> BTreeMap<&'a str, ImageStored<'a>> {
    let image = |(key, facts): (&'a Key, &'a StoredImage)| {
        let target = descriptor(facts.records.first()?);
        let (tags, children, containers) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        Some((facts.target.as_str(), ImageStored { key, facts, target, tags, children, containers }))
    };
    let mut images = stored.stored_images().filter_map(image).collect();
    hang(stored, &mut images);
    images
}

/// Puts to each image what refers to it.
fn hang<'a>(stored: &Stored<'a>, images: &mut BTreeMap<&'a str, ImageStored<'a>>) {
    let targets: BTreeMap<&Key, &str> = images.iter().map(|(target, image)| (image.key, *target)).collect();
    for link in &stored.inventory.links {
        if !matches!(link.kind, LinkKind::Names | LinkKind::BuiltOn | LinkKind::RunsFrom) {
            continue;
        }
        let Some(image) = targets.get(&link.to).and_then(|target| images.get_mut(target)) else { continue };
        match link.kind {
            LinkKind::Names => image.tags.insert(&link.from),
            LinkKind::BuiltOn => image.children.insert(&link.from),
            _ => image.containers.insert(&link.from),
        };
    }
}

fn descriptor(record: &ImageRecord) -> Descriptor {
    Descriptor {
        media_type: record.media_type.clone(),
        digest: record.target.clone(),
        size: record.size.and_then(|size| i64::try_from(size).ok()).unwrap_or(0),
        annotations: record.annotations.clone(),
        ..Descriptor::default()
    }
}

impl ImageStored<'_> {
    pub fn is_tagged(&self) -> bool {
        self.facts.records.iter().any(|record| !record.is_dangling())
    }
}

/// The image that a record's image was built on.
pub fn parent_of_record(record: &ImageRecord) -> Option<&str> {
    record.labels.get(PARENT).map(String::as_str).filter(|parent| !parent.is_empty())
}

impl<'a> Stored<'a> {
    /// Targets that another image was built on.
    pub fn parents(&self) -> BTreeSet<&'a str> {
        self.images.values().flat_map(|image| image.facts.records.iter().filter_map(parent_of_record)).collect()
    }

    /// The images that a list has, by target.
    // moby daemon/containerd/image_list.go: Images
    pub fn listed<'s>(&'s self, asked: ImagesAsked<'_>) -> Vec<ImageListed<'s, 'a>> {
        let hidden = if asked.all { BTreeSet::new() } else { self.parents() };
        let mut found = Vec::new();
        for image in self.images.values() {
            let shown = |record: &&'a ImageRecord| {
                let hides = record.is_dangling() && hidden.contains(record.target.as_str());
                !hides && (asked.keep)(image.facts, record)
            };
            let records: Vec<&'a ImageRecord> = image.facts.records.iter().filter(shown).collect();
            if self.version < FAMILIAR {
                found.extend(records.into_iter().map(|record| self.alone(image, record)));
            } else if let Some(record) = self.speaker(&records) {
                found.push(self.together(image, record, &records));
            }
        }
        found
    }

    /// The record whose name and labels an image is shown with.
    fn speaker(&self, records: &[&'a ImageRecord]) -> Option<&'a ImageRecord> {
        let tagged = || records.iter().rev().find(|record| !record.is_dangling()).copied();
        if self.version >= TAGGED_FIRST { tagged().or(records.first().copied()) } else { records.last().copied() }
    }

    fn together<'s>(
        &'s self,
        image: &'s ImageStored<'a>,
        record: &'a ImageRecord,
        records: &[&'a ImageRecord],
    ) -> ImageListed<'s, 'a> {
        let tagged = records.iter().filter(|record| !record.is_dangling());
        let known = tagged.filter(|record| Reference::parse_name(&record.name).is_some());
        let tags = known.map(|record| oci::familiar(&record.name).to_owned()).collect();
        let name = Reference::parse_name(&record.name).filter(|name| name.is_canonical());
        let digests = name.iter().map(|name| format!("{}@{}", oci::familiar(&name.repository()), record.target));
        let odd = (name.is_none() && !record.is_dangling()).then(|| record.name.clone());
        ImageListed { image, record, target: descriptor(record), tags, digests: digests.collect(), odd }
    }

    /// Before 25.0 each record was a row.
    fn alone<'s>(&'s self, image: &'s ImageStored<'a>, record: &'a ImageRecord) -> ImageListed<'s, 'a> {
        let name = Reference::parse_name(&record.name).filter(|name| name.is_canonical());
        let tags = name.iter().map(|name| name.tagged()).collect();
        let digests = name.iter().map(|name| format!("{}@{}", name.repository(), record.target)).collect();
        let odd = (name.is_none() && !record.is_dangling()).then(|| record.name.clone());
        ImageListed { image, record, target: descriptor(record), tags, digests, odd }
    }
}
