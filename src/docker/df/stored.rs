//! Images and containers of containerd's store. What is added up has changed from release to release.
//!
//! ```text
//!                  Size of an image                                            all images together
//! 24, 25           a row a manifest: unpacked + its descriptors                every snapshot
//! 26.0 .. 27.1     whole manifests: unpacked + their descriptors               every snapshot
//! 27.2 .. 28.0.0   manifests that are here: their descriptors;                 every snapshot
//!                  + unpacked of whole ones
//! 28.0.1 .. 29.1.1 descriptors of what is here; + unpacked of whole ones       every snapshot; from 28.2 + descriptors
//! 29.1.2 on        descriptors of what is here; + unpacked                     from 29.6 chains of images + descriptors
//! ```
// moby daemon/containerd/image_list.go, service.go

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::rows::{ImageRow, ManifestRow};
use crate::docker::seen::Triple;
use crate::docker::sizes::{Size, Sizes};
use crate::docker::stored::{
    ImageListed, ImagesAsked, ManifestKind, ManifestStored, Stored, Sum, Usages, parent_of_record,
};
use crate::format::oci::Descriptor;
use crate::terms::Key;

/// One row for an image, whatever its platforms.
const ONE_ROW: Triple = (26, 0, 0);
/// Manifests that are not here count, too: their attestations, and what is here of them.
const REACHABLE: Triple = (27, 2, 0);
/// An image without a manifest that could be run is listed all the same.
const EMPTY_TOO: Triple = (28, 0, 0);
/// Only what is here is counted.
const PRESENT: Triple = (28, 0, 1);
/// Blobs are part of the sum.
const BLOBS_IN_SUM: Triple = (28, 2, 0);
/// What is unpacked counts although a blob is not here. No labels are `{}` and no longer `null`.
const READABLE: Triple = (29, 1, 2);
/// Blobs are shared, too.
const BLOBS_SHARED: Triple = (29, 5, 0);
/// Only snapshots of images are part of the sum.
const CHAINS_ONLY: Triple = (29, 6, 0);

/// The snapshots that are part of the sum of all images.
pub(in crate::docker) fn snapshots_in_sum<'s>(stored: &'s Stored<'_>) -> BTreeSet<&'s str> {
    if stored.version >= CHAINS_ONLY { stored.in_image_chains() } else { stored.snapshots.keys().copied().collect() }
}

/// The blobs that are part of it, with the size that a descriptor gives each.
pub(in crate::docker) fn blobs_in_sum<'s>(stored: &'s Stored<'_>) -> BTreeMap<&'s str, i64> {
    if stored.version >= BLOBS_IN_SUM { stored.content_of_images() } else { BTreeMap::new() }
}

/// moby daemon/containerd/service.go ImageDiskUsage; until 28.1 LayerDiskUsage.
pub(super) fn layers_size(stored: &Stored<'_>, sizes: &Sizes<'_>, doubts: &mut Vec<(Key, String)>) -> i64 {
    let usages = Usages { stored, sizes };
    let mut sum: i64 = 0;
    for name in snapshots_in_sum(stored) {
        match usages.of(name) {
            Some(Size::Known(size)) => sum = sum.saturating_add(i64::try_from(size).unwrap_or(i64::MAX)),
            Some(Size::Unknown(because)) => doubts.push((stored.key_of_snapshot(name), because)),
            // the walk ends here: until 28.1 nobody was told
            Some(Size::Fails(_)) | None if stored.version < BLOBS_IN_SUM => break,
            Some(Size::Fails(because)) => {
                doubts.push((stored.key_of_snapshot(name), format!("the engine's whole answer fails: {because}")));
            }
            None => {}
        }
    }
    blobs_in_sum(stored).into_values().fold(sum, i64::saturating_add)
}

/// An image on its way to a row.
struct Draft<'s, 'a> {
    row: ImageRow<'a>,
    chain: Vec<String>,
    content: Vec<&'s Descriptor>,
}

/// moby daemon/containerd/image_list.go Images.
pub(super) fn images<'a>(stored: &Stored<'a>, sizes: &Sizes<'_>, asked: &ImagesAsked<'_>) -> Vec<ImageRow<'a>> {
    let usages = Usages { stored, sizes };
    let listed = stored.listed(*asked);
    let mut drafts: Vec<Draft<'_, 'a>> = Vec::new();
    for listed in &listed {
        drafts.extend(if stored.version < ONE_ROW { apart(&usages, listed) } else { together(&usages, listed) });
    }
    share(&usages, &mut drafts);
    let mut rows: Vec<ImageRow<'a>> = drafts.into_iter().map(|draft| draft.row).collect();
    rows.sort_by_key(|row| (Reverse(row.created), row.key));
    rows
}

fn manifests<'s>(stored: &'s Stored<'_>, top: &'s Descriptor) -> Vec<ManifestStored<'s>> {
    let all = if stored.version >= REACHABLE { stored.reachable(top) } else { stored.present_manifests(top) };
    all.into_iter().map(|descriptor| stored.manifest(descriptor)).collect()
}

/// One row for all manifests.
fn together<'s, 'a>(usages: &Usages<'s, 'a>, listed: &'s ImageListed<'s, 'a>) -> Vec<Draft<'s, 'a>> {
    let stored = usages.stored;
    let mut draft = draft(stored, listed);
    draft.row.containers = 0;
    let found = manifests(stored, &listed.target);
    let mut runnable: Vec<&ManifestStored<'_>> = Vec::new();
    for manifest in &found {
        let content = content(stored, manifest);
        let users = stored.containers_of(&manifest.descriptor.digest);
        draft.row.size = draft.row.size.saturating_add(sum_of(&content));
        let runs = manifest.kind == ManifestKind::Image && (manifest.available || stored.version >= READABLE);
        let unpacked = runs.then(|| unpacked(usages, manifest));
        draft.row.manifests.push(ManifestRow {
            descriptor: manifest.descriptor.clone(),
            kind: manifest.kind,
            available: manifest.available,
            // of one that could not be run only what its descriptor says
            platform: if runs { manifest.platform() } else { manifest.descriptor.platform.clone() },
            content: sum_of(&content),
            unpacked: unpacked.as_ref().map(|sum| sum.size),
            containers: users.iter().copied().filter(|_| runs).collect(),
            attests: manifest.attests().map(str::to_owned),
        });
        draft.content.extend(content);
        if let Some(unpacked) = unpacked {
            draft.row.size = draft.row.size.saturating_add(unpacked.size);
            draft.row.doubt = draft.row.doubt.take().or(unpacked.doubt);
            draft.row.containers = draft.row.containers.saturating_add(count(users.len()));
            draft.chain.extend(manifest.chain().into_iter().map(|chain| chain.0.to_string()));
            runnable.push(manifest);
        }
    }
    match stored.best(runnable.into_iter()) {
        Some(best) => describe(&mut draft.row, stored, best),
        None if stored.version >= EMPTY_TOO => nothing_to_run(&mut draft.row, listed),
        None => return Vec::new(),
    }
    vec![draft]
}

/// A row for each manifest that is whole.
fn apart<'s, 'a>(usages: &Usages<'s, 'a>, listed: &'s ImageListed<'s, 'a>) -> Vec<Draft<'s, 'a>> {
    let stored = usages.stored;
    let found = manifests(stored, &listed.target);
    let whole = found.into_iter().filter(|manifest| manifest.kind == ManifestKind::Image && manifest.available);
    whole
        .map(|manifest| {
            let mut draft = draft(stored, listed);
            let unpacked = unpacked(usages, &manifest);
            draft.row.size = sum_of(&content(stored, &manifest)).saturating_add(unpacked.size);
            draft.row.doubt = unpacked.doubt;
            draft.chain = manifest.chain().into_iter().map(|chain| chain.0.to_string()).collect();
            if stored.version >= (25, 0, 0) {
                let of_image = |container: &&crate::docker::seen::ContainerSeen<'_>| {
                    container.image.is_some_and(|image| image == listed.image.key)
                };
                draft.row.containers = count(stored.containers.values().filter(of_image).count());
                describe(&mut draft.row, stored, &manifest);
            } else {
                draft.row.created = listed.record.created_at.map_or(0, |at| at.as_second());
                draft.row.parent.clear();
            }
            draft
        })
        .collect()
}

fn draft<'s, 'a>(stored: &Stored<'a>, listed: &'s ImageListed<'s, 'a>) -> Draft<'s, 'a> {
    let image = listed.image;
    let row = ImageRow {
        key: image.key,
        id: image.facts.target.clone(),
        parent: parent_of_record(listed.record).unwrap_or_default().to_owned(),
        tags: listed.tags.iter().chain(&listed.odd).cloned().collect(),
        digests: listed.digests.clone(),
        created: 0,
        size: 0,
        shared: 0,
        containers: -1,
        labels: None,
        descriptor: (stored.version >= EMPTY_TOO).then(|| Box::new(listed.target.clone())),
        manifests: Vec::new(),
        doubt: None,
    };
    Draft { row, chain: Vec::new(), content: Vec::new() }
}

fn describe(row: &mut ImageRow<'_>, stored: &Stored<'_>, manifest: &ManifestStored<'_>) {
    row.created = manifest.config.and_then(|config| config.created).map_or(0, |time| time.as_second());
    row.labels = manifest.config.and_then(|config| config.labels.clone().map(std::borrow::Cow::Owned));
    if stored.version >= READABLE {
        row.labels = Some(row.labels.take().unwrap_or_default());
    }
}

fn nothing_to_run(row: &mut ImageRow<'_>, listed: &ImageListed<'_, '_>) {
    row.digests = vec![listed.image.facts.target.clone()];
    row.tags.clone_from(&listed.tags);
    row.parent.clear();
    row.containers = -1;
}

/// The descriptors of a manifest that the engine counts.
fn content<'s>(stored: &'s Stored<'_>, manifest: &ManifestStored<'s>) -> Vec<&'s Descriptor> {
    if stored.version >= PRESENT {
        return stored.present(manifest.descriptor);
    }
    // containerd client/image.go Usage: those of a manifest that can be read, whatever else is here
    let Some(read) = stored.manifest_of(manifest.descriptor) else { return Vec::new() };
    let wanted = stored.version >= REACHABLE || (manifest.kind == ManifestKind::Image && manifest.available);
    let parts = [manifest.descriptor, &read.config].into_iter().chain(&read.layers);
    parts.filter(|_| wanted).collect()
}

fn sum_of(content: &[&Descriptor]) -> i64 {
    content.iter().map(|descriptor| descriptor.size).fold(0, i64::saturating_add)
}

/// moby daemon/containerd/image_manifest.go SnapshotUsage: a chain that is not whole counts nothing.
fn unpacked(usages: &Usages<'_, '_>, manifest: &ManifestStored<'_>) -> Sum {
    let chain = manifest.chain();
    let sum = chain.last().map(|top| usages.of_chain(top.0.as_str())).unwrap_or_default();
    if sum.broken { Sum { size: 0, ..sum } } else { sum }
}

/// What more than one has. moby daemon/containerd/image_list.go computeSharedSize.
fn share(usages: &Usages<'_, '_>, drafts: &mut [Draft<'_, '_>]) {
    let (mut layers, mut blobs): (BTreeMap<String, usize>, BTreeMap<&str, usize>) = Default::default();
    for draft in drafts.iter() {
        for chain in &draft.chain {
            let uses = layers.entry(chain.clone()).or_default();
            *uses = uses.saturating_add(1);
        }
        let distinct: BTreeSet<&str> = draft.content.iter().map(|descriptor| descriptor.digest.as_str()).collect();
        for digest in distinct {
            let uses = blobs.entry(digest).or_default();
            *uses = uses.saturating_add(1);
        }
    }
    for draft in drafts {
        let mut shared: i64 = 0;
        for chain in draft.chain.iter().filter(|chain| layers.get(*chain) != Some(&1)) {
            match usages.of(chain) {
                Some(Size::Known(size)) => shared = shared.saturating_add(i64::try_from(size).unwrap_or(i64::MAX)),
                Some(Size::Unknown(because)) => draft.row.doubt = Some(because),
                Some(Size::Fails(_)) | None => {}
            }
        }
        if usages.stored.version >= BLOBS_SHARED {
            let mut met: BTreeSet<&str> = BTreeSet::new();
            for part in draft.content.iter().filter(|part| blobs.get(part.digest.as_str()) != Some(&1)) {
                if met.insert(&part.digest) {
                    shared = shared.saturating_add(part.size);
                }
            }
        }
        draft.row.shared = shared;
    }
}

/// moby daemon/containerd/service.go GetContainerLayerSize: the container's own snapshot; and all below it, as far as
/// they are there.
pub(super) fn container_sizes(stored: &Stored<'_>, sizes: &Sizes<'_>, id: &Key) -> (Size, i64) {
    let usages = Usages { stored, sizes };
    let Some(own) = usages.of(&id.id) else {
        return (Size::Unknown("its snapshot is gone, and the engine's whole answer fails".to_owned()), 0);
    };
    let below = stored.snapshots.get(&*id.id).and_then(|(_, snapshot)| snapshot.parent.as_deref());
    let sum = below.map(|parent| usages.of_chain(parent)).unwrap_or_default();
    let root_fs = own.value().max(0).saturating_add(sum.size);
    match (own, sum.doubt) {
        (Size::Known(_), Some(doubt)) => (Size::Unknown(doubt), root_fs),
        (own, _) => (own, root_fs),
    }
}

fn count(of: usize) -> i64 {
    i64::try_from(of).unwrap_or(i64::MAX)
}
