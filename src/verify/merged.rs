//! A layer whose directory is a full copy of its chain (vfs, btrfs): its own files as those of any layer, and those of the
//! layers below beside what their records say.

use std::collections::{HashMap, HashSet};
use std::ffi::{CStr, CString};
use std::io::Read as _;

use super::budget::Budget;
use super::compare::{self, Found};
use super::desk::{Desk, TimeIsUp};
use super::examine::Examiner;
use super::habits::Habits;
use super::model::{Model, Node};
use super::split;
use super::subject::{CopyOf, Source};
use super::unpack::Unpacked;
use super::verdict::What;
use super::walk::join;
use crate::disk::{Attributes, FileKind, Halt, Step, Stream};
use crate::format::tar::{Event, Header, Kind, Scanner};
use crate::format::tarsplit::{Limits, Piece, TarSplit};

/// Compares the whole copy, when the layer's own entries have been.
pub(super) fn finish(
    desk: &mut Desk<'_>,
    examiner: &mut Examiner,
    own: &Source,
    copy: &CopyOf,
) -> Result<(), TimeIsUp> {
    let model = match model(desk, examiner, own, copy)? {
        Ok(model) => model,
        Err(why) => {
            examiner.verdict.unchecked(why);
            return Ok(());
        }
    };
    let mut copy = Copy { desk, examiner, model, read: HashSet::new(), inodes: HashMap::new() };
    let mut todo: Vec<Vec<u8>> = vec![Vec::new()];
    let mut buffer = Vec::new();
    while let Some(path) = todo.pop() {
        let step = copy.examiner.tree.top().reach(&path);
        let done = match step {
            Ok(step) => copy.directory(&step, &path, &mut buffer, &mut todo)?,
            Err(halt) => Err(halt),
        };
        if let Err(halt) = done {
            let at = copy.examiner.tree.place(&path);
            copy.examiner.verdict.unchecked(format!("{at}: {halt}"));
        }
    }
    let missed: Vec<_> = copy.model.missed().map(|path| copy.examiner.tree.place(path)).collect();
    for at in missed {
        copy.examiner.verdict.differs(at, What::Missing, "not there, and the layers have it");
    }
    Ok(())
}

/// The streams of the chain, base first, the layer's own last.
fn model(
    desk: &mut Desk<'_>,
    examiner: &mut Examiner,
    own: &Source,
    copy: &CopyOf,
) -> Result<Result<Model, String>, TimeIsUp> {
    let below = match &copy.below {
        Ok(below) => below,
        Err(why) => return Ok(Err(why.clone())),
    };
    let mut model = Model::new(examiner.habits.keeps_marks_of_aufs);
    for (number, source) in below.iter().chain([own]).enumerate() {
        model.begin(number, source.from_directory, number == 0 || copy.keeps_attributes);
        if number > 0 && copy.loses_times {
            model.lose_times();
        }
        let read = match desk.disk.stream(&source.at) {
            Err(cause) => Err(cause.into()),
            Ok(stream) if source.is_a_record => of_record(&mut model, desk, stream),
            Ok(stream) => of_blob(&mut model, desk, examiner, stream),
        };
        match read {
            Ok(()) => model.end(),
            Err(Stop::Time) => return Err(TimeIsUp),
            Err(Stop::Refused(cause)) => return Ok(Err(format!("of the layers below: {}: {cause}", source.at))),
        }
    }
    Ok(Ok(model))
}

/// Why a stream is not followed to its end.
enum Stop {
    Time,
    Refused(String),
}

impl<E: std::fmt::Display> From<E> for Stop {
    fn from(cause: E) -> Self {
        Self::Refused(cause.to_string())
    }
}

fn go_on(desk: &mut Desk<'_>, read: usize) -> Result<(), Stop> {
    desk.tell(0, read as u64).map_err(|TimeIsUp| Stop::Time)
}

fn of_record(model: &mut Model, desk: &mut Desk<'_>, stream: Stream) -> Result<(), Stop> {
    let mut pieces = TarSplit::new(stream, Limits::default());
    let mut tar = Scanner::default();
    while let Some(piece) = pieces.next()? {
        match piece {
            Piece::Bytes(bytes) => {
                split::headers(&mut tar, bytes)?;
                go_on(desk, bytes.len())?;
            }
            Piece::File { name, size, sum } => {
                model.apply(name, tar.header(), sum);
                if tar.header().kind == Kind::File {
                    tar.skip(size)?;
                }
            }
        }
    }
    Ok(())
}

/// The same of a blob, where contents are summed on the way.
fn of_blob(model: &mut Model, desk: &mut Desk<'_>, examiner: &mut Examiner, stream: Stream) -> Result<(), Stop> {
    let mut blob = Unpacked::new(stream)?;
    let mut budget = Budget::default();
    let mut seen = HashSet::new();
    let mut tar = Scanner::default();
    let mut part = vec![0; 256 << 10];
    let mut entry: Option<(Header, crc::Digest<'_, u64, crc::Table<16>>)> = None;
    let mut apply = |entry: Option<(Header, crc::Digest<'_, u64, crc::Table<16>>)>| {
        if let Some((header, sum)) = entry {
            model.apply(&header.name, &header, Some(sum.finalize()));
        }
    };
    loop {
        let read = blob.read(&mut part)?;
        budget.came(read as u64);
        go_on(desk, read)?;
        let Some(mut bytes) = part.get(..read).filter(|part| !part.is_empty()) else { break };
        loop {
            match tar.next(&mut bytes)? {
                Event::More => break,
                Event::Header => {
                    let header = tar.header();
                    if is_there(examiner, header).is_some_and(|ino| seen.insert(ino)) {
                        budget.explain(header.size);
                    }
                    apply(entry.replace((header.clone(), split::SUM.digest())));
                }
                Event::Content(content) => entry.iter_mut().for_each(|(_, sum)| sum.update(content)),
            }
        }
        if let Some(why) = budget.is_spent(blob.taken()) {
            return Err(Stop::Refused(why));
        }
    }
    apply(entry);
    Ok(())
}

/// A long file that the copy has, with this length.
fn is_there(examiner: &mut Examiner, header: &Header) -> Option<u64> {
    const LONG: u64 = 1 << 20;
    let path = super::path::Path::of(&header.name).filter(|_| header.kind == Kind::File && header.size >= LONG)?;
    let traits = examiner.tree.folder(&path).ok()?.step.traits_at(path.name()).ok()?;
    (traits.size == header.size).then_some(traits.ino)
}

struct Copy<'c, 'd> {
    desk: &'c mut Desk<'d>,
    examiner: &'c mut Examiner,
    model: Model,
    /// Inodes with several names whose content was read.
    read: HashSet<u64>,
    /// Of files that have, or had, several names, the inode, and the name that came first.
    inodes: HashMap<u64, (u64, Vec<u8>)>,
}

impl Copy<'_, '_> {
    fn directory(
        &mut self,
        step: &Step,
        path: &[u8],
        buffer: &mut Vec<u8>,
        todo: &mut Vec<Vec<u8>>,
    ) -> Result<Result<(), Halt>, TimeIsUp> {
        if path.is_empty()
            && let Err(halt) = self.top(step)
        {
            return Ok(Err(halt));
        }
        let mut names: Vec<(CString, FileKind)> = Vec::new();
        loop {
            match step.names(buffer, |name, kind| names.push((name.to_owned(), kind))) {
                Ok(0) => break,
                Ok(_) => {}
                Err(halt) => return Ok(Err(halt)),
            }
        }
        for (name, kind) in names {
            let below = join(path, &name);
            let met = self.one(step, &name, &below)?;
            match met {
                Ok(true) if kind == FileKind::Dir => todo.push(below),
                Ok(_) | Err(Halt::Vanished) => {}
                Err(halt) => return Ok(Err(halt)),
            }
        }
        Ok(Ok(()))
    }

    /// The copy's own directory.
    fn top(&mut self, step: &Step) -> Result<(), Halt> {
        self.examiner.top(step, self.model.top())?;
        let wanted = self.model.top().map(|header| header.xattrs.clone()).unwrap_or_default();
        let place = self.examiner.tree.at().clone();
        let traits = step.traits_at(c".")?;
        for (what, detail) in self.attributes(&wanted, &step.attributes()?) {
            self.examiner.changes.doubt_top(&traits, place.clone(), what, &detail);
        }
        Ok(())
    }

    /// Attributes of a directory that may have any.
    fn attributes(&self, wanted: &[(Vec<u8>, Vec<u8>)], is: &Attributes) -> Found {
        let mut found = Found::new();
        let marks = compare::attributes(wanted, is, &self.examiner.habits, &mut found);
        found.extend(marks.unknown.map(|name| (What::Attribute, format!("{name} is there"))));
        found
    }

    /// One name; whether the copy is to have it.
    fn one(&mut self, step: &Step, name: &CStr, path: &[u8]) -> Result<Result<bool, Halt>, TimeIsUp> {
        let own = self.model.layer();
        let Some(node) = self.model.get_mut(path) else { return Ok(self.stranger(step, name, path).map(|()| false)) };
        node.met = true;
        let node = node.clone();
        if node.implied {
            return Ok(self.implied(step, name, path).map(|()| true));
        }
        // the layer's own files have been compared, the attributes of directories have not
        if node.layer == own && node.header.kind != Kind::Dir {
            return Ok(Ok(true));
        }
        let mut found = Found::new();
        let done = self.inherited(step, (name, path), &node, node.layer == own, &mut found)?;
        for (what, detail) in found {
            self.examiner.verdict.differs(self.examiner.tree.place(path), what, detail);
        }
        Ok(done.map(|()| true))
    }

    /// A directory that no entry names.
    fn implied(&mut self, step: &Step, name: &CStr, path: &[u8]) -> Result<(), Halt> {
        let (traits, place) = (step.traits_at(name)?, self.examiner.tree.place(path));
        if traits.kind != FileKind::Dir {
            self.examiner.verdict.differs(place, What::Kind, format!("is a {}", traits.kind));
            return Ok(());
        }
        let shift = self.examiner.habits.shift;
        self.examiner.changes.implied(&traits, &place, shift);
        for (what, detail) in self.attributes(&[], &step.attributes_at(name)?) {
            let detail = format!("{detail}; set after the layer was made");
            self.examiner.changes.doubt(&traits, place.clone(), what, detail);
        }
        Ok(())
    }

    fn stranger(&mut self, step: &Step, name: &CStr, path: &[u8]) -> Result<(), Halt> {
        let traits = step.traits_at(name)?;
        let left_out = self.examiner.habits.from_directory && traits.kind == FileKind::Socket;
        if !left_out && !self.examiner.aliases.contains(&traits.ino) {
            let detail = format!("a {} that no layer has", traits.kind);
            self.examiner.verdict.differs(self.examiner.tree.place(path), What::Added, detail);
        }
        Ok(())
    }

    fn inherited(
        &mut self,
        step: &Step,
        (name, path): (&CStr, &[u8]),
        node: &Node,
        compared: bool,
        found: &mut Found,
    ) -> Result<Result<(), Halt>, TimeIsUp> {
        let habits = Habits { from_directory: node.from_directory, ..self.examiner.habits };
        let look = || {
            let traits = step.traits_at(name)?;
            Ok((traits, step.attributes_at(name)?))
        };
        let (traits, attributes) = match look() {
            Ok(seen) => seen,
            Err(halt) => return Ok(Err(halt)),
        };
        let mut about = false;
        if !compared {
            about = compare::inode(&node.header, &traits, &habits, found);
            let Examiner { owners, tree, .. } = &mut *self.examiner;
            owners.meet(habits.shift, &node.header, &traits, || tree.place(path));
            about &= self.examiner.changes.may_be_new(&traits);
            if about {
                self.examiner.changes.about(&traits, self.examiner.tree.place(path));
            }
            let late = found.pop_if(|(what, _)| *what == What::Time && !node.time_stands);
            if let Some((_, detail)) = &late {
                self.examiner.changes.late_dir(&traits, self.examiner.tree.place(path), detail);
            } else if node.header.kind == Kind::Dir && !about {
                self.examiner.changes.note_dir(&traits);
            }
            self.examiner.verdict.files = self.examiner.verdict.files.saturating_add(1);
        }
        if found.iter().any(|(what, _)| *what == What::Kind) {
            return Ok(Ok(()));
        }
        let marks = compare::attributes(&node.header.xattrs, &attributes, &habits, found);
        if marks.unknown.is_some() || node.header.kind != Kind::Dir {
            match marks.unknown {
                None if about => {}
                None => self.examiner.changes.note(&traits),
                Some(name) => self.examiner.changes.doubt_attribute(&traits, self.examiner.tree.place(path), &name),
            }
        }
        if node.linked {
            let (ino, first) = self.inodes.entry(node.inode).or_insert_with(|| (traits.ino, path.to_vec()));
            let is_kept = matches!(traits.kind, FileKind::File | FileKind::Symlink);
            if is_kept && *ino != traits.ino {
                found.push((What::HardLink, compare::not_linked(first)));
            }
        }
        match node.header.kind {
            Kind::Symlink => match step.target_at(name) {
                Ok(target) if target == node.header.link => {}
                Ok(target) => found.push((What::Target, compare::targets(&target, &node.header.link))),
                Err(halt) => return Ok(Err(halt)),
            },
            Kind::File if traits.size != node.header.size => {
                found.push((What::Content, format!("{} bytes instead of {}", traits.size, node.header.size)));
            }
            Kind::File if traits.size > 0 && (traits.nlink < 2 || self.read.insert(traits.ino)) => {
                return self.content(step, name, node, found);
            }
            _ => {}
        }
        Ok(Ok(()))
    }

    fn content(
        &mut self,
        step: &Step,
        name: &CStr,
        node: &Node,
        found: &mut Found,
    ) -> Result<Result<(), Halt>, TimeIsUp> {
        let (content, traits) = match step.content(name) {
            Ok(open) => open,
            Err(halt) => return Ok(Err(halt)),
        };
        let Some(sum) = node.sum else { return Ok(Ok(())) };
        let mut digest = split::SUM.digest();
        let read = self.desk.read(&content, traits.size, |part| digest.update(part))?;
        self.examiner.verdict.bytes = self.examiner.verdict.bytes.saturating_add(traits.size);
        if !read.is_ok_and(|all| all) || digest.finalize() != sum {
            found.push((What::Content, split::OTHER_BYTES.to_owned()));
        }
        Ok(Ok(()))
    }
}
