//! The engine's own ID, which every engine since 23.0 writes at its first start.

use crate::disk::{Disk, Unreadable};
use crate::inventory::{Clue, Inventory};
use crate::terms::Lost;

pub(super) fn check(disk: &Disk, inv: &mut Inventory) {
    let mut missed = Vec::new();
    for root in inv.engine_roots() {
        let at = root.place.join("engine-id");
        let of_containers = root.place.join("containers");
        if disk.stat(&of_containers) == Err(Unreadable::Missing) {
            continue; // no engine was ever started on it
        }
        // what a container's config lacks may never have been there
        let newer = |clue: &&Clue| {
            let of_engine = clue.root == root.name && !clue.evidence.starts_with(&of_containers);
            of_engine && clue.at_least >= Some((23, 0, 0))
        };
        let Some(clue) = inv.clues.iter().filter(newer).max_by_key(|clue| (clue.at_least, &clue.evidence)) else {
            continue;
        };
        if disk.stat(&at) == Err(Unreadable::Missing) {
            missed.push((
                at,
                format!("missing ({}: {}): at its next start the engine takes a new ID", clue.evidence, clue.because),
            ));
        }
    }
    for (at, cause) in missed {
        inv.problem("missing-file", &at, Lost::Nothing, cause);
    }
}
