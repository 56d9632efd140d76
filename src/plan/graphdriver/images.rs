//! `docker rmi`: what goes, what only loses its name, and what the engine refuses.
//! moby daemon/images/image_delete.go, whose decisions are the same from 17.03 to 29.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::layers::Layers;
use crate::docker::seen::{Named, Reference, Seen, Triple};
use crate::inventory::facts::Image;
use crate::plan::gone::Gone;
use crate::plan::host::Containers;
use crate::plan::images::{Manner, Record, Refusal};
use crate::terms::{ChainId, Digest, Key, short_id};

/// From this version on a container that has the image mounted counts, too. moby daemon/images/image_delete.go (28.0).
const MOUNTS_COUNT: Triple = (28, 0, 0);
/// The first version whose API takes a platform (1.50).
const TAKES_PLATFORM: Triple = (28, 2, 0);

/// The images that the engine has loaded.
#[derive(Debug)]
pub(super) struct Known<'a> {
    pub(super) images: BTreeMap<Digest, Loaded<'a>>,
    /// By the whole reference, as the engine sorts them.
    names: BTreeMap<String, (Named, Digest)>,
    /// The names of each, in the same order.
    by_image: BTreeMap<Digest, BTreeSet<String>>,
}

#[derive(Debug)]
pub(super) struct Loaded<'a> {
    key: &'a Key,
    pub(super) facts: &'a Image,
    pub(super) children: BTreeSet<Digest>,
}

impl<'a> Known<'a> {
    pub(super) fn of(seen: &'a Seen<'a>, layers: &mut Layers<'a>) -> Self {
        let mut known = Self { images: BTreeMap::new(), names: BTreeMap::new(), by_image: BTreeMap::new() };
        for (key, image) in &seen.images {
            let Some(id) = Digest::parse(&key.id) else { continue };
            if let Some(top) = image.facts.chain.last() {
                layers.retain(top);
            }
            for tag in image.tags.iter().chain(&image.digests) {
                if let Some(Reference::Named(named)) = Reference::parse(&tag.id) {
                    let whole = Reference::Named(named.clone()).to_string();
                    known.by_image.entry(id.clone()).or_default().insert(whole.clone());
                    known.names.insert(whole, (named, id.clone()));
                }
            }
            let children = image.children.iter().filter_map(|child| Digest::parse(&child.id)).collect();
            known.images.insert(id, Loaded { key, facts: image.facts, children });
        }
        known
    }

    /// In the engine's order: by the whole reference. moby reference/store.go References.
    pub(super) fn references(&self, id: &Digest) -> Vec<Named> {
        let names = self.by_image.get(id).into_iter().flatten();
        names.filter_map(|name| Some(self.names.get(name)?.0.clone())).collect()
    }

    /// The layers that the images need.
    pub(super) fn chains(&self) -> BTreeSet<&ChainId> {
        self.images.values().flat_map(|image| &image.facts.chain).collect()
    }

    /// moby daemon/images/image.go GetImage: a reference, an ID, or the beginning of one.
    fn find(&self, typed: &str) -> Result<Digest, Refusal> {
        let reference = Reference::parse(typed);
        match &reference {
            Some(Reference::Id(id)) => {
                let id = Digest::parse(id).filter(|id| self.images.contains_key(id));
                return id.ok_or_else(|| no_such_image(typed, reference.as_ref()));
            }
            Some(named) => {
                if let Some((_, id)) = self.names.get(&named.to_string()) {
                    return Ok(id.clone());
                }
            }
            None => return Err(Refusal::conflict("invalid reference format")),
        }
        let mut fits = self.beginning_with(typed);
        match (fits.next(), fits.next()) {
            (Some(id), None) => Ok(id.clone()),
            _ => Err(no_such_image(typed, reference.as_ref())),
        }
    }

    /// IDs that begin so: they stand in order.
    fn beginning_with<'k>(&'k self, typed: &'k str) -> impl Iterator<Item = &'k Digest> {
        let hex = typed.strip_prefix("sha256:").unwrap_or(typed);
        let least = Digest::parse(&format!("sha256:{hex:0<64}"));
        let from = least.map_or(Bound::Unbounded, Bound::Included);
        let until = match &from {
            Bound::Unbounded => String::new(),
            _ => hex.to_owned(),
        };
        let near = self.images.range((from, Bound::Unbounded)).map(|(id, _)| id);
        near.take_while(move |id| id.hex().starts_with(&until)).filter(move |id| is_prefix(id, typed))
    }
}

fn no_such_image(typed: &str, reference: Option<&Reference>) -> Refusal {
    let shown = match reference {
        Some(Reference::Named(named)) => named.familiar(),
        Some(Reference::Id(id)) => id.clone(),
        None => typed.to_owned(),
    };
    Refusal::not_found(format!("No such image: {shown}"))
}

/// What was typed is the beginning of the ID, and so no name.
fn is_prefix(id: &Digest, typed: &str) -> bool {
    id.as_str().starts_with(typed) || id.hex().starts_with(typed)
}

/// All references are of one repository, with one tag at most. moby image_delete.go isSingleReference.
fn is_single(references: &[Named]) -> bool {
    if references.len() <= 1 {
        return references.len() == 1;
    }
    let mut tags = references.iter().filter(|named| !named.is_digest());
    let (first, second) = (tags.next(), tags.next());
    let digests: BTreeSet<String> = references.iter().filter(|named| named.is_digest()).map(Named::name).collect();
    let single = first.or(references.first()).map(Named::name);
    second.is_none() && digests.len() == 1 && single.is_some_and(|name| digests.contains(&name))
}

/// Why an image cannot go.
struct Conflict {
    hard: bool,
    /// A container is the reason.
    used: bool,
    message: String,
}

/// One removal at work.
#[derive(Debug)]
pub(super) struct Removal<'r, 'a, 'c, 'g> {
    pub(super) version: Triple,
    pub(super) containers: &'r Containers<'c>,
    pub(super) images: &'r mut Known<'a>,
    pub(super) layers: &'r mut Layers<'a>,
    pub(super) gone: &'r mut Gone<'g>,
}

impl Removal<'_, '_, '_, '_> {
    pub(super) fn remove(&mut self, typed: &str, manner: Manner<'_>) -> Result<Vec<Record>, Refusal> {
        let id = self.check_platform(typed, manner.platforms)?;
        let references = self.images.references(&id);
        let mut records = Vec::new();
        let by_name = !is_prefix(&id, typed);
        if by_name {
            self.untag(typed, &id, &references, manner.force, &mut records)?;
            if !self.images.references(&id).is_empty() {
                return Ok(records);
            }
        } else if is_single(&references) {
            if let Some(conflict) = self.conflict(&id, manner.force, false) {
                return Err(refusal(&id, &conflict));
            }
            self.drop_references(&id, &mut records);
        }
        self.delete(&id, manner.force, manner.prune, by_name, &mut records)?;
        Ok(records)
    }

    fn check_platform(&self, typed: &str, platforms: &[String]) -> Result<Digest, Refusal> {
        if platforms.is_empty() {
            return self.images.find(typed);
        }
        if self.version < TAKES_PLATFORM {
            let message = "\"--platform\" requires API version 1.50, which this engine does not have";
            return Err(Refusal::conflict(message));
        }
        let [platform] = platforms else { return Err(Refusal::conflict("multiple platforms are not supported")) };
        let id = self.images.find(typed)?;
        let facts = self.images.images.get(&id).map(|image| image.facts);
        let (own, fits) = facts.map_or((String::new(), true), |facts| platform_of(facts, platform));
        if fits {
            return Ok(id);
        }
        let shown = Reference::parse(typed);
        let shown = match &shown {
            Some(Reference::Named(named)) => named.familiar(),
            _ => typed.to_owned(),
        };
        Err(Refusal::not_found(format!(
            "image with reference {shown} was found but its platform ({own}) does not match the specified platform ({platform})"
        )))
    }

    /// Removes one reference, and the digests of its repository if no tag of that is left.
    fn untag(
        &mut self,
        typed: &str,
        id: &Digest,
        references: &[Named],
        force: bool,
        records: &mut Vec<Record>,
    ) -> Result<(), Refusal> {
        if !force
            && is_single(references)
            && let Some(container) = self.first_user(id)
        {
            return Err(Refusal::conflict(format!(
                "conflict: unable to remove repository reference {typed:?} (must force) - container {} is using its referenced image {}",
                short_id(container),
                short_id(id.as_str())
            )));
        }
        let Some(Reference::Named(named)) = Reference::parse(typed) else {
            return Err(Refusal::conflict("invalid reference format"));
        };
        self.drop_reference(&named, records);
        if named.is_digest() {
            return Ok(());
        }
        let left = self.images.references(id);
        let same = |other: &&Named| other.name() == named.name();
        if !left.iter().filter(same).any(|other| !other.is_digest()) {
            left.iter().filter(same).for_each(|digest| self.drop_reference(digest, records));
        }
        Ok(())
    }

    /// A container that uses an image; the engine names any of them.
    fn first_user(&self, id: &Digest) -> Option<&str> {
        let mounting = self.containers.mounting(id).filter(|_| self.version >= MOUNTS_COUNT);
        self.containers.of_image(id).chain(mounting).map(|container| &*container.key.id).min()
    }

    fn drop_reference(&mut self, named: &Named, records: &mut Vec<Record>) {
        let whole = Reference::Named(named.clone()).to_string();
        if let Some((_, image)) = self.images.names.remove(&whole)
            && let Some(names) = self.images.by_image.get_mut(&image)
        {
            names.remove(&whole);
        }
        records.push(Record::Untagged(named.familiar()));
    }

    fn drop_references(&mut self, id: &Digest, records: &mut Vec<Record>) {
        self.images.references(id).iter().for_each(|named| self.drop_reference(named, records));
    }

    /// moby image_delete.go imageDeleteHelper; then the parents, one after the other, quietly and never by force.
    fn delete(
        &mut self,
        id: &Digest,
        mut force: bool,
        prune: bool,
        mut quiet: bool,
        records: &mut Vec<Record>,
    ) -> Result<(), Refusal> {
        let mut next = Some(id.clone());
        while let Some(id) = next.take() {
            if let Some(conflict) = self.conflict(&id, force, true) {
                let dangling = self.images.references(&id).is_empty() && self.has_no_children(&id);
                if quiet && (!dangling || conflict.used) {
                    return Ok(());
                }
                return Err(refusal(&id, &conflict));
            }
            let Some(image) = self.images.images.get(&id) else { return Ok(()) };
            let parent = image.facts.parent.clone().filter(|parent| self.images.images.contains_key(parent));
            self.drop_references(&id, records);
            self.erase(&id, parent.as_ref(), records);
            next = parent.filter(|_| prune);
            (force, quiet) = (false, true);
        }
        Ok(())
    }

    /// The config goes, then the layers from the top down.
    fn erase(&mut self, id: &Digest, parent: Option<&Digest>, records: &mut Vec<Record>) {
        let Some(image) = self.images.images.remove(id) else { return };
        if let Some(parent) = parent.and_then(|parent| self.images.images.get_mut(parent)) {
            parent.children.remove(id);
        }
        self.gone.thing(image.key);
        records.push(Record::Deleted(id.to_string()));
        if let Some(top) = image.facts.chain.last() {
            let layers = self.layers.release(top, self.gone);
            records.extend(layers.into_iter().map(|chain| Record::Deleted(chain.0.to_string())));
        }
    }

    fn has_no_children(&self, id: &Digest) -> bool {
        self.images.images.get(id).is_none_or(|image| image.children.is_empty())
    }

    /// moby image_delete.go checkImageDeleteConflict: hard conflicts always, soft ones without force, names only if asked.
    fn conflict(&self, id: &Digest, force: bool, names: bool) -> Option<Conflict> {
        let conflict = |hard, used, message: String| Some(Conflict { hard, used, message });
        if !self.has_no_children(id) {
            return conflict(true, false, "image has dependent child images".to_owned());
        }
        let user = |alive: bool| self.containers.of_image(id).find(|container| container.alive == alive);
        if let Some(container) = user(true) {
            let message = format!("image is being used by running container {}", short_id(&container.key.id));
            return conflict(true, true, message);
        }
        if force {
            return None;
        }
        if names && !self.images.references(id).is_empty() {
            return conflict(false, false, "image is referenced in multiple repositories".to_owned());
        }
        let container = user(false)?;
        conflict(false, true, format!("image is being used by stopped container {}", short_id(&container.key.id)))
    }
}

fn refusal(id: &Digest, conflict: &Conflict) -> Refusal {
    let force = if conflict.hard { "cannot be forced" } else { "must be forced" };
    Refusal::conflict(format!("conflict: unable to delete {} ({force}) - {}", short_id(id.as_str()), conflict.message))
}

/// An image's platform, and whether it is the one asked for as far as that goes.
fn platform_of(image: &Image, asked: &str) -> (String, bool) {
    let own = [&image.os, &image.architecture, &image.variant];
    let shown: Vec<&str> = own.iter().map(|part| part.as_str()).filter(|part| !part.is_empty()).collect();
    let fits = asked.split('/').zip(own).all(|(asked, own)| asked == normal(own) || normal(asked) == normal(own));
    (shown.join("/"), fits)
}

/// containerd/platforms: normalizeArch, as far as people write it.
fn normal(part: &str) -> &str {
    match part {
        "x86_64" | "x86-64" => "amd64",
        "aarch64" => "arm64",
        "i386" => "386",
        other => other,
    }
}
