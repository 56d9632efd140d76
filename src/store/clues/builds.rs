//! What the newest remembered build tells: BuildKit keeps a statement of its provenance, as JSON, among its blobs.
//!
//! ```text
//! buildkit/content/blobs/sha256/<hex>
//!     {"builder": …, "buildType": …                            SLSA 0.2: up to 29.2, unless another was asked for
//!     {"buildDefinition": {"internalParameters": {"dockerfileVersion": …        SLSA 1 from 29.3, the version from 29.5
//! ```

use serde_json::Value;

use super::{Time, at_least, below};
use crate::disk::FileKind;
use crate::inventory::Inventory;
use crate::store::Site;
use crate::terms::Place;

/// How many blobs are looked at, the newest first.
const LOOKED_AT: usize = 64;
/// No statement is longer.
const CAP: u64 = 4 << 20;

/// A question, not evidence for anything else: what cannot be read here tells nothing.
pub(super) fn look(inv: &mut Inventory, site: &Site<'_>) {
    let Ok(dir) = site.disk.dir(&site.at("buildkit/content/blobs/sha256")) else { return };
    let blobs = dir.entries().filter(|(_, kind)| *kind == FileKind::File);
    let mut blobs: Vec<(Time, &[u8])> =
        blobs.filter_map(|(name, _)| Some((dir.stat(name).ok()?.mtime, name))).collect();
    blobs.sort_by(|a, b| b.cmp(a));
    for (time, name) in blobs.into_iter().take(LOOKED_AT) {
        let at = dir.place().join(name);
        let is_object = site.disk.head(&at, 1).is_ok_and(|head| head == b"{");
        let bytes = is_object.then(|| dir.read_capped(name, CAP).ok()).flatten();
        let Some(statement) = bytes.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok()) else { continue };
        if tell(inv, site, &at, time, &statement) {
            return;
        }
    }
}

// buildkit solver/llbsolver/history.go and provenance.go
fn tell(inv: &mut Inventory, site: &Site<'_>, at: &Place, time: Time, statement: &Value) -> bool {
    let Some(definition) = statement.get("buildDefinition") else {
        let old = statement.get("builder").is_some() && statement.get("buildType").is_some();
        if old {
            let because = "the newest build is remembered as SLSA 0.2, which 29.3 gave up";
            below(inv, site, (29, 3, 0), at.clone(), time, because);
        }
        return old;
    };
    if definition.pointer("/internalParameters/dockerfileVersion").is_some() {
        let because = "the newest build names its dockerfileVersion, which is written since 29.5";
        at_least(inv, site, (29, 5, 0), at.clone(), time, because);
    } else {
        let because = "the newest build does not name its dockerfileVersion, which is written since 29.5";
        below(inv, site, (29, 5, 0), at.clone(), time, because);
    }
    true
}
