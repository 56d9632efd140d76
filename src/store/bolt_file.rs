//! A bolt database as a file below a root, which a daemon may be writing to.

use std::io;

use super::Site;
use crate::disk::{DATABASE_CAP, Unreadable};
use crate::format::bolt::{Bolt, BoltError, LiveError, Tree, read_stable};
use crate::inventory::Inventory;
use crate::terms::{Lost, Place};

/// How often a database that changes under our hands is read again.
const TRIES: usize = 8;
/// How many broken places of one database are named one by one.
const NAMED: usize = 16;

/// Reads a database. One that is not there is no problem of ours, and `None`; of one that cannot be read, or not in
/// full, the cause is noted with what is `lost` by it.
pub(super) fn read(site: &Site<'_>, inv: &mut Inventory, at: &Place, lost: &Lost) -> Option<Tree> {
    let mut why = None;
    let bolt = read_stable(TRIES, |len| {
        let bytes = if len == usize::MAX { site.disk.read_capped(at, DATABASE_CAP) } else { site.disk.head(at, len) };
        bytes.map_err(|cause| io::Error::other(why.insert(cause).to_string()))
    });
    match (bolt, why) {
        (Ok(bolt), _) => Some(walk(inv, at, lost, &bolt)),
        (Err(_), Some(Unreadable::Missing)) => None,
        (Err(_), Some(cause)) => {
            inv.problem("unreadable-database", at, lost.clone(), cause);
            None
        }
        (Err(LiveError::Io(cause)), None) => {
            inv.problem("unreadable-database", at, lost.clone(), cause);
            None
        }
        (Err(LiveError::Bolt(cause)), None) => {
            let code = if cause == BoltError::Changing { "changing-database" } else { "damaged-database" };
            inv.problem(code, at, lost.clone(), cause);
            None
        }
    }
}

fn walk(inv: &mut Inventory, at: &Place, lost: &Lost, bolt: &Bolt) -> Tree {
    if let Some(fault) = bolt.stepped_back() {
        let cause = format!("one of the two meta pages is invalid ({fault}): the last change to it may be missing");
        inv.problem("damaged-database", at, lost.clone(), cause);
    }
    let tree = bolt.read();
    for damage in tree.damage().take(NAMED) {
        inv.problem("damaged-database", at, lost.clone(), damage);
    }
    let more = tree.damage().skip(NAMED).count().saturating_add(tree.unlisted_damage());
    if more > 0 {
        inv.problem("damaged-database", at, lost.clone(), format!("{more} more places of it are broken"));
    }
    tree
}
