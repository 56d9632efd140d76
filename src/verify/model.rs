//! What a directory must hold that is a full copy of its chain: the records of all its layers, applied one after another
//! as the engine applied them (moby pkg/archive/diff.go UnpackLayer).

use std::collections::{BTreeMap, BTreeSet};

use super::compare;
use super::path::{HOPS, Path, Sense, Went, follow, parts};
use crate::format::tar::{Header, Kind};

/// A file of the copy.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) header: Header,
    pub(super) sum: Option<u64>,
    /// The layer that it came with.
    pub(super) layer: usize,
    /// No entry names it: a directory on the way to one.
    pub(super) implied: bool,
    /// Its time is that of its entry, and nothing was put into it since.
    pub(super) time_stands: bool,
    /// The stream was made from the directory.
    pub(super) from_directory: bool,
    /// Its inode: all names of it have the same.
    pub(super) inode: u64,
    /// There are, or were, several names of it.
    pub(super) linked: bool,
    pub(super) met: bool,
}

/// Every path of the copy.
#[derive(Debug, Default)]
pub(super) struct Model {
    nodes: BTreeMap<Vec<u8>, Node>,
    /// What a stream says of the copy's own directory.
    top: Option<Header>,
    inodes: u64,
    /// See `Habits`.
    keeps_marks_of_aufs: bool,
    /// Links that an entry may lead over.
    symlinks: u64,
    /// The layer that is being applied.
    layer: usize,
    from_directory: bool,
    /// Directories that got something, and those that have an entry, in this layer.
    changed: BTreeSet<Vec<u8>>,
    named: BTreeSet<Vec<u8>>,
}

impl Model {
    pub(super) fn new(keeps_marks_of_aufs: bool) -> Self {
        Self { keeps_marks_of_aufs, ..Self::default() }
    }

    /// A layer begins; of a copy made file by file only file capabilities come along.
    pub(super) fn begin(&mut self, layer: usize, from_directory: bool, keeps_attributes: bool) {
        self.layer = layer;
        self.from_directory = from_directory;
        self.changed.clear();
        self.named.clear();
        if !keeps_attributes {
            // moby daemon/graphdriver/copy/copy.go doCopyXattrs
            let lost = |node: &mut Node| node.header.xattrs.retain(|(name, _)| name == compare::CAPABILITY);
            self.nodes.values_mut().filter(|node| !node.header.xattrs.is_empty()).for_each(lost);
            // the same, DirCopy: of hard links only those of regular files
            for node in self.nodes.values_mut().filter(|node| node.linked && node.header.kind != Kind::File) {
                self.inodes = self.inodes.saturating_add(1);
                node.inode = self.inodes;
            }
        }
    }

    /// Of directories that hold anything, in a copy that gives them their time first.
    pub(super) fn lose_times(&mut self) {
        let parent = |path: &Vec<u8>| {
            path.iter().rposition(|byte| *byte == b'/').and_then(|at| path.get(..at)).map(<[u8]>::to_vec)
        };
        let filled: BTreeSet<Vec<u8>> = self.nodes.keys().filter_map(parent).collect();
        for path in filled {
            if let Some(node) = self.nodes.get_mut(&path) {
                node.time_stands = false;
            }
        }
    }

    /// A layer is over.
    pub(super) fn end(&mut self) {
        for path in self.changed.difference(&self.named) {
            if let Some(node) = self.nodes.get_mut(path) {
                node.time_stands = false;
            }
        }
        // a difference between two directories is told by what they hold, never by their times
        // moby pkg/archive/changes_unix.go statDifferent
        if self.from_directory {
            let layer = self.layer;
            let below = self.nodes.values_mut().filter(|node| node.layer != layer && node.header.kind == Kind::Dir);
            below.for_each(|node| node.time_stands = false);
        }
    }

    pub(super) fn top(&self) -> Option<&Header> {
        self.top.as_ref()
    }

    pub(super) fn layer(&self) -> usize {
        self.layer
    }

    pub(super) fn get_mut(&mut self, path: &[u8]) -> Option<&mut Node> {
        self.nodes.get_mut(path)
    }

    /// What was not met on the walk, of layers below the last; and directories that the engine made on the way.
    pub(super) fn missed(&self) -> impl Iterator<Item = &[u8]> {
        let is_due = |node: &Node| if node.implied { !node.from_directory } else { node.layer != self.layer };
        let missed = self.nodes.iter().filter(move |(_, node)| !node.met && is_due(node));
        missed.map(|(path, _)| path.as_slice())
    }

    pub(super) fn apply(&mut self, name: &[u8], header: &Header, sum: Option<u64>) {
        let Some(path) = Path::of(name).filter(|_| header.kind != Kind::Global) else { return };
        let path = self.resolved(path);
        match path.sense() {
            _ if path.is_below_aufs() && !self.keeps_marks_of_aufs => self.way_to(path.folder()),
            Sense::Top if header.kind == Kind::Dir => self.top = Some(header.clone()),
            Sense::Top | Sense::Aufs => {}
            Sense::Opaque => {
                self.way_to(path.folder());
                self.hide_all(path.folder());
            }
            // the engines make the directory for it first
            Sense::Whiteout => {
                self.way_to(path.folder());
                let hidden = path.hidden();
                self.remove(&hidden);
                self.changed.insert(path.folder().to_vec());
            }
            Sense::File => self.put(&path, header, sum),
        }
    }

    fn put(&mut self, path: &Path, header: &Header, sum: Option<u64>) {
        self.way_to(path.folder());
        let mut header = header.clone();
        header.name = Vec::new();
        let known = self.nodes.get(path.bytes());
        let is_dir = header.kind == Kind::Dir;
        if is_dir {
            self.named.insert(path.bytes().to_vec());
        }
        match known {
            // merged: what it holds stays, and so do its attributes
            Some(known) if is_dir && known.header.kind == Kind::Dir => {
                for (name, value) in &known.header.xattrs {
                    if !header.xattrs.iter().any(|(own, _)| own == name) {
                        header.xattrs.push((name.clone(), value.clone()));
                    }
                }
            }
            Some(_) => {
                self.remove(path.bytes());
                self.changed.insert(path.folder().to_vec());
            }
            None => {
                self.changed.insert(path.folder().to_vec());
            }
        }
        if header.kind == Kind::Link
            && let Some(node) = self.linked(&header)
        {
            self.nodes.insert(path.bytes().to_vec(), node);
            return;
        }
        self.symlinks = self.symlinks.saturating_add(u64::from(header.kind == Kind::Symlink));
        let node = Node { sum, implied: false, time_stands: true, ..self.node(header) };
        self.nodes.insert(path.bytes().to_vec(), node);
    }

    /// A new inode.
    fn node(&mut self, header: Header) -> Node {
        self.inodes = self.inodes.saturating_add(1);
        Node {
            header,
            sum: None,
            layer: self.layer,
            implied: true,
            time_stands: false,
            from_directory: self.from_directory,
            inode: self.inodes,
            linked: false,
            met: false,
        }
    }

    /// One more name of an inode, which gets what the link's own header says.
    // moby pkg/archive/archive.go createTarFile: owner, attributes, permissions and time are set whatever the entry is
    fn linked(&mut self, link: &Header) -> Option<Node> {
        let target = self.resolved(Path::of(&link.link)?);
        let known = self.nodes.get_mut(target.bytes())?;
        let inode = known.inode;
        let was_linked = std::mem::replace(&mut known.linked, true);
        let mut header =
            Header { mode: link.mode, uid: link.uid, gid: link.gid, mtime: link.mtime, ..known.header.clone() };
        // with a new owner a capability goes
        header.xattrs.retain(|(name, _)| name != compare::CAPABILITY);
        for (name, value) in &link.xattrs {
            header.xattrs.retain(|(known, _)| known != name);
            header.xattrs.push((name.clone(), value.clone()));
        }
        let node = Node { header, layer: self.layer, ..known.clone() };
        if node.header != known.header {
            known.header = node.header.clone();
            let others = self.nodes.values_mut().filter(|other| was_linked && other.inode == inode);
            others.for_each(|other| other.header = node.header.clone());
        }
        Some(node)
    }

    /// A path whose folder is no link: the engine unpacks with the copy as its root, and follows links on the way.
    fn resolved(&self, path: Path) -> Path {
        if self.symlinks == 0 || path.folder().is_empty() {
            return path;
        }
        let mut todo = parts(path.folder());
        let (mut way, mut hops): (Vec<u8>, usize) = (Vec::new(), 0);
        while let Some(part) = todo.pop() {
            let above = way.len();
            if follow(&mut way, &part) != Went::Down {
                continue;
            }
            let Some(link) = self.nodes.get(&way).filter(|node| node.header.kind == Kind::Symlink) else { continue };
            hops = hops.saturating_add(1);
            if hops > HOPS {
                return path;
            }
            way.truncate(if link.header.link.starts_with(b"/") { 0 } else { above });
            todo.extend(parts(&link.header.link));
        }
        if way == path.folder() {
            return path;
        }
        let full = [way.as_slice(), b"/", path.name().to_bytes()].concat();
        Path::of(&full).unwrap_or(path)
    }

    /// Directories that an entry takes for granted.
    fn way_to(&mut self, folder: &[u8]) {
        if folder.is_empty() || self.nodes.get(folder).is_some_and(|node| node.header.kind == Kind::Dir) {
            return;
        }
        let cuts = folder.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        for cut in cuts.chain([folder.len()]) {
            let Some(path) = folder.get(..cut) else { continue };
            if !self.nodes.contains_key(path) {
                let node = self.node(Header { kind: Kind::Dir, ..Header::default() });
                self.nodes.insert(path.to_vec(), node);
            }
        }
    }

    /// A path with all below it.
    fn remove(&mut self, path: &[u8]) {
        self.nodes.remove(path);
        for below in self.below(path) {
            self.nodes.remove(&below);
        }
    }

    /// What a directory holds of the layers below.
    fn hide_all(&mut self, folder: &[u8]) {
        let layer = self.layer;
        for path in self.below(folder) {
            if self.nodes.get(&path).is_some_and(|node| node.layer != layer) {
                self.nodes.remove(&path);
            }
        }
        self.changed.insert(folder.to_vec());
    }

    fn below(&self, path: &[u8]) -> Vec<Vec<u8>> {
        if path.is_empty() {
            return self.nodes.keys().cloned().collect();
        }
        let (from, to) = ([path, b"/"].concat(), [path, b"0"].concat());
        self.nodes.range(from..to).map(|(path, _)| path.clone()).collect()
    }
}
