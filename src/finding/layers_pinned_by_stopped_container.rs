//! An image was removed by force, and stopped containers that were created from it keep its layers.

use super::{Case, Finding, Rule, pinned};

const CLASS: &str = "layers-pinned-by-stopped-container";

pub(super) const RULE: Rule = Rule { class: CLASS, relies_on: pinned::HOLDING_LAYERS, check };

fn check(case: &Case<'_>) -> Vec<Finding> {
    pinned::by_containers(case, CLASS, false)
}
