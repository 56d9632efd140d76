//! Laws over small random trees: every byte is charged once, and threads do not matter.

use proptest::prelude::*;

use super::*;

/// A directory to be made: for each name a file of some size, a directory, or a hard link to an earlier file.
#[derive(Clone, Debug)]
enum Thing {
    File(u16),
    Dir(Vec<Thing>),
    Link(u8),
    Symlink,
}

fn thing() -> impl Strategy<Value = Thing> {
    let leaf = prop_oneof![
        4 => any::<u16>().prop_map(Thing::File),
        2 => any::<u8>().prop_map(Thing::Link),
        1 => Just(Thing::Symlink)
    ];
    leaf.prop_recursive(4, 40, 6, |below| prop::collection::vec(below, 0..6).prop_map(Thing::Dir))
}

fn make(at: &Path, things: &[Thing], places: &mut Vec<Place>, place: &Place, files: &mut Vec<std::path::PathBuf>) {
    for (number, thing) in things.iter().enumerate() {
        let name = format!("n{number}");
        let (path, place) = (at.join(&name), place.join(&name));
        match thing {
            Thing::File(len) => {
                std::fs::write(&path, vec![1; usize::from(*len)]).unwrap();
                files.push(path);
            }
            Thing::Dir(below) => {
                std::fs::create_dir(&path).unwrap();
                make(&path, below, places, &place, files);
            }
            Thing::Link(to) if !files.is_empty() => {
                std::fs::hard_link(&files[usize::from(*to) % files.len()], &path).unwrap();
            }
            Thing::Link(_) | Thing::Symlink => symlink("nowhere", &path).unwrap(),
        }
        places.push(place);
    }
}

/// Which place is claimed by what: chosen by position, so that some claims hit nothing but themselves.
fn claim(places: &[Place], choices: &[(u8, u8)]) -> Claims {
    let mut claims = Claims::new();
    for (number, (at, how)) in choices.iter().enumerate() {
        let at = &places[usize::from(*at) % places.len()];
        let number = number as u32;
        match how % 4 {
            0 => claims.claim(at, Extent::Itself, number),
            1 => claims.claim(at, Extent::Tree, number),
            2 => claims.rest(at, number),
            _ => claims.meter(at, number),
        }
    }
    claims
}

/// The owner of a place, the slow way.
fn owner(place: &Place, places: &[Place], choices: &[(u8, u8)]) -> Option<OwnerIx> {
    let first = |at: &Place, hows: &[u8]| {
        let hit = |(_, (n, how)): &(usize, &(u8, u8))| {
            places[usize::from(*n) % places.len()] == *at && hows.contains(&(how % 4))
        };
        choices.iter().enumerate().find(hit).map(|(n, (_, how))| (n as OwnerIx, how % 4))
    };
    if let Some((owner, _)) = first(place, &[0, 1]) {
        return Some(owner);
    }
    let mut up = place.parent();
    while let Some(at) = up {
        if let Some((rest, _)) = first(&at, &[2]) {
            return Some(rest);
        }
        let claimed = first(&at, &[0, 1]).map(|(owner, _)| owner);
        let whole = |owner| {
            choices.iter().enumerate().any(|(n, (p, how))| {
                n as OwnerIx == owner && places[usize::from(*p) % places.len()] == at && how % 4 == 1
            })
        };
        if let Some(owner) = claimed.filter(|owner| whole(*owner)) {
            return Some(owner);
        }
        up = at.parent();
    }
    None
}

fn by_hand(dir: &Path, places: &[Place], choices: &[(u8, u8)]) -> Vec<(u64, u64)> {
    let mut seen: std::collections::BTreeMap<u64, (u64, Option<OwnerIx>)> = Default::default();
    for entry in walkdir::WalkDir::new(dir) {
        let entry = entry.unwrap();
        use std::os::unix::ffi::OsStrExt as _;
        let inside = entry.path().strip_prefix(dir).unwrap().as_os_str().as_bytes();
        let place = if inside.is_empty() { top() } else { top().join(inside) };
        let meta = entry.metadata().unwrap();
        let owner = owner(&place, places, choices);
        let first = seen.entry(meta.ino()).or_insert((meta.blocks() * 512, owner));
        first.1 = first.1.into_iter().chain(owner).min();
    }
    let mut owners = vec![(0, 0); choices.len() + 1];
    for (bytes, owner) in seen.into_values() {
        let slot = &mut owners[owner.map_or(choices.len(), |ix| ix as usize)];
        *slot = (slot.0 + bytes, slot.1 + 1);
    }
    owners
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_inode_is_charged_once_to_the_right_owner_by_any_number_of_threads(
        things in prop::collection::vec(thing(), 1..6),
        choices in prop::collection::vec(any::<(u8, u8)>(), 0..12),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut places = vec![top()];
        make(dir.path(), &things, &mut places, &top(), &mut Vec::new());
        let disk = disk(dir.path());
        let claims = claim(&places, &choices);
        let ledger = measure(&disk, &claims, choices.len(), choices.len(), 1, &|_, _| ());
        for threads in [2, 8] {
            prop_assert_eq!(&measure(&disk, &claims, choices.len(), choices.len(), threads, &|_, _| ()), &ledger);
        }
        let mine: Vec<_> = ledger.owners.iter().chain([&ledger.unclaimed]).map(|w| (w.allocated, w.inodes)).collect();
        prop_assert_eq!(mine, by_hand(dir.path(), &places, &choices));
        let (allocated, apparent, inodes, _) = oracle(&[dir.path()]);
        prop_assert_eq!((ledger.total.allocated, ledger.total.apparent, ledger.total.inodes), (allocated, apparent, inodes));
    }
}
