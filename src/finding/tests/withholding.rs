//! What could not be read, and what a daemon may be doing.

use super::table::Table;
use crate::finding::{Case, Confidence, Finding, Rule};
use crate::inventory::Root;
use crate::terms::{Kind, LinkKind, Place};

const PLAIN: Rule = Rule { class: "plain", relies_on: &[LinkKind::TopLayer], check: one };
const BROKEN: Rule = Rule { class: "broken", relies_on: &[], check: fails };

fn one(case: &Case<'_>) -> Vec<Finding> {
    let object = case.inventory.roots[0].key("overlay2", Kind::Layer, "l");
    vec![Finding { objects: vec![object], youngest: Some((1000, 0)), ..case.finding("plain", &[]) }]
}

fn fails(_: &Case<'_>) -> Vec<Finding> {
    panic!("on purpose")
}

#[test]
fn only_a_hole_of_a_kind_that_a_rule_relies_on_and_in_the_same_root_counts() {
    let mut table = Table::new();
    table.hole("x", &[LinkKind::Uses]);
    assert_eq!(table.findings(&PLAIN)[0].confidence, Confidence::Certain);
    table.hole("y", &[LinkKind::Uses, LinkKind::TopLayer]);
    let (findings, withheld) = table.ask(&PLAIN);
    assert_eq!(findings[0].confidence, Confidence::Unknown);
    assert_eq!(withheld[0].because, "docker/y: cut short");

    let mut other = Table::new();
    other.inventory.roots.push(Root::new(Place::tree("docker").join("1000.1000")));
    other.hole("1000.1000/y", &[LinkKind::TopLayer]);
    assert_eq!(other.ask(&PLAIN).0[0].confidence, Confidence::Certain);
}

#[test]
fn what_changed_since_the_daemon_started_is_not_concluded_about() {
    let mut table = Table::new();
    table.live_since = Some((1000, 1));
    assert_eq!(table.findings(&PLAIN)[0].confidence, Confidence::Certain);
    table.live_since = Some((999, 0));
    let (findings, withheld) = table.ask(&PLAIN);
    assert_eq!((findings[0].confidence, withheld.len()), (Confidence::Unknown, 1));
}

#[test]
fn a_rule_that_fails_costs_itself_only() {
    let (findings, withheld) = Table::new().ask(&BROKEN);
    assert!(findings.is_empty());
    assert_eq!(withheld[0].because, "the rule failed unexpectedly (internal error)");
}
