//! Images.
//!
//! ```text
//! imagedb/content/sha256/<hex>             the image config; its hash is its name
//! imagedb/metadata/sha256/<hex>/parent     the image it was built on     lastUpdated   RFC 3339, set by tagging
//!                               builtLocally   one byte
//! ```

use std::collections::{BTreeMap, BTreeSet};

use super::entry::{temporary_files, unless_gone, value};
use super::part::{Part, links};
use crate::disk::{Dir, FileKind, Unreadable};
use crate::format::image::{config, text};
use crate::inventory::facts::Image;
use crate::inventory::{Entity, Inventory, Keeps, OwnerKind};
use crate::store::clues;
use crate::store::gather::gather;
use crate::terms::{ChainId, Digest, Kind, LinkKind, Place};

/// What an unreadable config takes along.
const CONFIG: &[LinkKind] = &[LinkKind::TopLayer, LinkKind::BuiltOn];

/// All images; `named` are those that have a reference.
pub(super) fn read(part: &Part<'_>, top: &Dir<'_>, named: &BTreeSet<Digest>) -> Inventory {
    let mut inv = Inventory::default();
    let at = top.place().join("imagedb");
    if part.own_dir(&mut inv, &at, CONFIG).is_none() {
        return inv;
    }
    // the config is written first and removed last: moby image/store.go Create, Delete
    let metadata = sha256(part, &mut inv, &at.join("metadata"), &[LinkKind::BuiltOn]);
    let content = sha256(part, &mut inv, &at.join("content"), CONFIG);
    let mut images: BTreeMap<Digest, (bool, bool)> = BTreeMap::new();
    for (name, _) in content.iter().flat_map(Dir::entries) {
        digest_of(name).into_iter().for_each(|id| images.entry(id).or_default().0 = true);
    }
    for (name, kind) in metadata.iter().flat_map(Dir::entries) {
        let id = digest_of(name).filter(|_| kind == FileKind::Dir);
        id.into_iter().for_each(|id| images.entry(id).or_default().1 = true);
    }
    let images: Vec<_> = images.into_iter().collect();
    inv.merge(gather(&images, |(id, (has_config, has_metadata)), inv| {
        let reading = Reading {
            part,
            id,
            content: content.as_ref().filter(|_| *has_config),
            metadata: metadata.as_ref().filter(|_| *has_metadata).map(|dir| dir.place().join(id.hex())),
            is_named: named.contains(id),
        };
        reading.image(content.is_some(), inv);
    }));
    inv
}

/// `…/sha256`, with the directory above it.
fn sha256<'a>(part: &Part<'a>, inv: &mut Inventory, above: &Place, lost: &[LinkKind]) -> Option<Dir<'a>> {
    part.own_dir(inv, above, lost)?;
    let dir = part.own_dir(inv, &above.join("sha256"), lost)?;
    temporary_files(part.site, inv, &part.name, &dir);
    Some(dir)
}

fn digest_of(name: &[u8]) -> Option<Digest> {
    std::str::from_utf8(name).ok().and_then(Digest::from_hex)
}

/// One image on its way in.
struct Reading<'a> {
    part: &'a Part<'a>,
    id: &'a Digest,
    /// The directory with its config, if that is there.
    content: Option<&'a Dir<'a>>,
    /// Its metadata directory, if that is there.
    metadata: Option<Place>,
    is_named: bool,
}

impl Reading<'_> {
    fn image(&self, content_is_known: bool, inv: &mut Inventory) {
        let config = self.content.map(|dir| dir.place().join(self.id.hex()));
        let mut image = match self.content.map(|dir| self.config(inv, dir)) {
            Some(Err(Unreadable::Missing)) => return,
            Some(Ok(image)) => image,
            Some(Err(cause)) => Image { broken: Some(cause.to_string()), ..Image::default() },
            None if content_is_known => match self.without_config(inv) {
                Some(image) => image,
                None => return,
            },
            None => Image { broken: Some("its config could not be looked for".into()), ..Image::default() },
        };
        if let Some(at) = &self.metadata {
            unless_gone(self.part.site, at, inv, |inv| self.metadata(inv, at, &mut image));
        }
        self.claim(inv, image, config);
    }

    /// Reads the config. What is wrong with it is noted; the facts then say so.
    fn config(&self, inv: &mut Inventory, dir: &Dir<'_>) -> Result<Image, Unreadable> {
        let at = dir.place().join(self.id.hex());
        let bytes = dir.read(self.id.hex().as_bytes()).inspect_err(|cause| {
            if !cause.is_missing() {
                inv.problem("unreadable-file", &at, links(CONFIG), cause);
            }
        })?;
        let hash = Digest::of(&bytes);
        let parsed = config::parse(&bytes);
        let mut broken = parsed.as_ref().err().map(ToString::to_string);
        if hash != *self.id {
            // moby image/fs.go get: hashed at every read
            let cause = format!("the content hashes to {hash}");
            inv.problem("image-hash-mismatch", &at, links(CONFIG), &cause);
            broken = Some(cause);
        } else if let Some(cause) = &broken {
            inv.problem("damaged-image-config", &at, links(CONFIG), cause);
        }
        let config = parsed.unwrap_or_default();
        Ok(Image {
            broken,
            chain: ChainId::all(&config.diff_ids),
            created: config.created,
            labels: config.labels,
            os: config.os,
            architecture: config.architecture,
            variant: config.variant,
            history: config.history,
            volumes: config.volumes,
            ..Image::default()
        })
    }

    /// The config goes last when an image is removed, so metadata without it is damage. None if all is gone by now.
    fn without_config(&self, inv: &mut Inventory) -> Option<Image> {
        let at = self.metadata.as_ref()?;
        self.part.site.disk.stat(at).ok()?;
        let cause = "its image has no config: what that image was made of is unknown";
        inv.problem("metadata-no-image", at, links(CONFIG), cause);
        Some(Image { broken: Some("its config is missing".into()), ..Image::default() })
    }

    fn metadata(&self, inv: &mut Inventory, at: &Place, image: &mut Image) {
        let part = self.part;
        let Some(dir) = part.dir(inv, at, &[LinkKind::BuiltOn]) else { return };
        temporary_files(part.site, inv, &part.name, &dir);
        let parent = value(&dir, "parent", text::digest);
        image.parent = parent.unwrap_or_else(|cause| {
            part.fault(inv, &dir, "parent", &[LinkKind::BuiltOn], &cause);
            None
        });
        image.last_updated = value(&dir, "lastUpdated", text::time).unwrap_or_else(|cause| {
            part.fault(inv, &dir, "lastUpdated", &[], &cause);
            None
        });
        image.built_locally = dir.kind(b"builtLocally").is_some();
        if let Err(cause) = value(&dir, "builtLocally", text::mark) {
            part.fault(inv, &dir, "builtLocally", &[], &cause);
        }
        if image.built_locally {
            clues::of_built_image(inv, part.site, &at.join("builtLocally"));
        }
    }

    fn claim(&self, inv: &mut Inventory, image: Image, config: Option<Place>) {
        let part = self.part;
        let key = part.key(Kind::Image, self.id);
        if let Some(parent) = &image.parent
            && let Some(at) = &self.metadata
        {
            inv.link(&key, LinkKind::BuiltOn, part.key(Kind::Image, parent), at.says("parent"));
        }
        // a config that is not the one its name asks for says nothing about what the image needs
        if image.broken.is_none()
            && let (Some(top), Some(at)) = (image.chain.last(), &config)
        {
            inv.link(&key, LinkKind::TopLayer, part.key(Kind::Layer, &top.0), at);
        }
        // what the engine does not load, it does not keep for its own sake
        let keeps = (!self.is_named && image.broken.is_none()).then_some(Keeps::UntaggedImage);
        let mut thing = Entity::new(image);
        thing.keeps = keeps;
        for at in config.into_iter().chain(self.metadata.clone()) {
            thing = thing.tree(at, OwnerKind::ImageMetadata);
        }
        inv.add(key, thing);
    }
}
