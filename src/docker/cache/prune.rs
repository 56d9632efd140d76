//! What a prune takes. buildkit cache/manager.go: prune, pruneOnce.

use std::collections::BTreeSet;

use super::CacheRow;

/// The rows that `docker builder prune` would take, or with `all` `docker builder prune -a`, in the order of the rounds in
/// which it takes them: first those that nothing stands on, then those that only these stood on, and so on.
pub fn prunable(rows: &[CacheRow], all: bool) -> Vec<&CacheRow> {
    let mut left: BTreeSet<usize> = (0..rows.len()).collect();
    let mut taken: Vec<&CacheRow> = Vec::new();
    loop {
        let parents: BTreeSet<&str> =
            left.iter().filter_map(|at| rows.get(*at)).flat_map(|row| &row.parents).map(String::as_str).collect();
        let round: Vec<usize> = left
            .iter()
            .copied()
            .filter(|at| rows.get(*at).is_some_and(|row| may_go(row, all) && !parents.contains(row.id.as_str())))
            .collect();
        if round.is_empty() {
            return taken;
        }
        for at in round {
            left.remove(&at);
            taken.extend(rows.get(at));
        }
    }
}

fn may_go(row: &CacheRow, all: bool) -> bool {
    let kept = row.shared || matches!(row.record_type.as_str(), "internal" | "frontend");
    !row.in_use && (all || !kept)
}
