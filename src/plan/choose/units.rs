//! What a plan may remove, one unit each, in the order in which they would go: what others stand on goes after these.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::super::Case;
use super::super::action::{Action, Zone};
use super::harm::{Class, Harm, by_age};
use super::keep::{About, Keep};
use super::tiers;
use crate::disk::FileKind;
use crate::docker::View;
use crate::docker::df::{ContainerRow, ImageRow, VolumeRow};
use crate::docker::units::ago;
use crate::terms::{Key, Kind, short_id};

/// One removal.
#[derive(Clone, Debug)]
pub struct Unit {
    pub key: Key,
    pub name: String,
    pub class: Class,
    pub points: u64,
    pub why: String,
    pub action: Action,
    /// A part of the build cache: it goes with all older parts, and one command takes them all.
    pub(super) tier: Option<Tier>,
}

/// How many records a part of the build cache has, and which.
#[derive(Clone, Debug)]
pub(super) struct Tier {
    pub(super) records: usize,
    pub(super) which: String,
}

impl Unit {
    pub(super) fn is_tier(&self) -> bool {
        self.tier.is_some()
    }

    pub fn harm(&self) -> Harm {
        Harm::of(self.class, self.points)
    }
}

/// What a rule keeps that could otherwise be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub key: Key,
    pub name: String,
    /// The rule as typed.
    pub rule: String,
}

/// Everything that may go, and what rules keep.
#[derive(Clone, Debug, Default)]
pub(super) struct Units {
    pub(super) list: Vec<Unit>,
    pub(super) kept: Vec<Kept>,
}

const ANONYMOUS: &str = "com.docker.volume.anonymous";

pub(super) fn units(case: &Case<'_>, rules: &[Keep]) -> Units {
    let mut finder = Finder { case, rules, zone: case.zone, units: Units::default() };
    let containers = finder.containers();
    let (dead, stopped): (Vec<Unit>, Vec<Unit>) =
        containers.into_values().partition(|unit| unit.class == Class::Leftover);
    let going: BTreeSet<String> = dead.iter().chain(&stopped).map(|unit| unit.key.id.to_string()).collect();
    let (loose, used) = finder.images(&going);
    let (dangling, images): (Vec<Unit>, Vec<Unit>) = loose.into_iter().partition(|unit| unit.class == Class::Leftover);
    let volumes = finder.volumes();
    let history = finder.history();
    let cache = finder.cache();
    // the least harm first; an image after the containers that were made from it
    let order = [dead, dangling, volumes, history, cache, stopped, used, images];
    finder.units.list = order.into_iter().flatten().collect();
    finder.units
}

struct Finder<'f, 'a> {
    case: &'f Case<'a>,
    rules: &'f [Keep],
    zone: &'f Zone,
    units: Units,
}

impl Finder<'_, '_> {
    /// Whether a rule keeps it; if so, that is noted.
    fn keeps(&mut self, key: &Key, about: &About<'_>) -> bool {
        let now = self.case.now;
        let rule = self.rules.iter().find(|rule| rule.matches(about, now, self.zone));
        let name = about.names.first().cloned().unwrap_or_default();
        let kept = rule.map(|rule| Kept { key: key.clone(), name, rule: rule.text.clone() });
        let is = kept.is_some();
        self.units.kept.extend(kept);
        is
    }

    fn unit(
        &self,
        key: &Key,
        name: String,
        (class, points): (Class, u64),
        why: String,
        words: &[&str],
    ) -> Option<Unit> {
        let action = Action::of(words)?;
        Some(Unit { key: key.clone(), name, class, points, why, action, tier: None })
    }

    /// Those that do not run, by ID.
    fn containers(&mut self) -> BTreeMap<String, Unit> {
        let case = self.case;
        let rows = case.df.containers.iter().filter(|row| !row.container.facts.state.is_alive());
        let mut ids: Vec<&str> = case.df.containers.iter().map(|row| &*row.key.id).collect();
        ids.sort_unstable();
        let found = rows.filter_map(|row| Some((row.key.id.to_string(), self.container(row, &ids)?)));
        found.collect()
    }

    fn container(&mut self, row: &ContainerRow<'_>, ids: &[&str]) -> Option<Unit> {
        let facts = row.container.facts;
        // the engine removes it by itself, or starts it when it is started itself
        if facts.auto_remove || facts.starts_again && self.case.live_since.is_none() {
            return None;
        }
        let since = facts.state.finished_at.or(facts.created);
        let about = About {
            kind: "container",
            id: &row.key.id,
            names: vec![facts.name.clone()],
            labels: facts.labels.as_ref(),
            since,
        };
        if self.keeps(row.key, &about) {
            return None;
        }
        let when = since.map_or_else(|| "at an unknown time".to_owned(), |at| ago(self.case.now, at).to_lowercase());
        let dead = facts.state.dead || facts.state.removal_in_progress;
        let (class, why) = match (dead, facts.state.word()) {
            (true, _) => (Class::Leftover, format!("its removal was begun and did not end; stopped {when}")),
            (_, "created") => (Class::Container, format!("it was created {when} and never started")),
            _ if row.container.image.is_none() => (
                Class::Container,
                format!(
                    "it stopped {when}, and its image was removed: only it keeps these layers, and no command shows them"
                ),
            ),
            _ => (Class::Container, format!("it stopped {when} with status {}", facts.state.exit_code)),
        };
        let why = format!("{why}; what it wrote and its logs go");
        let points = by_age(since, self.case.now);
        self.unit(row.key, facts.name.clone(), (class, points), why, &["rm", &short(&row.key.id, ids)])
    }

    /// Images that no container uses, and those that only containers use that may go.
    fn images(&mut self, going: &BTreeSet<String>) -> (Vec<Unit>, Vec<Unit>) {
        let case = self.case;
        let mut users: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for row in &case.df.containers {
            if let Some(image) = &row.container.facts.image {
                users.entry(image.as_str()).or_default().push(&row.key.id);
            }
        }
        let mut ids: Vec<&str> = case.df.images.iter().map(|row| row.id.as_str()).collect();
        ids.sort_unstable();
        let (mut loose, mut used) = (Vec::new(), Vec::new());
        // what was built on an image is younger, and goes first
        for row in &case.df.images {
            let users = users.get(row.id.as_str()).map(Vec::as_slice).unwrap_or_default();
            if users.iter().all(|user| going.contains(*user)) {
                let list = if users.is_empty() { &mut loose } else { &mut used };
                list.extend(self.image(row, users.len(), &ids));
            }
        }
        (loose, used)
    }

    fn image(&mut self, row: &ImageRow<'_>, users: usize, ids: &[&str]) -> Option<Unit> {
        let created = Timestamp::from_second(row.created).ok().filter(|at| at.as_second() > 0);
        let repository = |tag: &String| tag.rsplit_once(':').map(|(name, _)| name.to_owned());
        let names = row.tags.iter().chain(&row.digests).cloned().chain(row.tags.iter().filter_map(repository));
        let about =
            About { kind: "image", id: &row.id, names: names.collect(), labels: row.labels.as_deref(), since: created };
        if self.keeps(row.key, &about) {
            return None;
        }
        let dangling = !row.is_referenced();
        let when = created.map_or_else(|| "at an unknown time".to_owned(), |at| ago(self.case.now, at).to_lowercase());
        let use_of = match users {
            0 => "no container uses it".to_owned(),
            1 => "only a stopped container uses it, which goes, too".to_owned(),
            many => format!("only {many} stopped containers use it, which go, too"),
        };
        let pulled = self.pulled(row);
        let again = match &pulled {
            Some(digest) => {
                format!("by its record a registry has had it: it can be pulled again as {digest}, if it is still there")
            }
            None => "it was not pulled, and cannot be had again unless it is built or loaded".to_owned(),
        };
        let (class, factor, why) = if dangling && users == 0 {
            (Class::Leftover, 1, format!("no tag refers to it, and nothing was built on it; made {when}"))
        } else {
            let factor = if pulled.is_some() { 1 } else { 2 };
            (Class::Image, factor, format!("{use_of}; made {when}; {again}"))
        };
        let points = by_age(created, self.case.now).saturating_mul(factor);
        // an ID is refused if a name is added meanwhile; with several names it takes all of them
        let one = row.tags.len().saturating_add(row.digests.len()) <= 1 || row.tags.is_empty();
        let id = short(&row.id, ids);
        let arguments: Vec<&str> = match one {
            true => vec![&id],
            false => row.tags.iter().map(String::as_str).chain(lone_digests(row)).collect(),
        };
        let words: Vec<&str> = std::iter::once("rmi").chain(arguments).collect();
        let name = row.tags.first().or(row.digests.first()).cloned().unwrap_or_default();
        self.unit(row.key, name, (class, points), why, &words)
    }

    /// What a registry has had it as. With a graph driver only an image that came from there, or went there, has a digest;
    /// with containerd's store every image has.
    fn pulled(&self, row: &ImageRow<'_>) -> Option<String> {
        match self.case.view {
            View::GraphDriver(_) => row.digests.first().cloned(),
            View::Containerd(stored) => stored.had_by_registry(&row.id),
        }
    }

    /// Anonymous ones without a user and without a single file.
    fn volumes(&mut self) -> Vec<Unit> {
        let case = self.case;
        case.df
            .volumes
            .iter()
            .filter(|row| self.is_empty(row))
            .collect::<Vec<_>>()
            .into_iter()
            .filter_map(|row| {
                let about = About {
                    kind: "volume",
                    id: &row.key.id,
                    names: vec![row.key.id.to_string()],
                    labels: row.volume.facts.labels.as_ref(),
                    since: row.created,
                };
                if self.keeps(row.key, &about) {
                    return None;
                }
                let points = by_age(row.created, case.now);
                let why = "an anonymous volume that no container uses and that holds nothing".to_owned();
                self.unit(
                    row.key,
                    row.key.id.to_string(),
                    (Class::Leftover, points),
                    why,
                    &["volume", "rm", &row.key.id],
                )
            })
            .collect()
    }

    fn is_empty(&self, row: &VolumeRow<'_>) -> bool {
        let facts = row.volume.facts;
        let named = |id: &str| id.len() != 64 || !id.bytes().all(|b| b.is_ascii_hexdigit());
        let anonymous =
            facts.labels.as_ref().is_some_and(|labels| labels.contains_key(ANONYMOUS)) || !named(&row.key.id);
        let data = facts.at.as_ref().map(|at| at.join("_data"));
        let nothing = data.is_some_and(|data| {
            let plain = self.case.disk.stat(&data).is_ok_and(|stat| stat.kind == FileKind::Dir);
            plain && self.case.disk.dir(&data).is_ok_and(|dir| dir.entries().next().is_none())
        });
        anonymous && !facts.needs_mount && row.volume.users.is_empty() && nothing
    }

    /// Records of past builds: in none of Docker's totals.
    fn history(&mut self) -> Vec<Unit> {
        let case = self.case;
        let remembered = case.inventory.of_kind(Kind::BuildHistory).filter(|(_, thing)| case.view.remembers(thing));
        let keys: Vec<&Key> = remembered.map(|(key, _)| key).filter(|key| *key.root == *case.view.root()).collect();
        let unit = |key: &Key| {
            let about = About { kind: "history", id: &key.id, names: vec![key.id.to_string()], ..About::default() };
            if self.keeps(key, &about) {
                return None;
            }
            let why = "the record of a past build, with its log and provenance; in no total of Docker's".to_owned();
            self.unit(key, String::new(), (Class::Leftover, 1), why, &["buildx", "history", "rm", &key.id])
        };
        keys.into_iter().filter_map(unit).collect()
    }

    /// Build cache by its last use: what was used longest ago goes first.
    fn cache(&mut self) -> Vec<Unit> {
        let case = self.case;
        let mut limit = None;
        for row in &case.df.cache {
            let about = About { kind: "cache", id: &row.id, since: row.last_used_at, ..About::default() };
            if self.keeps(&row.key, &about) {
                // a record without a date is taken by every prune
                let at = row.last_used_at.unwrap_or(Timestamp::MIN);
                limit = Some(limit.map_or(at, |limit: Timestamp| limit.min(at)));
            }
        }
        tiers::tiers(&case.df.cache, case.now, limit)
    }
}

/// As short as it is certain; `all` are in order.
fn short(id: &str, all: &[&str]) -> String {
    let short = short_id(id);
    let whole = |id: &str| id.strip_prefix("sha256:").unwrap_or(id).to_owned();
    let first = all.partition_point(|other| whole(other).as_str() < short);
    let alike = all.iter().skip(first).take_while(|other| whole(other).starts_with(short)).take(2).count();
    if alike == 1 { short.to_owned() } else { id.to_owned() }
}

/// Digests of repositories that have no tag here: those of others go with their last tag.
fn lone_digests<'r>(row: &'r ImageRow<'_>) -> impl Iterator<Item = &'r str> {
    let tagged: BTreeSet<&str> = row.tags.iter().filter_map(|tag| Some(tag.rsplit_once(':')?.0)).collect();
    let lone = move |digest: &&str| digest.split_once('@').is_none_or(|(name, _)| !tagged.contains(name));
    row.digests.iter().map(String::as_str).filter(lone)
}
