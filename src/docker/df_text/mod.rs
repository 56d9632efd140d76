//! `docker system df` and `docker system df -v`, as the CLI of the engine's own version prints them.

mod cells;
mod table;
#[cfg(test)]
mod tests;
mod verbose;

use super::df::{DiskUsage, Total};
use super::units::human;
use table::Table;
pub use verbose::verbose;

/// The four lines.
pub fn summary(df: &DiskUsage<'_>) -> String {
    let mut table = Table::new(&["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"]);
    let [images, containers, volumes, cache] = df.totals();
    for total in [images, containers, volumes] {
        table.row(line(&total, with_share(&total)));
    }
    // no share is told of the cache
    table.row(line(&cache, human(cache.reclaimable)));
    table.print()
}

fn line(total: &Total, reclaimable: String) -> Vec<String> {
    let counts = [total.total.to_string(), total.active.to_string()];
    let [all, active] = counts;
    vec![total.name.to_owned(), all, active, human(total.size), reclaimable]
}

/// `590kB (89%)`; cut off, not rounded, and left out if there is nothing to take a share of.
fn with_share(total: &Total) -> String {
    let size = human(total.reclaimable);
    let share = i128::from(total.reclaimable).saturating_mul(100).checked_div(i128::from(total.size));
    match share {
        Some(share) if total.size > 0 => format!("{size} ({share}%)"),
        _ => size,
    }
}
