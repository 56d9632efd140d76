//! One removal, as typed after `docker`: words, then the command by whatever name Docker has for it, then its options.

mod command;
mod filter;
mod options;
#[cfg(test)]
mod tests;
mod time;

pub use filter::Filters;
pub use time::{Moment, Zone};

/// A removal that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// As typed.
    pub text: String,
    /// The same as an argument vector, `docker` first.
    pub argv: Vec<String>,
    pub verb: Verb,
}

/// What it removes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `rm`
    RemoveContainers { names: Vec<String>, force: bool, volumes: bool, link: bool },
    /// `rmi`
    RemoveImages { names: Vec<String>, force: bool, no_prune: bool, platforms: Vec<String> },
    /// `image prune`
    PruneImages { all: bool, filters: Filters },
    /// `container prune`
    PruneContainers { filters: Filters },
    /// `volume rm`
    RemoveVolumes { names: Vec<String>, force: bool },
    /// `volume prune`
    PruneVolumes { all: bool, filters: Filters },
    /// `builder prune`
    PruneCache { all: bool, filters: Filters, limits: Limits },
    /// `system prune`
    PruneSystem { all: bool, volumes: bool, filters: Filters },
    /// `buildx history rm`
    RemoveHistory { refs: Vec<String>, all: bool },
    /// `checkpoint rm`
    RemoveCheckpoint { container: String, name: String, dir: Option<String> },
    /// `plugin rm`
    RemovePlugins { names: Vec<String>, force: bool },
}

/// How much build cache a prune leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// `--keep-storage`, `--reserved-space`
    pub reserved: u64,
    /// `--max-used-space`
    pub max_used: u64,
    /// `--min-free-space`
    pub min_free: u64,
}

impl Limits {
    pub fn any(self) -> bool {
        self != Self::default()
    }
}

/// Why an action means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAction {
    #[error("it is empty")]
    Empty,
    #[error("a quotation mark or a backslash is left open")]
    Quotes,
    #[error("write it as after `docker`, without that word")]
    Docker,
    #[error("{0:?} is no removal that the Docker CLI offers; known are {known}", known = command::KNOWN)]
    Unknown(String),
    #[error("{command} has no option {option}")]
    NoOption { command: &'static str, option: String },
    #[error("option {0} wants a value")]
    NoValue(String),
    #[error("{value:?} is no value for option {option}: {because}")]
    BadValue { option: String, value: String, because: &'static str },
    #[error("{command} takes no argument, and {argument:?} is one")]
    NoArguments { command: &'static str, argument: String },
    #[error("{command} wants {wanted}")]
    Wants { command: &'static str, wanted: &'static str },
}

impl Action {
    /// Splits as a shell would, without expanding anything.
    pub fn parse(text: &str) -> Result<Self, BadAction> {
        let words = shlex::split(text).ok_or(BadAction::Quotes)?;
        let verb = command::parse(&words)?;
        let argv = std::iter::once("docker".to_owned()).chain(words).collect();
        Ok(Self { text: text.to_owned(), argv, verb })
    }

    /// The words after `docker`, so that the CLI does not ask: of a prune with `--force`.
    pub fn unasked(&self) -> Vec<String> {
        let mut words: Vec<String> = self.argv.iter().skip(1).cloned().collect();
        let asks = matches!(
            self.verb,
            Verb::PruneImages { .. }
                | Verb::PruneContainers { .. }
                | Verb::PruneVolumes { .. }
                | Verb::PruneCache { .. }
                | Verb::PruneSystem { .. }
        );
        let told = words.iter().any(|word| matches!(word.as_str(), "-f" | "--force" | "-af" | "-fa"));
        if asks && !told {
            words.push("--force".to_owned());
        }
        words
    }

    /// From words of ours; none if they are no removal, or cannot be written in a line.
    pub(super) fn of(words: &[&str]) -> Option<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_.:/@=-".contains(c);
        let quoted = |word: &&str| match word.chars().all(plain) && !word.is_empty() {
            true => Some((*word).to_owned()),
            false => Some(shlex::try_quote(word).ok()?.into_owned()),
        };
        let words: Option<Vec<String>> = words.iter().map(quoted).collect();
        Self::parse(&words?.join(" ")).ok()
    }
}
