//! Docker's names for its removals, and what each takes.

use super::options::{Given, Known, bad, flag, value};
use super::{BadAction, Filters, Limits, Verb};

/// For the message about a command that is none of these.
pub(super) const KNOWN: &str = "rm, rmi, image prune, container prune, volume rm, volume prune, builder prune, \
system prune, buildx history rm, checkpoint rm, plugin rm";

const FORCE: Known = flag("force", Some('f'));
const ALL: Known = flag("all", Some('a'));
const FILTER: Known = value("filter");

type Parse = fn(&'static str, &[String]) -> Result<Verb, BadAction>;

/// Words, the name in messages, what follows.
// docker/cli cli/command/*: Aliases
const COMMANDS: &[(&[&str], &str, Parse)] = &[
    (&["container", "rm"], "rm", containers),
    (&["container", "remove"], "rm", containers),
    (&["container", "prune"], "container prune", container_prune),
    (&["rm"], "rm", containers),
    (&["image", "rm"], "rmi", images),
    (&["image", "rmi"], "rmi", images),
    (&["image", "remove"], "rmi", images),
    (&["image", "prune"], "image prune", image_prune),
    (&["rmi"], "rmi", images),
    (&["volume", "rm"], "volume rm", volumes),
    (&["volume", "remove"], "volume rm", volumes),
    (&["volume", "prune"], "volume prune", volume_prune),
    (&["builder", "prune"], "builder prune", cache_prune),
    (&["buildx", "prune"], "builder prune", cache_prune),
    (&["buildx", "history", "rm"], "buildx history rm", history),
    (&["builder", "history", "rm"], "buildx history rm", history),
    (&["system", "prune"], "system prune", system_prune),
    (&["checkpoint", "rm"], "checkpoint rm", checkpoint),
    (&["checkpoint", "remove"], "checkpoint rm", checkpoint),
    (&["plugin", "rm"], "plugin rm", plugins),
    (&["plugin", "remove"], "plugin rm", plugins),
];

pub(super) fn parse(words: &[String]) -> Result<Verb, BadAction> {
    match words.first().map(String::as_str) {
        None => return Err(BadAction::Empty),
        Some("docker") => return Err(BadAction::Docker),
        Some(_) => {}
    }
    for (name, command, parse) in COMMANDS {
        let (head, rest) = words.split_at_checked(name.len()).unwrap_or_default();
        if head.iter().map(String::as_str).eq(name.iter().copied()) {
            return parse(command, rest);
        }
    }
    let verb: Vec<&str> = words.iter().map(String::as_str).take_while(|word| !word.starts_with('-')).take(2).collect();
    Err(BadAction::Unknown(verb.join(" ")))
}

fn containers(command: &'static str, words: &[String]) -> Result<Verb, BadAction> {
    let known = [FORCE, flag("volumes", Some('v')), flag("link", Some('l'))];
    let given = Given::parse(command, &known, words)?;
    let (force, volumes, link) = (given.is("force")?, given.is("volumes")?, given.is("link")?);
    Ok(Verb::RemoveContainers { names: some(command, "the name or ID of a container", given)?, force, volumes, link })
}

fn images(command: &'static str, words: &[String]) -> Result<Verb, BadAction> {
    let given = Given::parse(command, &[FORCE, flag("no-prune", None), value("platform")], words)?;
    let (force, no_prune) = (given.is("force")?, given.is("no-prune")?);
    // a list, with commas or one by one
    let platforms: Vec<String> = given.values("platform").flat_map(|list| list.split(',')).map(str::to_owned).collect();
    if let Some(none) = platforms.iter().find(|platform| !is_platform(platform)) {
        return Err(bad("platform", none, "not os[/arch[/variant]]"));
    }
    Ok(Verb::RemoveImages { names: some(command, "the name or ID of an image", given)?, force, no_prune, platforms })
}

fn is_platform(text: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
    text.split('/').all(part) && text.split('/').count() <= 3
}

fn image_prune(command: &'static str, words: &[String]) -> Result<Verb, BadAction> {
    let given = none(command, Given::parse(command, &[FORCE, ALL, FILTER], words)?)?;
    given.is("force")?;
    Ok(Verb::PruneImages { all: given.is("all")?, filters: filters(&given)? })
}

fn container_prune(command: &'static str, words: &[String]) -> Result<Verb, BadAction> {
    let given = none(command, Given::parse(command, &[FORCE, FILTER], words)?)?;
    given.is("force")?;
    Ok(Verb::PruneContainers { filters: filters(&given)? })
}

fn volumes(command: &'static str, words: &[String]) -> Result<Verb, BadAction> {
    let given = Given::parse(command, &[FORCE], words)?;
    let force = given.is("force")?;
    Ok(Verb::RemoveVolumes { names: some(command, "the name of a volume", given)?, force })
}

fn volume_prune(command: &'static str, words: &[String]) -> Result<Verb, BadAction> {
    let given = none(command, Given::parse(command, &[FORCE, ALL, FILTER], words)?)?;
    given.is("force")?;
    Ok(Verb::PruneVolumes { all: given.is("all")?, filters: filters(&given)? })
}

fn system_prune(command: &'static str, words: &[String]) -> Result<Verb, BadAction> {
    let given = none(command, Given::parse(command, &[FORCE, ALL, FILTER, flag("volumes", None)], words)?)?;
    given.is("force")?;
    Ok(Verb::PruneSystem { all: given.is("all")?, volumes: given.is("volumes")?, filters: filters(&given)? })
}

/// Of the CLI's own command, and of buildx's, which takes its place where it is installed.
fn cache_prune(command: &'static str, words: &[String]) -> Result<Verb, BadAction> {
    let sizes = ["keep-storage", "reserved-space", "max-used-space", "min-free-space"];
    let plain = [FORCE, ALL, FILTER, flag("verbose", None)];
    let known: Vec<Known> = plain.into_iter().chain(sizes.map(value)).chain(BUILDX).collect();
    let given = none(command, Given::parse(command, &known, words)?)?;
    own_builder(&given)?;
    given.is("force")?;
    given.is("verbose")?;
    let size = |long: &'static str| match given.last(long) {
        None => Ok(0),
        Some(text) => memory(text).ok_or_else(|| bad(long, text, "not a size such as 10GB")),
    };
    let limits = Limits {
        reserved: size("reserved-space")?.max(size("keep-storage")?),
        max_used: size("max-used-space")?,
        min_free: size("min-free-space")?,
    };
    Ok(Verb::PruneCache { all: given.is("all")?, filters: filters(&given)?, limits })
}

/// What every command of buildx takes.
const BUILDX: [Known; 2] = [value("builder"), flag("debug", Some('D'))];

/// Other builders keep their cache elsewhere.
fn own_builder(given: &Given) -> Result<(), BadAction> {
    given.is("debug")?;
    match given.last("builder") {
        Some(other) if other != "default" => {
            Err(bad("builder", other, "not the engine's own, which is called default"))
        }
        _ => Ok(()),
    }
}

fn history(command: &'static str, words: &[String]) -> Result<Verb, BadAction> {
    let known: Vec<Known> = [flag("all", None)].into_iter().chain(BUILDX).collect();
    let given = Given::parse(command, &known, words)?;
    own_builder(&given)?;
    if given.is("all")? {
        return Ok(Verb::RemoveHistory { refs: none(command, given)?.arguments, all: true });
    }
    Ok(Verb::RemoveHistory { refs: some(command, "the ref of a build, or --all", given)?, all: false })
}

fn checkpoint(command: &'static str, words: &[String]) -> Result<Verb, BadAction> {
    let given = Given::parse(command, &[value("checkpoint-dir")], words)?;
    let dir = given.last("checkpoint-dir").map(str::to_owned);
    match given.arguments.as_slice() {
        [container, name] => Ok(Verb::RemoveCheckpoint { container: container.clone(), name: name.clone(), dir }),
        _ => Err(BadAction::Wants { command, wanted: "a container and the name of a checkpoint" }),
    }
}

fn plugins(command: &'static str, words: &[String]) -> Result<Verb, BadAction> {
    let given = Given::parse(command, &[FORCE], words)?;
    let force = given.is("force")?;
    Ok(Verb::RemovePlugins { names: some(command, "the name or ID of a plugin", given)?, force })
}

fn some(command: &'static str, wanted: &'static str, given: Given) -> Result<Vec<String>, BadAction> {
    if given.arguments.is_empty() { Err(BadAction::Wants { command, wanted }) } else { Ok(given.arguments) }
}

fn none(command: &'static str, given: Given) -> Result<Given, BadAction> {
    match given.arguments.first() {
        Some(argument) => Err(BadAction::NoArguments { command, argument: argument.clone() }),
        None => Ok(given),
    }
}

fn filters(given: &Given) -> Result<Filters, BadAction> {
    given.values("filter").try_fold(Filters::default(), Filters::with)
}

/// Docker's sizes of memory: 1kB is 1024 bytes. docker/go-units: RAMInBytes.
fn memory(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let shift = match unit.trim_start().to_ascii_lowercase().trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        "p" => 50,
        _ => return None,
    };
    let number: f64 = number.parse().ok()?;
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // as the CLI does
    let bytes = (number * (1_u64 << shift) as f64) as u64;
    Some(bytes)
}
