//! A driver's home that no `image/<driver>` explains was left behind, unless something still refers to it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::disk::{Disk, Unreadable};
use crate::inventory::{Inventory, StoreKind};
use crate::store::driver::is_read_in_full;
use crate::store::image;
use crate::terms::{Kind, Lost};

pub(super) fn check(disk: &Disk, inv: &mut Inventory) {
    let wanted: BTreeSet<(Arc<str>, Arc<str>)> = inv
        .of_kind(Kind::Container)
        .filter_map(|(key, thing)| Some((key.root.clone(), thing.container()?.driver.as_str().into())))
        .collect();
    for store in inv.stores.clone() {
        let explained = store.read_in_full || store.kind != StoreKind::GraphDriver || !is_read_in_full(&store.name);
        if explained || !wanted.contains(&(store.root.clone(), store.name.clone())) {
            continue;
        }
        let Some(root) = inv.roots.iter().find(|root| root.name == store.root) else { continue };
        let at = root.place.join("image").join(&*store.name);
        if disk.stat(&at) == Err(Unreadable::Missing) {
            let lost = Lost::Links(image::ALL.to_vec());
            inv.problem("missing-directory", &at, lost, "containers of this driver are there, and its images are not");
        }
    }
}
