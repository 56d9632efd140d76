//! What a stream that was made of a directory does not say: attributes that no stream has, times that were cut down, files as
//! those below, directories that hide nothing. A build may have left them so, and then nothing is wrong; somebody may have
//! done so since. The inode tells when it was changed last.

use super::compare;
use super::examine::Examiner;
use super::habits::Shift;
use super::verdict::{Difference, What};
use crate::disk::{Disk, Traits};
use crate::format::tar::Header;
use crate::terms::Place;

type Moment = (i64, u32);

/// More files than this that are in question say nothing new.
const KEPT: usize = 10_000;

/// When the inodes of a layer were changed.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// The latest of those about which there is no question.
    latest: Moment,
    /// The same of directories: what is put into one changes it too.
    latest_dir: Moment,
    /// What differs, if it was done since.
    doubtful: Vec<(Difference, Moment)>,
    /// The same of directories that no entry names.
    implied: Vec<(Difference, Moment)>,
    /// The latest time that any entry has.
    bound: Option<Moment>,
    /// Files with another time than their entries have.
    late: Vec<Late>,
}

#[derive(Debug)]
struct Late {
    at: Place,
    detail: String,
    wanted: Moment,
    is: Moment,
    changed: Moment,
}

impl Changes {
    /// There is no question about this one.
    pub(super) fn note(&mut self, traits: &Traits) {
        self.latest = self.latest.max(traits.ctime);
    }

    pub(super) fn note_dir(&mut self, traits: &Traits) {
        self.latest_dir = self.latest_dir.max(traits.ctime);
    }

    /// A directory that no entry names: the engine made it, and its permissions are of the engine's choice.
    // moby pkg/archive/archive.go ImpliedDirectoryMode: 0755, and 0600 or 0777 in older ones
    pub(super) fn implied(&mut self, traits: &Traits, at: &Place, shift: Shift) {
        const USUAL: u16 = 0o755;
        if self.implied.len() >= KEPT {
            return;
        }
        let why = "no entry names the directory, and it was changed after the layer was made";
        let mut doubt = |what, is: String| {
            let difference = Difference { at: at.clone(), what, detail: format!("{is}; {why}") };
            self.implied.push((difference, traits.ctime));
        };
        let mode = traits.mode & 0o7777;
        if mode != USUAL {
            doubt(What::Mode, format!("{mode:04o}"));
        }
        let owner = (u64::from(traits.uid), u64::from(traits.gid));
        if owner != (shift.uid, shift.gid) {
            doubt(What::Owner, format!("{}:{}", owner.0, owner.1));
        }
        doubt(What::Time, compare::time(traits.mtime));
    }

    /// A directory whose time is that of its last change, and no entry's.
    pub(super) fn late_dir(&mut self, traits: &Traits, at: Place, detail: &str) {
        if self.implied.len() < KEPT {
            let detail = format!("{detail}; the directory was changed after the layer was made");
            self.implied.push((Difference { at, what: What::Time, detail }, traits.ctime));
        }
    }

    /// There is one, unless the inode is older than the stream.
    pub(super) fn doubt(&mut self, traits: &Traits, at: Place, what: What, detail: String) {
        if self.doubtful.len() < KEPT {
            self.doubtful.push((Difference { at, what, detail }, traits.ctime));
        }
    }

    pub(super) fn doubt_attribute(&mut self, traits: &Traits, at: Place, name: &str) {
        self.doubt(traits, at, What::Attribute, format!("{name} is there, and was set after the layer was made"));
    }

    pub(super) fn came(&mut self, header: &Header) {
        self.bound = self.bound.max(Some(header.mtime));
    }

    pub(super) fn late(&mut self, at: Place, detail: String, header: &Header, traits: &Traits) {
        if self.late.len() < KEPT {
            let (wanted, is, changed) = (header.mtime, traits.mtime, traits.ctime);
            self.late.push(Late { at, detail, wanted, is, changed });
        }
    }

    /// A later entry of the same name takes the place of the earlier one.
    pub(super) fn forget(&mut self, at: &Place) {
        self.late.retain(|late| late.at != *at);
        self.doubtful.retain(|(known, _)| known.at != *at);
    }
}

impl Examiner {
    /// When a copy of the root was done with this layer: what lies beside its files, if it has a directory of its own.
    fn copied(&self, disk: &Disk) -> Moment {
        let at = self.tree.at();
        let own = matches!(at.name(), b"diff" | b"fs").then(|| at.parent()).flatten();
        disk.stat(&own.unwrap_or_else(|| at.clone())).map_or((0, 0), |stat| stat.ctime)
    }

    /// A file that was changed after the stream was made, and after all others: a copy of the whole root changes every
    /// inode, and the directories last.
    pub(super) fn judge_changes(&mut self, disk: &Disk, stream: &Place) {
        let made = disk.stat(stream).map_or((0, 0), |stat| stat.mtime);
        let quiet = self.changes.latest.max(made).max(self.copied(disk));
        for (Difference { at, what, detail }, changed) in std::mem::take(&mut self.changes.doubtful) {
            if changed > quiet {
                self.verdict.differs(at, what, detail);
            }
        }
        let quiet_dir = quiet.max(self.changes.latest_dir);
        for (Difference { at, what, detail }, changed) in std::mem::take(&mut self.changes.implied) {
            if changed > quiet_dir {
                self.verdict.differs(at, what, detail);
            }
        }
        for late in std::mem::take(&mut self.changes.late) {
            // the time of every entry may have been cut down to one moment, a whole second, when the stream was made
            // containerd pkg/archive/tar.go WithModTimeUpperBound, for SOURCE_DATE_EPOCH
            let cut = Some(late.wanted) == self.changes.bound && late.wanted.1 == 0 && late.is > late.wanted;
            if cut && late.changed <= quiet {
                let why = "times: the stream may have been made for SOURCE_DATE_EPOCH, with none after it";
                self.verdict.unchecked(why);
            } else {
                self.verdict.differs(late.at, What::Time, late.detail);
            }
        }
    }
}
