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

use crate::terms::is_harmless;

/// Any part of the contract, as JSON with a newline.
pub fn json(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(Careful(out), value)?;
    writeln!(out)
}

/// JSON on its way out, maybe to a terminal. It escapes the ASCII control characters itself; what else could steer a
/// terminal is in strings alone, and means the same there as an escape.
struct Careful<'o>(&'o mut dyn Write);

impl Write for Careful<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let is_plain = |b: &u8| b.is_ascii() && *b != 0x7f;
        match std::str::from_utf8(bytes) {
            Ok(text) if !bytes.iter().all(is_plain) => self.spell(text)?,
            _ => self.0.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Careful<'_> {
    fn spell(&mut self, text: &str) -> io::Result<()> {
        text.chars().try_for_each(|c| match c {
            '\\' | '\n' => write!(self.0, "{c}"),
            c if is_harmless(c) => write!(self.0, "{c}"),
            c => c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(self.0, "\\u{unit:04x}")),
        })
    }
}
