//! A layer whose directory is a full copy of its chain (vfs, btrfs): its own files as those of any layer, and those of the
//! layers below beside what their records say.

use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::io::Read as _;

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
use crate::disk::{FileKind, Halt, Step, Stream};
use crate::format::tar::{Event, Header, Kind, Scanner};
use crate::format::tarsplit::{Limits, Piece, TarSplit};

/// Compares the whole copy, when the layer's own entries have been.
pub(super) fn finish(
    desk: &mut Desk<'_>,
    examiner: &mut Examiner,
    own: &Source,
    copy: &CopyOf,
) -> Result<(), TimeIsUp> {
    let model = match model(desk, own, copy) {
        Ok(model) => model,
        Err(why) => {
            examiner.verdict.unchecked(why);
            return Ok(());
        }
    };
    let mut copy = Copy { desk, examiner, model, read: HashSet::new() };
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
        copy.examiner.verdict.differs(at, What::Missing, "not there, and the layers below have it");
    }
    Ok(())
}

/// The streams of the chain, base first, the layer's own last.
fn model(desk: &Desk<'_>, own: &Source, copy: &CopyOf) -> Result<Model, String> {
    let below = copy.below.as_ref().map_err(Clone::clone)?;
    let mut model = Model::default();
    for (number, source) in below.iter().chain([own]).enumerate() {
        model.begin(number, source.from_directory, number == 0 || copy.keeps_attributes);
        let refused = |cause: String| format!("of the layers below: {}: {cause}", source.at);
        let stream = desk.disk.stream(&source.at).map_err(|cause| refused(cause.to_string()))?;
        if source.is_a_record { of_record(&mut model, stream) } else { of_blob(&mut model, stream) }
            .map_err(refused)?;
        model.end();
    }
    Ok(model)
}

fn of_record(model: &mut Model, stream: Stream) -> Result<(), String> {
    let mut pieces = TarSplit::new(stream, Limits::default());
    let mut tar = Scanner::default();
    while let Some(piece) = pieces.next().map_err(|cause| cause.to_string())? {
        match piece {
            Piece::Bytes(bytes) => split::headers(&mut tar, bytes)?,
            Piece::File { name, size, sum } => {
                model.apply(name, tar.header(), sum);
                if tar.header().kind == Kind::File {
                    tar.skip(size).map_err(|cause| cause.to_string())?;
                }
            }
        }
    }
    Ok(())
}

/// The same of a blob, where contents are summed on the way.
fn of_blob(model: &mut Model, stream: Stream) -> Result<(), String> {
    let mut blob = Unpacked::new(stream).map_err(|cause| cause.to_string())?;
    let mut tar = Scanner::default();
    let mut part = vec![0; 256 << 10];
    let mut entry: Option<(Header, crc::Digest<'_, u64, crc::Table<16>>)> = None;
    let mut apply = |entry: Option<(Header, crc::Digest<'_, u64, crc::Table<16>>)>| {
        if let Some((header, sum)) = entry {
            model.apply(&header.name, &header, Some(sum.finalize()));
        }
    };
    loop {
        let read = blob.read(&mut part).map_err(|cause| cause.to_string())?;
        let Some(mut bytes) = part.get(..read).filter(|part| !part.is_empty()) else { break };
        loop {
            match tar.next(&mut bytes).map_err(|cause| cause.to_string())? {
                Event::More => break,
                Event::Header => apply(entry.replace((tar.header().clone(), split::SUM.digest()))),
                Event::Content(content) => entry.iter_mut().for_each(|(_, sum)| sum.update(content)),
            }
        }
    }
    apply(entry);
    Ok(())
}

struct Copy<'c, 'd> {
    desk: &'c mut Desk<'d>,
    examiner: &'c mut Examiner,
    model: Model,
    /// Inodes with several names whose content was read.
    read: HashSet<u64>,
}

impl Copy<'_, '_> {
    fn directory(
        &mut self,
        step: &Step,
        path: &[u8],
        buffer: &mut Vec<u8>,
        todo: &mut Vec<Vec<u8>>,
    ) -> Result<Result<(), Halt>, TimeIsUp> {
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

    /// One name; whether the copy is to have it.
    fn one(&mut self, step: &Step, name: &CStr, path: &[u8]) -> Result<Result<bool, Halt>, TimeIsUp> {
        let own = self.model.layer();
        let Some(node) = self.model.get_mut(path) else { return Ok(self.stranger(step, name, path).map(|()| false)) };
        node.met = true;
        let node = node.clone();
        if node.implied {
            let seen = step.traits_at(name);
            let place = self.examiner.tree.place(path);
            let shift = self.examiner.habits.shift;
            return Ok(seen.map(|traits| self.examiner.changes.implied(&traits, &place, shift)).map(|()| true));
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
        if !compared {
            compare::inode(&node.header, &traits, &habits, found);
            let late = found.pop_if(|(what, _)| *what == What::Time && !node.time_stands);
            if let Some((_, detail)) = &late {
                self.examiner.changes.late_dir(&traits, self.examiner.tree.place(path), detail);
            } else if node.header.kind == Kind::Dir {
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
                None => self.examiner.changes.note(&traits),
                Some(name) => self.examiner.changes.doubt_attribute(&traits, self.examiner.tree.place(path), &name),
            }
        }
        if let Some(target) = &node.same_as
            && !self.is_same(target, traits.ino)
        {
            found.push((What::HardLink, compare::not_linked(target)));
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

    fn is_same(&self, target: &[u8], ino: u64) -> bool {
        let Some(path) = super::path::Path::of(target) else { return false };
        let folder = self.examiner.tree.top().reach(path.folder());
        folder.and_then(|folder| folder.traits_at(path.name())).is_ok_and(|traits| traits.ino == ino)
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
