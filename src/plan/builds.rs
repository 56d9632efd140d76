//! `docker buildx history rm`: past builds, whatever store keeps what they left.

use std::collections::BTreeMap;

use super::images::Refusal;

/// Past builds by their reference, each with what keeps its content.
pub(super) type Builds<'a, T> = BTreeMap<&'a str, T>;

/// Removes builds, and lets go of what kept their content.
// buildkit solver/llbsolver/history.go: delete
pub(super) fn remove<T>(
    builds: &mut Builds<'_, T>,
    refs: &[String],
    all: bool,
    mut let_go: impl FnMut(T),
) -> Vec<Result<String, Refusal>> {
    let refs: Vec<String> = if all { builds.keys().map(|build| (*build).to_owned()).collect() } else { refs.to_vec() };
    let one = |typed: &String| {
        // buildx writes `<builder>/<node>/<ref>`
        let build = typed.rsplit('/').next().unwrap_or(typed);
        let kept = builds.remove(build);
        let_go(kept.ok_or_else(|| Refusal::not_found(format!("no record found for ref {typed:?}")))?);
        Ok(build.to_owned())
    };
    refs.iter().map(one).collect()
}
