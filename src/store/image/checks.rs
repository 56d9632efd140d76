//! What the files of one store say against each other. A contradiction counts when it is still on the disk after the
//! reading: on a live root the engine may have been at work in between.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use super::part::{Part, links};
use super::tags;
use crate::disk::Unreadable;
use crate::format::image::repositories::{self, Reference};
use crate::inventory::Inventory;
use crate::terms::{Digest, Key, Kind, Link, LinkKind, Place};

/// Adds a problem for every contradiction that is confirmed.
pub(super) fn run(part: &Part<'_>, inv: &mut Inventory) {
    let again = Again { part, references: OnceCell::new() };
    let dangling: Vec<Link> = inv.links.iter().filter(|link| inv.get(&link.to).is_none()).cloned().collect();
    for link in dangling {
        let Some(missing) = Missing::of(part, &link).filter(|_| has_its_files(inv, &link.from)) else { continue };
        if again.is_still_missing(&link, &missing.at) {
            let cause = format!("{}, which is not there", missing.says);
            inv.problem(missing.code, &link.evidence.place(), links(missing.lost), cause);
        }
    }
    share_a_directory(inv);
    prefixes(inv);
}

/// Of an image without a config, that is all there is to say.
fn has_its_files(inv: &Inventory, from: &Key) -> bool {
    inv.get(from).is_none_or(|thing| thing.image().is_none() || thing.lots.iter().any(|lot| is_config(&lot.at)))
}

fn is_config(at: &Place) -> bool {
    at.components().any(|part| part == b"content")
}

/// A reference to nothing.
struct Missing {
    code: &'static str,
    /// Where the target would be.
    at: Place,
    says: String,
    /// What was lost with the target: what is below a missing layer may look unreferenced.
    lost: &'static [LinkKind],
}

impl Missing {
    fn of(part: &Part<'_>, link: &Link) -> Option<Self> {
        const LAYER: &[LinkKind] = &[LinkKind::Parent, LinkKind::StoredIn];
        const IMAGE: &[LinkKind] = &[LinkKind::TopLayer, LinkKind::BuiltOn];
        let hex = Digest::parse(&link.to.id)?;
        let image = || part.at.join("imagedb/content/sha256").join(hex.hex());
        let layer = || part.at.join("layerdb/sha256").join(hex.hex());
        let (code, at, says, lost) = match link.kind {
            LinkKind::Names => ("tag-missing-image", image(), format!("{:?} names image {hex}", &*link.from.id), IMAGE),
            LinkKind::BuiltOn => ("parent-missing-image", image(), format!("names image {hex} as parent"), IMAGE),
            LinkKind::TopLayer => ("image-missing-layer", layer(), format!("needs layer {hex}"), LAYER),
            LinkKind::Parent => ("layer-missing-parent", layer(), format!("names layer {hex} as parent"), LAYER),
            LinkKind::StandsOn => ("mount-missing-layer", layer(), format!("stands on layer {hex}"), LAYER),
            _ => return None,
        };
        Some(Self { code, at, says, lost })
    }
}

/// A second look at the disk.
struct Again<'a> {
    part: &'a Part<'a>,
    references: OnceCell<Vec<Reference>>,
}

impl Again<'_> {
    fn is_still_missing(&self, link: &Link, at: &Place) -> bool {
        let disk = self.part.site.disk;
        let source_stays = match link.kind {
            LinkKind::Names => self.still_names(&link.from, &link.to),
            _ => disk.stat(&link.evidence.place()).is_ok(),
        };
        source_stays && disk.stat(at) == Err(Unreadable::Missing)
    }

    fn still_names(&self, tag: &Key, image: &Key) -> bool {
        let read = || {
            let bytes = self.part.site.disk.read(&tags::place(self.part)).unwrap_or_default();
            repositories::parse(&bytes).unwrap_or_default()
        };
        let is = |found: &Reference| {
            *found.reference == *tag.id && found.image.as_ref().is_some_and(|id| id.as_str() == &*image.id)
        };
        self.references.get_or_init(read).iter().any(is)
    }
}

/// One directory of the driver is the data of one layer.
fn share_a_directory(inv: &mut Inventory) {
    let mut users: BTreeMap<&Key, Vec<&Link>> = BTreeMap::new();
    let stored = |link: &&Link| matches!(link.kind, LinkKind::StoredIn | LinkKind::InitLayer);
    inv.links.iter().filter(stored).for_each(|link| users.entry(&link.to).or_default().push(link));
    let shared: Vec<(Place, LinkKind, String)> = users
        .into_iter()
        .filter(|(_, links)| links.len() > 1)
        .flat_map(|(to, links)| {
            let says = format!("directory {} is named by {} entries; one of them is wrong", to.id, links.len());
            links.into_iter().map(move |link| (link.evidence.place(), link.kind, says.clone()))
        })
        .collect();
    for (at, kind, says) in shared {
        inv.problem("shared-cache-id", &at, links(&[kind]), says);
    }
}

/// Parents are followed no further than there are images.
fn is_its_own_ancestor(parents: &BTreeMap<&Key, &Key>, image: &Key) -> bool {
    let above = std::iter::successors(parents.get(image), |at| parents.get(*at));
    above.take(parents.len()).any(|at| *at == image)
}

/// An image has all layers of the image it was built on, below its own, and is not built on itself.
// moby image/tarexport/load.go checkParent
fn prefixes(inv: &mut Inventory) {
    let sound = |key: &Key| inv.get(key).and_then(|thing| thing.image()).filter(|image| image.broken.is_none());
    let built = inv.links.iter().filter(|link| link.kind == LinkKind::BuiltOn && link.to.kind == Kind::Image);
    let parents: BTreeMap<&Key, &Key> = built.clone().map(|link| (&link.from, &link.to)).collect();
    let wrong: Vec<Place> = built
        .filter(|link| match (sound(&link.from), sound(&link.to)) {
            (Some(child), Some(parent)) => !child.chain.starts_with(&parent.chain),
            _ => false,
        } || is_its_own_ancestor(&parents, &link.from))
        .map(|link| link.evidence.place())
        .collect();
    for at in wrong {
        let cause = "names an image as parent that this one cannot have been built on";
        inv.problem("image-parent-mismatch", &at, links(&[LinkKind::BuiltOn]), cause);
    }
}
