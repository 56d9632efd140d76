//! `repositories.json`: which references name which image. Replaced as a whole at every change.

use std::collections::BTreeSet;

use super::part::{Part, links};
use crate::disk::{Dir, Unreadable};
use crate::format::image::repositories;
use crate::inventory::facts::Tag;
use crate::inventory::{Entity, Inventory, Keeps, OwnerKind};
use crate::terms::{Digest, Kind, LinkKind, Place};

const NAME: &str = "repositories.json";

pub(super) fn place(part: &Part<'_>) -> Place {
    part.at.join(NAME)
}

/// Adds the references; returns the images that have one.
pub(super) fn read(part: &Part<'_>, inv: &mut Inventory, dir: &Dir<'_>) -> BTreeSet<Digest> {
    let mut named = BTreeSet::new();
    let at = place(part);
    let names = || links(&[LinkKind::Names]);
    let bytes = match dir.read(NAME.as_bytes()) {
        // the engine writes it at its first start: moby reference/store.go NewReferenceStore
        Err(Unreadable::Missing) => {
            inv.problem("missing-file", &at, names(), "no such file: which names the images have is unknown");
            return named;
        }
        other => inv.note("unreadable-file", &at, names(), other),
    };
    let file = Entity::default().named(NAME).kept(Keeps::Engine).tree(at.clone(), OwnerKind::ImageMetadata);
    inv.add(part.key(Kind::Database, NAME), file);
    let Some(bytes) = bytes else { return named };
    let Some(found) = inv.note("damaged-file", &at, names(), repositories::parse(&bytes)) else { return named };
    for reference in found {
        let is_digest = reference.is_digest();
        let Some(image) = reference.image else {
            let cause = format!("{:?} names no image ID", reference.reference);
            inv.problem("damaged-reference", &at, names(), cause);
            continue;
        };
        let key = part.key(Kind::Tag, reference.reference.as_str());
        let tag = Tag { repository: reference.repository, is_digest, image: image.clone() };
        inv.add(key.clone(), Entity::new(tag).named(reference.reference).kept(Keeps::Tag));
        inv.link(&key, LinkKind::Names, part.key(Kind::Image, &image), &at);
        named.insert(image);
    }
    named
}
