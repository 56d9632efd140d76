//! What the network database tells.
//!
//! ```text
//! network/files/local-kv.db, bucket `libnetwork`:
//!     docker/network/v1.0/network/<id>/    8 bytes, and a network as JSON
//!     docker/network/v1.0/bridge/<id>/     8 bytes, and its bridge as JSON; the default one is made anew at each start
//! ```

use serde_json::Value;

use super::{Triple, at_least, below, written};
use crate::inventory::Inventory;
use crate::store::{Site, bolt_file};
use crate::terms::Lost;

/// What the default bridge has since when.
// moby libnetwork/drivers/bridge/bridge_store.go: MarshalJSON
const SINCE: &[(&str, Triple, &str)] = &[
    ("HostIPv6", (25, 0, 0), "HostIPv6, written since 25.0"),
    ("GwModeIPv4", (27, 0, 0), "GwModeIPv4, written since 27.0"),
    ("EnableIPv4", (28, 0, 0), "EnableIPv4, written since 28.0"),
    ("TrustedHostInterfaces", (28, 2, 0), "TrustedHostInterfaces, written since 28.2"),
];

/// A question, not evidence for anything else: no reference is lost with it.
pub(super) fn look(inv: &mut Inventory, site: &Site<'_>) {
    let at = site.at("network/files/local-kv.db");
    let problems = inv.problems.len();
    let Some(tree) = bolt_file::read(site, inv, &at, &Lost::Nothing) else {
        // the engine makes it with its directory
        let made = site.disk.stat(&site.at("network/files")).is_ok();
        if made && inv.problems.len() == problems {
            inv.problem("missing-file", &at, Lost::Nothing, "no such file: the networks are not known");
        }
        return;
    };
    let Some(bucket) = tree.at(&[b"libnetwork"]) else { return };
    let time = written(site, &at);
    for (key, value) in bucket.entries() {
        let json = || value.get(8..).and_then(|json| serde_json::from_slice::<Value>(json).ok());
        if key.starts_with(b"docker/network/v1.0/network/") && json().is_some_and(|net| net.get("enableIPv4").is_some())
        {
            at_least(inv, site, (28, 0, 0), at.clone(), time, "a network has enableIPv4, written since 28.0");
        }
        let bridge = key.starts_with(b"docker/network/v1.0/bridge/").then(json).flatten();
        let Some(bridge) = bridge.filter(|bridge| bridge.get("DefaultBridge") == Some(&Value::Bool(true))) else {
            continue;
        };
        let has = |(name, ..): &&(&str, Triple, &str)| bridge.get(name).is_some();
        if let Some((_, version, because)) = SINCE.iter().rev().find(has) {
            at_least(inv, site, *version, at.clone(), time, &format!("the default bridge has {because}"));
        }
        if let Some((_, version, because)) = SINCE.iter().find(|trace| !has(trace)) {
            below(inv, site, *version, at.clone(), time, &format!("the default bridge has no {because}"));
        }
    }
}
