//! Why a thing is there: every path from a root to it.

use super::Analysis;
use super::build::{object, owner, problems, roots};
use super::contract as v1;
use crate::explain::{Ground, NotFound, find};
use crate::graph::{Path, Step};
use crate::terms::{Key, Place};

/// How many paths are listed.
const LIMIT: usize = 100;

/// The answer for a word or path.
pub fn why(analysis: &Analysis<'_>, ground: &Ground<'_>, word: &[u8]) -> Result<v1::Why, NotFound> {
    let reading = analysis.reading;
    let (key, place) = find(&reading.inventory, ground, &reading.disk, word)?;
    let paths = analysis.graph.node(&key).map(|node| analysis.graph.paths_to(node, LIMIT)).unwrap_or_default();
    Ok(v1::Why {
        schema_version: v1::SCHEMA_VERSION,
        as_of: reading.options.now.to_string(),
        roots: roots(analysis),
        object: object(analysis, &key),
        owners: owners(analysis, ground, &key, place.as_ref()),
        paths: paths.found.iter().map(|path| steps(analysis, path)).collect(),
        more_paths: paths.more,
        problems: problems(analysis),
    })
}

/// Of a path, the owner that is charged for it; of a thing, all that are charged for it.
fn owners(analysis: &Analysis<'_>, ground: &Ground<'_>, key: &Key, place: Option<&Place>) -> Vec<v1::Owner> {
    let all = &analysis.reading.owners;
    let charged = |number: usize| all.get(number).and_then(|found| owner(analysis, number, found));
    let lots = analysis.reading.inventory.get(key).map(|thing| thing.lots.as_slice()).unwrap_or_default();
    let mut numbers: Vec<usize> = match place {
        Some(place) => ground.owner(place).into_iter().collect(),
        None => all
            .of_thing(key)
            .map(|(number, _)| number)
            .chain(lots.iter().filter_map(|lot| ground.owner(&lot.at)))
            .collect(),
    };
    numbers.sort_unstable();
    numbers.dedup();
    numbers.into_iter().filter_map(charged).collect()
}

fn steps(analysis: &Analysis<'_>, path: &Path) -> Vec<v1::Step> {
    path.iter().filter_map(|step| one(analysis, step)).collect()
}

fn one(analysis: &Analysis<'_>, step: &Step) -> Option<v1::Step> {
    let shown = object(analysis, analysis.graph.key(step.node)?);
    Some(v1::Step {
        kind: shown.kind,
        id: shown.id,
        name: shown.name,
        link: step.link.as_ref().map(|(kind, _)| kind.name().to_owned()),
        evidence: step.link.as_ref().map(|(_, evidence)| evidence.to_string()),
    })
}
