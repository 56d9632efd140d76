//! Options as the Docker CLI takes them: before, between and after arguments, short ones bundled, `--` ends them.
//! spf13/pflag: parseArgs.

use super::BadAction;

/// An option of a command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) long: &'static str,
    pub(super) short: Option<char>,
    pub(super) takes: bool,
}

pub(super) const fn flag(long: &'static str, short: Option<char>) -> Known {
    Known { long, short, takes: false }
}

pub(super) const fn value(long: &'static str) -> Known {
    Known { long, short: None, takes: true }
}

/// What was given: options by their long names, in order, and arguments.
#[derive(Debug, Default)]
pub(super) struct Given {
    options: Vec<(&'static str, String)>,
    pub(super) arguments: Vec<String>,
}

impl Given {
    pub(super) fn parse(command: &'static str, known: &[Known], words: &[String]) -> Result<Self, BadAction> {
        let mut given = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--" {
                given.arguments.extend(words.by_ref().cloned());
            } else if let Some(long) = word.strip_prefix("--") {
                let (name, value) = split(long);
                let option = known.iter().find(|known| known.long == name);
                let option = option.ok_or_else(|| no_option(command, format!("--{name}")))?;
                given.take(*option, format!("--{name}"), value, &mut words)?;
            } else if let Some(bundle) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) {
                given.bundle(command, known, bundle, &mut words)?;
            } else {
                given.arguments.push(word.clone());
            }
        }
        Ok(given)
    }

    /// `-af`, `-f=false`
    fn bundle<'w>(
        &mut self,
        command: &'static str,
        known: &[Known],
        bundle: &str,
        words: &mut impl Iterator<Item = &'w String>,
    ) -> Result<(), BadAction> {
        let (letters, value) = split(bundle);
        let last = letters.chars().count().saturating_sub(1);
        for (at, letter) in letters.chars().enumerate() {
            let option = known.iter().find(|known| known.short == Some(letter));
            let option = option.ok_or_else(|| no_option(command, format!("-{letter}")))?;
            self.take(*option, format!("-{letter}"), value.filter(|_| at == last), words)?;
        }
        Ok(())
    }

    fn take<'w>(
        &mut self,
        option: Known,
        typed: String,
        value: Option<&str>,
        words: &mut impl Iterator<Item = &'w String>,
    ) -> Result<(), BadAction> {
        let value = match (option.takes, value) {
            (_, Some(value)) => value.to_owned(),
            (false, None) => "true".to_owned(),
            (true, None) => words.next().ok_or(BadAction::NoValue(typed))?.clone(),
        };
        self.options.push((option.long, value));
        Ok(())
    }

    /// The last word counts.
    pub(super) fn is(&self, long: &'static str) -> Result<bool, BadAction> {
        self.values(long)
            .try_fold(false, |_, value| go_bool(value).ok_or_else(|| bad(long, value, "not true or false")))
    }

    pub(super) fn values(&self, long: &'static str) -> impl Iterator<Item = &str> {
        self.options.iter().filter(move |(name, _)| *name == long).map(|(_, value)| value.as_str())
    }

    pub(super) fn last(&self, long: &'static str) -> Option<&str> {
        self.values(long).last()
    }
}

pub(super) fn bad(long: &str, value: &str, because: &'static str) -> BadAction {
    BadAction::BadValue { option: format!("--{long}"), value: value.to_owned(), because }
}

fn no_option(command: &'static str, option: String) -> BadAction {
    BadAction::NoOption { command, option }
}

fn split(option: &str) -> (&str, Option<&str>) {
    option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value)))
}

/// Go's strconv.ParseBool.
pub(super) fn go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}
