//! From an analysis to the contract.

use super::contract as v1;
use super::{Analysis, Reading, nested, verdict};
use crate::inventory::Owner;
use crate::terms::{Key, Lost, Place, Problem};
use crate::usage::Weight;

/// The whole report.
pub fn report(analysis: &Analysis<'_>) -> v1::Report {
    let totals = totals(analysis);
    v1::Report {
        schema_version: v1::SCHEMA_VERSION,
        as_of: analysis.reading.options.now.to_string(),
        roots: roots(analysis),
        engine: engine(analysis),
        verdict: verdict::of(analysis, &totals),
        complete: analysis.reading.is_complete(),
        problems: problems(analysis),
        owners: analysis
            .reading
            .owners
            .iter()
            .filter_map(|(number, owner)| self::owner(analysis, number, owner))
            .collect(),
        findings: analysis.findings.iter().map(|finding| self::finding(analysis, finding)).collect(),
        withheld: analysis
            .withheld
            .iter()
            .map(|w| v1::Withheld { class: w.class.to_owned(), because: w.because.clone() })
            .collect(),
        totals,
        nested: analysis.reading.nested.iter().map(nested::report).collect(),
    }
}

/// What `du` prints, what Docker says, and what it hides.
pub fn totals(analysis: &Analysis<'_>) -> v1::Totals {
    let reading = analysis.reading;
    let counted = |(number, owner): (usize, &Owner)| {
        analysis.counted.contains(&owner.key).then(|| reading.ledger.owners.get(number).map_or(0, |w| w.allocated))
    };
    let docker_df_bytes = reading.owners.iter().filter_map(counted).sum();
    let on_disk_bytes = reading.ledger.total.allocated;
    v1::Totals {
        on_disk_bytes,
        apparent_bytes: reading.ledger.total.apparent,
        inodes: reading.ledger.total.inodes,
        docker_df_bytes,
        docker_says_bytes: analysis.df.as_ref().map_or(0, |df| u64::try_from(df.docker_says()).unwrap_or(0)),
        hidden_bytes: on_disk_bytes.saturating_sub(docker_df_bytes),
    }
}

pub fn engine(analysis: &Analysis<'_>) -> v1::Engine {
    v1::Engine {
        version: Some(analysis.engine.version.to_string()),
        inferred_from: analysis.engine.version_from.clone(),
        inside: analysis.reading.inside.as_ref().map(|it| v1::EngineInside {
            object: nested::inside(it),
            root: it.owner.root.to_string(),
            containers: it.users.clone(),
        }),
    }
}

pub fn roots(analysis: &Analysis<'_>) -> Vec<v1::Root> {
    let mut roots = own_roots(analysis.reading);
    roots.extend(analysis.reading.nested.iter().flat_map(|inner| own_roots(&inner.reading)));
    roots.sort_by(|a, b| a.name.cmp(&b.name));
    roots
}

fn own_roots(reading: &Reading) -> Vec<v1::Root> {
    let path = |at: &Place| reading.disk.host_path(at).map(|path| path.display().to_string()).unwrap_or_default();
    let roots = reading.inventory.roots.iter().map(|root| v1::Root {
        name: root.name.to_string(),
        path: path(&root.place),
        mounts: mounts(reading, &root.place),
    });
    roots.collect()
}

/// Those of the innermost root only.
fn mounts(reading: &Reading, root: &Place) -> Vec<v1::Mount> {
    let inside = |at: &Place| reading.inventory.root_of(at).is_some_and(|own| own.place == *root);
    let mounts = reading.ledger.mounts.iter().filter(|(at, _)| inside(at));
    mounts.map(|(at, fs_type)| v1::Mount { path: at.to_string(), fs_type: fs_type.clone() }).collect()
}

pub fn problems(analysis: &Analysis<'_>) -> Vec<v1::Problem> {
    analysis.reading.problems.iter().map(problem).collect()
}

fn problem(problem: &Problem) -> v1::Problem {
    let (lost, links) = match &problem.lost {
        Lost::Nothing => ("nothing", Vec::new()),
        Lost::Links(kinds) => ("links", kinds.iter().map(|kind| kind.name().to_owned()).collect()),
        Lost::Bytes => ("bytes", Vec::new()),
    };
    v1::Problem {
        code: problem.code.to_owned(),
        path: problem.at.to_string(),
        cause: problem.cause.clone(),
        lost: lost.to_owned(),
        links,
    }
}

/// An owner with what it weighs; none if nothing was charged to it.
pub fn owner(analysis: &Analysis<'_>, number: usize, owner: &Owner) -> Option<v1::Owner> {
    let weight = analysis.reading.ledger.owners.get(number).copied().unwrap_or_default();
    if weight == Weight::default() {
        return None;
    }
    Some(v1::Owner {
        kind: owner.key.kind.name(),
        id: owner.key.id.clone(),
        name: analysis.name(&owner.thing),
        store: owner.key.store.clone(),
        path: owner.path.clone(),
        on_disk_bytes: weight.allocated,
        apparent_bytes: weight.apparent,
        inodes: weight.inodes,
        in_docker_df: analysis.counted.contains(&owner.key),
        shared_bytes: weight.shared,
        root: owner.key.root.clone(),
    })
}

fn finding(analysis: &Analysis<'_>, finding: &crate::finding::Finding) -> v1::Finding {
    v1::Finding {
        class: finding.class.to_owned(),
        severity: finding.severity.name().to_owned(),
        confidence: finding.confidence.name().to_owned(),
        objects: finding.objects.iter().map(|key| object(analysis, key)).collect(),
        paths: finding.paths.clone(),
        on_disk_bytes: finding.on_disk_bytes,
        inodes: finding.inodes,
        in_docker_df: finding.in_docker_df,
        cause: finding.cause.clone(),
        evidence: finding.evidence.clone(),
        remedy: v1::Remedy { commands: finding.remedy.commands.clone(), note: finding.remedy.note.clone() },
    }
}

pub fn object(analysis: &Analysis<'_>, key: &Key) -> v1::Object {
    v1::Object { kind: key.kind.name(), id: key.id.clone(), name: analysis.name(key) }
}
