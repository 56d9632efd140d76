//! F4: one file (or folder) for each thing that an engine writes. Each surveys its part of a root into an inventory:
//! it takes what it can and notes what it cannot.

mod bolt_file;
mod buildkit;
mod clues;
mod consistency;
pub(crate) mod containerd;
mod containers;
mod driver;
mod gather;
mod image;
mod nested;
mod other;
#[cfg(test)]
pub(crate) mod sample;
mod site;
mod steady;
#[cfg(test)]
pub(crate) mod tests;
mod volumes;

use std::panic::{AssertUnwindSafe, catch_unwind};

use rayon::prelude::*;

use crate::disk::Disk;
use crate::inventory::{Inventory, Root};
use crate::terms::{Kind, LinkKind, Lost, Place};
pub use nested::look_around;
pub use site::Site;

/// A store, by the name that an internal error is reported under.
struct Store {
    name: &'static str,
    survey: fn(&Site<'_>) -> Inventory,
    /// What is lost if the survey as a whole fails.
    links: &'static [LinkKind],
}

/// Every store of a data root. A new one is a line here.
const STORES: &[Store] = &[
    Store {
        name: "image",
        survey: image::survey,
        links: &[LinkKind::Names, LinkKind::TopLayer, LinkKind::Parent, LinkKind::StoredIn, LinkKind::StandsOn],
    },
    Store { name: "driver", survey: driver::survey, links: &[LinkKind::Lower] },
    Store {
        name: "containers",
        survey: containers::survey,
        links: &[LinkKind::RunsFrom, LinkKind::ReadWrite, LinkKind::Uses, LinkKind::ImageMount],
    },
    Store { name: "volumes", survey: volumes::survey, links: &[] },
    Store {
        name: "buildkit",
        survey: buildkit::survey,
        links: &[
            LinkKind::Caches,
            LinkKind::RecordParent,
            LinkKind::SharesLayer,
            LinkKind::StoredIn,
            LinkKind::SnapshotParent,
            LinkKind::HoldsLease,
            LinkKind::Leases,
            LinkKind::Content,
            LinkKind::Remembers,
        ],
    },
    Store { name: "other", survey: other::survey, links: &[LinkKind::Content] },
    Store { name: "containerd", survey: containerd::survey, links: containerd::LOST },
];

/// Surveys everything, in parallel; the result does not depend on the number of threads.
pub fn survey(disk: &Disk) -> Inventory {
    survey_roots(disk, &site::trees(disk))
}

/// Surveys roots that lie in others, as if they were all that is on the disk.
pub fn survey_roots(disk: &Disk, roots: &[Root]) -> Inventory {
    steady::survey(disk, || {
        let mut inventory = once(disk, roots.to_vec());
        consistency::settle(disk, &mut inventory);
        let mut inventory = inventory.seal();
        forget_the_vanished(disk, &mut inventory);
        inventory
    })
}

/// What a daemon removed between a listing and a look is claimed by nobody, and no stranger either.
fn forget_the_vanished(disk: &Disk, inventory: &mut Inventory) {
    let gone = |at: &Place| disk.stat(at).is_err_and(|cause| cause.is_missing());
    inventory.entities.retain(|key, thing| key.kind != Kind::File || !thing.lots.iter().any(|lot| gone(&lot.at)));
}

fn once(disk: &Disk, roots: Vec<Root>) -> Inventory {
    let roots = site::roots(disk, roots);
    let mut tasks: Vec<(Site<'_>, &Store)> = Vec::new();
    for (root, top) in roots.found.iter().zip(&roots.tops) {
        let site = Site::new(disk, root, &roots.found).under(top.as_ref());
        tasks.extend(STORES.iter().map(|store| (site, store)));
    }
    let parts: Vec<Inventory> = tasks.into_par_iter().map(|(site, store)| fenced(&site, store)).collect();
    let mut inventory = Inventory { roots: roots.found, problems: roots.problems, ..Inventory::default() };
    inventory.merge_all(parts);
    containerd::join(&mut inventory);
    inventory
}

/// A panic is a bug of ours; it costs one store, not the report.
fn fenced(site: &Site<'_>, store: &Store) -> Inventory {
    catch_unwind(AssertUnwindSafe(|| (store.survey)(site))).unwrap_or_else(|_| {
        let mut inventory = Inventory::default();
        let lost = Lost::Links(store.links.to_vec());
        inventory.problem(
            "internal",
            &site.root.place,
            lost,
            format!("reading the {} store failed unexpectedly", store.name),
        );
        inventory
    })
}

/// The top of a root's tree, for messages about the whole.
pub fn top(disk: &Disk) -> Option<Place> {
    disk.trees().next().map(|tree| Place::tree(tree.name()))
}
