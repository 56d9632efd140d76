//! Verdicts about contents, as causes and as rows.

use std::collections::BTreeSet;

use super::contract::{Cause, Checked, Consequence, FileDifference};
use super::repair;
use super::victims::{self, Reach};
use crate::report::Analysis;
use crate::report::build::object;
use crate::terms::Kind;
use crate::verify::{Outcome, Verdict, What};

/// A verdict that is damage.
pub(super) fn cause(analysis: &Analysis<'_>, verdict: &Verdict) -> Option<Cause> {
    let first = verdict.differences.first()?;
    let things = BTreeSet::from([verdict.key.clone()]);
    let only_the_record = verdict.differences.iter().all(|difference| difference.what == What::Record);
    let reach = match verdict.key.kind {
        // a blob is read only to save, push or unpack it
        Kind::Blob => Reach::Save,
        _ if only_the_record => Reach::Save,
        _ => Reach::Run,
    };
    let count = (verdict.differences.len() as u64).saturating_add(verdict.more);
    let more = match count {
        1 => String::new(),
        n => format!(" (and {} more)", n.saturating_sub(1)),
    };
    Some(Cause {
        class: "content-mismatch".to_owned(),
        code: first.what.name().to_owned(),
        path: first.at.to_string(),
        cause: format!("{}: {}{more}", first.what.name(), first.detail),
        objects: vec![object(analysis, &verdict.key)],
        consequences: Vec::new(),
        victims: victims::of(analysis, &things, reach),
        repair: match verdict.key.kind {
            Kind::Blob => "docker image rm the images that need it and pull them again".to_owned(),
            _ => {
                "remove every image that needs the layer, then pull or build them again: a layer that is known is not \
                  fetched"
                    .to_owned()
            }
        },
        repair_bytes: repair::bytes(analysis, &things),
    })
}

/// A layer whose files differ has another size too, and that is the same cause.
pub(super) fn take_in_sizes(contents: &mut [Cause], causes: &mut Vec<Cause>) {
    let ids = |cause: &Cause| -> BTreeSet<(String, String)> {
        cause.objects.iter().map(|object| (object.kind.to_owned(), object.id.to_string())).collect()
    };
    causes.retain(|cause| {
        if cause.code != "size-mismatch" || cause.objects.is_empty() {
            return true;
        }
        let Some(same) = contents.iter_mut().find(|content| ids(content) == ids(cause)) else { return true };
        let (code, path) = (cause.code.clone(), cause.path.clone());
        same.consequences.push(Consequence { code, path, cause: cause.cause.clone() });
        false
    });
}

pub(super) fn checked(analysis: &Analysis<'_>, verdict: &Verdict) -> Checked {
    Checked {
        object: object(analysis, &verdict.key),
        store: verdict.key.store.to_string(),
        root: verdict.key.root.to_string(),
        path: verdict.at.to_string(),
        outcome: verdict.outcome().name().to_owned(),
        differences: verdict
            .differences
            .iter()
            .map(|difference| FileDifference {
                path: difference.at.to_string(),
                what: difference.what.name().to_owned(),
                detail: difference.detail.clone(),
            })
            .collect(),
        more_differences: verdict.more,
        nothing_to_check_with: verdict.by_design,
        not_checked_because: if verdict.outcome() == Outcome::Intact { Vec::new() } else { verdict.unchecked.clone() },
        bytes: verdict.bytes,
        files: verdict.files,
    }
}
