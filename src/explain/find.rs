//! What a word means: an image by reference or ID, a container, a volume, a layer by any of its names, or a path.

use std::path::Path;

use super::Ground;
use crate::disk::Disk;
use crate::inventory::{Inventory, Role};
use crate::terms::{Key, Kind, Link, LinkKind, Place};

/// Why a word means nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotFound {
    #[error(
        "no image, container, volume, layer, cache record or path is called {0:?}; what there is: deadweight ls images|containers|volumes|layers|cache"
    )]
    Nothing(String),
    #[error("{word:?} may mean {}; write one of them", .candidates.join(", "))]
    Ambiguous { word: String, candidates: Vec<String> },
    #[error("{word:?} is in {}; say in which with --nested", .roots.join(" and in "))]
    InSeveral { word: String, roots: Vec<String> },
    #[error("{at}: {cause}")]
    Path { at: Place, cause: String },
    #[error("{0} is the engine's own directory: it stays as long as the data root does")]
    Scaffold(Place),
}

/// Kinds that a name can mean, those that people name first. Tags lead on to their image.
const NAMED: &[Kind] = &[
    Kind::Tag,
    Kind::Container,
    Kind::Volume,
    Kind::Image,
    Kind::Layer,
    Kind::DriverDirectory,
    Kind::Mount,
    Kind::CacheRecord,
    Kind::CacheSnapshot,
    Kind::Snapshot,
    Kind::Blob,
    Kind::Lease,
    Kind::Plugin,
    Kind::BuildHistory,
    Kind::Ingest,
];

/// The thing a word means, and the place if it is a path.
pub fn find(
    inventory: &Inventory,
    ground: &Ground<'_>,
    disk: &Disk,
    word: &[u8],
) -> Result<(Key, Option<Place>), NotFound> {
    if let Some(text) = std::str::from_utf8(word).ok()
        && let Some(key) = by_name(inventory, text)?
    {
        return Ok((key, None));
    }
    let nothing = || NotFound::Nothing(crate::terms::Printable(word).to_string());
    let place = by_path(disk, &base(inventory), word).ok_or_else(nothing)?;
    if let Err(cause) = disk.stat(&place) {
        let no_name = cause.is_missing() && !word.contains(&b'/');
        return Err(if no_name { nothing() } else { NotFound::Path { at: place, cause: cause.to_string() } });
    }
    ground.thing(&place).map(|key| (key.clone(), Some(place.clone()))).ok_or(NotFound::Scaffold(place))
}

/// The thing that has a name or ID, if there is one.
pub fn by_name(inventory: &Inventory, word: &str) -> Result<Option<Key>, NotFound> {
    if let Some(key) = inventory.entities.keys().find(|key| is_in_full(key, word)) {
        return Ok(Some(led_on(inventory, key).clone()));
    }
    let (only, word) = match word.split_once(':') {
        Some((kind, rest)) if NAMED.iter().any(|k| k.name() == kind) => (Some(kind), rest),
        _ => (None, word),
    };
    let by_digest = word.split_once('@').map(|(name, digest)| (repository(name), digest));
    let word = by_digest.map_or_else(|| word.to_owned(), |(name, digest)| format!("{name}@{digest}"));
    let word = word.as_str();
    let kinds = || NAMED.iter().filter(|kind| only.is_none_or(|only| kind.name() == only));
    for matches in [is_exactly, is_prefix] {
        let mut found: Vec<&Key> = Vec::new();
        for kind in kinds() {
            let of_kind: Vec<&Key> = inventory
                .of_kind(*kind)
                .filter(|(key, thing)| matches(key, &thing.name, word))
                .map(|(key, _)| key)
                .collect();
            // the same data under several names: a container and its read-write layer, an image and its layer
            if found.is_empty() || matches!(kind, Kind::Tag | Kind::Container | Kind::Volume) {
                found.extend(of_kind.into_iter().map(|key| led_on(inventory, key)));
            }
        }
        found.sort();
        found.dedup();
        // the view of a snapshot has the snapshot's name and more
        let begins = |it: &Key, other: &Key| it.kind == other.kind && other.id.starts_with(&*it.id);
        found = match found.iter().find(|key| found.iter().all(|other| begins(key, other))) {
            Some(first) => found.iter().copied().filter(|key| key.id == first.id).collect(),
            None => found,
        };
        match found.as_slice() {
            [] => {}
            [one] => return Ok(Some((*one).clone())),
            many => {
                let candidates = many.iter().take(8).map(|key| told_apart(key, many)).collect();
                return Err(NotFound::Ambiguous { word: word.to_owned(), candidates });
            }
        }
    }
    Ok(by_digest.filter(|_| only.is_none()).and_then(|(name, digest)| by_its_digest(inventory, name, digest)))
}

/// `web@sha256:…`: where an image is called by the digest of its manifest, and no name has one, it is the image of that digest with a
/// name in this repository.
fn by_its_digest(inventory: &Inventory, name: &str, digest: &str) -> Option<Key> {
    let is_in = |tag: &str| {
        let known = repository(tag.split_once('@').map_or(tag, |(name, _)| name));
        known == name || is_familiar(known, name)
    };
    let names = inventory.links.iter().filter(|link| link.kind == LinkKind::Names && *link.to.id == *digest);
    names.filter(|link| is_in(&link.from.id)).map(|link| link.to.clone()).next()
}

/// A name without its tag.
fn repository(name: &str) -> &str {
    name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or(name, |(repository, _)| repository)
}

/// As it is to be written: two stores may call an image alike, and a root that was left over is called as the one in use.
fn told_apart(key: &Key, many: &[&Key]) -> String {
    match many.iter().filter(|other| other.kind == key.kind && other.id == key.id).count() {
        1 => format!("{}:{}", key.kind, key.id),
        _ => key.to_string(),
    }
}

fn is_in_full(key: &Key, word: &str) -> bool {
    let mut rest = Some(word);
    for part in [&*key.root, &*key.store, key.kind.name()] {
        rest = rest.and_then(|rest| rest.strip_prefix(part)?.strip_prefix(':'));
    }
    rest == Some(&*key.id)
}

/// The image that a tag names, if it is there.
fn led_on<'i>(inventory: &'i Inventory, key: &'i Key) -> &'i Key {
    let named = |link: &&Link| link.kind == LinkKind::Names && link.from == *key && inventory.get(&link.to).is_some();
    let target = || inventory.links.iter().find(named).map(|link| &link.to);
    if key.kind == Kind::Tag { target().unwrap_or(key) } else { key }
}

fn is_exactly(key: &Key, name: &str, word: &str) -> bool {
    let hex = key.id.strip_prefix("sha256:").unwrap_or(&key.id);
    match key.kind {
        Kind::Tag => *key.id == *word || key.id.strip_suffix(":latest") == Some(word) || is_familiar(&key.id, word),
        Kind::Container => name == word.trim_start_matches('/') || *key.id == *word,
        _ => *key.id == *word || hex == word,
    }
}

/// `docker.io/library/web:1` is `web:1`.
fn is_familiar(id: &str, word: &str) -> bool {
    let short = word.strip_prefix("docker.io/").unwrap_or(word);
    let short = short.strip_prefix("library/").unwrap_or(short);
    short != word && (id == short || id.strip_suffix(":latest") == Some(short))
}

/// As Docker does, any beginning of an ID; four characters at least, so that a word is not taken for one.
fn is_prefix(key: &Key, _: &str, word: &str) -> bool {
    let hex = key.id.strip_prefix("sha256:").unwrap_or(&key.id);
    let short = word.strip_prefix("sha256:").unwrap_or(word);
    let by_id = !matches!(key.kind, Kind::Tag | Kind::Volume);
    by_id && short.len() >= 4 && hex.starts_with(short)
}

/// A path that begins with a tree's name, an absolute one, or one relative to the data root.
fn by_path(disk: &Disk, base: &Place, word: &[u8]) -> Option<Place> {
    use std::os::unix::ffi::OsStrExt as _;
    let path = Path::new(std::ffi::OsStr::from_bytes(word));
    if path.is_absolute() {
        let inside = |base: &Path| path.strip_prefix(base).ok().map(|rest| rest.as_os_str().as_bytes().to_owned());
        return disk.trees().find_map(|tree| below(tree.name(), &inside(tree.path())?));
    }
    let clean = trimmed(word);
    Place::parse(clean)
        .ok()
        .filter(|place| disk.tree(place.tree_name()).is_some())
        .or_else(|| Place::parse(&[base.as_bytes(), b"/", clean].concat()).ok())
}

/// What relative paths begin at: the data root, or the nested one that all this is about.
fn base(inventory: &Inventory) -> Place {
    let mut engines = inventory.roots.iter().filter(|root| root.role == Role::Engine);
    let first = engines.next().or(inventory.roots.first());
    first.map_or_else(|| Place::tree("docker"), |root| root.place.clone())
}

fn below(tree: &str, inside: &[u8]) -> Option<Place> {
    let inside = trimmed(inside);
    if inside.is_empty() {
        return Some(Place::tree(tree));
    }
    Place::parse(&[tree.as_bytes(), b"/", inside].concat()).ok()
}

fn trimmed(path: &[u8]) -> &[u8] {
    let path = path.strip_prefix(b"./").unwrap_or(path);
    let end = path.iter().rposition(|b| *b != b'/').map_or(0, |last| last + 1);
    path.get(..end).unwrap_or_default()
}
