//! Words for causes, and arguments for commands.

use crate::docker::seen::Seen;
use crate::terms::{Key, Printable, short_id};

/// How many names a sentence lists before it counts the rest.
const NAMED: usize = 6;
/// How many arguments one command takes.
const ARGUMENTS: usize = 20;

/// `1 layer`, `3 layers`
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Each of some kinds of which there is any: how many, and what one is called and several.
pub(super) fn counts<'k>(kinds: impl IntoIterator<Item = (usize, &'k str, &'k str)>) -> Vec<String> {
    let any = kinds.into_iter().filter(|(number, ..)| *number > 0);
    any.map(|(number, one, many)| count(number, one, many)).collect()
}

/// `a`, `a and b`, `a, b and c`, `a, b, c, d, e, f and 12 more`
pub(super) fn list<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let mut names: Vec<String> = names.into_iter().map(|name| shown(name.as_ref())).collect();
    if names.len() > NAMED + 1 {
        let more = names.len().saturating_sub(NAMED);
        names.truncate(NAMED);
        names.push(format!("{more} more"));
    }
    match names.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// Text from the disk, made harmless and not too long.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 100;
    let cut: String = text.chars().take(LONGEST).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    format!("{}{more}", Printable(cut.as_bytes()))
}

/// Bytes as Docker prints them.
pub(super) fn size(bytes: u64) -> String {
    crate::docker::units::human(i64::try_from(bytes).unwrap_or(i64::MAX))
}

/// What a person calls a container: its name, or the short ID of one that has none.
pub(super) fn container(seen: &Seen<'_>, key: &Key) -> String {
    let name = seen.inventory.get(key).map_or("", |thing| thing.name.as_str());
    if name.is_empty() { short_id(&key.id).to_owned() } else { name.to_owned() }
}

/// A container as an argument.
pub(super) fn container_argument(seen: &Seen<'_>, key: &Key) -> String {
    let name = container(seen, key);
    if is_plain(&name) { name } else { key.id.to_string() }
}

/// An image as an argument: the short ID if it leads to the image, else the whole.
pub(super) fn image_argument(seen: &Seen<'_>, key: &Key) -> String {
    let short = short_id(&key.id);
    if seen.resolve(short) == Some(key) { short.to_owned() } else { key.id.to_string() }
}

/// The short form of a driver directory's name: that of an init directory keeps its ending.
pub(super) fn short_directory(id: &str) -> String {
    match id.strip_suffix("-init") {
        Some(of) => format!("{}-init", short_id(of)),
        None => short_id(id).to_owned(),
    }
}

/// Nothing that a shell, or Docker's own options, would take for something else.
pub(super) fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.:/@-".contains(c);
    name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(plain)
}

/// One command with all arguments: they free something only together.
pub(super) fn command(verb: &str, arguments: &[String]) -> String {
    format!("{verb} {}", arguments.join(" "))
}

/// As many commands as it takes.
pub(super) fn commands(verb: &str, arguments: &[String]) -> Vec<String> {
    arguments.chunks(ARGUMENTS).map(|some| command(verb, some)).collect()
}

pub(super) fn was(number: usize) -> &'static str {
    if number == 1 { "was" } else { "were" }
}

pub(super) fn it(number: usize) -> &'static str {
    if number == 1 { "it" } else { "them" }
}
