//! The rows that `docker system df` leaves out, below its own table.

use std::io::{self, Write};

use super::{Paper, table};
use crate::report::Df;

pub fn left_out(df: &Df, paper: &Paper, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nLeft out: {} of {} on disk", paper.size(df.hidden_bytes), paper.size(df.on_disk_bytes))?;
    let mut rows = table(paper, &["TYPE", "STORE", "TOTAL", "SIZE"], &[2, 3]);
    for group in &df.left_out {
        rows.add_row([
            group.words.clone(),
            paper.plain(&group.store),
            group.hidden_count.to_string(),
            paper.size(group.hidden_bytes),
        ]);
    }
    writeln!(out, "{}", rows.trim_fmt())
}
