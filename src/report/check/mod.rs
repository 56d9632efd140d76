//! Is it consistent, and is it still what it was.

mod causes;
mod content;
mod contract;
mod inside;
mod repair;
mod victims;

use std::collections::{BTreeMap, BTreeSet};

pub use contract::{Cause, Check, Checked, Consequence, FileDifference, NestedCheck, Totals as CheckTotals, Victim};

use super::Analysis;
use super::build::{object, problems, roots};
use super::contract::SCHEMA_VERSION;
use crate::terms::{Key, Kind, LinkKind, Lost, Place};
use crate::verify::{Outcome, Subject, Verdict, subjects};
use repair::is_damage;

/// What is asked for: everything, or one object with all that it needs.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    object: Option<Key>,
    needs: BTreeSet<Key>,
}

impl Scope {
    /// One object, and whatever it refers to.
    pub fn of(analysis: &Analysis<'_>, object: &Key) -> Self {
        let object = &stored_in(analysis, object);
        let node = analysis.graph.node(object);
        let reached = node.map(|node| analysis.graph.reach_from([node], &[])).unwrap_or_default();
        let needs = analysis.graph.keys().filter(|(node, _)| reached.get(*node) == Some(&true));
        let needs = needs.map(|(_, key)| key.clone()).chain([object.clone()]).collect();
        Self { object: Some(object.clone()), needs }
    }

    fn has(&self, key: &Key) -> bool {
        self.object.is_none() || self.needs.contains(key)
    }
}

/// Of a driver's directory the layer that has its data there: that is what there is to check it with.
fn stored_in(analysis: &Analysis<'_>, object: &Key) -> Key {
    let mut layers = analysis.graph.holders(object).filter(|(holder, edge)| {
        object.kind == Kind::DriverDirectory && edge.kind == LinkKind::StoredIn && holder.kind == Kind::Layer
    });
    match (layers.next(), layers.next()) {
        (Some((layer, _)), None) => layer.clone(),
        _ => object.clone(),
    }
}

/// What there is to read with `--content`.
pub fn to_check(analysis: &Analysis<'_>, scope: &Scope) -> Vec<Subject> {
    let own = subjects(&analysis.reading.inventory).into_iter().filter(|subject| scope.has(&subject.key));
    let inside = if scope.object.is_none() { to_check_inside(analysis) } else { Vec::new() };
    own.chain(inside).collect()
}

/// The same of the roots inside alone.
pub fn to_check_inside(analysis: &Analysis<'_>) -> Vec<Subject> {
    analysis.reading.nested.iter().flat_map(|inner| subjects(&inner.reading.inventory)).collect()
}

/// The answer: from the survey alone, or with the verdicts about contents.
pub fn check(analysis: &Analysis<'_>, scope: &Scope, verdicts: Option<&[Verdict]>) -> Check {
    let mut by_root: BTreeMap<&str, Vec<&Verdict>> = BTreeMap::new();
    for verdict in verdicts.unwrap_or_default() {
        by_root.entry(&verdict.key.root).or_default().push(verdict);
    }
    let reading = analysis.reading;
    let nested =
        if scope.object.is_none() { inside::all(reading, &mut by_root, verdicts.is_some()) } else { Vec::new() };
    let own: Vec<&Verdict> = by_root.into_values().flatten().collect();
    let own = Part::of(analysis, scope, verdicts.is_some().then_some(own.as_slice()));
    Check {
        schema_version: SCHEMA_VERSION,
        as_of: reading.options.now.to_string(),
        roots: roots(analysis),
        object: scope.object.as_ref().map(|key| object(analysis, key)),
        content: verdicts.is_some(),
        verdict: inside::says(&own, &nested),
        state: inside::state(&own, &nested).to_owned(),
        complete: own.complete && nested.iter().all(|inner| inner.complete),
        checked: own.checked,
        causes: own.causes,
        totals: own.totals,
        problems: problems(analysis),
        nested,
    }
}

/// The answer for one root.
struct Part {
    state: &'static str,
    complete: bool,
    verdict: Vec<String>,
    causes: Vec<Cause>,
    checked: Vec<Checked>,
    totals: CheckTotals,
}

impl Part {
    fn of(analysis: &Analysis<'_>, scope: &Scope, verdicts: Option<&[&Verdict]>) -> Self {
        let content = verdicts.is_some();
        let verdicts = verdicts.unwrap_or_default();
        let causes = causes(analysis, scope, verdicts);
        let totals = totals(&causes, verdicts);
        let left_out = verdicts.iter().any(|it| it.outcome() == Outcome::NotChecked && !it.by_design);
        let holes = analysis.reading.problems.iter().filter(|problem| problem.lost != Lost::Nothing);
        let blind = holes.clone().any(|problem| !is_damage(problem));
        let state = match (causes.is_empty(), blind || left_out) {
            (false, _) => "damaged",
            (true, true) => "unknown",
            (true, false) => "consistent",
        };
        Self {
            state,
            complete: analysis.reading.is_complete() && !left_out,
            verdict: says(state, &causes, &totals, content),
            checked: verdicts.iter().map(|verdict| content::checked(analysis, verdict)).collect(),
            causes,
            totals,
        }
    }
}

/// What is wrong, as the survey and the verdicts tell, the smallest repair first.
fn causes(analysis: &Analysis<'_>, scope: &Scope, verdicts: &[&Verdict]) -> Vec<Cause> {
    let in_scope = |things: &BTreeSet<Key>, at: &Place| {
        let claims = |key: &Key| {
            let lots = analysis.reading.inventory.get(key).map(|thing| thing.lots.as_slice()).unwrap_or_default();
            lots.iter().any(|lot| at.starts_with(&lot.at))
        };
        scope.object.is_none() || things.iter().any(|key| scope.has(key)) || scope.needs.iter().any(claims)
    };
    let mut causes = causes::of(analysis, &in_scope);
    // a blob that the survey has read, and found wanting, is not told twice
    let told: BTreeSet<String> = causes.iter().map(|cause| cause.path.clone()).collect();
    let contents = verdicts.iter().filter_map(|verdict| content::cause(analysis, verdict));
    let mut contents: Vec<Cause> = contents.filter(|cause| !told.contains(&cause.path)).collect();
    content::take_in_sizes(&mut contents, &mut causes);
    causes.extend(contents);
    causes.sort_by(|a, b| (a.repair_bytes, &a.path, &a.code).cmp(&(b.repair_bytes, &b.path, &b.code)));
    causes
}

fn totals(causes: &[Cause], verdicts: &[&Verdict]) -> CheckTotals {
    let count = |outcome| verdicts.iter().filter(|verdict| verdict.outcome() == outcome).count() as u64;
    let sum = |of: fn(&Verdict) -> u64| verdicts.iter().map(|verdict| of(verdict)).fold(0, u64::saturating_add);
    let victims: BTreeSet<(&str, &str)> =
        causes.iter().flat_map(|cause| &cause.victims).map(|victim| (victim.object.kind, &*victim.object.id)).collect();
    CheckTotals {
        intact: count(Outcome::Intact),
        differs: count(Outcome::Differs),
        not_checked: count(Outcome::NotChecked),
        bytes: sum(|verdict| verdict.bytes),
        files: sum(|verdict| verdict.files),
        victims: victims.len() as u64,
    }
}

fn says(state: &str, causes: &[Cause], totals: &CheckTotals, content: bool) -> Vec<String> {
    let hit = |kind: &str| -> usize {
        let victims = causes.iter().flat_map(|cause| &cause.victims).filter(|victim| victim.object.kind == kind);
        victims.map(|victim| &*victim.object.id).collect::<BTreeSet<_>>().len()
    };
    let mut says = vec![match state {
        "consistent" => "Consistent: everything that is referred to is there, and nothing contradicts it.".to_owned(),
        "unknown" => "No damage was found, but not everything could be checked.".to_owned(),
        _ => format!(
            "Damaged: {}; {} and {} suffer.",
            many(causes.len(), "cause", "causes"),
            many(hit("image"), "image", "images"),
            many(hit("container"), "container", "containers")
        ),
    }];
    if content && (totals.intact, totals.differs, totals.not_checked) == (0, 0, 0) {
        says.push("No contents were read: there is no layer, snapshot or blob among it.".to_owned());
    } else if content {
        says.push(format!(
            "Of layers, snapshots and blobs {} intact, {} differ, {} not checked.",
            totals.intact, totals.differs, totals.not_checked
        ));
    } else {
        says.push("The contents of layers were not read: deadweight check --content.".to_owned());
    }
    says
}

fn many(count: usize, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}
