//! containerd's image store keeps a layer twice: the compressed blob, and the snapshot that it was unpacked into.

use std::collections::BTreeSet;

use super::containerd::in_use;
use super::words::{count, size};
use super::{Case, Finding, Remedy, Rule, Severity};
use crate::docker::stored::Stored;
use crate::format::oci::{Document, Manifest, MediaKind};
use crate::terms::{ChainId, Key, Kind};

const CLASS: &str = "duplicate-compressed-blob";

/// That both are there is seen, not concluded.
pub(super) const RULE: Rule = Rule { class: CLASS, relies_on: &[], check };

fn check(case: &Case<'_>) -> Vec<Finding> {
    in_use(case).filter_map(|stored| finding(case, stored)).collect()
}

fn finding<'a>(case: &Case<'a>, stored: &Stored<'a>) -> Option<Finding> {
    let mut blobs: BTreeSet<&Key> = BTreeSet::new();
    for image in stored.images.values() {
        for document in stored.present(&image.target).into_iter().filter_map(|it| stored.document(it)) {
            if let Document::Manifest(manifest) = document {
                blobs.extend(unpacked(stored, manifest));
            }
        }
    }
    if blobs.is_empty() {
        return None;
    }
    let base = case.finding(CLASS, &case.owners_of(blobs.iter().copied()));
    let cause = format!(
        "{} {} kept compressed beside the snapshot that it was unpacked into: {}. The store is made so.",
        count(blobs.len(), "layer", "layers"),
        if blobs.len() == 1 { "is" } else { "are" },
        size(base.on_disk_bytes),
    );
    let note = "No Docker command removes only the compressed half: it goes with the last image that has the layer. It is what a push, a save or \
                another platform's pull reads.";
    Some(Finding {
        severity: Severity::Info,
        objects: blobs.into_iter().cloned().collect(),
        cause,
        evidence: vec![format!("{}: the snapshots called after the layers' chain IDs are there, too", stored.store)],
        remedy: Remedy { commands: Vec::new(), note: note.to_owned() },
        ..base
    })
}

/// The layer blobs of a manifest that lie in the content store and whose snapshots are there.
fn unpacked<'a>(stored: &Stored<'a>, manifest: &'a Manifest) -> Vec<&'a Key> {
    let Some(Document::Config(config)) = stored.document(&manifest.config) else { return Vec::new() };
    let layers = manifest.layers.iter().filter(|layer| MediaKind::of(&layer.media_type) == MediaKind::Layer);
    let chain = ChainId::all(&config.diff_ids);
    let both = layers.zip(&chain).filter(|(_, chain)| stored.snapshot(chain.0.as_str()).is_some());
    let file = |digest: &str| {
        let key = Key { root: stored.home.clone(), store: "containerd".into(), kind: Kind::Blob, id: digest.into() };
        let (key, thing) = stored.inventory.entities.get_key_value(&key)?;
        thing.blob()?.at.is_some().then_some(key)
    };
    both.filter_map(|(layer, _)| file(&layer.digest)).collect()
}
