//! Whose the files of a layer must be on the host. An engine that runs in a user namespace has the users of one host user: root
//! inside is that user, and all others lie in a range of IDs of theirs.
//!
//! ```text
//! stream     0  →  1000        the owner of the engine's own directories says so
//! stream  1000  →  100999      no file of the root says where the range begins: the files themselves do, all by the same number
//! ```

use std::collections::BTreeMap;

use super::verdict::{Difference, Verdict, What};
use crate::disk::{Disk, Traits};
use crate::format::tar::Header;
use crate::terms::Place;

/// Host IDs of a layer's users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shift {
    /// Of root.
    pub(super) uid: u64,
    pub(super) gid: u64,
    /// Those of the others do not follow from that.
    learned: bool,
}

/// An ID on the host less that in the stream, of user and group.
type Offset = [i128; 2];

/// An owner beside the one that the stream says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owned {
    Right,
    /// By this user and group, and should be by those.
    Wrong((u64, u64), (u64, u64)),
    /// It is as far from the stream's as this, if the files of others are, too; where it is root's, nothing follows.
    ByOffset([Option<i128>; 2]),
}

impl Shift {
    /// Of a root that is called `<uid>.<gid>`: the host's IDs of the users that root in a container is mapped to. Else whoever owns
    /// what the engine made at the beginning is its root.
    // rootlesskit maps 0 to the user, and 1 and up to the user's range in /etc/subuid
    pub(super) fn of_root(name: &str, disk: &Disk, made: Option<Place>) -> Self {
        let last = name.rsplit('/').next().unwrap_or_default();
        let ids = last.split_once('.').and_then(|(uid, gid)| Some((uid.parse().ok()?, gid.parse().ok()?)));
        if let Some((uid, gid)) = ids {
            return Self { uid, gid, learned: false };
        }
        // a directory of root's may have another group, which it then has of the one that it lies in
        let owner = made.and_then(|at| disk.stat(&at).ok()).filter(|stat| stat.uid != 0);
        owner.map_or_else(Self::default, |stat| Self { uid: stat.uid.into(), gid: stat.gid.into(), learned: true })
    }

    /// The engine runs in a user namespace of its own.
    pub(super) fn is_rootless(self) -> bool {
        self.learned
    }

    pub(super) fn owner(self, header: &Header) -> (u64, u64) {
        (header.uid.saturating_add(self.uid), header.gid.saturating_add(self.gid))
    }

    /// Whether a file is owned by whom the stream says.
    pub(super) fn judge(self, header: &Header, traits: &Traits) -> Owned {
        let owner = (u64::from(traits.uid), u64::from(traits.gid));
        let wanted = self.owner(header);
        if !self.learned {
            return if owner == wanted { Owned::Right } else { Owned::Wrong(owner, wanted) };
        }
        // root is one user, and nobody else is that one
        let fits = |inside: u64, is: u64, root: u64| (inside == 0) == (is == root);
        if !fits(header.uid, owner.0, self.uid) || !fits(header.gid, owner.1, self.gid) {
            return Owned::Wrong(owner, wanted);
        }
        let offset = |inside: u64, is: u64| (inside != 0).then(|| i128::from(is).saturating_sub(i128::from(inside)));
        match [offset(header.uid, owner.0), offset(header.gid, owner.1)] {
            [None, None] => Owned::Right,
            offsets => Owned::ByOffset(offsets),
        }
    }
}

/// A file whose owner is neither right nor wrong by itself.
#[derive(Clone, Debug)]
struct Unsure {
    at: Place,
    offsets: [Option<i128>; 2],
    /// On the host, and in the stream.
    is: (u64, u64),
    inside: (u64, u64),
}

/// Those of one layer, by inode.
#[derive(Debug, Default)]
pub(super) struct Owners(BTreeMap<u64, Unsure>);

impl Owners {
    /// One name of an inode: what is said of it last counts, since each name sets the owner again.
    pub(super) fn meet(&mut self, shift: Shift, header: &Header, traits: &Traits, at: impl FnOnce() -> Place) {
        if !shift.learned {
            return;
        }
        match shift.judge(header, traits) {
            Owned::ByOffset(offsets) => {
                let is = (u64::from(traits.uid), u64::from(traits.gid));
                let inside = (header.uid, header.gid);
                self.0.insert(traits.ino, Unsure { at: at(), offsets, is, inside });
            }
            _ => drop(self.0.remove(&traits.ino)),
        }
    }

    /// What is to be held against other layers of the same root.
    pub(super) fn told(self) -> Offsets {
        let mut told = Offsets::default();
        for file in self.0.into_values() {
            for (counts, offset) in told.counts.iter_mut().zip(file.offsets) {
                if let Some(offset) = offset {
                    let count: &mut u64 = counts.entry(offset).or_default();
                    *count = count.saturating_add(1);
                }
            }
            told.files.entry(file.offsets).or_default().push(file);
        }
        told
    }
}

/// By how much the owners of files are off.
#[derive(Clone, Debug, Default)]
pub struct Offsets {
    counts: [BTreeMap<i128, u64>; 2],
    files: BTreeMap<[Option<i128>; 2], Vec<Unsure>>,
}

/// Of all files of a root that are not root's, most are off by the same number: the others were given away.
pub(super) fn settle(verdicts: &mut [Verdict]) {
    let mut roots: BTreeMap<_, [BTreeMap<i128, u64>; 2]> = BTreeMap::new();
    for verdict in verdicts.iter() {
        let sums = roots.entry(verdict.key.root.clone()).or_default();
        for (sums, counts) in sums.iter_mut().zip(&verdict.offsets.counts) {
            for (offset, count) in counts {
                let sum = sums.entry(*offset).or_default();
                *sum = sum.saturating_add(*count);
            }
        }
    }
    let usual = |sums: &BTreeMap<i128, u64>| {
        sums.iter().max_by_key(|(offset, count)| (**count, std::cmp::Reverse(**offset))).map(|(offset, _)| *offset)
    };
    let roots: BTreeMap<_, Offset> =
        roots.into_iter().map(|(root, sums)| (root, sums.each_ref().map(|sums| usual(sums).unwrap_or(0)))).collect();
    for verdict in verdicts.iter_mut() {
        let Some(usual) = roots.get(&verdict.key.root) else { continue };
        let is_usual = |offsets: &[Option<i128>; 2]| {
            offsets.iter().zip(usual).all(|(offset, usual)| offset.is_none_or(|offset| offset == *usual))
        };
        let files = std::mem::take(&mut verdict.offsets).files;
        let others = files.into_iter().filter(|(offsets, _)| !is_usual(offsets)).flat_map(|(_, files)| files);
        let mut others: Vec<Difference> = others.map(|file| wrong(file, usual)).collect();
        others.sort();
        let any = !others.is_empty();
        others.into_iter().for_each(|it| verdict.differs(it.at, it.what, it.detail));
        if any {
            verdict.differences.sort();
        }
    }
}

fn wrong(file: Unsure, usual: &Offset) -> Difference {
    let Unsure { at, is, inside, .. } = file;
    let [uid, gid] = usual;
    let host = |inside: u64, is: u64, offset: i128| match inside {
        0 => i128::from(is),
        _ => i128::from(inside).saturating_add(offset),
    };
    let (uid, gid) = (host(inside.0, is.0, *uid), host(inside.1, is.1, *gid));
    let detail = format!("{}:{} instead of {uid}:{gid}, by the other files of this root", is.0, is.1);
    Difference { at, what: What::Owner, detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terms::{Key, Kind};

    fn verdict(id: &str, files: &[(&str, u64, u32)]) -> Verdict {
        let key = Key { root: "docker".into(), store: "overlay2".into(), kind: Kind::Layer, id: id.into() };
        let mut verdict = Verdict::of(&key, &Place::tree("docker"));
        let (shift, mut owners) = (Shift { uid: 1001, gid: 1001, learned: true }, Owners::default());
        for (ino, (name, uid, is)) in (1..).zip(files) {
            let header = Header { uid: *uid, gid: 0, ..Header::default() };
            let traits = Traits { uid: *is, gid: 1001, ino, ..traits() };
            owners.meet(shift, &header, &traits, || Place::tree("docker").join(name));
        }
        verdict.offsets = owners.told();
        verdict
    }

    fn traits() -> Traits {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::new([crate::disk::Tree::open("docker", dir.path()).unwrap()]).unwrap();
        disk.step(&Place::tree("docker")).unwrap().traits().unwrap()
    }

    #[test]
    fn the_range_of_users_is_learned_from_all_layers_and_who_is_not_in_it_is_told() {
        let mut verdicts = [
            verdict("one", &[("a", 33, 100_032), ("b", 1000, 100_999), ("root", 0, 1001)]),
            verdict("two", &[("c", 33, 100_033), ("d", 5, 100_004)]),
        ];
        settle(&mut verdicts);
        assert!(verdicts[0].differences.is_empty());
        let told: Vec<&Difference> = verdicts[1].differences.iter().collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].detail.starts_with("100033:1001 instead of 100032:1001"), "{told:?}");
    }

    #[test]
    fn root_is_one_user_and_nobody_else_is() {
        let shift = Shift { uid: 1001, gid: 1001, learned: true };
        let judge = |inside: u64, is: u32| {
            let header = Header { uid: inside, gid: 0, ..Header::default() };
            shift.judge(&header, &Traits { uid: is, gid: 1001, ..traits() })
        };
        assert_eq!(judge(0, 1001), Owned::Right);
        assert!(matches!(judge(0, 0), Owned::Wrong(..)));
        assert!(matches!(judge(5, 1001), Owned::Wrong(..)));
        assert_eq!(judge(5, 100_004), Owned::ByOffset([Some(99_999), None]));
    }
}
