//! Is it consistent, and is it still what it was.

mod causes;
mod content;
mod contract;
mod repair;
mod victims;

use std::collections::BTreeSet;

pub use contract::{Cause, Check, Checked, Consequence, FileDifference, Totals as CheckTotals, Unchecked, Victim};

use super::Analysis;
use super::build::{object, problems, roots};
use super::contract::SCHEMA_VERSION;
use super::nested;
use crate::terms::{Key, Lost, Place};
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

/// What there is to read with `--content`.
pub fn to_check(analysis: &Analysis<'_>, scope: &Scope) -> Vec<Subject> {
    subjects(&analysis.reading.inventory).into_iter().filter(|subject| scope.has(&subject.key)).collect()
}

/// The answer: from the survey alone, or with the verdicts about contents.
pub fn check(analysis: &Analysis<'_>, scope: &Scope, verdicts: Option<&[Verdict]>) -> Check {
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
    let contents = verdicts.unwrap_or_default().iter().filter_map(|verdict| content::cause(analysis, verdict));
    let mut contents: Vec<Cause> = contents.filter(|cause| !told.contains(&cause.path)).collect();
    content::take_in_sizes(&mut contents, &mut causes);
    causes.extend(contents);
    causes.sort_by(|a, b| (a.repair_bytes, &a.path, &a.code).cmp(&(b.repair_bytes, &b.path, &b.code)));
    let totals = totals(&causes, verdicts.unwrap_or_default());
    let left_out = verdicts.unwrap_or_default().iter().any(|it| it.outcome() == Outcome::NotChecked && !it.by_design);
    let complete = analysis.reading.is_complete() && !left_out;
    let blind = analysis.reading.problems.iter().any(|problem| !is_damage(problem) && problem.lost != Lost::Nothing);
    let nested = if scope.object.is_none() { nested::unchecked(analysis.reading) } else { Vec::new() };
    let state = match (causes.is_empty(), blind || left_out) {
        (false, _) => "damaged",
        (true, true) => "unknown",
        (true, false) => "consistent",
    };
    Check {
        schema_version: SCHEMA_VERSION,
        as_of: analysis.reading.options.now.to_string(),
        roots: roots(analysis),
        object: scope.object.as_ref().map(|key| object(analysis, key)),
        content: verdicts.is_some(),
        verdict: says(state, &causes, &totals, verdicts.is_some()).into_iter().chain(others(&nested)).collect(),
        state: state.to_owned(),
        complete,
        checked: verdicts.unwrap_or_default().iter().map(|verdict| content::checked(analysis, verdict)).collect(),
        causes,
        totals,
        problems: problems(analysis),
        nested,
    }
}

/// What a volume or container holds of others is not this engine's to be consistent.
fn others(nested: &[Unchecked]) -> Option<String> {
    let count = many(nested.len(), "data root inside a volume or container", "data roots inside volumes or containers");
    let was = if nested.len() == 1 { "was" } else { "were" };
    (!nested.is_empty()).then(|| format!("{count} {was} not checked: deadweight check --nested NAME."))
}

fn totals(causes: &[Cause], verdicts: &[Verdict]) -> CheckTotals {
    let count = |outcome| verdicts.iter().filter(|verdict| verdict.outcome() == outcome).count() as u64;
    let sum = |of: fn(&Verdict) -> u64| verdicts.iter().map(of).fold(0, u64::saturating_add);
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
    if content {
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
