//! What could not be read must never look like garbage: a rule that concludes from absence answers "unknown" when a
//! kind of reference it relies on was lost, and when a daemon may be in the middle of what it sees.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Case, Confidence, Finding, Rule, Withheld, left_over};
use crate::inventory::StoreKind;
use crate::terms::{Key, Kind, Lost, Problem};

pub(super) fn ask(rule: &Rule, case: &Case<'_>) -> (Vec<Finding>, Vec<Withheld>) {
    let Ok(mut findings) = catch_unwind(AssertUnwindSafe(|| (rule.check)(case))) else {
        let because = "the rule failed unexpectedly (internal error)".to_owned();
        return (Vec::new(), vec![Withheld { class: rule.class, because }]);
    };
    left_over::pass_over(case, &mut findings);
    let mut withheld = Vec::new();
    for finding in &mut findings {
        if let Some(because) = finding.doubt.clone() {
            withheld.push(Withheld { class: rule.class, because });
            doubt(finding);
        }
    }
    for problem in holes(rule, case) {
        withheld.push(Withheld { class: rule.class, because: format!("{}: {}", problem.at, problem.cause) });
        findings.iter_mut().filter(|finding| concerns(case, problem, &finding.objects)).for_each(doubt);
    }
    if let Some(since) = case.live_since {
        for finding in findings.iter_mut().filter(|finding| finding.youngest.is_some_and(|at| at >= since)) {
            doubt(finding);
            let because = "a daemon is at work on this root, and what it has just begun looks the same; look again when it is idle";
            withheld.push(Withheld { class: rule.class, because: because.to_owned() });
        }
    }
    (findings, withheld)
}

fn doubt(finding: &mut Finding) {
    finding.confidence = Confidence::Unknown;
    finding.remedy.commands.clear();
}

fn holes<'a>(rule: &'a Rule, case: &'a Case<'_>) -> impl Iterator<Item = &'a Problem> {
    case.inventory.problems.iter().filter(|problem| match &problem.lost {
        Lost::Links(kinds) => kinds.iter().any(|kind| rule.relies_on.contains(kind)),
        Lost::Nothing | Lost::Bytes => false,
    })
}

/// A hole in one root says nothing about another; but what containerd keeps is kept for the sake of an engine, and that
/// may have a root of its own.
fn concerns(case: &Case<'_>, problem: &Problem, objects: &[Key]) -> bool {
    let root = case.inventory.root_of(&problem.at).map(|root| &root.name);
    let stores = || case.inventory.stores.iter().filter(|store| store.kind == StoreKind::Containerd);
    let of_builds = |key: &Key| key.store.starts_with("containerd-") || key.kind == Kind::BuildHistory;
    let spans = |key: &Key| {
        let in_containerd = &*key.store == "containerd" || stores().any(|store| store.name == key.store);
        in_containerd || (of_builds(key) && stores().next().is_some())
    };
    objects.is_empty() || objects.iter().any(|key| Some(&key.root) == root || spans(key))
}
