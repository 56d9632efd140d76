//! The entries of one layer, each beside the file that was made of it; at the end, the files that no entry names.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::changes::Changes;
use super::compare::{self, Found};
use super::crew::Fetched;
use super::gather::Gather;
use super::habits::{Habits, Whiteouts};
use super::lowers::Lowers;
use super::names::Names;
use super::owners::Owners;
use super::path::{Path, Sense};
use super::seen::Seen;
use super::tree::{Folder, Tree};
use super::verdict::{Verdict, What};
use crate::disk::{Content, FileKind, Halt, Traits};
use crate::format::tar::{Header, Kind};
use crate::terms::Place;

/// The attributes that a header gives a directory.
pub(super) type Attributes = Vec<(Vec<u8>, Vec<u8>)>;

/// What is known of a layer so far.
#[derive(Debug)]
pub(super) struct Examiner {
    pub(super) tree: Tree,
    pub(super) habits: Habits,
    pub(super) verdict: Verdict,
    pub(super) seen: Seen,
    /// Paths that are hidden.
    pub(super) whiteouts: BTreeSet<Vec<u8>>,
    /// Directories below which all is hidden.
    pub(super) opaque: BTreeSet<Vec<u8>>,
    /// Attributes of directories, where there are any: they are compared on the walk, which opens directories.
    pub(super) directories: BTreeMap<Vec<u8>, Attributes>,
    /// Inodes of entries that lie behind a link of the layer: the walk meets them under another path.
    pub(super) aliases: BTreeSet<u64>,
    pub(super) changes: Changes,
    /// Hard links, and what they say of files that have been.
    pub(super) names: Names,
    pub(super) owners: Owners,
    pub(super) gather: Gather,
    /// Directories that are looked at again when all entries have come.
    pub(super) todo: Vec<Vec<u8>>,
    /// Each directory is looked at: it has nothing that is not the layer's own.
    pub(super) lists: bool,
    /// What a listing is read into.
    pub(super) buffer: Vec<u8>,
    /// The snapshots below, where the stream has only what differs from them.
    pub(super) lowers: Lowers,
    /// The entry that came last is the first of its name, and does not lie behind a link.
    pub(super) first: bool,
    path: Path,
    found: Found,
}

/// What an entry's file turned out to be.
#[derive(Debug)]
pub(super) enum Met {
    /// It is there, with this content to read.
    File(Content, Traits),
    /// The same, and the content has been read.
    Fetched,
    /// It has no content, here or at all.
    Nothing,
}

impl Examiner {
    pub(super) fn new(tree: Tree, habits: Habits, verdict: Verdict, is_a_copy: bool) -> Self {
        Self {
            tree,
            habits,
            verdict,
            seen: Seen::default(),
            whiteouts: BTreeSet::new(),
            opaque: BTreeSet::new(),
            directories: BTreeMap::new(),
            aliases: BTreeSet::new(),
            changes: Changes::default(),
            names: Names::default(),
            owners: Owners::default(),
            gather: Gather::default(),
            todo: Vec::new(),
            lists: !is_a_copy,
            buffer: Vec::new(),
            lowers: Lowers::default(),
            first: true,
            path: Path::default(),
            found: Found::new(),
        }
    }

    /// What has come out.
    pub(super) fn verdict(self) -> Verdict {
        Verdict { offsets: self.owners.told(), ..self.verdict }
    }

    /// Compares one entry with its file. The content is left to the caller.
    pub(super) fn meet(&mut self, name: &[u8], header: &Header, fetched: Option<&Fetched>) -> Met {
        if header.kind == Kind::Global {
            return Met::Nothing;
        }
        let mut path = std::mem::take(&mut self.path);
        let met = if path.set(name) {
            self.sense(&path, header, fetched)
        } else {
            self.verdict.unchecked("an entry has a name that leads outside of the layer");
            Met::Nothing
        };
        self.path = path;
        met
    }

    fn sense(&mut self, path: &Path, header: &Header, fetched: Option<&Fetched>) -> Met {
        self.verdict.files = self.verdict.files.saturating_add(1);
        match path.sense() {
            // the engine made it itself, and does not give it what the stream says
            // moby pkg/archive/archive.go Unpack
            Sense::Top => return Met::Nothing,
            Sense::File if path.is_below_aufs() && !self.habits.keeps_marks_of_aufs => {
                self.seen.pass(path.folder());
                return Met::Nothing;
            }
            Sense::File => {}
            _ if self.habits.whiteouts == Whiteouts::Files => {}
            sense => {
                self.hide(path, sense);
                if header.size > 0 {
                    self.verdict.unchecked("a whiteout with a content, which the engine does not keep");
                }
                return Met::Nothing;
            }
        }
        if header.sparse {
            self.verdict.unchecked("a sparse file, of which the stream has a map");
            return Met::Nothing;
        }
        self.go_to(path.folder());
        self.first = self.seen.add(path.bytes());
        if !self.first {
            self.again(path, header.kind);
        }
        let met = match self.look(path, header, fetched) {
            // what is kept open for speed is not worth an answer
            Err(Halt::Crowded) if self.tree.close() => self.look(path, header, fetched),
            other => other,
        };
        match met {
            Ok(met) => met,
            Err(halt) => self.trouble(path, header, &halt),
        }
    }

    fn hide(&mut self, path: &Path, sense: Sense) {
        match sense {
            Sense::Opaque => {
                self.seen.pass(path.folder());
                self.opaque.insert(path.folder().to_vec());
                self.look_again(path.folder());
            }
            Sense::Whiteout => {
                self.seen.pass(path.folder());
                self.whiteouts.insert(path.hidden());
            }
            _ if self.habits.keeps_marks_of_aufs => {
                self.seen.pass(path.folder());
                self.whiteouts.insert(path.hidden());
            }
            _ => self.verdict.unchecked("files that aufs kept for itself"),
        }
    }

    /// A later entry of the same name takes the place of the earlier one.
    fn again(&mut self, path: &Path, kind: Kind) {
        let at = self.tree.place(path.bytes());
        // with a directory goes what was in it
        let goes = |place: &Place| *place == at || kind != Kind::Dir && place.starts_with(&at);
        self.verdict.differences.retain(|difference| !goes(&difference.at));
        self.changes.forget(&goes);
        self.directories.remove(path.bytes());
        self.names.replaced(path.bytes(), &mut self.verdict);
        self.look_again(path.bytes());
    }

    /// Opens what has a content, enters what is a directory; what it is.
    fn open_entry(&mut self, path: &Path, header: &Header) -> Result<(Option<Content>, Traits, bool), Halt> {
        if header.kind == Kind::Dir
            && let Some(traits) = self.tree.enter(path)
        {
            return Ok((None, traits, false));
        }
        let Folder { step, over_a_link } = self.tree.folder(path)?;
        if header.kind == Kind::File {
            match step.content(path.name()) {
                Ok((content, traits)) => return Ok((Some(content), traits, *over_a_link)),
                Err(halt) if header.size > 0 => return Err(halt),
                // nothing of it is to be read
                Err(_) => {}
            }
        }
        Ok((None, step.traits_at(path.name())?, *over_a_link))
    }

    fn look(&mut self, path: &Path, header: &Header, fetched: Option<&Fetched>) -> Result<Met, Halt> {
        let fetched = fetched.filter(|_| header.kind == Kind::File && header.size > 0);
        let (content, traits, over_a_link) = match fetched {
            Some(fetched) => (None, fetched.traits, false),
            None => self.open_entry(path, header)?,
        };
        let mut found = std::mem::take(&mut self.found);
        let about = compare::inode(header, &traits, &self.habits, &mut found);
        self.owners.meet(self.habits.shift, header, &traits, || self.tree.place(path.bytes()));
        self.changes.came(header);
        self.changes.has_devices |= matches!(header.kind, Kind::Char | Kind::Block);
        let late = self.habits.times_may_be_cut.then(|| found.pop_if(|(what, _)| *what == What::Time)).flatten();
        let same_kind = found.first().is_none_or(|(what, _)| *what != What::Kind);
        let (mut elsewhere, mut doubt) = (false, None);
        if same_kind && header.kind == Kind::Dir {
            if !header.xattrs.is_empty() {
                self.directories.insert(path.bytes().to_vec(), header.xattrs.clone());
            }
        } else if same_kind {
            let is = match (fetched, &content) {
                (Some(fetched), _) => Cow::Borrowed(&fetched.attributes),
                (_, Some(content)) => Cow::Owned(content.attributes()?),
                _ => Cow::Owned(self.tree.folder(path)?.step.attributes_at(path.name())?),
            };
            let wanted = self.names.attributes(path, header);
            if !(is.is_empty() && wanted.is_empty()) {
                let marks = compare::attributes(wanted, &is, &self.habits, &mut found);
                elsewhere = marks.elsewhere;
                doubt = marks.unknown;
                if traits.kind == FileKind::Symlink && found.iter().any(|(what, _)| *what == What::Attribute) {
                    let missing = wanted.iter().filter(|(name, _)| !is.iter().any(|(known, _)| known == name));
                    let missing = missing.cloned().collect();
                    self.attributes_moved(path, &missing, &mut found);
                }
            }
        }
        match header.kind {
            Kind::Symlink if same_kind => {
                let target = self.tree.folder(path)?.step.target_at(path.name())?;
                if target != header.link {
                    found.push((What::Target, compare::targets(&target, &header.link)));
                }
            }
            Kind::Link => self.linked(path, header, &traits, &mut found),
            Kind::File if traits.size != header.size && same_kind => {
                found.push((What::Content, format!("{} bytes instead of {}", traits.size, header.size)));
            }
            _ => {}
        }
        for (what, detail) in found.drain(..) {
            self.verdict.differs(self.tree.place(path.bytes()), what, detail);
        }
        self.found = found;
        match (late, doubt) {
            (Some((_, detail)), _) => self.changes.late(self.tree.place(path.bytes()), detail, header, &traits),
            (None, Some(name)) => self.changes.doubt_attribute(&traits, self.tree.place(path.bytes()), &name),
            (None, None) if about && self.changes.may_be_new(&traits) => {
                self.changes.about(&traits, self.tree.place(path.bytes()))
            }
            // the attributes of a directory are looked at on the walk
            (None, None) if header.kind == Kind::Dir => self.changes.note_dir(&traits),
            (None, None) => self.changes.note(&traits),
        }
        if over_a_link {
            self.first = false;
            self.aliases.insert(traits.ino);
        } else if self.first {
            self.gather.meet(&traits);
        }
        if elsewhere {
            self.verdict.unchecked(format!("overlay keeps the content of {} elsewhere", self.tree.place(path.bytes())));
            return Ok(Met::Nothing);
        }
        if fetched.is_some() {
            return Ok(Met::Fetched);
        }
        Ok(content.filter(|_| header.size > 0).map_or(Met::Nothing, |content| Met::File(content, traits)))
    }

    /// A hard link is the inode that its target is.
    fn linked(&mut self, path: &Path, header: &Header, traits: &Traits, found: &mut Found) {
        let target = Path::of(&header.link).filter(|target| !target.bytes().is_empty());
        let Some(target) = target else {
            return self.verdict.unchecked("a hard link to a name that leads outside of the layer");
        };
        let inode = self.tree.folder(&target).and_then(|folder| folder.step.traits_at(target.name()));
        if !inode.is_ok_and(|inode| inode.ino == traits.ino || compare::is_same_device(&inode, traits)) {
            found.push((What::HardLink, compare::not_linked(&header.link)));
            self.names.broken(&target, path, &self.tree);
            return;
        }
        // the inode has what its last name gave it
        // moby pkg/archive/archive.go createTarFile, containerd pkg/archive/tar.go createTarFile
        self.names.linked(&target, path, traits.ino, found, &self.tree, &mut self.verdict);
    }

    fn trouble(&mut self, path: &Path, header: &Header, halt: &Halt) -> Met {
        let at = self.tree.place(path.bytes());
        match halt {
            Halt::Vanished if self.habits.no_devices && matches!(header.kind, Kind::Char | Kind::Block) => {
                self.changes.no_device(at);
            }
            Halt::Vanished | Halt::NotADirectory => self.verdict.differs(at, What::Missing, "not there"),
            Halt::Barred(crate::disk::Unreadable::NotAFile(kind)) => {
                self.verdict.differs(at, What::Kind, format!("is a {kind}"));
            }
            other => self.verdict.unchecked(format!("{at}: {other}")),
        }
        Met::Nothing
    }

    /// A file whose content is to be read again, if it still has this length.
    pub(super) fn open(&mut self, name: &[u8], size: u64) -> Option<(Content, Vec<u8>)> {
        let path = Path::of(name).filter(|path| path.sense() == Sense::File)?;
        let (content, traits) = self.tree.folder(&path).ok()?.step.content(path.name()).ok()?;
        (traits.size == size).then(|| (content, path.bytes().to_vec()))
    }

    /// Whether what lies under a name is the device 0:0 that hides a file.
    pub(super) fn is_whiteout(traits: &Traits) -> bool {
        traits.kind == FileKind::CharDevice && traits.rdev == (0, 0)
    }
}
