//! Why a thing is there: every path from a root to it. What lies in a data root inside a volume or container is looked for
//! there once it is needed, and told with what is around it.

use std::cell::OnceCell;

use super::build::{self, object, owner};
use super::contract as v1;
use super::nested::{self, Inner};
use super::{Analysis, Reading};
use crate::explain::{Ground, NotFound, by_name, find};
use crate::graph::{Path, Step};
use crate::inventory::Owner;
use crate::terms::{Key, Kind, Place};

/// How many paths are listed.
const LIMIT: usize = 100;

/// What lies in nested roots, read when it is first asked for.
#[derive(Debug, Default)]
pub struct Insides(OnceCell<Vec<Inner>>);

impl Insides {
    fn of(&self, outer: &Reading) -> &[Inner] {
        self.0.get_or_init(|| {
            let threads = outer.options.threads.unwrap_or_else(crate::usage::default_threads);
            outer.pool.install(|| nested::read(outer, threads)).0
        })
    }
}

/// Answers for words and paths.
#[derive(Debug)]
pub struct Teller<'a> {
    analysis: &'a Analysis<'a>,
    ground: Ground<'a>,
    /// Where nested roots begin.
    nested: Vec<&'a Place>,
    insides: &'a Insides,
    scenes: OnceCell<Vec<Scene<'a>>>,
}

/// A nested root.
#[derive(Debug)]
struct Scene<'a> {
    inner: &'a Inner,
    analysis: Analysis<'a>,
    ground: Ground<'a>,
}

impl<'a> Teller<'a> {
    pub fn new(analysis: &'a Analysis<'a>, insides: &'a Insides) -> Self {
        let reading = analysis.reading;
        let ground = Ground::of(&reading.inventory, &reading.owners);
        let nested = nested::places(&reading.inventory).collect();
        Self { analysis, ground, nested, insides, scenes: OnceCell::new() }
    }

    /// The answer for a word or path.
    pub fn why(&self, word: &[u8]) -> Result<v1::Why, NotFound> {
        let reading = self.analysis.reading;
        match find(&reading.inventory, &self.ground, &reading.disk, word) {
            Ok((key, place)) => {
                let inner = place.as_ref().and_then(|place| self.on_inner_ground(place));
                Ok(inner.unwrap_or_else(|| self.here(&key, place.as_ref())))
            }
            Err(cause @ (NotFound::Nothing(_) | NotFound::Path { .. })) => {
                self.called_inside(word).unwrap_or(Err(cause))
            }
            Err(cause) => Err(cause),
        }
    }

    /// The answer for an engine's own directory: it is a root itself, as all that the engine keeps without being referred to.
    pub fn own_directory(&self, place: &Place) -> v1::Why {
        let (kind, id) = (Kind::Scaffold.name(), place.to_string());
        let step = v1::Step { kind, id: id.as_str().into(), name: id.clone(), link: None, evidence: None };
        let claims = |found: &&(usize, &Owner)| found.1.lots.iter().any(|(at, _)| at == place);
        let charged = self.analysis.reading.owners.iter().find(|found| claims(&found));
        let charged = charged.and_then(|(number, found)| owner(self.analysis, number, found));
        v1::Why {
            schema_version: v1::SCHEMA_VERSION,
            as_of: self.analysis.reading.options.now.to_string(),
            roots: build::roots(self.analysis),
            object: v1::Object { kind, id: step.id.clone(), name: id },
            owners: charged.into_iter().collect(),
            paths: vec![vec![step]],
            more_paths: false,
            problems: build::problems(self.analysis),
            inside: Vec::new(),
            owners_inside: Vec::new(),
        }
    }

    fn scenes(&self) -> &[Scene<'a>] {
        let insides = self.insides;
        let read = || if self.nested.is_empty() { &[] } else { insides.of(self.analysis.reading) };
        self.scenes.get_or_init(|| read().iter().map(Scene::of).collect())
    }

    fn here(&self, key: &Key, place: Option<&Place>) -> v1::Why {
        let (paths, more_paths) = paths(self.analysis, key);
        v1::Why {
            schema_version: v1::SCHEMA_VERSION,
            as_of: self.analysis.reading.options.now.to_string(),
            roots: build::roots(self.analysis),
            object: object(self.analysis, key),
            owners: owners(self.analysis, &self.ground, key, place),
            paths,
            more_paths,
            problems: build::problems(self.analysis),
            inside: Vec::new(),
            owners_inside: Vec::new(),
        }
    }

    /// What a path means in the innermost root that it lies in; none in an engine's own directory.
    fn on_inner_ground(&self, place: &Place) -> Option<v1::Why> {
        if !self.nested.iter().any(|top| place.starts_with(top)) {
            return None;
        }
        let scene = self.scenes().iter().filter(|scene| scene.has(place)).max_by_key(|scene| scene.inner.depth)?;
        let key = scene.ground.thing(place)?;
        Some(self.inside(scene, key, Some(place)))
    }

    /// What a name or ID means that nothing outside has.
    fn called_inside(&self, word: &[u8]) -> Option<Result<v1::Why, NotFound>> {
        let word = std::str::from_utf8(word).ok()?;
        let found = |scene: &Scene<'a>| by_name(&scene.inner.reading.inventory, word).transpose();
        let mut hits = self.scenes().iter().filter_map(|scene| Some((scene, found(scene)?)));
        let (scene, first) = hits.next()?;
        let others: Vec<&Scene<'a>> = hits.map(|(scene, _)| scene).collect();
        if others.is_empty() {
            return Some(first.map(|key| self.inside(scene, &key, None)));
        }
        let roots = std::iter::once(scene).chain(others).filter_map(|scene| scene.names().next()).collect();
        Some(Err(NotFound::InSeveral { word: word.to_owned(), roots }))
    }

    fn inside(&self, scene: &Scene<'a>, key: &Key, place: Option<&Place>) -> v1::Why {
        let analysis = &scene.analysis;
        let (paths, more_paths) = paths(analysis, key);
        let around = self.around(scene);
        let read: Vec<&Analysis<'_>> =
            std::iter::once(self.analysis).chain(around.iter().map(|scene| &scene.analysis)).collect();
        let at = place.cloned().or_else(|| scene.place_of(key));
        v1::Why {
            schema_version: v1::SCHEMA_VERSION,
            as_of: self.analysis.reading.options.now.to_string(),
            object: object(analysis, key),
            owners: at.map(|at| owners(self.analysis, &self.ground, key, Some(&at))).unwrap_or_default(),
            paths,
            more_paths,
            roots: read.iter().flat_map(|analysis| build::roots(analysis)).collect(),
            problems: read.iter().flat_map(|analysis| build::problems(analysis)).collect(),
            inside: read.iter().zip(&around).map(|(outer, scene)| scene.around(outer)).collect(),
            owners_inside: owners(analysis, &scene.ground, key, place),
        }
    }

    /// The nested roots that this one lies in, and itself; the outermost first.
    fn around<'s>(&'s self, scene: &'s Scene<'a>) -> Vec<&'s Scene<'a>> {
        let parent = |scene: &&'s Scene<'a>| {
            let root = &scene.inner.inside.owner.root;
            self.scenes().iter().find(|outer| outer.names().any(|name| *name == **root))
        };
        let mut chain: Vec<&'s Scene<'a>> = std::iter::successors(Some(scene), parent).collect();
        chain.reverse();
        chain
    }
}

impl<'a> Scene<'a> {
    fn of(inner: &'a Inner) -> Self {
        let reading = &inner.reading;
        let ground = Ground::of(&reading.inventory, &reading.owners);
        Self { inner, analysis: Analysis::of(reading), ground }
    }

    fn has(&self, place: &Place) -> bool {
        self.inner.reading.inventory.roots.iter().any(|root| place.starts_with(&root.place))
    }

    fn names(&self) -> impl Iterator<Item = String> {
        self.inner.reading.inventory.roots.iter().map(|root| root.name.to_string())
    }

    /// Where a thing lies; of one that lies nowhere by itself, where all lies.
    fn place_of(&self, key: &Key) -> Option<Place> {
        let inventory = &self.inner.reading.inventory;
        let lots = inventory.get(key).map(|thing| thing.lots.as_slice()).unwrap_or_default();
        let root = || inventory.roots.first().map(|root| root.place.clone());
        lots.first().map(|lot| lot.at.clone()).or_else(root)
    }

    fn around(&self, outer: &Analysis<'_>) -> v1::Around {
        let key = &self.inner.inside.owner;
        let (paths, more_paths) = paths(outer, key);
        v1::Around {
            object: object(outer, key),
            root: key.root.to_string(),
            paths,
            more_paths,
            nested: self.names().collect(),
        }
    }
}

fn paths(analysis: &Analysis<'_>, key: &Key) -> (Vec<Vec<v1::Step>>, bool) {
    let paths = analysis.graph.node(key).map(|node| analysis.graph.paths_to(node, LIMIT)).unwrap_or_default();
    (paths.found.iter().map(|path| steps(analysis, path)).collect(), paths.more)
}

/// Of a path, the owner that is charged for it; of a thing, all that are charged for it.
fn owners(analysis: &Analysis<'_>, ground: &Ground<'_>, key: &Key, place: Option<&Place>) -> Vec<v1::Owner> {
    let all = &analysis.reading.owners;
    let charged = |number: usize| all.get(number).and_then(|found| owner(analysis, number, found));
    let lots = analysis.reading.inventory.get(key).map(|thing| thing.lots.as_slice()).unwrap_or_default();
    let mut numbers: Vec<usize> = match place {
        Some(place) => ground.owner(place).into_iter().collect(),
        None => all
            .of_thing(key)
            .map(|(number, _)| number)
            .chain(lots.iter().filter_map(|lot| ground.owner(&lot.at)))
            .collect(),
    };
    numbers.sort_unstable();
    numbers.dedup();
    numbers.into_iter().filter_map(charged).collect()
}

fn steps(analysis: &Analysis<'_>, path: &Path) -> Vec<v1::Step> {
    path.iter().filter_map(|step| one(analysis, step)).collect()
}

fn one(analysis: &Analysis<'_>, step: &Step) -> Option<v1::Step> {
    let shown = object(analysis, analysis.graph.key(step.node)?);
    Some(v1::Step {
        kind: shown.kind,
        id: shown.id,
        name: shown.name,
        link: step.link.as_ref().map(|(kind, _)| kind.name().to_owned()),
        evidence: step.link.as_ref().map(|(_, evidence)| evidence.to_string()),
    })
}
