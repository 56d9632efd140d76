//! A copy of a root whose layers are changed, checked, and put back.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::change::{self, CHANGES, Change, Expected, Layer};
use crate::files::{self, Class};
use crate::{Dice, run};

/// How often what was tried.
#[derive(Default)]
pub(crate) struct Tried {
    pub(crate) by_change: BTreeMap<String, usize>,
    by_class: BTreeMap<String, usize>,
}

impl Tried {
    pub(crate) fn total(&self) -> usize {
        self.by_change.values().sum()
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} changes: {:?} of {:?}", self.total(), self.by_change, self.by_class)
    }
}

/// A directory that is compared with something.
struct Content {
    /// As the report has it.
    at: String,
    /// Below the root's copy, and below the original.
    inside: PathBuf,
    how: Layer,
    cases: Vec<(Change, Class, PathBuf)>,
}

/// A change that was made to a layer.
struct Made {
    about: String,
    class: Class,
    expected: Expected,
    /// The paths that may be told.
    names: BTreeSet<String>,
}

pub(crate) struct Root {
    name: String,
    original: PathBuf,
    dir: tempfile::TempDir,
    contents: Vec<Content>,
    /// What was said of each thing before.
    before: BTreeMap<String, String>,
    dice: Dice,
}

fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").args(["-a", "--sparse=auto"]).arg(from).arg(to).status().unwrap();
    assert!(done.success());
}

/// A row's thing, and what is said of it.
fn outcomes(check: &Value) -> BTreeMap<String, String> {
    let rows = check["checked"].as_array().unwrap().iter();
    let name = |row: &Value| format!("{} {} {}", row["root"], row["store"], row["object"]["id"]);
    rows.map(|row| (name(row), format!("{} {}", row["outcome"], row["not_checked_because"]))).collect()
}

impl Root {
    pub(crate) fn copy(name: &str, original: &Path, dice: &mut Dice) -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        for tree in ["docker", "containerd"].iter().filter(|tree| original.join(tree).is_dir()) {
            copy(&original.join(tree), &dir.path().join(tree));
        }
        let said = run::deadweight(dir.path(), &["check", "--content", "--format", "json"]);
        let check = said.json();
        let layers = check["checked"].as_array().unwrap().iter().filter(|row| {
            let kind = row["object"]["kind"].as_str().unwrap();
            matches!(kind, "layer" | "snapshot") && row["nothing_to_check_with"] == false
        });
        let contents = layers.map(|row| content(dir.path(), row, dice)).collect();
        let dice = Dice(dice.0);
        Self { name: name.to_owned(), original: original.to_owned(), dir, contents, before: outcomes(&check), dice }
    }

    pub(crate) fn layers(&self) -> usize {
        self.contents.len()
    }

    /// How many rounds try everything.
    pub(crate) fn rounds(&self) -> usize {
        self.contents.iter().map(|content| content.cases.len()).max().unwrap_or(0)
    }

    /// Changes every layer that has such a case left; what was not found, or found where nothing was changed.
    pub(crate) fn round(&mut self, number: usize, tried: &mut Tried) -> Vec<String> {
        // the clock of changes is coarse
        std::thread::sleep(std::time::Duration::from_millis(20));
        let (mut changed, mut hidden): (BTreeMap<String, Made>, bool) = (BTreeMap::new(), false);
        for content in &self.contents {
            let Some((how, class, file)) = content.cases.get(number) else { continue };
            let layer = self.dir.path().join(&content.inside);
            let path = layer.join(file);
            let path = if file.as_os_str().is_empty() { layer.clone() } else { path };
            let same = same_inode(&layer, &path);
            let expected = change::make(*how, &path, &layer, &mut self.dice);
            *tried.by_change.entry(format!("{how:?}")).or_default() += 1;
            *tried.by_class.entry(format!("{class:?}")).or_default() += 1;
            let names: BTreeSet<String> =
                expected.paths.iter().chain(&same).map(|path| self.place(content, &layer, path)).collect();
            let about = format!("{}: {how:?} of {class:?} {}, {:?}", self.name, path.display(), content.how);
            hidden |= *how == Change::Opaque;
            changed.insert(content.at.clone(), Made { about, class: *class, expected, names });
        }
        let check = self.check();
        let missed = self.judge(&check, &changed, hidden);
        for at in changed.keys() {
            self.restore(at);
        }
        missed
    }

    fn check(&self) -> Value {
        run::deadweight(self.dir.path(), &["check", "--content", "--format", "json"]).json()
    }

    fn place(&self, content: &Content, layer: &Path, path: &Path) -> String {
        use std::os::unix::ffi::OsStrExt as _;
        let inside = path.strip_prefix(layer).unwrap().as_os_str();
        let at = deadweight::terms::Place::parse(content.at.as_bytes()).unwrap();
        if inside.is_empty() { at.to_string() } else { at.join(inside.as_bytes()).to_string() }
    }

    fn judge(&self, check: &Value, changed: &BTreeMap<String, Made>, hidden: bool) -> Vec<String> {
        let mut missed = Vec::new();
        // a layer that was made of its directory has some files only as the layers below have them, unless they are hidden
        let inside: BTreeSet<String> = changed
            .iter()
            .flat_map(|(at, made)| made.names.iter().map(move |name| name[at.len()..].to_owned()))
            .collect();
        let mut met = BTreeSet::new();
        for row in check["checked"].as_array().unwrap() {
            let at = row["path"].as_str().unwrap();
            let differences: Vec<(&str, &str)> = row["differences"]
                .as_array()
                .unwrap()
                .iter()
                .map(|d| (d["path"].as_str().unwrap(), d["what"].as_str().unwrap()))
                .collect();
            let starts =
                |path: &str, names: &BTreeSet<String>| names.iter().any(|name| path.starts_with(name.as_str()));
            let built = self.contents.iter().any(|content| content.at == at && content.how.built);
            let is_echo = |path: &str| {
                // a directory that removes all below of itself removes one name too few
                let below = &path[at.len()..];
                let above = |name: &str| name.strip_prefix(below).is_some_and(|rest| rest.rfind('/') == Some(0));
                let same = |name: &String| !name.is_empty() && (below.starts_with(name.as_str()) || above(name));
                built && path.starts_with(at) && (hidden || inside.iter().any(same))
            };
            match changed.get(at) {
                Some(Made { about, class, expected, names }) => {
                    met.insert(at);
                    // of a directory that no entry names it is known that it was changed, and perhaps not what
                    let is_vague = |what: &str| *class == Class::Top && what == "time" || built && what == "added";
                    // a file that is there as the one below, which was changed too
                    let twice = |path: &str| {
                        let same = |(other, made): (&String, &Made)| {
                            other != at && made.names.iter().any(|name| name[other.len()..] == path[at.len()..])
                        };
                        built && changed.iter().any(same)
                    };
                    let is_it = |path: &str, what: &&str| expected.what.contains(what) || is_vague(what) || twice(path);
                    if !differences.iter().any(|(path, what)| starts(path, names) && is_it(path, what)) {
                        missed.push(format!(
                            "{about}: {} {differences:?} {}",
                            row["outcome"], row["not_checked_because"]
                        ));
                    }
                    // a directory that no entry names was changed with what is in it
                    let above = |path: &str| names.iter().any(|name| Path::new(name).parent() == Some(Path::new(path)));
                    let meant = |(path, what): &&(&str, &str)| {
                        starts(path, names) || matches!(*what, "time" | "whiteout" | "added") && above(path)
                    };
                    let others: Vec<_> = differences.iter().filter(|difference| !meant(difference)).collect();
                    if !others.is_empty() && !others.iter().all(|(path, _)| is_echo(path)) {
                        missed.push(format!("{about}: besides {others:?}"));
                    }
                }
                None if differences.iter().all(|(path, _)| is_echo(path)) => {}
                None => missed.push(format!("{}: nothing was changed in {at}, and {differences:?}", self.name)),
            }
        }
        let unmet = changed.iter().filter(|(at, _)| !met.contains(at.as_str()));
        missed.extend(unmet.map(|(_, made)| format!("{}: the layer is not listed", made.about)));
        missed
    }

    /// Puts a layer back; a copy of a root ends with the directories.
    fn restore(&self, at: &str) {
        let content = self.contents.iter().find(|content| content.at == at).unwrap();
        let layer = self.dir.path().join(&content.inside);
        fs::remove_dir_all(&layer).unwrap();
        copy(&self.original.join(&content.inside), &layer);
        let above = layer.parent().unwrap();
        fs::set_permissions(above, above.metadata().unwrap().permissions()).unwrap();
    }

    /// Whether all is as it was; else the rounds prove nothing.
    pub(crate) fn settle(&self) -> Vec<String> {
        let after = outcomes(&self.check());
        let other = after.iter().filter(|(thing, said)| self.before.get(*thing) != Some(said));
        other.map(|(thing, said)| format!("{}: not put back as it was: {thing} {said}", self.name)).collect()
    }
}

fn content(dir: &Path, row: &Value, dice: &mut Dice) -> Content {
    let at = row["path"].as_str().unwrap().to_owned();
    let inside = PathBuf::from(&at);
    let layer = dir.join(&inside);
    let own = |name: &str| layer.file_name().unwrap() == name;
    let above = layer.parent().unwrap().file_name().unwrap();
    let how = Layer {
        built: match row["object"]["kind"].as_str().unwrap() {
            "snapshot" => !row["object"]["id"].as_str().unwrap().contains("sha256:"),
            _ if own("diff") => above.len() != 64,
            _ => layer.file_name().unwrap().len() != 64,
        },
        fuse: at.contains("/fuse-overlayfs/"),
        copy: !own("diff") && !own("fs"),
    };
    Content { cases: cases(&layer, how, dice), at, inside, how }
}

/// Every kind of change to some file of every kind.
fn cases(layer: &Path, how: Layer, dice: &mut Dice) -> Vec<(Change, Class, PathBuf)> {
    let mut by_class: BTreeMap<Class, Vec<PathBuf>> = BTreeMap::new();
    for (class, path) in files::of(layer) {
        by_class.entry(class).or_default().push(path);
    }
    let mut cases = Vec::new();
    for (class, paths) in &by_class {
        for change in CHANGES {
            let start = dice.below(paths.len());
            let mut candidates = paths.iter().cycle().skip(start).take(paths.len());
            if let Some(path) = candidates.find(|path| change.is_for(*class, path, how)) {
                cases.push((*change, *class, path.strip_prefix(layer).unwrap().to_owned()));
            }
        }
    }
    for at in (1..cases.len()).rev() {
        cases.swap(at, dice.below(at + 1));
    }
    // what few files allow comes first, so that a few rounds have all kinds
    cases.sort_by_key(|(change, _, _)| !change.is_rare());
    cases
}

/// The other names of a file.
fn same_inode(layer: &Path, path: &Path) -> Vec<PathBuf> {
    let meta = path.symlink_metadata().unwrap();
    if meta.is_dir() || meta.nlink() < 2 {
        return Vec::new();
    }
    let entries = walkdir::WalkDir::new(layer).into_iter().map(Result::unwrap);
    entries.filter(|entry| entry.metadata().unwrap().ino() == meta.ino()).map(walkdir::DirEntry::into_path).collect()
}
