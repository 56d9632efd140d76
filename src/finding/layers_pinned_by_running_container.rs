//! An image was removed by force, and a container that was created from it runs: its layers stay.

use super::{Case, Finding, Rule, pinned};

const CLASS: &str = "layers-pinned-by-running-container";

pub(super) const RULE: Rule = Rule { class: CLASS, relies_on: pinned::HOLDING_LAYERS, check };

fn check(case: &Case<'_>) -> Vec<Finding> {
    pinned::by_containers(case, CLASS, true)
}
