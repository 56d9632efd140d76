//! The rows, and what does not depend on the kind of store.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::docker::View;
use crate::docker::seen::{ContainerSeen, VolumeSeen};
use crate::docker::sizes::{Size, Sizes};
use crate::docker::stored::ManifestKind;
use crate::format::oci::{Descriptor, Platform};
use crate::terms::Key;

/// Go's zero time, in seconds since 1970.
pub(super) const YEAR_ONE: i64 = -62_135_596_800;

/// An image that is listed.
#[derive(Clone, Debug)]
pub struct ImageRow<'a> {
    pub key: &'a Key,
    /// `sha256:…`
    pub id: String,
    /// The image it was built on; empty if there is none.
    pub parent: String,
    /// As people write them, in the engine's order.
    pub tags: Vec<String>,
    pub digests: Vec<String>,
    /// Seconds since 1970.
    pub created: i64,
    pub size: i64,
    pub shared: i64,
    /// How many were made from it; -1 if the engine does not say.
    pub containers: i64,
    pub labels: Option<Cow<'a, BTreeMap<String, String>>>,
    /// Of its target, in containerd's store.
    pub descriptor: Option<Box<Descriptor>>,
    /// Platforms and attestations, in containerd's store.
    pub manifests: Vec<ManifestRow<'a>>,
    /// What keeps us from knowing its sizes.
    pub doubt: Option<String>,
}

impl ImageRow<'_> {
    pub fn unique(&self) -> i64 {
        self.size.saturating_sub(self.shared)
    }

    pub fn is_referenced(&self) -> bool {
        !self.tags.is_empty() || !self.digests.is_empty()
    }

    /// Both sizes are told.
    pub fn is_sized(&self) -> bool {
        self.size != -1 && self.shared != -1
    }
}

/// One manifest of an image.
#[derive(Clone, Debug)]
pub struct ManifestRow<'a> {
    pub descriptor: Descriptor,
    pub kind: ManifestKind,
    pub available: bool,
    pub platform: Option<Platform>,
    /// What the descriptors of what is here say.
    pub content: i64,
    /// None if it was not looked for.
    pub unpacked: Option<i64>,
    pub containers: Vec<&'a Key>,
    /// What an attestation is about.
    pub attests: Option<String>,
}

/// A loaded container.
#[derive(Clone, Debug)]
pub struct ContainerRow<'a> {
    pub key: &'a Key,
    pub container: ContainerSeen<'a>,
    /// The reference it was made from, or the image's ID if that leads elsewhere now.
    pub image: String,
    pub created: i64,
    /// Its read-write layer, as measured.
    pub measured: Size,
    pub size_rw: i64,
    pub size_root_fs: i64,
}

/// A volume of the local driver without options.
#[derive(Clone, Debug)]
pub struct VolumeRow<'a> {
    pub key: &'a Key,
    pub volume: VolumeSeen<'a>,
    pub measured: Size,
    pub size: i64,
    /// When its directory last changed, as the local driver tells it.
    pub created: Option<Timestamp>,
}

impl VolumeRow<'_> {
    pub fn references(&self) -> usize {
        self.volume.users.len()
    }
}

/// moby daemon/list.go Containers, in whatever state.
pub(super) fn containers<'a>(
    view: View<'_, 'a>,
    size: impl Fn(&ContainerSeen<'a>, &'a Key) -> (Size, i64),
) -> Vec<ContainerRow<'a>> {
    let mut rows: Vec<ContainerRow<'a>> = view
        .containers()
        .iter()
        .map(|(key, container)| {
            let (measured, size_root_fs) = size(container, key);
            ContainerRow {
                key,
                container: container.clone(),
                image: container.image_as_shown(|typed| view.resolve(typed)),
                created: container.facts.created.map_or(YEAR_ONE, |time| time.as_second()),
                size_rw: measured.value(),
                measured,
                size_root_fs,
            }
        })
        .collect();
    rows.sort_by_key(|row| (Reverse(row.container.facts.created), row.key));
    rows
}

/// moby volume/service/service.go LocalVolumesSize.
pub(super) fn volumes<'a>(view: View<'_, 'a>, sizes: &Sizes<'_>) -> Vec<VolumeRow<'a>> {
    let rows = view.volumes().iter().filter(|(_, volume)| volume.has_row());
    rows.map(|(key, volume)| {
        let data = volume.facts.at.as_ref().filter(|_| volume.facts.has_data).map(|at| at.join("_data"));
        let measured = data.map_or_else(|| Size::Fails("there is no _data".to_owned()), |data| sizes.walked(&data));
        // moby volume/local/local_unix.go CreatedAt: the ctime of the volume's directory
        let changed = volume.facts.at.as_ref().and_then(|at| sizes.disk.stat(at).ok()).map(|stat| stat.ctime.0);
        let created = changed.and_then(|seconds| Timestamp::from_second(seconds).ok());
        VolumeRow { key, volume: volume.clone(), size: measured.value(), measured, created }
    })
    .collect()
}
