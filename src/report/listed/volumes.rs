//! The volumes that filters let pass.

use super::Wanted;
use super::filter::Names;
use crate::docker::View;
use crate::terms::Key;

/// A volume without a driver in the database is the local one's.
const LOCAL: &str = "local";

// moby daemon/volume/service/convert.go: filtersToBy
pub(super) fn volumes<'a>(view: View<'_, 'a>, wanted: &Wanted) -> Vec<&'a Key> {
    let names = Names::of(wanted);
    let driver = |driver: &str| {
        let driver = if driver.is_empty() { LOCAL } else { driver };
        !wanted.filters.has("driver") || wanted.filters.get("driver").any(|wanted| wanted == driver)
    };
    let volumes = view.volumes().iter().filter(|(key, volume)| {
        driver(&volume.facts.driver)
            && names.fit(&key.id)
            && wanted.filters.match_labels(volume.facts.labels.as_ref())
            && wanted.dangling().is_none_or(|dangling| dangling == volume.users.is_empty())
    });
    volumes.map(|(key, _)| *key).collect()
}
