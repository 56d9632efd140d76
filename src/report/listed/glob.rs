//! Patterns of names as Go's path.Match has them: `*` and `?` never go over a slash, `[a-z]`, `[^a-z]`, `\` before anything.

/// One piece of a pattern.
#[derive(Debug)]
enum Piece {
    Any,
    One,
    Char(char),
    Set { not: bool, ranges: Vec<(char, char)> },
}

/// Whether the pattern means anything.
pub(super) fn is_sound(pattern: &str) -> bool {
    parse(pattern).is_some()
}

/// Whether the whole name fits.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let Some(pieces) = parse(pattern) else { return false };
    let name: Vec<char> = name.chars().collect();
    fits(&pieces, &name)
}

fn parse(pattern: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        pieces.push(match c {
            '*' => Piece::Any,
            '?' => Piece::One,
            '\\' => Piece::Char(rest.next()?),
            '[' => {
                let not = rest.next_if_eq(&'^').is_some();
                let mut ranges = Vec::new();
                while rest.peek() != Some(&']') || ranges.is_empty() {
                    let low = in_set(&mut rest)?;
                    let high = if rest.next_if_eq(&'-').is_some() { in_set(&mut rest)? } else { low };
                    ranges.push((low, high));
                }
                rest.next();
                Piece::Set { not, ranges }
            }
            other => Piece::Char(other),
        });
    }
    Some(pieces)
}

fn in_set(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    match rest.next()? {
        '-' | ']' => None,
        '\\' => rest.next(),
        other => Some(other),
    }
}

/// Without recursion: a star takes one character more whenever what follows it does not fit.
fn fits(pieces: &[Piece], name: &[char]) -> bool {
    let (mut piece, mut at) = (0_usize, 0_usize);
    let mut star: Option<(usize, usize)> = None;
    loop {
        match (pieces.get(piece), name.get(at)) {
            (Some(Piece::Any), _) => {
                star = Some((piece, at));
                piece += 1;
                continue;
            }
            (Some(one), Some(c)) if takes(one, *c) => {
                (piece, at) = (piece + 1, at + 1);
                continue;
            }
            (None, None) => return true,
            _ => {}
        }
        match star {
            Some((before, taken)) if name.get(taken).is_some_and(|c| *c != '/') => {
                star = Some((before, taken + 1));
                (piece, at) = (before + 1, taken + 1);
            }
            _ => return false,
        }
    }
}

fn takes(piece: &Piece, c: char) -> bool {
    match piece {
        Piece::Any => false,
        Piece::One => c != '/',
        Piece::Char(other) => c == *other,
        Piece::Set { not, ranges } => ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *not,
    }
}
