//! F10: lays the report out; adds nothing up.

mod check;
mod df;
mod dot;
mod list;
mod plan;
mod reclaim;
mod report;
mod status;
mod table;
mod whatif;
mod why;

pub use check::check;
pub use df::left_out;
pub use dot::dot;
pub use list::list;
pub use plan::{plan, planned};
pub use reclaim::{reclaim, reclaim_step, steps_to_run};
pub use report::report;
pub use status::status;
pub use table::{Paper, table};
pub use whatif::what_if;
pub use why::why;

use std::io::{self, Write};

use serde::Serialize;

/// Any part of the contract, as JSON with a newline.
pub fn json(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}
