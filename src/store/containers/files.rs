//! Whose bytes the files of a container's directory are.

use crate::disk::{Dir, FileKind, Unreadable};
use crate::inventory::facts::Leftover;
use crate::inventory::{Entity, Extent, Inventory, Lot, OwnerKind};
use crate::store::Site;
use crate::terms::{Kind, Lost, Place};

/// The claims of one container; temporary files become things of their own, checkpoints are named.
pub(super) fn lots(inv: &mut Inventory, site: &Site<'_>, dir: &Dir<'_>, checkpoints: &mut Vec<String>) -> Vec<Lot> {
    let mut lots = vec![tree(dir.place().clone(), OwnerKind::ContainerMetadata)];
    for (name, kind) in dir.entries() {
        let at = dir.place().join(name);
        match (name, kind) {
            (b"local-logs", FileKind::Dir) => lots.push(tree(at, OwnerKind::ContainerLogs)),
            (b"checkpoints", FileKind::Dir) => lots.extend(checkpoint_lots(inv, dir, checkpoints)),
            (name, FileKind::File) if is_log(name) => {
                // rotations may be more than the options allow, and one log of several may have grown: they are told apart
                inv.meter(at.clone());
                lots.push(tree(at, OwnerKind::ContainerLogs));
            }
            (name, _) if name.starts_with(b".tmp-") => leftover(inv, site, at),
            _ => {}
        }
    }
    lots
}

fn tree(at: Place, owner: OwnerKind) -> Lot {
    Lot { at, extent: Extent::Tree, owner }
}

/// `<id>-json.log` or `container-cached.log`, rotated or not. Rotations are more than the current options allow when
/// the options changed: nothing removes those before the container goes.
// moby daemon/logger/loggerutils/logfile.go: rotate
fn is_log(name: &[u8]) -> bool {
    let rotation = |rest: &[u8]| rest.is_empty() || rest.starts_with(b".");
    if let Some(rest) = name.strip_prefix(b"container-cached.log") {
        return rotation(rest);
    }
    let (Some(id), Some(rest)) = (name.get(..64), name.get(64..)) else { return false };
    id.iter().all(u8::is_ascii_hexdigit) && rest.strip_prefix(b"-json.log").is_some_and(rotation)
}

/// Every container has `checkpoints/`; a checkpoint is a directory in it that holds something.
fn checkpoint_lots(inv: &mut Inventory, dir: &Dir<'_>, names: &mut Vec<String>) -> Vec<Lot> {
    let place = dir.place().join("checkpoints");
    let above = match dir.dir(b"checkpoints") {
        Err(Unreadable::Missing) => return Vec::new(),
        other => match inv.note("unreadable-directory", &place, Lost::Nothing, other) {
            Some(above) => above,
            None => return Vec::new(),
        },
    };
    let mut lots = Vec::new();
    for (name, kind) in above.entries() {
        let holds_something = kind == FileKind::Dir && above.dir(name).is_ok_and(|inner| !inner.is_empty());
        if holds_something {
            names.push(String::from_utf8_lossy(name).into_owned());
            lots.push(tree(place.join(name), OwnerKind::Checkpoint));
        }
    }
    lots
}

fn leftover(inv: &mut Inventory, site: &Site<'_>, at: Place) {
    let what = Leftover {
        what: "temporary file",
        cleaned_by: "removing the container, which takes its directory along",
        by_itself: false,
    };
    let key = site.root.key("engine", Kind::Leftover, at.to_string());
    inv.add(key, Entity::new(what).tree(at, OwnerKind::Temporary));
}
