//! The one data root inside another that is asked for: by the name that `report` gives it, or by what it lies in. Only what leads
//! there is surveyed, and nothing is weighed.

use super::DEPTH;
use super::group::{Group, groups};
use crate::disk::Disk;
use crate::inventory::{Inventory, Root};
use crate::terms::{Key, Kind, Printable, short_id};

/// Where a nested root is.
#[derive(Clone, Debug)]
pub struct Inside {
    /// What owns it outside, and what that is called.
    pub owner: Key,
    pub owner_name: String,
    /// The containers that work with it, by name.
    pub users: Vec<String>,
}

impl Inside {
    /// `volume inner`, `container web`
    pub fn called(&self) -> String {
        match (self.owner.kind, self.users.first()) {
            (Kind::Volume, _) => format!("volume {}", self.owner.id),
            (_, Some(container)) => format!("container {container}"),
            (kind, None) => format!("{kind} {}", short_id(&self.owner.id)),
        }
    }
}

/// What was found, not weighed yet.
pub(in crate::report) struct Site {
    pub(in crate::report) roots: Vec<Root>,
    pub(in crate::report) inventory: Inventory,
    pub(in crate::report) inside: Inside,
}

/// Why it cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum NoSuchRoot {
    #[error(
        "there is no data root inside a volume or container here, so none is called {0:?}; what there is: deadweight report"
    )]
    None(String),
    #[error("no data root inside a volume or container is called {name:?}; there are {}", .there.join(", "))]
    Unknown { name: String, there: Vec<String> },
    #[error("{name:?} may mean {}; write one of them", .candidates.join(", "))]
    Ambiguous { name: String, candidates: Vec<String> },
    #[error("{0} is in part in the layers below what the container wrote, and cannot be read as one")]
    Split(String),
    #[error("{0} lies in more than {DEPTH} data roots, one in another; read one of these with --root")]
    TooDeep(String),
}

/// How many names an error lists.
const SHOWN: usize = 8;

/// The roots of the engine that `name` means.
pub(in crate::report) fn find(disk: &Disk, outer: &Inventory, name: &str) -> Result<Site, NoSuchRoot> {
    let name = name.trim_end_matches('/');
    let mut around = None;
    for _ in 0..DEPTH {
        let inventory = around.as_ref().unwrap_or(outer);
        let found = groups(disk, inventory);
        let next = match on_the_way(&found, name) {
            Some(group) => group,
            // what lies in a nested root has its name in front
            None if around.is_some() => return Err(unknown(&found, name)),
            None => called(inventory, &found, name)?,
        };
        if next.is_split {
            return Err(NoSuchRoot::Split(next.name()));
        }
        let inside = next.inside.clone();
        let inventory = crate::store::survey_roots(disk, &next.roots);
        let is_it = !next.roots.iter().any(|root| is_below(name, &root.name));
        if is_it {
            return Ok(Site { roots: next.roots.clone(), inventory, inside });
        }
        around = Some(inventory);
    }
    Err(NoSuchRoot::TooDeep(Printable(name.as_bytes()).to_string()))
}

/// The one that has this name, or the beginning of it.
fn on_the_way<'g>(found: &'g [Group], name: &str) -> Option<&'g Group> {
    found.iter().find(|group| group.roots.iter().any(|root| *root.name == *name || is_below(name, &root.name)))
}

fn is_below(name: &str, root: &str) -> bool {
    name.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'))
}

/// The one that lies in a volume or container of this name.
fn called<'g>(inventory: &Inventory, found: &'g [Group], name: &str) -> Result<&'g Group, NoSuchRoot> {
    let is = |group: &&Group| {
        let users = group.users.iter().any(|user| is_container(inventory, user, name));
        let owner = &group.inside.owner;
        *owner.id == *name || (!name.is_empty() && group.inside.owner_name == name) || users
    };
    let fits: Vec<&Group> = found.iter().filter(is).collect();
    match fits.as_slice() {
        [] => Err(unknown(found, name)),
        [one] => Ok(one),
        many => Err(NoSuchRoot::Ambiguous { name: Printable(name.as_bytes()).to_string(), candidates: names(many) }),
    }
}

fn is_container(inventory: &Inventory, user: &Key, name: &str) -> bool {
    let own = inventory.get(user).is_some_and(|thing| !thing.name.is_empty() && thing.name == name);
    own || (name.len() >= short_id(&user.id).len() && user.id.starts_with(name))
}

fn unknown(found: &[Group], name: &str) -> NoSuchRoot {
    let name = Printable(name.as_bytes()).to_string();
    if found.is_empty() {
        return NoSuchRoot::None(name);
    }
    NoSuchRoot::Unknown { name, there: names(&found.iter().collect::<Vec<_>>()) }
}

fn names(groups: &[&Group]) -> Vec<String> {
    let more = groups.len().checked_sub(SHOWN).filter(|more| *more > 0).map(|more| format!("and {more} more"));
    groups.iter().take(SHOWN).map(|group| group.name()).chain(more).collect()
}

impl Group {
    /// Of its first root.
    pub(super) fn name(&self) -> String {
        self.roots.first().map(|root| Printable(root.name.as_bytes()).to_string()).unwrap_or_default()
    }
}
