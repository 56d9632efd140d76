//! Blobs that were being written: a pull, a load or a build was cancelled or killed.

use crate::docker::mark::Marked;
use crate::finding::words::{shown, size};
use crate::finding::{Case, Finding, Remedy, Rule, age};
use crate::inventory::facts::Ingest;
use crate::terms::{Key, Kind, LinkKind};

/// That it is unfinished is said by where it lies.
pub(in crate::finding) const RULE: Rule = Rule { class: "interrupted-leftover", relies_on: &[], check };

fn check(case: &Case<'_>) -> Vec<Finding> {
    let ingests = case.inventory.of_kind(Kind::Ingest).filter_map(|(key, thing)| Some((key, thing.ingest()?)));
    let there: Vec<(&Key, &Ingest)> = ingests.filter(|(_, ingest)| ingest.at.is_some()).collect();
    if there.is_empty() {
        return Vec::new();
    }
    let marked = Marked::of(case.inventory, case.graph, case.now);
    there.iter().map(|(key, ingest)| finding(case, key, ingest, &marked)).collect()
}

fn finding(case: &Case<'_>, key: &Key, ingest: &Ingest, marked: &Marked) -> Finding {
    let base = case.finding(RULE.class, &case.owners_of([key]));
    let name = ingest.backend_reference.as_deref().map_or_else(|| "of unknown name".to_owned(), shown);
    let cause = format!("A download or an import did not end: unfinished blob {name} ({}).", size(base.on_disk_bytes));
    let note = match (&ingest.namespace, ingest.backend_reference.is_some()) {
        _ if marked.is_live(key) => {
            "No Docker command frees it while its lease lasts. The same pull takes it up again; else it goes with a collection after the lease \
             has expired."
        }
        (Some(_), _) => "No Docker command is made for it: containerd takes it with its next collection.",
        (None, true) => {
            "No Docker command is made for it, and no namespace knows it: containerd takes it with the next collection that removes a blob or \
             an ingest."
        }
        // containerd plugins/content/local/store.go: an ingest whose ref cannot be read is passed over
        (None, false) => {
            "No Docker command frees it, and no collection: containerd passes over what has no readable `ref`."
        }
    };
    let mut evidence: Vec<String> = ingest.at.iter().map(ToString::to_string).collect();
    evidence.extend(
        case.graph
            .holders(key)
            .filter(|(_, edge)| edge.kind == LinkKind::Leases)
            .map(|(lease, edge)| format!("{}: lease {}", edge.evidence, shown(&lease.id))),
    );
    Finding {
        objects: vec![key.clone()],
        cause,
        evidence,
        remedy: Remedy { commands: Vec::new(), note: note.to_owned() },
        youngest: Some(age::UNKNOWN),
        ..base
    }
}
