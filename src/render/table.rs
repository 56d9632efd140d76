//! Tables for people: as wide as the terminal, never wider; Docker's units or bytes.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::docker::units;
use crate::terms::{Harmless, short_id};

/// How to lay out.
#[derive(Clone, Copy, Debug)]
pub struct Paper {
    /// Columns; none: as long as the lines are.
    pub width: Option<u16>,
    pub bytes: bool,
    pub no_trunc: bool,
    pub color: bool,
}

impl Paper {
    pub fn size(&self, bytes: u64) -> String {
        if self.bytes { bytes.to_string() } else { units::human_bytes(bytes) }
    }

    /// An ID, as short as Docker shows it; a name stays whole.
    pub fn text(&self, text: &str) -> String {
        self.plain(if self.no_trunc { text } else { short_id(text) })
    }

    /// Text that may come from the disk, made harmless.
    pub fn plain(&self, text: &str) -> String {
        Harmless(text).to_string()
    }

    /// Whole lines that may hold text from the disk.
    pub fn lines(&self, text: &str) -> String {
        text.lines().map(|line| self.plain(line) + "\n").collect()
    }

    /// Text broken between words, and at no hyphen: a path or an option stays whole. `deeper` begins all lines but the first.
    pub fn wrapped(&self, text: &str, indent: &str, deeper: &str) -> Vec<String> {
        const NARROWEST: u16 = 20;
        let Some(width) = self.width else { return vec![format!("{indent}{text}")] };
        let options = textwrap::Options::new(usize::from(width.max(NARROWEST)))
            .initial_indent(indent)
            .subsequent_indent(deeper)
            .break_words(false)
            .word_separator(textwrap::WordSeparator::AsciiSpace)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        textwrap::wrap(text, options).into_iter().map(String::from).collect()
    }

    pub fn bold(&self, text: &str) -> String {
        if self.color { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// What a kind of thing is called.
pub fn kind(name: &str) -> String {
    match name {
        "mount" => "read-write layer".to_owned(),
        other => other.replace('-', " "),
    }
}

/// An empty table with headings; `numbers` are the columns that are set to the right.
pub fn table(paper: &Paper, headings: &[&str], numbers: &[usize]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(headings.to_vec());
    match paper.width {
        Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    let last = headings.len().saturating_sub(1);
    for (number, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if number == last { 0 } else { 2 }));
        if numbers.contains(&number) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
