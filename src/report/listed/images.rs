//! The images that filters let pass.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Wanted, glob};
use crate::docker::View;
use crate::docker::df::{self, ImageRow};
use crate::docker::seen::{Reference, Seen, Triple};
use crate::docker::sizes::Sizes;
use crate::docker::stored::{ImagesAsked, ManifestKind, Stored};
use crate::format::oci;
use crate::inventory::facts::{ImageRecord, StoredImage};
use crate::plan::Zone;

/// From here on patterns fit names in full, too. moby daemon/images/image_list.go, daemon/containerd/image_list.go (29.5).
const FITS_WHOLE: Triple = (29, 5, 0);

/// Before, a label that an image has not got did not have another value either, and attestations were looked at like images.
// moby daemon/containerd/image_list.go: setupLabelFilter (29.4.1)
const MISSING_IS_OTHER: Triple = (29, 4, 1);

/// What times are judged by.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    pub(super) now: Timestamp,
    pub(super) zone: Zone,
}

pub(super) fn images<'a>(view: View<'_, 'a>, sizes: &Sizes<'_>, wanted: &Wanted, clock: &Clock) -> Vec<ImageRow<'a>> {
    let until = wanted.until(clock.now, &clock.zone);
    match view {
        View::GraphDriver(seen) => {
            let rows = df::images(view, sizes, &ImagesAsked { all: true, keep: &|_, _| true });
            rows.into_iter().filter_map(|row| of_graph_driver(seen, row, wanted, until)).collect()
        }
        View::Containerd(stored) => {
            let passes = Passes { stored, wanted, until, times: Times::of(wanted, |typed| created(stored, typed)) };
            df::images(view, sizes, &ImagesAsked { all: true, keep: &|image, record| passes.record(image, record) })
        }
    }
}

/// Images that `before` and `since` name, and that are not in this store.
pub(super) fn unknown<'w>(view: View<'_, '_>, wanted: &'w Wanted) -> BTreeSet<&'w str> {
    let named = ["before", "since"].into_iter().flat_map(|name| wanted.filters.get(name));
    named.filter(|typed| view.resolve(typed).is_none()).collect()
}

/// The times of `before` and `since`: several of one kind must all hold. One that is not known lets nothing pass.
struct Times {
    before: Option<Option<Timestamp>>,
    since: Option<Option<Timestamp>>,
}

impl Times {
    fn of(wanted: &Wanted, created: impl Fn(&str) -> Option<Option<Timestamp>>) -> Self {
        let times = |name| wanted.filters.get(name).map(&created).collect::<Vec<_>>();
        let (before, since) = (times("before"), times("since"));
        let strictest = |times: Vec<Option<Option<Timestamp>>>, pick: fn(Timestamp, Timestamp) -> Timestamp| {
            if times.is_empty() {
                return None;
            }
            let known: Option<Vec<Option<Timestamp>>> = times.into_iter().collect();
            // an image without a date sets no bound
            known.map_or(Some(None), |known| known.into_iter().flatten().reduce(pick).map(Some))
        };
        Self { before: strictest(before, Timestamp::min), since: strictest(since, Timestamp::max) }
    }

    fn pass(&self, created: Option<Timestamp>) -> bool {
        let holds = |bound: Option<Option<Timestamp>>, test: fn(&Timestamp, &Timestamp) -> bool| match bound {
            None => true,
            Some(None) => false,
            Some(Some(bound)) => created.is_some_and(|created| test(&created, &bound)),
        };
        holds(self.before, Timestamp::lt) && holds(self.since, Timestamp::gt)
    }
}

// moby daemon/images/image_list.go: Images
fn of_graph_driver<'a>(
    seen: &Seen<'a>,
    mut row: ImageRow<'a>,
    wanted: &Wanted,
    until: Option<Timestamp>,
) -> Option<ImageRow<'a>> {
    let image = seen.images.get(row.key)?;
    let date = |typed: &str| Some(seen.images.get(seen.resolve(typed)?)?.facts.created);
    let created = image.facts.created;
    let passes = Times::of(wanted, date).pass(created)
        && until.is_none_or(|until| created.is_some_and(|created| created < until))
        && wanted.filters.match_labels(image.facts.labels.as_ref());
    if !passes {
        return None;
    }
    let fits = |name: &String| refers(wanted, name, seen.version);
    row.tags.retain(fits);
    row.digests.retain(fits);
    if !row.is_referenced() && wanted.filters.has("reference") {
        return None;
    }
    let shown = match wanted.dangling() {
        Some(true) => row.tags.is_empty() && image.children.is_empty(),
        Some(false) => row.is_referenced(),
        None => true,
    };
    shown.then_some(row)
}

/// Whether a pattern of `reference` fits a name: as people type it, with and without what is after the repository, and since
/// some version in full.
fn refers(wanted: &Wanted, written: &str, version: Triple) -> bool {
    if !wanted.filters.has("reference") {
        return true;
    }
    let Some(name) = Reference::parse_name(written) else { return false };
    let familiar = oci::familiar(written);
    let (tagged, whole) = (name.tagged(), name.repository());
    let mut names = vec![familiar, oci::repository(familiar)];
    if version >= FITS_WHOLE {
        names.extend([tagged.as_str(), whole.as_str()]);
    }
    wanted.filters.get("reference").any(|pattern| names.iter().any(|name| glob::matches(pattern, name)))
}

/// When an image was made; none if there is no such image.
fn created(stored: &Stored<'_>, typed: &str) -> Option<Option<Timestamp>> {
    let target = stored.resolve(typed)?;
    Some(stored.config_of(target).and_then(|config| config.created))
}

/// What filters ask of a record.
struct Passes<'p, 'a> {
    stored: &'p Stored<'a>,
    wanted: &'p Wanted,
    until: Option<Timestamp>,
    times: Times,
}

impl Passes<'_, '_> {
    // moby daemon/containerd/image_list.go: setupFilters
    fn record(&self, image: &StoredImage, record: &ImageRecord) -> bool {
        let created = || self.stored.config_of(&image.target).and_then(|config| config.created);
        self.wanted.dangling().is_none_or(|dangling| dangling == record.is_dangling())
            && self.until.is_none_or(|until| record.created_at.is_some_and(|at| at < until))
            && refers(self.wanted, &record.name, self.stored.version)
            && self.times.pass(created())
            && self.has_labels(&image.target)
    }

    /// One of the image's configs has all labels that are asked for, and none that is asked not to be there.
    // moby daemon/containerd/image_list.go: setupLabelFilter
    fn has_labels(&self, target: &str) -> bool {
        let checks = LabelCheck::all(self.wanted);
        if checks.is_empty() {
            return true;
        }
        let Some(image) = self.stored.images.get(target) else { return false };
        let manifests = self.stored.present_manifests(&image.target).into_iter();
        let mut manifests = manifests.map(|descriptor| self.stored.manifest(descriptor));
        let missing_is_other = self.stored.version >= MISSING_IS_OTHER;
        manifests.any(|manifest| {
            let looks = !missing_is_other || manifest.kind != ManifestKind::Attestation;
            let passes = |labels| checks.iter().all(|check| check.passes(labels, missing_is_other));
            manifest.config.is_some_and(|config| looks && passes(config.labels.as_ref()))
        })
    }
}

/// One value of `label` or `label!`.
struct LabelCheck<'w> {
    key: &'w str,
    value: Option<&'w str>,
    negate: bool,
}

impl<'w> LabelCheck<'w> {
    fn all(wanted: &'w Wanted) -> Vec<Self> {
        let named = |name: &str, negate: bool| {
            wanted.filters.get(name).map(move |typed| Self::of(typed, negate)).collect::<Vec<_>>()
        };
        let mut all = named("label", false);
        all.extend(named("label!", true));
        all
    }

    /// `key`, `key=value`, `key!=value`
    fn of(typed: &'w str, negate: bool) -> Self {
        let (key, value) = typed.split_once('=').map_or((typed, None), |(key, value)| (key, Some(value)));
        match key.strip_suffix('!') {
            Some(key) => Self { key, value, negate: !negate },
            None => Self { key, value, negate },
        }
    }

    fn passes(&self, labels: Option<&BTreeMap<String, String>>, missing_is_other: bool) -> bool {
        match (labels.and_then(|labels| labels.get(self.key)), self.value) {
            (Some(found), Some(value)) => (found == value) != self.negate,
            (None, Some(_)) => self.negate && missing_is_other,
            (found, None) => found.is_some() != self.negate,
        }
    }
}
