//! Data roots inside volumes and containers: each is checked as a root of its own, and what is wrong with one is wrong with the
//! whole.

use std::collections::BTreeMap;

use super::contract::{NestedCheck, Totals};
use super::{Part, Scope, many};
use crate::inventory::Root;
use crate::report::build::problems;
use crate::report::nested::{self, Inner, Inside, Unread};
use crate::report::{Analysis, Reading};
use crate::verify::Verdict;

/// Verdicts by the name of their root.
type ByRoot<'v> = BTreeMap<&'v str, Vec<&'v Verdict>>;

/// Every root inside, those that could not be read last; takes their verdicts out.
pub(super) fn all(outer: &Reading, verdicts: &mut ByRoot<'_>, content: bool) -> Vec<NestedCheck> {
    let read = outer.nested.iter().map(|inner| {
        let own = names(&inner.reading.inventory.roots).filter_map(|name| verdicts.remove(name)).flatten();
        let own: Vec<&Verdict> = own.collect();
        one(inner, content.then_some(own.as_slice()))
    });
    let read: Vec<NestedCheck> = read.collect();
    read.into_iter().chain(outer.unread.iter().map(not_read)).collect()
}

fn names(roots: &[Root]) -> impl Iterator<Item = &str> {
    roots.iter().map(|root| &*root.name)
}

fn one(inner: &Inner, verdicts: Option<&[&Verdict]>) -> NestedCheck {
    let analysis = Analysis::of(&inner.reading);
    let part = Part::of(&analysis, &Scope::default(), verdicts);
    let problems = problems(&analysis);
    NestedCheck { problems, ..told(&inner.reading.inventory.roots, &inner.inside, inner.depth, part) }
}

fn not_read(unread: &Unread) -> NestedCheck {
    let part = Part {
        state: "unknown",
        complete: false,
        verdict: vec![format!("Not checked: {}.", unread.cause)],
        causes: Vec::new(),
        checked: Vec::new(),
        totals: Totals::default(),
    };
    let cannot = Some(unread.cause.clone());
    NestedCheck { cannot, ..told(&unread.roots, &unread.inside, unread.depth, part) }
}

/// Which root it is, and what came out.
fn told(roots: &[Root], inside: &Inside, depth: usize, part: Part) -> NestedCheck {
    NestedCheck {
        roots: names(roots).map(str::to_owned).collect(),
        inside: nested::inside(inside),
        inside_root: inside.owner.root.to_string(),
        depth: u64::try_from(depth).unwrap_or(u64::MAX),
        users: inside.users.clone(),
        cannot: None,
        verdict: part.verdict,
        state: part.state.to_owned(),
        complete: part.complete,
        causes: part.causes,
        checked: part.checked,
        totals: part.totals,
        problems: Vec::new(),
    }
}

/// Damage anywhere is damage.
pub(super) fn state(own: &Part, nested: &[NestedCheck]) -> &'static str {
    let any = |state: &str| own.state == state || nested.iter().any(|inner| inner.state == state);
    ["damaged", "unknown"].into_iter().find(|state| any(state)).unwrap_or("consistent")
}

/// The verdict on the whole: of the root itself, and in a sentence of what lies in it.
pub(super) fn says(own: &Part, nested: &[NestedCheck]) -> Vec<String> {
    if nested.is_empty() {
        return own.verdict.clone();
    }
    let count = |state| nested.iter().filter(|inner| inner.state == state).count();
    let causes: usize = nested.iter().map(|inner| inner.causes.len()).sum();
    let mut words = Vec::new();
    for (state, count) in ["consistent", "damaged", "unknown"].map(|state| (state, count(state))) {
        match (state, count) {
            (_, 0) => {}
            ("damaged", _) => words.push(format!("{count} damaged ({})", many(causes, "cause", "causes"))),
            ("unknown", _) => words.push(format!("{count} not wholly checked")),
            _ => words.push(format!("{count} {state}")),
        }
    }
    let roots = many(nested.len(), "data root inside a volume or container", "data roots inside volumes or containers");
    let inside = format!("Of {roots}: {}.", words.join(", "));
    let mut says = own.verdict.clone();
    // the first sentence is the verdict on all of it
    let around = match own.state {
        "consistent" => "Around them everything that is referred to is there, and nothing contradicts it.",
        _ => "Around them no damage was found, but not everything could be checked.",
    };
    if own.state == state(own, nested) {
        says.insert(1.min(says.len()), inside);
    } else if let Some(first) = says.first_mut() {
        *first = around.to_owned();
        says.insert(0, inside);
    }
    says
}
