//! A data root was asked for where none is: those that lie below, and the commands that read them.

use std::path::Path;

use super::Analysis;
use crate::disk::{Disk, Tree};
use crate::inventory::{Owner, OwnerKind};
use crate::store::look_around;

/// How many are named.
const SHOWN: usize = 3;

/// Directories that many others have, too: by their names alone they are no engine's.
const COMMON: &[&[u8]] = &[b"", b"containerd", b"network", b"lost+found"];

/// Where something lies that no engine wrote: says so, and what to type instead.
pub fn doubt(analysis: &Analysis<'_>) -> Option<String> {
    let reading = analysis.reading;
    let weighs = |number: usize| reading.ledger.owners.get(number).is_some_and(|weight| weight.inodes > 0);
    let owners = reading.owners.iter().filter(|(number, _)| weighs(*number)).map(|(_, owner)| owner);
    let (strange, known): (Vec<_>, Vec<_>) = owners.partition(|owner| owner.key.kind == OwnerKind::Unclaimed);
    let is_common = |owner: &&Owner| owner.lots.iter().all(|(at, _)| COMMON.contains(&at.inside()));
    let is_foreign = !strange.is_empty() && known.iter().all(is_common);
    let below = || reading.disk.tree(b"docker").and_then(|tree| below(&reading.disk, tree));
    is_foreign.then(|| {
        let instead =
            below().map_or_else(|| "`--root DIR` names another".to_owned(), |there| format!("Below it: {there}"));
        format!("Nothing in it is an engine's: is this a Docker data root? {instead}.")
    })
}

/// What to type instead, one command for each data root below the top of `tree`.
pub(super) fn below(disk: &Disk, tree: &Tree) -> Option<String> {
    let [engines, containerds] = look_around(disk, tree).map(|places| {
        let paths = places.iter().filter_map(|at| disk.host_path(at));
        paths.collect::<Vec<_>>()
    });
    let commands: Vec<String> = engines
        .iter()
        .filter_map(|root| {
            let beside = containerds.iter().find(|other| other.parent() == root.parent());
            let beside = beside.and_then(|other| option("--containerd-root", other)).unwrap_or_default();
            Some(format!("`deadweight{}{beside}`", option("--root", root)?))
        })
        .collect();
    let more = commands.len().checked_sub(SHOWN).filter(|more| *more > 0).map(|more| format!("and {more} more"));
    let named: Vec<String> = commands.into_iter().take(SHOWN).chain(more).collect();
    (!named.is_empty()).then(|| named.join(", "))
}

/// The same of a directory that is no tree of this run.
pub(super) fn below_path(path: &Path) -> Option<String> {
    let disk = Disk::new([Tree::open("host", path).ok()?]).ok()?;
    below(&disk, disk.tree(b"host")?)
}

fn option(name: &str, path: &Path) -> Option<String> {
    Some(format!(" {name} {}", shlex::try_quote(path.to_str()?).ok()?))
}
