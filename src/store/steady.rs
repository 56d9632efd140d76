//! Reading a root while a daemon works on it. What lies there is never of one moment: an image is read before its
//! container is, a directory is made before the file that names it. So whatever looks wrong must look wrong twice.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::disk::Disk;
use crate::inventory::{Inventory, Root};
use crate::terms::{Key, Kind, LinkKind, Place};

/// A root that never comes to rest is taken as it was found last: its problems then say what is unknown.
const TRIES: usize = 8;
/// Longer than it takes the engine to write the few files of one thing.
const PAUSE: Duration = Duration::from_millis(60);

/// The databases that a running daemon holds locks on.
const DATABASES: &[&str] = &["volumes/metadata.db", "network/files/local-kv.db", "buildkit/metadata_v2.db"];

/// Looks again and again while a daemon is at work, until all that looks wrong did so the time before.
pub(super) fn survey(disk: &Disk, look: impl Fn() -> Inventory) -> Inventory {
    let mut inventory = look();
    let mut before = doubts(&inventory);
    for _ in 1..TRIES {
        if before.is_empty() || !inventory.roots.iter().any(|root| is_worked_on(disk, root)) {
            break;
        }
        std::thread::sleep(PAUSE);
        inventory = look();
        let now = doubts(&inventory);
        if now.is_subset(&before) {
            break;
        }
        before = now;
    }
    inventory
}

fn is_worked_on(disk: &Disk, root: &Root) -> bool {
    let locked = |path: &&str| disk.is_flocked(&root.place.join(path));
    DATABASES.iter().any(locked)
}

/// What may look wrong only because two halves were read at two moments.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Doubt {
    Problem(&'static str, Place),
    Dangling(Key, LinkKind, Key),
    Idle(Key),
}

fn doubts(inventory: &Inventory) -> BTreeSet<Doubt> {
    let problems = inventory.problems.iter().map(|problem| Doubt::Problem(problem.code, problem.at.clone()));
    let holding = inventory.links.iter().filter(|link| link.kind.holds());
    let dangling = holding.filter(|link| inventory.get(&link.to).is_none());
    let dangling = dangling.map(|link| Doubt::Dangling(link.from.clone(), link.kind, link.to.clone()));
    let held: BTreeSet<&Key> = inventory.links.iter().map(|link| &link.to).collect();
    let suspect = inventory.entities.keys().filter(|key| match key.kind {
        Kind::File | Kind::Leftover => true,
        Kind::DriverDirectory | Kind::Layer | Kind::Mount => !held.contains(key),
        _ => false,
    });
    problems.chain(dangling).chain(suspect.map(|key| Doubt::Idle(key.clone()))).collect()
}
