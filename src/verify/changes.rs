//! What a stream that was made of a directory does not say: attributes that no stream has, times that were cut down, files as
//! those below, directories that hide nothing. A build may have left them so, and then nothing is wrong; somebody may have
//! done so since. The inode tells when it was changed last.

use super::compare;
use super::examine::Examiner;
use super::owners::Shift;
use super::verdict::{Difference, What};
use crate::disk::{Disk, FileKind, Traits};
use crate::format::tar::Header;
use crate::terms::Place;

type Moment = (i64, u32);

/// More files than this that are in question say nothing new.
const KEPT: usize = 10_000;
/// Of a directory that the engine makes.
pub(super) const USUAL_MODE: u16 = 0o755;
/// Of one that no entry names.
// moby pkg/archive/archive.go ImpliedDirectoryMode, and 0600 or 0777 in older ones
const IMPLIED_MODES: [u16; 3] = [USUAL_MODE, 0o777, 0o600];

/// When the inodes of a layer were changed.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Whatever was changed no later than this was so when the layer was made, or when the root was copied.
    quiet: Moment,
    /// The latest of those about which there is no question.
    latest: Moment,
    /// The same of directories: what is put into one changes it too.
    latest_dir: Moment,
    /// What differs, if it was done since.
    doubtful: Vec<(Difference, Moment)>,
    /// The same of directories that no entry names.
    implied: Vec<(Difference, Moment)>,
    /// The same of the layer's own directory, and since when: a copy of the root was done with it when the one that it lies
    /// in was.
    top: Vec<(Difference, Moment)>,
    quiet_top: Moment,
    /// The latest time that any entry has.
    bound: Option<Moment>,
    /// Files with another time than their entries have.
    late: Vec<Late>,
    /// Whether any device is there, and those that are not.
    pub(super) has_devices: bool,
    absent_devices: Vec<Place>,
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

    /// What is known before the first entry comes.
    pub(super) fn begin(&mut self, disk: &Disk, content: &Place, stream: &Place, made: Moment) {
        let made = disk.stat(stream).map_or(made, |stat| stat.mtime.max(made));
        self.quiet = made.max(copied(disk, content));
        let above = content.parent().and_then(|above| disk.stat(&above).ok());
        self.quiet_top = made.max(above.map_or((0, 0), |stat| stat.ctime));
    }

    /// A directory that no entry names: the engine made it, and its permissions are of the engine's choice.
    pub(super) fn implied(&mut self, traits: &Traits, at: &Place, shift: Shift) {
        if self.implied.len() >= KEPT || traits.ctime <= self.quiet {
            return;
        }
        let why = "no entry names the directory, and it was changed after the layer was made";
        let mut doubt = |what, is: String| {
            let difference = Difference { at: at.clone(), what, detail: format!("{is}; {why}") };
            self.implied.push((difference, traits.ctime));
        };
        let mode = traits.mode & 0o7777;
        if !IMPLIED_MODES.contains(&mode) {
            doubt(What::Mode, format!("{mode:04o}"));
        }
        let owner = (u64::from(traits.uid), u64::from(traits.gid));
        if owner != (shift.uid, shift.gid) {
            doubt(What::Owner, format!("{}:{}", owner.0, owner.1));
        }
        doubt(What::Time, compare::time(traits.mtime));
    }

    /// A time that is the same to the second only.
    pub(super) fn about(&mut self, traits: &Traits, at: Place) {
        let detail = compare::fraction(traits.mtime);
        match traits.kind {
            FileKind::Dir => self.late_dir(traits, at, &detail),
            _ => self.doubt(traits, at, What::Time, detail),
        }
    }

    /// There is a question about the layer's own directory.
    pub(super) fn doubt_top(&mut self, traits: &Traits, at: Place, what: What, detail: &str) {
        if traits.ctime > self.quiet_top {
            let detail = format!("{detail}; the layer's own directory, changed after the layer was made");
            self.top.push((Difference { at, what, detail }, traits.ctime));
        }
    }

    /// A directory whose time is that of its last change, and no entry's.
    pub(super) fn late_dir(&mut self, traits: &Traits, at: Place, detail: &str) {
        if self.implied.len() < KEPT && traits.ctime > self.quiet {
            let detail = format!("{detail}; the directory was changed after the layer was made");
            self.implied.push((Difference { at, what: What::Time, detail }, traits.ctime));
        }
    }

    /// There is one, unless the inode is older than the stream.
    pub(super) fn doubt(&mut self, traits: &Traits, at: Place, what: What, detail: String) {
        if self.doubtful.len() < KEPT && self.may_be_new(traits) {
            self.doubtful.push((Difference { at, what, detail }, traits.ctime));
        }
    }

    /// Whether there is anything to doubt: most layers lie as they were made.
    pub(super) fn may_be_new(&self, traits: &Traits) -> bool {
        traits.ctime > self.quiet.max(self.latest)
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

    /// A device is not there, and may never have been.
    pub(super) fn no_device(&mut self, at: Place) {
        if self.absent_devices.len() < KEPT {
            self.absent_devices.push(at);
        }
    }

    /// A later entry of the same name takes the place of the earlier one.
    pub(super) fn forget(&mut self, goes: &dyn Fn(&Place) -> bool) {
        self.late.retain(|late| !goes(&late.at));
        self.doubtful.retain(|(known, _)| !goes(&known.at));
        self.absent_devices.retain(|absent| !goes(absent));
    }
}

/// When a copy of the root was done with a layer: what lies beside its files, if it has a directory of its own.
fn copied(disk: &Disk, content: &Place) -> Moment {
    let own = matches!(content.name(), b"diff" | b"fs").then(|| content.parent()).flatten();
    disk.stat(&own.unwrap_or_else(|| content.clone())).map_or((0, 0), |stat| stat.ctime)
}

impl Examiner {
    /// A file that was changed after the stream was made, and after all others: a copy of the whole root changes every
    /// inode, and the directories last.
    pub(super) fn judge_changes(&mut self) {
        let quiet = self.changes.latest.max(self.changes.quiet);
        for at in std::mem::take(&mut self.changes.absent_devices) {
            if self.changes.has_devices {
                self.verdict.differs(at, What::Missing, "not there");
            } else {
                self.verdict.unchecked("devices: the driver may have made none, as in a user namespace");
            }
        }
        for (Difference { at, what, detail }, changed) in std::mem::take(&mut self.changes.doubtful) {
            if changed > quiet {
                self.verdict.differs(at, what, detail);
            }
        }
        let quiet_top = self.changes.latest.max(self.changes.quiet_top);
        for (Difference { at, what, detail }, changed) in std::mem::take(&mut self.changes.top) {
            if changed > quiet_top {
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
