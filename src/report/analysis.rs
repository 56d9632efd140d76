//! All floors in order: open, survey, weigh, graph, compare with Docker's numbers, conclude.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

use super::nested::{self, Inner, Inside, Unread};
use super::open::Opened;
use super::{Cannot, Options};
use crate::disk::{Disk, Weighed};
use crate::docker::counted::counted;
use crate::docker::df::DiskUsage;
use crate::docker::measured::{wrong_blobs, wrong_sizes};
use crate::docker::seen::Seen;
use crate::docker::sizes::Sizes;
use crate::docker::stored::Stored;
use crate::docker::{Active, DaemonConfig, EngineVersion, Selected, View, active, cache, infer, selected_root};
use crate::explain;
use crate::finding::{self, Case, Finding, Withheld};
use crate::graph::{Graph, Retained};
use crate::inventory::{Inventory, OwnerKey, Owners, Root, StoreKind};
use crate::terms::{Key, Kind, LinkKind, Lost, Place, Problem};
use crate::usage::{self, Claims, Ledger, Measure};

/// What was read from the disk.
#[derive(Debug)]
pub struct Reading {
    pub options: Options,
    pub disk: Arc<Disk>,
    pub config: DaemonConfig,
    pub inventory: Inventory,
    pub owners: Owners,
    pub ledger: Ledger,
    pub measures: BTreeMap<Place, Measure>,
    /// When the daemon that is at work on the root was started.
    pub live_since: Option<(i64, u32)>,
    /// Of the survey and of the walk together, in order.
    pub problems: Vec<Problem>,
    /// The threads that read, for what is still to be compared.
    pub pool: Arc<ThreadPool>,
    /// The data roots inside what is owned here, if they were asked for.
    pub nested: Vec<Inner>,
    /// Those of them that could not be read.
    pub unread: Vec<Unread>,
    /// What the whole of it lies inside of, if one data root inside another was asked for.
    pub inside: Option<Inside>,
}

/// How many threads survey, of so many that walk: each keeps memory of its own that no other can use.
fn surveyors(threads: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    threads.min(cores.clamp(2, 8))
}

/// What a reading begins with, before anything is weighed.
struct Begun {
    options: Options,
    disk: Arc<Disk>,
    config: DaemonConfig,
    inventory: Inventory,
    pool: Arc<ThreadPool>,
    threads: usize,
    /// Directories that have been weighed already.
    weighed: Vec<(Place, Weighed)>,
}

impl Begun {
    fn of(options: Options) -> Result<Self, Cannot> {
        let Opened { disk, config } = options.open()?;
        let threads = options.threads.unwrap_or_else(usage::default_threads);
        let pool = pool(surveyors(threads)).map_err(|cause| Cannot::Threads(cause.to_string()))?;
        let inventory = pool.install(|| crate::store::survey(&disk));
        Ok(Self {
            options,
            disk: Arc::new(disk),
            config,
            inventory,
            pool: Arc::new(pool),
            threads,
            weighed: Vec::new(),
        })
    }

    fn loud(&self) -> impl Iterator<Item = Problem> {
        self.disk.trees().filter(|tree| !tree.is_quiet()).map(|tree| loud(tree.name()))
    }
}

/// Weighs the trees, or what lies below some places: whom to charge, how many owners and meters there are.
type Weigh<'w> = &'w dyn Fn(&Claims, usize, usize) -> Ledger;

impl Reading {
    /// Reads everything; `progress` is told the inodes and bytes that came in.
    pub fn of(options: Options, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<Self, Cannot> {
        Self::after(options, |_, _| Vec::new(), progress)
    }

    /// The same after something else that goes through the directories of layers, and says what they weigh: these are not
    /// walked once more.
    pub fn after(
        options: Options,
        first: impl FnOnce(&Disk, &Inventory) -> Vec<(Place, Weighed)>,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<Self, Cannot> {
        let mut begun = Begun::of(options)?;
        begun.weighed = first(&begun.disk, &begun.inventory);
        let loud: Vec<Problem> = begun.loud().collect();
        let (disk, threads) = (begun.disk.clone(), begun.threads);
        let reading = Self::weigh(begun, &|claims, owners, meters| {
            usage::measure(&disk, claims, owners, meters, threads, progress)
        });
        Ok(reading.and(loud, threads))
    }

    /// Reads the data root of this name, inside a volume or container, as if it were all there is. Of what is around it
    /// only the survey is made.
    pub fn within(options: Options, name: &str, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<Self, Cannot> {
        let begun = Begun::of(options)?;
        let site = begun.pool.install(|| nested::find(&begun.disk, &begun.inventory, name)).map_err(|cause| {
            let complete = begun.inventory.problems.iter().all(|problem| problem.lost == Lost::Nothing);
            Cannot::Nested { cause, complete }
        })?;
        let loud: Vec<Problem> = begun.loud().collect();
        let threads = begun.threads;
        let inside = Begun { config: DaemonConfig::default(), inventory: site.inventory, ..begun };
        let mut reading = Self::below(inside, &site.roots, progress);
        reading.inside = Some(site.inside);
        Ok(reading.and(loud, threads))
    }

    /// Roots inside others, as if they were all that is on the disk: nothing that was said of the outer engine holds for
    /// the one inside.
    pub(super) fn inside(outer: &Self, roots: &[Root], threads: usize) -> Self {
        let disk = outer.disk.clone();
        let inventory = crate::store::survey_roots(&disk, roots);
        let (config, options) = (DaemonConfig::default(), Options::at(outer.options.now));
        let (pool, weighed) = (outer.pool.clone(), Vec::new());
        Self::below(Begun { options, disk, config, inventory, pool, threads, weighed }, roots, &|_, _| ())
    }

    fn below(begun: Begun, roots: &[Root], progress: &(dyn Fn(u64, u64) + Sync)) -> Self {
        let tops: Vec<Place> = roots.iter().map(|root| root.place.clone()).collect();
        let (disk, threads) = (begun.disk.clone(), begun.threads);
        Self::weigh(begun, &|claims, owners, meters| {
            usage::measure_below(&disk, &tops, claims, (owners, meters), threads, progress)
        })
    }

    fn weigh(begun: Begun, weigh: Weigh<'_>) -> Self {
        let Begun { options, disk, config, inventory, pool, weighed, .. } = begun;
        let owners = Owners::of(&inventory);
        let (mut claims, meters) = claims(&inventory, &owners);
        weighed.into_iter().for_each(|(at, weighed)| claims.weighed(&at, weighed));
        let ledger = weigh(&claims, owners.len(), meters.len());
        let measures: BTreeMap<Place, Measure> = meters.into_iter().zip(ledger.meters.iter().copied()).collect();
        let live_since = live_since(&disk, &inventory);
        let mut problems = inventory.problems.clone();
        problems.extend(ledger.problems.iter().cloned());
        problems.extend(wrong_sizes(&disk, &inventory, &measures));
        problems.extend(wrong_blobs(&inventory, &owners, &ledger));
        problems.sort();
        Self {
            options,
            disk,
            config,
            inventory,
            owners,
            ledger,
            measures,
            live_since,
            problems,
            pool,
            nested: Vec::new(),
            unread: Vec::new(),
            inside: None,
        }
    }

    /// With what else there is to say, and with what lies inside if it was asked for.
    fn and(mut self, problems: Vec<Problem>, threads: usize) -> Self {
        self.problems.extend(problems);
        if self.options.nested {
            let (nested, unread) = self.pool.install(|| nested::read(&self, threads));
            self.problems.extend(unread.iter().flat_map(Unread::problems));
            (self.nested, self.unread) = (nested, unread);
        }
        self.problems.sort();
        self
    }

    /// What sizes are taken from.
    pub fn sizes(&self) -> Sizes<'_> {
        Sizes { disk: &self.disk, measures: &self.measures }
    }

    /// Nothing that could not be read took links or bytes with it.
    pub fn is_complete(&self) -> bool {
        self.problems.iter().all(|problem| problem.lost == Lost::Nothing)
    }
}

/// The calling thread is one of them, if it is in no other pool yet: what the survey leaves of its memory is then used
/// again for all that follows.
fn pool(threads: usize) -> Result<ThreadPool, ThreadPoolBuildError> {
    let threads = || ThreadPoolBuilder::new().num_threads(threads);
    threads().use_current_thread().build().or_else(|_| threads().build())
}

/// The claims of the owners, and the subtrees that are measured besides.
fn claims(inventory: &Inventory, owners: &Owners) -> (Claims, Vec<Place>) {
    let mut claims = Claims::new();
    for (number, owner) in owners.iter() {
        let Ok(number) = u32::try_from(number) else { break };
        for (at, extent) in &owner.lots {
            claims.claim(at, *extent, number);
        }
        for at in &owner.rest_of {
            claims.rest(at, number);
        }
    }
    let meters: Vec<Place> = inventory.meters.iter().cloned().collect();
    for (number, at) in (0u32..).zip(&meters) {
        claims.meter(at, number);
    }
    (claims, meters)
}

fn loud(tree: &str) -> Problem {
    Problem {
        at: Place::tree(tree),
        code: "link-times-may-move",
        cause: "no mount of our own could be made, so reading a symbolic link may move its access time".to_owned(),
        lost: Lost::Nothing,
    }
}

/// A running dockerd holds locks on its databases, and makes this device node anew at every start.
fn live_since(disk: &Disk, inventory: &Inventory) -> Option<(i64, u32)> {
    const DATABASES: &[&str] = &["volumes/metadata.db", "network/files/local-kv.db", "buildkit/metadata_v2.db"];
    inventory.roots.iter().find_map(|root| {
        let locked = |path: &&str| disk.is_flocked(&root.place.join(path));
        let started = || disk.stat(&root.place.join("volumes/backingFsBlockDev")).map_or((0, 0), |stat| stat.mtime);
        DATABASES.iter().any(locked).then(started)
    })
}

/// What follows from a reading.
#[derive(Debug)]
pub struct Analysis<'a> {
    pub reading: &'a Reading,
    pub graph: Graph<'a>,
    pub retained: Retained,
    pub engine: Engine,
    /// What the engine would see in each store of a graph driver that is read in full.
    pub seen: Vec<Seen<'a>>,
    /// The same of each of containerd's stores, and of each namespace of another engine there.
    pub stored: Vec<Stored<'a>>,
    /// What `docker system df` would say; none if the active store is not read in detail.
    pub df: Option<DiskUsage<'a>>,
    pub counted: BTreeSet<OwnerKey>,
    pub findings: Vec<Finding>,
    pub withheld: Vec<Withheld>,
}

/// The engine that answers are given for.
#[derive(Debug)]
pub struct Engine {
    pub version: EngineVersion,
    pub version_from: Vec<String>,
    /// The root that the engine works with, where there are several.
    pub selected: Selected,
    pub active: Active,
}

impl Engine {
    fn of(reading: &Reading) -> Self {
        let inventory = &reading.inventory;
        let selected = selected_root(inventory, &reading.config);
        let inferred = infer(inventory, selected.root.as_deref());
        let (version, version_from) = match reading.options.engine {
            Some(version) => (version, vec!["--engine".to_owned()]),
            None => (inferred.version, inferred.reasons),
        };
        let root = root_of(&selected);
        let mut active = active(inventory, &reading.config, version, root);
        active.root = selected.root.clone().filter(|_| selected.told);
        Self { version, version_from, selected, active }
    }

    /// The root that is answered for.
    pub fn root(&self) -> &str {
        root_of(&self.selected)
    }
}

fn root_of(selected: &Selected) -> &str {
    selected.root.as_deref().or(selected.candidates.first().map(String::as_str)).unwrap_or("docker")
}

impl<'a> Analysis<'a> {
    pub fn of(reading: &'a Reading) -> Self {
        let inventory = &reading.inventory;
        let graph = Graph::of(inventory);
        let retained = explain::retained(&graph, &reading.owners, &reading.ledger);
        let engine = Engine::of(reading);
        let seen = seen(inventory, &engine);
        let stored = Stored::all(inventory, engine.root(), engine.version.triple());
        let active = view_of(&seen, &stored, &engine.active);
        let (df, counted) = active.map_or_else(Default::default, |view| docker_says(reading, view));
        let (findings, withheld) = finding::all(&Case {
            inventory,
            graph: &graph,
            retained: &retained,
            owners: &reading.owners,
            ledger: &reading.ledger,
            measures: &reading.measures,
            seen: &seen,
            stored: &stored,
            active: &engine.active,
            version: engine.version.triple(),
            counted: &counted,
            live_since: reading.live_since,
            now: reading.options.now,
        });
        Self { reading, graph, retained, engine, seen, stored, df, counted, findings, withheld }
    }

    /// The stores, each as the engine that answers are given for would see it.
    pub fn views(&self) -> impl Iterator<Item = View<'_, 'a>> {
        views(&self.seen, &self.stored)
    }

    /// What a person calls a thing; empty if nothing but its ID.
    pub fn name(&self, key: &Key) -> String {
        let inventory = &self.reading.inventory;
        let own = inventory.get(key).map(|thing| thing.name.clone()).filter(|name| !name.is_empty());
        own.or_else(|| self.borrowed_name(key)).unwrap_or_default()
    }

    /// Of an image its first tag, of a read-write layer its container's name.
    fn borrowed_name(&self, key: &Key) -> Option<String> {
        let mut tags = self.graph.holders(key).filter(|(_, edge)| edge.kind == LinkKind::Names).map(|(tag, _)| tag);
        match key.kind {
            Kind::Image => tags.next().map(|tag| tag.id.to_string()),
            Kind::Mount => {
                let container = Key { kind: Kind::Container, ..key.clone() };
                self.reading.inventory.get(&container).map(|thing| thing.name.clone())
            }
            _ => None,
        }
    }
}

fn seen<'a>(inventory: &'a Inventory, engine: &Engine) -> Vec<Seen<'a>> {
    let drivers = inventory.stores.iter().filter(|store| store.kind == StoreKind::GraphDriver && store.read_in_full);
    drivers.map(|store| Seen::of(inventory, &store.root, &store.name, engine.version.triple())).collect()
}

fn views<'s, 'a>(seen: &'s [Seen<'a>], stored: &'s [Stored<'a>]) -> impl Iterator<Item = View<'s, 'a>> {
    seen.iter().map(View::from).chain(stored.iter().filter(|stored| stored.asked).map(View::from))
}

fn view_of<'s, 'a>(seen: &'s [Seen<'a>], stored: &'s [Stored<'a>], active: &Active) -> Option<View<'s, 'a>> {
    views(seen, stored).find(|view| active.is(view.store().0, view.store().1))
}

/// The engine's own numbers for the store that is active, and whom they count.
fn docker_says<'a>(reading: &Reading, view: View<'_, 'a>) -> (Option<DiskUsage<'a>>, BTreeSet<OwnerKey>) {
    let sizes = reading.sizes();
    let df = DiskUsage::of(view, &sizes, cache::rows(view, &sizes));
    let counted = counted(view, &sizes, &df, &reading.owners);
    (Some(df), counted)
}
