//! The records of images: names that lead to a target, several to one as may be. What was typed, and which of them it means.
//!
//! ```text
//! docker.io/library/web:1          a tag
//! docker.io/library/web@sha256:…   a digest
//! moby-dangling@sha256:…           `<none>`: made where the last name of an image goes, and something needs it
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use jiff::Timestamp;

use crate::docker::seen::Reference;
use crate::docker::stored::{Stored, parent_of_record};
use crate::format::oci;
use crate::inventory::facts::ImageRecord;
use crate::plan::images::Refusal;

/// A record as it stands now.
#[derive(Clone, Debug)]
pub(super) struct Record<'a> {
    pub(super) name: String,
    pub(super) target: &'a str,
    pub(super) created: Option<Timestamp>,
    /// The image that its image was built on.
    pub(super) parent: Option<&'a str>,
}

/// All records, by name; the names by target, and how many records were built on an image.
#[derive(Debug, Default)]
pub(super) struct Records<'a> {
    all: BTreeMap<String, Record<'a>>,
    by_target: BTreeMap<&'a str, BTreeSet<String>>,
    children: BTreeMap<&'a str, usize>,
}

/// What something typed means: a record of that name, if there is one, and all records of its target.
#[derive(Debug)]
pub(super) struct Meant<'a> {
    pub(super) named: Option<Record<'a>>,
    pub(super) all: Vec<Record<'a>>,
}

impl<'a> Records<'a> {
    pub(super) fn of(stored: &Stored<'a>) -> Self {
        let mut records = Self::default();
        let all = stored.images.values().flat_map(|image| image.facts.records.iter());
        all.for_each(|facts| records.add(Record::of(facts)));
        records
    }

    fn add(&mut self, record: Record<'a>) {
        self.remove(&record.name);
        self.by_target.entry(record.target).or_default().insert(record.name.clone());
        if let Some(parent) = record.parent {
            *self.children.entry(parent).or_default() += 1;
        }
        self.all.insert(record.name.clone(), record);
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Record<'a>> {
        self.all.values()
    }

    /// In order of their names.
    fn to(&self, target: &str) -> impl Iterator<Item = &Record<'a>> {
        self.by_target.get(target).into_iter().flatten().filter_map(|name| self.all.get(name))
    }

    pub(super) fn of_target(&self, target: &str) -> Vec<Record<'a>> {
        self.to(target).cloned().collect()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Record<'a>> {
        self.all.get(name)
    }

    pub(super) fn has_target(&self, target: &str) -> bool {
        self.to(target).next().is_some()
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<Record<'a>> {
        let record = self.all.remove(name)?;
        self.by_target.get_mut(record.target).into_iter().for_each(|names| _ = names.remove(name));
        let children = record.parent.and_then(|parent| self.children.get_mut(parent));
        children.into_iter().for_each(|count| *count = count.saturating_sub(1));
        Some(record)
    }

    /// Keeps an image under no name. One that is kept so already stays as it is.
    // moby daemon/containerd/soft_delete.go: ensureDanglingImage
    pub(super) fn keep_untagged(&mut self, record: &Record<'a>, now: Timestamp) {
        let name = dangling_name(record.target);
        if !self.all.contains_key(&name) {
            self.add(Record { name, created: Some(now), ..record.clone() });
        }
    }

    /// Whether an image was built on another.
    // moby daemon/containerd/image_children.go: Children
    pub(super) fn has_children(&self, target: &str) -> bool {
        self.children.get(target).is_some_and(|count| *count > 0)
    }

    /// The images that one was built on, nearest first: the first record of each. One that is not there, and none is known.
    // moby daemon/containerd/image_children.go: parents
    pub(super) fn parents(&self, target: &str) -> Vec<Record<'a>> {
        let mut found: Vec<Record<'a>> = Vec::new();
        let mut met: BTreeSet<&str> = BTreeSet::new();
        let mut at = self.first(target);
        while let Some(parent) = at.and_then(|record| record.parent) {
            // a circle would keep the engine for ever
            let record = self.first(parent).filter(|_| met.insert(parent));
            let Some(record) = record else { return Vec::new() };
            found.push(record.clone());
            at = Some(record);
        }
        found
    }

    fn first(&self, target: &str) -> Option<&Record<'a>> {
        self.to(target).next()
    }

    // moby daemon/containerd/image.go: resolveAllReferences
    pub(super) fn resolve(&self, typed: &str) -> Result<Meant<'a>, Refusal> {
        let Some(parsed) = Reference::parse(typed) else { return Err(no_reference()) };
        let missing = || Err(no_such_image(&parsed));
        let meant = match &parsed {
            Reference::Id(id) => Meant { named: self.all.get(id).cloned(), all: self.of_target(id) },
            Reference::Named(named) => {
                let name = named.tagged();
                let named_so = self.all.get(&name).cloned();
                if let Some(hex) = short_id(typed) {
                    return self.resolve_short(hex, named_so).and_then(|meant| meant.map_or_else(missing, Ok));
                }
                let target = named_so.as_ref().map(|record| record.target).or(named.digest());
                Meant { all: target.map(|target| self.of_target(target)).unwrap_or_default(), named: named_so }
            }
        };
        if meant.all.is_empty() { missing() } else { Ok(meant) }
    }

    /// The beginning of an ID, which may be a name as well.
    fn resolve_short(&self, hex: &str, named: Option<Record<'a>>) -> Result<Option<Meant<'a>>, Refusal> {
        let prefix = format!("sha256:{hex}");
        let near = self.by_target.range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded));
        let targets = near.map(|(target, _)| *target).take_while(|target| target.starts_with(&prefix));
        let names = targets.filter_map(|target| self.by_target.get(target)).flatten();
        let names: BTreeSet<&String> = names.chain(named.as_ref().map(|named| &named.name)).collect();
        let mut all: Vec<Record<'a>> = names.into_iter().filter_map(|name| self.all.get(name)).cloned().collect();
        let targets: BTreeSet<&str> = all.iter().map(|record| record.target).collect();
        if targets.len() > 1 {
            return Err(Refusal::not_found("ambiguous reference"));
        }
        if let (Some(named), 1) = (&named, all.len()) {
            all = self.of_target(named.target);
        }
        Ok((!all.is_empty()).then_some(Meant { named, all }))
    }
}

impl<'a> Record<'a> {
    fn of(facts: &'a ImageRecord) -> Self {
        let parent = parent_of_record(facts);
        Self { name: facts.name.clone(), target: &facts.target, created: facts.created_at, parent }
    }

    pub(super) fn is_dangling(&self) -> bool {
        self.name == dangling_name(self.target)
    }

    /// What the engine says when it takes the name away.
    // moby daemon/containerd/image.go: imageFamiliarName
    pub(super) fn familiar(&self) -> &str {
        if self.is_dangling() {
            self.target
        } else if Reference::parse_name(&self.name).is_some_and(|name| name.is_canonical()) {
            oci::familiar(&self.name)
        } else {
            &self.name
        }
    }
}

pub(super) fn dangling_name(target: &str) -> String {
    format!("moby-dangling@{target}")
}

/// What may be the beginning of an ID.
// moby daemon/containerd/image.go: checkTruncatedID
fn short_id(typed: &str) -> Option<&str> {
    let hex = typed.strip_prefix("sha256:").unwrap_or(typed);
    let is_hex = hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    (is_hex && (4..=64).contains(&hex.len())).then_some(hex)
}

pub(super) fn no_reference() -> Refusal {
    Refusal::conflict("invalid reference format")
}

pub(super) fn no_such_image(reference: &Reference) -> Refusal {
    let shown = match reference {
        Reference::Named(named) => named.familiar(),
        Reference::Id(id) => id.clone(),
    };
    Refusal::not_found(format!("No such image: {shown}"))
}

/// Of the records of one target those that a name stands for: all of its repository, unless that has another tag, which
/// then keeps the digests.
// moby daemon/containerd/image_delete.go: getSameReferences
pub(super) fn same_references<'r, 'a>(named: Option<&str>, all: &'r [Record<'a>]) -> Vec<&'r Record<'a>> {
    let mut repository = named.and_then(repository_of);
    let mut tag = named.and_then(tag_of);
    let all_tags = named.is_some_and(|named| tag.is_none() && named.contains('@'));
    let mut same: Vec<&Record<'_>> = Vec::new();
    let mut digests: Option<Vec<&Record<'_>>> = Some(Vec::new());
    for record in all {
        let parsed = Reference::parse_name(&record.name).filter(|name| !record.is_dangling() && name.is_canonical());
        if let Some(name) = parsed {
            let own = tag_of(&record.name);
            match &repository {
                None => {
                    repository = Some(name.repository());
                    tag = own;
                }
                Some(repository) if *repository != name.repository() => continue,
                Some(_) if all_tags => {}
                Some(_) => match own {
                    None => {
                        digests.iter_mut().for_each(|digests| digests.push(record));
                        continue;
                    }
                    Some(own) if tag.is_none_or(|tag| tag == own) => tag = Some(own),
                    Some(_) => {
                        digests = None;
                        continue;
                    }
                },
            }
        }
        same.push(record);
    }
    same.extend(digests.into_iter().flatten());
    same
}

fn repository_of(written: &str) -> Option<String> {
    Reference::parse_name(written).map(|name| name.repository())
}

/// The tag, if one stands there.
fn tag_of(written: &str) -> Option<&str> {
    let named = written.split_once('@').map_or(written, |(named, _)| named);
    named.rsplit_once(':').map(|(_, tag)| tag).filter(|tag| !tag.contains('/'))
}
