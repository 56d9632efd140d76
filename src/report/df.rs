//! What `docker system df` says, and what it leaves out.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::contract::{Report, Root};
use super::group::{Group, groups};
use super::{Analysis, report};
use crate::docker::api::Api;
use crate::docker::df_json::{self, Setting};
use crate::docker::df_text;
use crate::inventory::is_remapped;

/// Docker's answer in its own shapes, and ours beside it.
#[derive(Clone, Debug)]
pub struct Df {
    /// As `GET /system/df` would send it, with the key `Deadweight`.
    pub answer: Value,
    /// As `docker system df` would print it.
    pub summary: String,
    /// As `docker system df -v` would print it.
    pub verbose: String,
    /// Owners that are in none of the totals, by kind.
    pub left_out: Vec<Group>,
    pub hidden_bytes: u64,
    pub on_disk_bytes: u64,
    /// Sizes that could not be told as the engine would.
    pub doubts: Vec<String>,
}

/// The key `Deadweight` of the answer.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct LeftOut {
    pub schema_version: u32,
    pub as_of: String,
    pub roots: Vec<Root>,
    pub engine_version: String,
    pub on_disk_bytes: u64,
    pub docker_df_bytes: u64,
    pub docker_says_bytes: u64,
    pub hidden_bytes: u64,
    /// What is in none of the four totals, by kind and store.
    pub left_out: Vec<LeftOutRow>,
    /// Sizes that could not be told as the engine would, and why.
    pub doubts: Vec<String>,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct LeftOutRow {
    pub kind: String,
    pub store: String,
    pub count: u64,
    pub on_disk_bytes: u64,
    pub inodes: u64,
}

/// None if the active store is not read in detail, or nothing tells which root is in use.
pub fn df(analysis: &Analysis<'_>, api: Option<Api>) -> Option<Df> {
    let usage = analysis.df.as_ref().filter(|_| !analysis.engine.selected.is_open())?;
    let report = report(analysis);
    let setting =
        Setting { now: analysis.reading.options.now, data_root: data_root(analysis), api, as_recorded: false };
    let doubts: Vec<String> = usage.doubts.iter().map(|(key, why)| format!("{} {}: {why}", key.kind, key.id)).collect();
    let hidden = hidden(&report);
    let left_out = left_out(analysis, &report, &hidden, &doubts);
    Some(Df {
        answer: df_json::answer(usage, &setting, serde_json::to_value(&left_out).unwrap_or_default()),
        summary: df_text::summary(usage),
        verbose: df_text::verbose(usage, &setting),
        left_out: hidden,
        hidden_bytes: report.totals.hidden_bytes,
        on_disk_bytes: report.totals.on_disk_bytes,
        doubts,
    })
}

/// Why there is no answer.
pub fn no_df(analysis: &Analysis<'_>) -> String {
    let selected = &analysis.engine.selected;
    match &analysis.engine.active.store {
        _ if selected.is_open() => format!(
            "several roots lie here ({}), and with `userns-remap` or without it the engine uses one of them; say which with \
             --daemon-config FILE",
            selected.candidates.join(", ")
        ),
        Some((root, store)) => format!(
            "the active store is {store} of {root}, which is not read in detail yet; what lies there is in: deadweight report"
        ),
        None => "no image store was found here; what lies here is in: deadweight report".to_owned(),
    }
}

/// What the daemon calls its data root: the usual place, as far as nothing says otherwise.
pub(super) fn data_root(analysis: &Analysis<'_>) -> String {
    let configured = analysis.reading.config.data_root.as_ref().map(|path| path.display().to_string());
    let base = configured.unwrap_or_else(|| "/var/lib/docker".to_owned());
    let remapped = analysis.engine.selected.root.as_deref().and_then(|root| root.rsplit_once('/'));
    match remapped.filter(|(_, ids)| is_remapped(ids.as_bytes())) {
        Some((_, ids)) => format!("{base}/{ids}"),
        None => base,
    }
}

fn hidden(report: &Report) -> Vec<Group> {
    let mut groups = groups(report);
    groups.retain(|group| group.hidden_bytes > 0);
    groups.sort_by(|a, b| {
        b.hidden_bytes.cmp(&a.hidden_bytes).then_with(|| (&a.words, &a.store).cmp(&(&b.words, &b.store)))
    });
    groups
}

fn left_out(analysis: &Analysis<'_>, report: &Report, hidden: &[Group], doubts: &[String]) -> LeftOut {
    LeftOut {
        schema_version: report.schema_version,
        as_of: report.as_of.clone(),
        roots: report.roots.clone(),
        engine_version: analysis.engine.version.to_string(),
        on_disk_bytes: report.totals.on_disk_bytes,
        docker_df_bytes: report.totals.docker_df_bytes,
        docker_says_bytes: report.totals.docker_says_bytes,
        hidden_bytes: report.totals.hidden_bytes,
        left_out: hidden
            .iter()
            .map(|group| LeftOutRow {
                kind: group.kind.clone(),
                store: group.store.clone(),
                count: group.hidden_count,
                on_disk_bytes: group.hidden_bytes,
                inodes: group.hidden_inodes,
            })
            .collect(),
        doubts: doubts.to_vec(),
    }
}
