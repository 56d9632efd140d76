//! Many small readings in parallel, in few tables: one table for each of 20,000 layers would outweigh what it holds.

use rayon::prelude::*;

use crate::inventory::Inventory;

/// How many readings share a table.
const CHUNK: usize = 16;
/// How many tables there are at a time for each thread: enough that none waits long for the last.
const AHEAD: usize = 4;

/// Reads every item into a table, in parallel; what is found comes in the order of the items.
pub(super) fn gather<T: Sync>(items: &[T], read: impl Fn(&T, &mut Inventory) + Sync) -> Inventory {
    let one_table = |chunk: &[T]| {
        let mut table = Inventory::default();
        chunk.iter().for_each(|item| read(item, &mut table));
        table
    };
    let at_a_time = rayon::current_num_threads().saturating_mul(AHEAD * CHUNK);
    let tables = |items: &[T]| -> Vec<Inventory> { items.par_chunks(CHUNK).map(one_table).collect() };
    let mut all = Inventory::default();
    all.merge_all(items.chunks(at_a_time).flat_map(tables));
    all
}
