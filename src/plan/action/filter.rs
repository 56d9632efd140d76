//! `--filter name=value`, and what matches. docker/cli opts: FilterOpt; moby api/types/filters: Args.

use std::collections::{BTreeMap, BTreeSet};

use super::BadAction;
use super::options::bad;

/// Filters by name, each with its values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters(BTreeMap<String, BTreeSet<String>>);

impl Filters {
    /// One more, as typed.
    pub fn with(mut self, typed: &str) -> Result<Self, BadAction> {
        // the CLI takes an empty one for none
        if typed.is_empty() {
            return Ok(self);
        }
        let (name, value) = typed.split_once('=').ok_or_else(|| bad("filter", typed, "not name=value"))?;
        self.0.entry(name.trim().to_lowercase()).or_default().insert(value.trim().to_owned());
        Ok(self)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The values under a name.
    pub fn get(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.get(name).into_iter().flatten().map(String::as_str)
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// What the engine answers to a filter that a command does not have.
    pub fn accepted(&self, names: &[&str]) -> Result<(), String> {
        match self.0.keys().find(|name| !names.contains(&name.as_str())) {
            Some(name) => Err(format!("invalid filter '{name}'")),
            None => Ok(()),
        }
    }

    /// moby daemon/prune.go matchLabels: every `label`, and not every `label!`.
    pub fn match_labels(&self, labels: Option<&BTreeMap<String, String>>) -> bool {
        self.match_all("label", labels) && (!self.has("label!") || !self.match_all("label!", labels))
    }

    /// moby api/types/filters: MatchKVList.
    fn match_all(&self, name: &str, labels: Option<&BTreeMap<String, String>>) -> bool {
        let Some(wanted) = self.0.get(name) else { return true };
        wanted.iter().all(|wanted| {
            let (key, value) =
                wanted.split_once('=').map_or((wanted.as_str(), None), |(key, value)| (key, Some(value)));
            let found = labels.and_then(|labels| labels.get(key));
            found.is_some_and(|found| value.is_none_or(|value| value == found))
        })
    }
}
