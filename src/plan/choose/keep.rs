//! `--keep KEY=VALUE`, in the style of Docker's filters: what matches any of them is not removed.
//!
//! ```text
//! name=PATTERN        a container, a volume, or an image by any of its names (web, web:1, web@sha256:…); * and ? match
//! label=KEY[=VALUE]   of a container, an image or a volume
//! until=TIME          whatever was made or used after it (24h, 2026-01-31, as `--filter until` takes it), or has no date
//! kind=KIND           all of a kind: container, image, cache, volume, history
//! id=PREFIX           whatever has this ID
//! ```

use std::collections::BTreeMap;

use jiff::Timestamp;
use wildmatch::WildMatch;

use super::super::action::{Moment, Zone};

/// What a rule is asked about.
#[derive(Clone, Debug, Default)]
pub(super) struct About<'a> {
    pub(super) kind: &'static str,
    pub(super) id: &'a str,
    pub(super) names: Vec<String>,
    pub(super) labels: Option<&'a BTreeMap<String, String>>,
    /// When it was made or used last.
    pub(super) since: Option<Timestamp>,
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Keep {
    /// As typed.
    pub text: String,
    rule: Rule,
}

#[derive(Clone, Debug)]
enum Rule {
    Name(WildMatch),
    Label(String, Option<String>),
    Until(String),
    Kind(&'static str),
    Id(String),
}

/// The kinds that a plan removes.
pub(super) const KINDS: [&str; 5] = ["container", "image", "cache", "volume", "history"];

impl Keep {
    /// One rule as typed, or why it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("it is not KEY=VALUE")?;
        if value.is_empty() {
            return Err("the value is empty".to_owned());
        }
        let rule = match key {
            "name" => Rule::Name(WildMatch::new(value)),
            "label" => match value.split_once('=') {
                Some((label, value)) => Rule::Label(label.to_owned(), Some(value.to_owned())),
                None => Rule::Label(value.to_owned(), None),
            },
            "until" => {
                let utc = Zone(jiff::tz::TimeZone::UTC);
                Moment::parse(value, &utc).ok_or("it is neither a time nor a duration such as 24h")?;
                Rule::Until(value.to_owned())
            }
            "kind" => {
                let kind = KINDS.into_iter().find(|kind| *kind == value);
                Rule::Kind(kind.ok_or_else(|| format!("there is no such kind; known are {}", KINDS.join(", ")))?)
            }
            "id" => Rule::Id(value.strip_prefix("sha256:").unwrap_or(value).to_owned()),
            _ => return Err("known are name=, label=, until=, kind= and id=".to_owned()),
        };
        Ok(Self { text: text.to_owned(), rule })
    }

    pub(super) fn matches(&self, about: &About<'_>, now: Timestamp, zone: &Zone) -> bool {
        match &self.rule {
            Rule::Name(pattern) => about.names.iter().any(|name| pattern.matches(name)),
            Rule::Label(key, value) => {
                let found = about.labels.and_then(|labels| labels.get(key));
                found.is_some_and(|found| value.as_ref().is_none_or(|value| value == found))
            }
            Rule::Until(text) => {
                let limit = Moment::parse(text, zone).and_then(|moment| moment.at(now));
                // of what has no date nothing is known
                limit.is_none_or(|limit| about.since.is_none_or(|since| since > limit))
            }
            Rule::Kind(kind) => about.kind == *kind,
            Rule::Id(prefix) => about.id.strip_prefix("sha256:").unwrap_or(about.id).starts_with(prefix.as_str()),
        }
    }
}
