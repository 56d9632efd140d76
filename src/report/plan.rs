//! A plan: which removals free enough with the least harm, as the contract tells it.

use schemars::JsonSchema;
use serde::Serialize;

use super::build::{engine, problems, roots};
use super::contract::{Engine, Problem, Root, SCHEMA_VERSION};
use super::hand::{HandWork, hand_work};
use super::whatif::{case, step, together, zone};
use super::{Analysis, Together, WhatIfStep};
use crate::plan::{self, Choice, Harm, Keep};

/// How much to free.
#[derive(Clone, Debug)]
pub struct Target {
    pub bytes: u64,
    /// As typed.
    pub text: String,
}

/// `deadweight plan --free SIZE --format json`
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Plan {
    pub schema_version: u32,
    pub as_of: String,
    pub roots: Vec<Root>,
    pub engine: Engine,
    /// The image store that the engine works with.
    pub store: String,
    /// What was asked for, as typed.
    pub target: String,
    /// The same in bytes.
    pub target_bytes: u64,
    /// The steps free as much.
    pub reached: bool,
    /// What all removals that are allowed would free together.
    pub at_most_bytes: u64,
    /// One after the other: each finds what those before it left.
    pub steps: Vec<PlanStep>,
    pub together: Together,
    /// What all steps together cost.
    pub harm: HarmPoints,
    /// No allowed set that frees as much costs less than this.
    pub harm_at_least: HarmPoints,
    /// `harm` is `harm_at_least`: there is no better plan.
    pub optimal: bool,
    /// What a rule keeps that could otherwise go.
    pub kept: Vec<KeptObject>,
    /// What could go, and is refused or not certain.
    pub withheld: Vec<WithheldObject>,
    /// What no Docker command frees: never run by us.
    pub by_hand: Vec<HandWork>,
    pub complete: bool,
    pub problems: Vec<Problem>,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PlanStep {
    /// `leftover`, `cache`, `container`, `image`: in rising order of harm
    pub class: String,
    /// Points in its class.
    pub cost: u64,
    pub kind: String,
    pub id: String,
    pub name: String,
    /// Why it was chosen, and what is lost.
    pub why: String,
    #[serde(flatten)]
    pub step: WhatIfStep,
}

/// Points by class. A point in one class outweighs any number in those named before it.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct HarmPoints {
    pub leftover: u64,
    pub cache: u64,
    pub container: u64,
    pub image: u64,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct KeptObject {
    pub kind: String,
    pub id: String,
    pub name: String,
    /// The rule as typed.
    pub rule: String,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WithheldObject {
    pub kind: String,
    pub id: String,
    pub name: String,
    /// What the engine would say, or what is not known.
    pub because: String,
}

/// The least harmful removals that free so much; or why that cannot be told.
pub fn plan(analysis: &Analysis<'_>, target: &Target, rules: &[Keep]) -> Result<Plan, String> {
    let zone = zone(analysis);
    let case = case(analysis, &zone)?;
    let choice = plan::choose(&case, target.bytes, rules);
    let harm = points(choice.harm);
    Ok(Plan {
        schema_version: SCHEMA_VERSION,
        as_of: analysis.reading.options.now.to_string(),
        roots: roots(analysis),
        engine: engine(analysis),
        store: case.view.store().1.to_owned(),
        target: target.text.clone(),
        target_bytes: target.bytes,
        reached: choice.reached,
        at_most_bytes: choice.at_most,
        steps: steps(&choice),
        together: together(&choice.prediction),
        harm,
        harm_at_least: points(choice.at_least),
        optimal: choice.reached && choice.at_least == choice.harm,
        kept: choice.kept.iter().map(kept).collect(),
        withheld: choice.withheld.iter().map(withheld).collect(),
        by_hand: hand_work(analysis),
        complete: analysis.reading.is_complete(),
        problems: problems(analysis),
    })
}

fn steps(choice: &Choice) -> Vec<PlanStep> {
    let both = choice.steps.iter().zip(&choice.prediction.steps);
    both.map(|(unit, predicted)| PlanStep {
        class: unit.class.name().to_owned(),
        cost: unit.points,
        kind: unit.key.kind.name().to_owned(),
        id: unit.key.id.to_string(),
        name: unit.name.clone(),
        why: unit.why.clone(),
        step: step(predicted),
    })
    .collect()
}

fn points(harm: Harm) -> HarmPoints {
    HarmPoints { leftover: harm.leftover, cache: harm.cache, container: harm.container, image: harm.image }
}

fn kept(kept: &plan::Kept) -> KeptObject {
    KeptObject {
        kind: kept.key.kind.name().to_owned(),
        id: kept.key.id.to_string(),
        name: kept.name.clone(),
        rule: kept.rule.clone(),
    }
}

fn withheld((unit, because): &(plan::Unit, String)) -> WithheldObject {
    WithheldObject {
        kind: unit.key.kind.name().to_owned(),
        id: unit.key.id.to_string(),
        name: unit.name.clone(),
        because: because.clone(),
    }
}
