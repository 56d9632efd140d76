//! `--filter` of `ls images` and `ls containers`: which filters there are, and whether their values mean anything.

use jiff::Timestamp;
use regex_lite::Regex;

use super::glob;
use crate::plan::{Filters, Moment, Zone};
use crate::report::Listing;

const IMAGES: &[&str] = &["dangling", "reference", "label", "label!", "before", "since", "until"];
const CONTAINERS: &[&str] = &["ancestor", "status", "volume", "name", "label"];
const VOLUMES: &[&str] = &["dangling", "driver", "name", "label"];
// moby api/types/container/state.go: ValidateContainerState
const STATES: &[&str] = &["created", "running", "paused", "restarting", "removing", "exited", "dead"];

/// Filters that mean something, for one kind of list.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub(super) filters: Filters,
}

impl Wanted {
    /// As typed; or what is wrong with them.
    pub fn parse(what: Listing, typed: &[String]) -> Result<Self, String> {
        let known = match what {
            Listing::Images => IMAGES,
            Listing::Containers => CONTAINERS,
            Listing::Volumes => VOLUMES,
            _ if typed.is_empty() => return Ok(Self::default()),
            _ => return Err("--filter goes with ls images, ls containers and ls volumes".to_owned()),
        };
        let mut filters = Filters::default();
        for one in typed {
            filters = filters.with(one).map_err(|cause| cause.to_string())?;
        }
        filters.accepted(known).map_err(|cause| format!("{cause}: known are {}", known.join(" ")))?;
        check(&filters)?;
        Ok(Self { filters })
    }

    pub fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// None if it does not matter.
    pub(super) fn dangling(&self) -> Option<bool> {
        self.filters.get("dangling").next().map(|value| matches!(value, "1" | "true"))
    }

    /// The earliest of the times before which all must be.
    pub(super) fn until(&self, now: Timestamp, zone: &Zone) -> Option<Timestamp> {
        let times = self.filters.get("until").filter_map(|text| Moment::parse(text, zone)?.at(now));
        times.min()
    }
}

/// The names that `name` lets pass: those typed, and those that a part of fits an expression typed.
// moby daemon/internal/filters: Match
pub(super) struct Names<'w>(Vec<(&'w str, Option<Regex>)>);

impl<'w> Names<'w> {
    pub(super) fn of(wanted: &'w Wanted) -> Self {
        Self(wanted.filters.get("name").map(|typed| (typed, Regex::new(typed).ok())).collect())
    }

    pub(super) fn fit(&self, name: &str) -> bool {
        let fits = |(typed, expression): &(&str, Option<Regex>)| {
            *typed == name || expression.as_ref().is_some_and(|expression| expression.is_match(name))
        };
        self.0.is_empty() || self.0.iter().any(fits)
    }
}

fn check(filters: &Filters) -> Result<(), String> {
    let values: Vec<&str> = filters.get("dangling").collect();
    let [no, yes] = [["0", "false"], ["1", "true"]].map(|words| values.iter().any(|value| words.contains(value)));
    if filters.has("dangling") && no == yes {
        return Err(format!("invalid filter 'dangling={}': true or false", values.join(" ")));
    }
    if let Some(state) = filters.get("status").find(|state| !STATES.contains(state)) {
        return Err(format!("invalid filter 'status={state}': known are {}", STATES.join(" ")));
    }
    let zone = Zone(jiff::tz::TimeZone::UTC);
    if let Some(time) = filters.get("until").find(|text| Moment::parse(text, &zone).is_none()) {
        return Err(format!("invalid filter 'until={time}': no time such as 24h or 2026-01-31T12:00:00Z"));
    }
    match filters.get("reference").find(|pattern| !glob::is_sound(pattern)) {
        Some(pattern) => Err(format!("invalid filter 'reference={pattern}': a bracket or a backslash is left open")),
        None => Ok(()),
    }
}
