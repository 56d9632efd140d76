//! The directory of a layer beside what its record named: whiteouts, opaque directories, attributes of directories, and
//! whatever lies there besides.

use std::ffi::{CStr, CString};

use super::compare;
use super::examine::Examiner;
use super::habits::Whiteouts;
use super::path::Path;
use super::seen::Mark;
use super::verdict::What;
use crate::disk::{FileKind, Halt, Step, Traits};

impl Examiner {
    /// Looks at the whole directory, when all entries have come.
    pub(super) fn finish(&mut self) {
        self.go_to(b"");
        if self.habits.whiteouts.are_marks() {
            self.missing_whiteouts();
        }
        self.todo.push(Vec::new());
        let mut buffer = std::mem::take(&mut self.buffer);
        while let Some(path) = self.todo.pop() {
            if self.seen.get(&self.seen.trail(&path)) == Some(Mark::Listed) {
                continue;
            }
            let read = self.tree.top().reach(&path).and_then(|step| self.directory(&step, &path, &mut buffer));
            match read {
                Ok(()) => {}
                Err(Halt::Vanished) if !path.is_empty() => {}
                Err(halt) => {
                    let at = self.tree.place(&path);
                    self.verdict.unchecked(format!("{at}: {halt}"));
                }
            }
        }
    }

    /// Tells what the directory weighs, if that has come out. Where something may be mounted inside, nobody knows.
    pub(super) fn hand_over_weight(&mut self) {
        let gathered = std::mem::take(&mut self.gather);
        self.verdict.weighed = gathered.whole().filter(|_| self.tree.top().is_quiet());
    }

    /// Goes to the folder of the next entry. A folder that the stream has left mostly has all that it will have.
    pub(super) fn go_to(&mut self, folder: &[u8]) {
        while let Some((path, step, above)) = self.tree.go_out_for(folder) {
            if self.lists && self.is_as_it_should_be(&step, &path).is_ok_and(|good| good) {
                self.seen.list(&self.seen.trail(&path));
            }
            self.tree.came_out(path, above);
        }
        self.tree.go_down(folder);
    }

    /// A directory that was done with has got another entry.
    pub(super) fn look_again(&mut self, path: &[u8]) {
        if self.seen.unlist(path) {
            self.todo.push(path.to_vec());
        }
    }

    /// Whether there is nothing to say about a directory: it has an entry, no attributes, and only names that have entries.
    /// Of others, and if not all have come yet, nothing is said: that is left for the end.
    fn is_as_it_should_be(&mut self, step: &Step, path: &[u8]) -> Result<bool, Halt> {
        let trail = self.seen.trail(path);
        let plain = self.seen.get(&trail) == Some(Mark::Entry)
            && !self.directories.contains_key(path)
            && !self.opaque.contains(path);
        if !plain || !step.attributes()?.is_empty() {
            return Ok(false);
        }
        let (mut names, mut strange) = (0_u64, false);
        let mut folders: Vec<Vec<u8>> = Vec::new();
        let seen = &self.seen;
        loop {
            let listed = step.names(&mut self.buffer, |name, kind| {
                names = names.saturating_add(1);
                match if strange { None } else { seen.get(&trail.below(name.to_bytes())) } {
                    None => strange = true,
                    Some(_) if kind == FileKind::Unknown => strange = true,
                    Some(mark) if kind == FileKind::Dir && mark != Mark::Listed => folders.push(join(path, name)),
                    Some(_) => {}
                }
            })?;
            if listed == 0 || strange {
                break;
            }
        }
        if !strange {
            self.gather.list(names);
            self.todo.append(&mut folders);
        }
        Ok(!strange)
    }

    fn directory(&mut self, step: &Step, path: &[u8], buffer: &mut Vec<u8>) -> Result<(), Halt> {
        self.marks(step, path)?;
        let trail = self.seen.trail(path);
        match self.seen.get(&trail) {
            _ if path.is_empty() => {
                self.top(step, None)?;
                self.gather.meet_top(&step.traits()?);
            }
            Some(Mark::OnTheWay) => {
                let traits = step.traits()?;
                self.gather.meet(&traits);
                self.changes.implied(&traits, &self.tree.place(path), self.habits.shift);
            }
            Some(Mark::Entry | Mark::Listed) | None => {}
        }
        let mut strangers: Vec<(CString, FileKind)> = Vec::new();
        let mut folders: Vec<(CString, FileKind)> = Vec::new();
        let mut names = 0_u64;
        loop {
            let seen = &self.seen;
            let listed = step.names(buffer, |name, kind| {
                names = names.saturating_add(1);
                match seen.get(&trail.below(name.to_bytes())) {
                    None => strangers.push((name.to_owned(), kind)),
                    Some(Mark::Listed) => {}
                    Some(_) if matches!(kind, FileKind::Dir | FileKind::Unknown) => {
                        folders.push((name.to_owned(), kind));
                    }
                    Some(_) => {}
                }
            })?;
            if listed == 0 {
                break;
            }
        }
        for (name, kind) in folders {
            if kind == FileKind::Dir || kind_of(step, &name)? == FileKind::Dir {
                self.todo.push(join(path, &name));
            }
        }
        for (name, _) in strangers {
            if self.stranger(step, &join(path, &name), &name)? {
                self.todo.push(join(path, &name));
            }
        }
        self.gather.list(names);
        self.seen.list(&trail);
        Ok(())
    }

    /// What a directory's own attributes say.
    fn marks(&mut self, step: &Step, path: &[u8]) -> Result<(), Halt> {
        let is = step.attributes()?;
        let wanted = self.directories.get(path).map(Vec::as_slice).unwrap_or_default();
        // a stream may have the very attribute
        let opaque = self.opaque.contains(path) || compare::is_opaque(wanted, &self.habits);
        if is.is_empty() && wanted.is_empty() && !opaque {
            return Ok(());
        }
        let mut found = compare::Found::new();
        let marks = compare::attributes(wanted, &is, &self.habits, &mut found);
        if !self.seen.has(path) {
            let traits = step.traits_at(c".")?;
            for (what, detail) in found.drain(..) {
                let detail =
                    format!("{detail}; no entry names the directory, and it was changed after the layer was made");
                self.changes.doubt(&traits, self.tree.place(path), what, detail);
            }
        }
        let in_overlay = self.habits.whiteouts.are_marks();
        if in_overlay && opaque && !marks.opaque {
            if self.habits.sees_all {
                found.push((What::Whiteout, "no longer hides what lies below".to_owned()));
            } else {
                self.verdict.unchecked("only root sees which directories are opaque");
            }
        }
        if !opaque && marks.opaque {
            // the engine's own comparison through a mount of fuse-overlayfs misses some
            let fuse = self.habits.whiteouts == Whiteouts::FuseMount;
            // overlay itself marks a directory that it makes where a file was hidden
            // Linux fs/overlayfs/dir.c ovl_create_over_whiteout
            if fuse || self.habits.through_a_mount || self.lowers.are_there() && self.removes_all_below(path)? {
                let detail = "hides what lies below, and was changed after the layer was made".to_owned();
                self.changes.doubt(&step.traits_at(c".")?, self.tree.place(path), What::Whiteout, detail);
            } else {
                found.push((What::Whiteout, "hides what lies below, and did not".to_owned()));
            }
        }
        if marks.elsewhere {
            self.verdict.unchecked(format!("overlay takes the files of {} from elsewhere", self.tree.place(path)));
        }
        if let Some(name) = marks.unknown {
            self.changes.doubt_attribute(&step.traits_at(c".")?, self.tree.place(path), &name);
        }
        for (what, detail) in found {
            self.verdict.differs(self.tree.place(path), what, detail);
        }
        Ok(())
    }

    /// A name that no entry has; whether it is a directory to look into all the same.
    fn stranger(&mut self, step: &Step, path: &[u8], name: &CStr) -> Result<bool, Halt> {
        let traits = match step.traits_at(name) {
            Err(Halt::Vanished) => return Ok(false),
            other => other?,
        };
        let goes_on = self.judge_stranger(step, path, name, &traits)?;
        self.gather.meet(&traits);
        if traits.kind == FileKind::Dir && !goes_on {
            self.gather.spoil();
        }
        Ok(goes_on)
    }

    fn judge_stranger(&mut self, step: &Step, path: &[u8], name: &CStr, traits: &Traits) -> Result<bool, Halt> {
        if self.habits.whiteouts == Whiteouts::FuseMount && name.to_bytes().starts_with(b".wh.") {
            self.mark_of_fuse(step, path, name, traits)?;
            return Ok(false);
        }
        let hides = Self::is_whiteout(traits) && self.habits.whiteouts.are_marks();
        let expected =
            hides && (self.whiteouts.contains(path) || self.habits.through_a_mount && self.is_below_opaque(path));
        // no stream can have a socket
        let left_out = self.habits.from_directory && traits.kind == FileKind::Socket;
        if expected || left_out || self.aliases.contains(&traits.ino) {
            return Ok(false);
        }
        if !hides
            && self.lowers.are_there()
            && let Some((found, attributes)) = self.beside_below(step, path, name, traits)?
        {
            for (what, detail) in attributes {
                let detail = format!("{detail} in the file below; changed after the layer was made");
                self.changes.doubt(traits, self.tree.place(path), what, detail);
            }
            if found.is_empty() {
                let detail = format!("a {} as the one below, put there after the layer was made", traits.kind);
                self.changes.doubt(traits, self.tree.place(path), What::Added, detail);
            }
            for (what, detail) in found {
                self.verdict.differs(self.tree.place(path), what, detail);
            }
            return Ok(traits.kind == FileKind::Dir);
        }
        let at = self.tree.place(path);
        if hides && self.habits.whiteouts == Whiteouts::FuseMount {
            let detail = "hides a file of the layers below, and was put there after the layer was made".to_owned();
            self.changes.doubt(traits, at, What::Whiteout, detail);
        } else if hides {
            self.verdict.differs(at, What::Whiteout, "hides a file of the layers below, and did not");
        } else {
            self.verdict.differs(at, What::Added, format!("a {} that the layer does not have", traits.kind));
        }
        Ok(false)
    }

    /// A file or device by which fuse-overlayfs hides one name, or with its own two names all of a directory.
    fn mark_of_fuse(&mut self, step: &Step, path: &[u8], name: &CStr, traits: &Traits) -> Result<(), Halt> {
        let at = self.tree.place(path);
        let above = memchr::memrchr(b'/', path).and_then(|cut| path.get(..cut)).unwrap_or_default();
        let hidden = name.to_bytes().strip_prefix(b".wh.").unwrap_or_default();
        let opaque = |name: &[u8]| name.ends_with(b".opaque");
        let hidden = [above, if above.is_empty() { b"" } else { b"/" }, hidden].concat();
        let whole = matches!(name.to_bytes(), b".wh..opq" | b".wh..wh..opq");
        let as_expected = match whole {
            true => self.opaque.contains(above) || step.attributes()?.iter().any(|(name, _)| opaque(name)),
            false => self.whiteouts.contains(&hidden),
        };
        if traits.kind == FileKind::Dir || traits.size > 0 {
            self.verdict.differs(at, What::Added, format!("a {} that the layer does not have", traits.kind));
        } else if !as_expected {
            let detail = "hides what lies below, and was put there after the layer was made".to_owned();
            self.changes.doubt(traits, at, What::Whiteout, detail);
        }
        Ok(())
    }

    /// A mount hides the files of an opaque directory one by one.
    fn is_below_opaque(&self, path: &[u8]) -> bool {
        let cuts = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        std::iter::once(0).chain(cuts).any(|cut| path.get(..cut).is_some_and(|above| self.opaque.contains(above)))
    }

    fn missing_whiteouts(&mut self) {
        let told =
            self.habits.whiteouts == Whiteouts::Overlay && !self.habits.through_a_mount && !self.lowers.are_there();
        for folder in self.opaque.iter().filter(|_| told) {
            if matches!(self.tree.top().reach(folder), Err(Halt::Vanished)) {
                let detail = "not there, and no longer hides what lies below";
                self.verdict.differs(self.tree.place(folder), What::Whiteout, detail);
            }
        }
        for hidden in std::mem::take(&mut self.whiteouts) {
            // hidden first, and then there again
            if !self.seen.has(&hidden) {
                self.whiteout(&hidden);
            }
            self.whiteouts.insert(hidden);
        }
    }

    fn whiteout(&mut self, hidden: &[u8]) {
        let Some(path) = Path::of(hidden) else { return };
        let traits = self.tree.folder(&path).and_then(|folder| folder.step.traits_at(path.name()));
        let at = self.tree.place(hidden);
        match traits {
            Ok(traits) if Self::is_whiteout(&traits) => {}
            Ok(traits) => {
                self.verdict.differs(at, What::Whiteout, format!("a {} where a file was hidden", traits.kind))
            }
            Err(Halt::Vanished | Halt::NotADirectory) if self.habits.through_a_mount => {}
            Err(Halt::Vanished | Halt::NotADirectory) if self.is_hidden_at_once(hidden) => {}
            Err(Halt::Vanished) if self.is_hidden_by_name(&path) => {}
            Err(Halt::Vanished | Halt::NotADirectory) => {
                self.verdict.differs(at, What::Whiteout, "no longer hides the file of the layers below");
            }
            Err(other) => self.verdict.unchecked(format!("{at}: {other}")),
        }
    }
}

fn kind_of(step: &Step, name: &CStr) -> Result<FileKind, Halt> {
    match step.traits_at(name) {
        Ok(traits) => Ok(traits.kind),
        Err(Halt::Vanished) => Ok(FileKind::Unknown),
        Err(other) => Err(other),
    }
}

pub(super) fn join(path: &[u8], name: &CStr) -> Vec<u8> {
    let name = name.to_bytes();
    if path.is_empty() { name.to_vec() } else { [path, b"/", name].concat() }
}
