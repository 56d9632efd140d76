//! What stands in single cells. cli/command/formatter: container.go, displayutils.go.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthChar as _;

use crate::docker::seen::familiar;
use crate::terms::Printable;

/// The first twelve characters of an ID, whatever it is.
pub(super) fn short(id: &str) -> String {
    let hex = id.split_once(':').map_or(id, |(_, hex)| hex);
    shown(&hex.chars().take(12).collect::<String>())
}

/// Text from the disk, so that it cannot move the cursor.
pub(super) fn shown(text: &str) -> String {
    Printable(text.as_bytes()).to_string()
}

/// A container's image: short if it is nothing but the ID, else without digest, and as people write it.
pub(super) fn image(image: &str, id: &str) -> String {
    if image.is_empty() {
        return "<no image>".to_owned();
    }
    if short(image) == short(id) {
        return short(id);
    }
    familiar(image).map_or_else(|| shown(image), |name| shown(&name))
}

/// Cut to twenty columns and quoted.
pub(super) fn command(command: &str) -> String {
    quoted(&cut(command, 20))
}

fn cut(text: &str, columns: usize) -> String {
    let width = |c: char| if c.is_ascii() { 1 } else { c.width().unwrap_or(1).max(1) };
    if text.chars().map(width).sum::<usize>() <= columns {
        return text.to_owned();
    }
    let mut used = 0_usize;
    let kept = text.chars().take_while(|c| {
        used = used.saturating_add(width(*c));
        used < columns
    });
    kept.chain(['…']).collect()
}

/// Go's strconv.Quote.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            c if is_printed(c) => out.push(c),
            c if u32::from(c) < 0x80 => drop(write!(out, "\\x{:02x}", u32::from(c))),
            c if u32::from(c) < 0x10000 => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => drop(write!(out, "\\U{:08x}", u32::from(c))),
        }
    }
    out.push('"');
    out
}

/// Letters, marks, numbers, signs and the plain blank.
fn is_printed(c: char) -> bool {
    let text = c.to_string();
    c == ' ' || !c.is_whitespace() && shown(&text) == text
}
