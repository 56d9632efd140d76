//! `history.db`, `history_c8d.db`: records of past builds.
//!
//! ```text
//! _records/<ref>       a protobuf message; its blobs hang on lease ref_<ref> of namespace buildkit_history
//! _version/version     "2"
//! ```

use crate::format::bolt::{Bucket, Tree};
use crate::inventory::facts::PastBuild;
use crate::inventory::{Entity, Inventory, Keeps};
use crate::terms::{Kind, LinkKind, Lost, Place, Printable};

use super::leases::{self, Leases};
use super::{HISTORY_NAMESPACE, STORE, Site};

/// What goes with this database.
pub(super) const LOST: &[LinkKind] = &[LinkKind::Remembers];

/// Puts past builds into the table. Those of containerd's image store have their leases there.
pub(super) fn enter(site: &Site<'_>, inv: &mut Inventory, at: &Place, tree: &Tree, leases: &Leases) {
    for (name, _) in tree.at(&[b"_records"]).into_iter().flat_map(Bucket::entries) {
        let Ok(name) = std::str::from_utf8(name) else {
            let cause = format!("{} is no name of a build", Printable(name));
            inv.problem("bad-build-record", at, Lost::Links(LOST.to_vec()), cause);
            continue;
        };
        let key = site.root.key(STORE, Kind::BuildHistory, name);
        inv.add(key.clone(), Entity::new(PastBuild { list: at.clone() }).kept(Keeps::BuildHistory));
        let lease = format!("{HISTORY_NAMESPACE}/ref_{name}");
        if leases.leases.contains_key(&lease) {
            inv.link(&key, LinkKind::Remembers, leases::key(site, &lease), at);
        }
    }
}
