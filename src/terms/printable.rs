//! Text from disk on its way to a terminal: control characters, bidirectional overrides and bytes that are not UTF-8
//! are shown as escapes, so that no name can move a cursor or forge a line.

use std::fmt;

/// Shows bytes harmlessly.
#[derive(Clone, Copy, Debug)]
pub struct Printable<'a>(pub &'a [u8]);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                if is_harmless(c) {
                    f.write_char(c)?;
                } else if matches!(c, '\\' | '\n' | '\t' | '\r') {
                    write!(f, "{}", c.escape_default())?;
                } else {
                    write!(f, "{}", c.escape_unicode())?;
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// Shows text that may hold escapes already: what steers a terminal is escaped, a backslash stays one.
#[derive(Clone, Copy, Debug)]
pub struct Harmless<'a>(pub &'a str);

impl fmt::Display for Harmless<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        self.0.chars().try_for_each(|c| match c {
            '\\' => f.write_char(c),
            c if is_harmless(c) => f.write_char(c),
            '\n' | '\t' | '\r' => write!(f, "{}", c.escape_default()),
            c => write!(f, "{}", c.escape_unicode()),
        })
    }
}

/// Whether a character moves no cursor, turns no text around and begins no escape.
pub fn is_harmless(c: char) -> bool {
    let steers = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}');
    !c.is_control() && !steers && c != '\\'
}
