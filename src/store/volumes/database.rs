//! `volumes/metadata.db`.

use std::collections::BTreeMap;

use crate::disk::Dir;
use crate::format::engine::volume::{self, VolumeRecord};
use crate::inventory::Inventory;
use crate::store::{Site, bolt_file};
use crate::terms::Lost;

/// What the database knows.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) records: BTreeMap<String, VolumeRecord>,
    /// All of it could be read, so that a volume which is not named is not in it.
    pub(super) read: bool,
}

/// Labels and options of volumes lie nowhere else. No reference is lost with them: containers name their volumes.
pub(super) fn read(inv: &mut Inventory, site: &Site<'_>, dir: &Dir<'_>) -> Known {
    let at = dir.place().join("metadata.db");
    let problems = inv.problems.len();
    let Some(tree) = bolt_file::read(site, inv, &at, &Lost::Nothing) else {
        // the engine makes it at its first start
        if inv.problems.len() == problems {
            inv.problem("missing-file", &at, Lost::Nothing, "missing: labels and options of all volumes are lost");
        }
        return Known::default();
    };
    let mut known = Known { records: BTreeMap::new(), read: tree.is_whole() };
    // the bucket is made with the first volume
    let Some(bucket) = tree.at(&[b"volumes"]) else { return known };
    for (name, value) in bucket.entries() {
        let shown = String::from_utf8_lossy(name);
        let record = match volume::parse_record(value) {
            Ok(record) => record,
            // moby daemon/volume/service/db.go: getMeta takes an empty value for no metadata
            Err(_) if value.is_empty() => VolumeRecord::default(),
            Err(cause) => {
                let cause = format!("volume {shown:?}: {cause}");
                inv.problem("bad-volume-record", &at, Lost::Nothing, cause);
                known.read = false;
                VolumeRecord::default()
            }
        };
        known.records.insert(shown.into_owned(), record);
    }
    known
}
