//! The table and the words that stores write into it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::Arc;

use super::{Facts, OwnerKind, cover};
use crate::disk::{Dir, Names};
use crate::terms::{Evidence, Key, Kind, Link, LinkKind, Lost, Place, Problem};

/// What a root is to the programs that wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// dockerd's, or a buildkitd's.
    Engine,
    /// dockerd's with userns-remap: `<uid>.<gid>` inside another.
    Remapped,
    /// containerd's own.
    Containerd,
}

/// A data root, containerd's root, or one nested in another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// `docker`, `containerd`, `docker/100000.100000`, `docker/volumes/inner/_data`
    pub name: Arc<str>,
    pub place: Place,
    pub role: Role,
}

impl Root {
    /// What it is follows from its name.
    pub fn new(place: Place) -> Self {
        let role = match place.as_bytes() {
            b"containerd" => Role::Containerd,
            _ if is_remapped(place.name()) => Role::Remapped,
            _ => Role::Engine,
        };
        Self::of(place, role)
    }

    pub fn of(place: Place, role: Role) -> Self {
        Self { name: place.to_string().into(), place, role }
    }

    pub fn key(&self, store: &str, kind: Kind, id: impl Into<Arc<str>>) -> Key {
        Key { root: self.name.clone(), store: store.into(), kind, id: id.into() }
    }
}

/// `<uid>.<gid>`
pub fn is_remapped(name: &[u8]) -> bool {
    let digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let Some(dot) = name.iter().position(|b| *b == b'.') else { return false };
    digits(name.get(..dot).unwrap_or_default()) && digits(name.get(dot + 1..).unwrap_or_default())
}

/// What a store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StoreKind {
    /// `image/<driver>` and the driver's home.
    GraphDriver,
    /// containerd's content and one snapshotter.
    Containerd,
}

/// One image store found on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreInfo {
    pub root: Arc<str>,
    /// `overlay2`, `vfs`, `overlayfs`, …
    pub name: Arc<str>,
    pub kind: StoreKind,
    /// The driver's home, or the snapshotter's root.
    pub home: Place,
    /// Whether it holds any layer, image or container.
    pub populated: bool,
    /// Whether it is read in full, or only recognized, owned and sized.
    pub read_in_full: bool,
    /// When its newest metadata was written, for the question which store is active.
    pub newest: Option<(i64, u32)>,
}

/// Why a thing is kept although nothing refers to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keeps {
    /// A tag or digest reference.
    Tag,
    /// A container, in whatever state.
    Container,
    /// A read-write layer that the layer store knows and no container has.
    ReadWriteLayer,
    /// An image without a tag, which stays until it is pruned.
    UntaggedImage,
    /// A build-cache record.
    CacheRecord,
    /// A lease.
    Lease,
    /// A label that tells containerd's garbage collector to keep it.
    GcRoot,
    /// An unfinished ingest that has a date of its own.
    Ingest,
    /// A volume.
    Volume,
    /// A managed plugin.
    Plugin,
    /// A record of a past build.
    BuildHistory,
    /// The engine's own file or directory.
    Engine,
}

impl Keeps {
    pub fn name(self) -> &'static str {
        match self {
            Self::Tag => "tag",
            Self::Container => "container",
            Self::ReadWriteLayer => "read-write layer",
            Self::UntaggedImage => "untagged image",
            Self::CacheRecord => "build-cache record",
            Self::Lease => "lease",
            Self::GcRoot => "label gc.root",
            Self::Ingest => "unfinished ingest",
            Self::Volume => "volume",
            Self::Plugin => "plugin",
            Self::BuildHistory => "build history",
            Self::Engine => "engine",
        }
    }
}

/// How much a claim covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// That inode only: an engine's own directory, never what strangers put inside.
    Itself,
    /// Everything below too, unless a deeper claim says otherwise.
    Tree,
}

/// A claim on a place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lot {
    pub at: Place,
    pub extent: Extent,
    /// The owner it is weighed under. `Unclaimed` for a driver directory: its holder decides.
    pub owner: OwnerKind,
}

/// A thing on the disk.
#[derive(Clone, Debug, Default)]
pub struct Entity {
    /// What a person calls it; empty if nothing but its ID.
    pub name: String,
    /// Set if it is a root of the graph.
    pub keeps: Option<Keeps>,
    pub lots: Vec<Lot>,
    pub facts: Facts,
}

impl Entity {
    pub fn new(facts: impl Into<Facts>) -> Self {
        Self { facts: facts.into(), ..Self::default() }
    }

    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    #[must_use]
    pub fn kept(mut self, by: Keeps) -> Self {
        self.keeps = Some(by);
        self
    }

    /// Claims the inode at a place.
    #[must_use]
    pub fn itself(self, at: Place, owner: OwnerKind) -> Self {
        self.claim(Lot { at, extent: Extent::Itself, owner })
    }

    /// Claims a place with all that is below it.
    #[must_use]
    pub fn tree(self, at: Place, owner: OwnerKind) -> Self {
        self.claim(Lot { at, extent: Extent::Tree, owner })
    }

    fn claim(mut self, lot: Lot) -> Self {
        // one or two each, of very many things
        self.lots.reserve_exact(1);
        self.lots.push(lot);
        self
    }
}

/// An engine's own directory: its inode is claimed; of the names found in it, those that nobody claims are foreign.
#[derive(Clone, Debug)]
pub struct Scaffold {
    pub root: Arc<str>,
    pub store: Arc<str>,
    pub at: Place,
    /// What it held when it was listed, until the strangers among these names are known.
    pub names: Arc<Names>,
    pub is_empty: bool,
}

/// A trace by which an engine version shows itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Clue {
    pub root: Arc<str>,
    /// The trace needs at least this version (major, minor, patch).
    pub at_least: Option<(u32, u32, u32)>,
    /// The trace is not written any more from this version on.
    pub below: Option<(u32, u32, u32)>,
    pub evidence: Place,
    /// When it was written: newer traces are believed first. With neither bound, when the engine was last started.
    pub written: (i64, u32),
    /// In words: "engine-id is written since 23.0".
    pub because: String,
}

/// Everything found, with what refers to what.
#[derive(Debug, Default)]
pub struct Inventory {
    pub roots: Vec<Root>,
    pub stores: Vec<StoreInfo>,
    pub entities: BTreeMap<Key, Entity>,
    pub links: Vec<Link>,
    pub scaffolds: Vec<Scaffold>,
    /// Subtrees that are measured besides, for the numbers that Docker computes.
    pub meters: BTreeSet<Place>,
    pub problems: Vec<Problem>,
    pub clues: Vec<Clue>,
}

impl Inventory {
    /// Adds a thing. What is said twice of one key is one thing: the lots add up, the first facts stand.
    pub fn add(&mut self, key: Key, thing: Entity) {
        match self.entities.entry(key) {
            std::collections::btree_map::Entry::Vacant(free) => {
                free.insert(thing);
            }
            std::collections::btree_map::Entry::Occupied(mut known) => known.get_mut().absorb(thing),
        }
    }

    pub fn link(&mut self, from: &Key, kind: LinkKind, to: Key, evidence: impl Into<Evidence>) {
        self.links.push(Link { from: from.clone(), kind, to, evidence: evidence.into() });
    }

    pub fn problem(&mut self, code: &'static str, at: &Place, lost: Lost, cause: impl Display) {
        self.problems.push(Problem { at: at.clone(), code, cause: cause.to_string(), lost });
    }

    /// The value of a reading, or a problem in its place.
    pub fn note<T, E: Display>(&mut self, code: &'static str, at: &Place, lost: Lost, read: Result<T, E>) -> Option<T> {
        read.map_err(|cause| self.problem(code, at, lost, cause)).ok()
    }

    /// Claims an engine's own directory, and remembers the names it had when it was listed.
    pub fn scaffold(&mut self, root: &Root, store: &str, dir: &Dir<'_>) {
        self.scaffolds.push(Scaffold {
            root: root.name.clone(),
            store: store.into(),
            at: dir.place().clone(),
            names: dir.names().clone(),
            is_empty: dir.is_empty(),
        });
        // a root in the read-write layer of a container lies in what a union file system keeps for its mount
        for at in cover::marks(dir) {
            let key =
                Key { root: root.name.clone(), store: store.into(), kind: Kind::Scaffold, id: at.to_string().into() };
            self.add(key, Entity::default().kept(Keeps::Engine).itself(at, OwnerKind::Scaffold));
        }
    }

    pub fn meter(&mut self, at: Place) {
        self.meters.insert(at);
    }

    /// Takes over all that another survey found.
    pub fn merge(&mut self, other: Self) {
        let entities = self.take_lists(other);
        if self.entities.is_empty() {
            self.entities = entities;
        } else {
            self.enter(entities.into_iter().collect());
        }
    }

    /// Takes over all that other surveys found, in their order, each as it comes.
    pub fn merge_all(&mut self, others: impl IntoIterator<Item = Self>) {
        let mut entities = Vec::new();
        for other in others {
            entities.extend(self.take_lists(other));
        }
        self.enter(entities);
    }

    /// Takes over everything but the things themselves.
    fn take_lists(&mut self, other: Self) -> BTreeMap<Key, Entity> {
        self.roots.extend(other.roots);
        self.stores.extend(other.stores);
        if self.links.is_empty() {
            self.links = other.links;
        } else {
            self.links.extend(other.links);
        }
        self.scaffolds.extend(other.scaffolds);
        self.meters.extend(other.meters);
        self.problems.extend(other.problems);
        self.clues.extend(other.clues);
        other.entities
    }

    /// Adds many things at once: a table that grows bit by bit is half empty, and what it outgrows lies in pieces that
    /// are too small to be of use again.
    fn enter(&mut self, new: Vec<(Key, Entity)>) {
        if new.len() < self.entities.len() / 8 {
            return new.into_iter().for_each(|(key, thing)| self.add(key, thing));
        }
        let mut all = new;
        if !self.entities.is_empty() {
            all.splice(..0, std::mem::take(&mut self.entities));
        }
        // of what is said twice the first stands
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all.dedup_by(|again, first| {
            let same = again.0 == first.0;
            if same {
                first.1.absorb(std::mem::take(&mut again.1));
            }
            same
        });
        self.entities = all.into_iter().collect();
    }

    /// Puts everything in its order, and names what lies in an engine's directory and is nobody's.
    #[must_use]
    pub fn seal(mut self) -> Self {
        cover::name_the_unclaimed(&mut self);
        self.scaffolds.iter_mut().for_each(|scaffold| scaffold.names = Arc::default());
        self.links.sort();
        self.links.dedup();
        self.links.shrink_to_fit();
        super::share::share(&mut self);
        self.problems.sort();
        self.problems.dedup();
        self.clues.sort();
        self.clues.dedup();
        self
    }

    pub fn get(&self, key: &Key) -> Option<&Entity> {
        self.entities.get(key)
    }

    /// Things of one kind, in order.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = (&Key, &Entity)> {
        self.entities.iter().filter(move |(key, _)| key.kind == kind)
    }

    /// What a root is, by its name.
    pub fn role_of(&self, root: &str) -> Option<Role> {
        self.roots.iter().find(|known| &*known.name == root).map(|known| known.role)
    }

    /// Whether a root is containerd's own, which serves every engine beside it.
    pub fn is_containerds(&self, root: &str) -> bool {
        self.role_of(root) == Some(Role::Containerd) || root == "containerd"
    }

    /// The roots of engines.
    pub fn engine_roots(&self) -> impl Iterator<Item = &Root> {
        self.roots.iter().filter(|root| root.role != Role::Containerd)
    }

    /// The root that a place lies in: the longest that contains it.
    pub fn root_of(&self, at: &Place) -> Option<&Root> {
        self.roots.iter().filter(|root| at.starts_with(&root.place)).max_by_key(|root| root.place.as_bytes().len())
    }
}

impl Entity {
    fn absorb(&mut self, other: Self) {
        if self.name.is_empty() {
            self.name = other.name;
        }
        self.keeps = self.keeps.or(other.keeps);
        for lot in other.lots {
            if !self.lots.contains(&lot) {
                self.lots.push(lot);
            }
        }
        if matches!(self.facts, Facts::None) {
            self.facts = other.facts;
        }
    }
}
