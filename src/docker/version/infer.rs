//! The version of the engine that was here last, from the traces that the stores noted.
//!
//! A trace says "at least this version" (a file that earlier ones did not write) or "below that one" (a key that later
//! ones do not write). The newest traces are believed first; an older one that contradicts them is of an engine that was
//! here before. What remains is a range, and its newest known version is taken. When the engine was last started bounds
//! it, too: no version is older than its release.

use super::{EngineVersion, releases};
use crate::inventory::{Clue, Inventory};

type Triple = (u32, u32, u32);

/// What the disk tells of the version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inferred {
    /// The newest known version that fits.
    pub version: EngineVersion,
    pub at_least: Option<EngineVersion>,
    /// The first version that does not fit any more.
    pub below: Option<EngineVersion>,
    /// From what, the strongest trace first; ready to print.
    pub reasons: Vec<String>,
}

/// Infers the version of the engine of one root, or of all.
pub fn infer(inventory: &Inventory, root: Option<&str>) -> Inferred {
    let clues = inventory.clues.iter().filter(|clue| root.is_none_or(|root| *clue.root == *root));
    let mut clues: Vec<&Clue> = clues.collect();
    clues.sort_by(|a, b| b.written.cmp(&a.written).then_with(|| a.cmp(b)));
    let mut range = Range::default();
    let mut set_aside = Vec::new();
    for clue in &clues {
        if !range.narrow(clue) {
            set_aside.push(format!("{}: {}, but what was written later tells otherwise", clue.evidence, clue.because));
        }
    }
    range.bound_by_time(clues.iter().filter(|clue| is_start(clue)).max_by_key(|clue| clue.written).copied());
    range.conclude(set_aside)
}

/// A trace of when, and not of what.
fn is_start(clue: &Clue) -> bool {
    clue.at_least.is_none() && clue.below.is_none()
}

#[derive(Debug, Default)]
struct Range {
    low: Option<(Triple, String)>,
    high: Option<(Triple, String)>,
}

impl Range {
    /// Takes a trace that fits; false if it contradicts.
    fn narrow(&mut self, clue: &Clue) -> bool {
        let low = clue.at_least.max(self.low());
        let high = match (clue.below, self.high()) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        if let (Some(low), Some(high)) = (low, high)
            && low >= high
        {
            return false;
        }
        let because = || format!("{}: {}", clue.evidence, clue.because);
        if low > self.low() {
            self.low = low.map(|low| (low, because()));
        }
        if high != self.high() {
            self.high = high.map(|high| (high, because()));
        }
        true
    }

    fn low(&self) -> Option<Triple> {
        self.low.as_ref().map(|(low, _)| *low)
    }

    fn high(&self) -> Option<Triple> {
        self.high.as_ref().map(|(high, _)| *high)
    }

    /// A clock may have been wrong: this only narrows what the other traces leave open.
    fn bound_by_time(&mut self, start: Option<&Clue>) {
        let Some(clue) = start else { return };
        let Some(version) = releases::not_yet_at(clue.written.0) else { return };
        let fits = self.low().is_none_or(|low| low < version);
        if fits && self.high().is_none_or(|high| version < high) {
            let version_text = EngineVersion::from(version);
            self.high =
                Some((version, format!("{}: {}, before {version_text} was released", clue.evidence, clue.because)));
        }
    }

    fn conclude(self, set_aside: Vec<String>) -> Inferred {
        let (low, high) = (self.low().map(EngineVersion::from), self.high().map(EngineVersion::from));
        let newest = releases::newest_below(self.high()).filter(|newest| low.is_none_or(|low| *newest >= low));
        let version = newest.or(low).unwrap_or(EngineVersion { major: 29, minor: 7, patch: 2 });
        let mut reasons: Vec<String> =
            [self.low, self.high].into_iter().flatten().map(|(_, because)| because).collect();
        reasons.push(match (low, high) {
            (Some(low), Some(high)) => {
                format!("so from {low} on and before {high}: {version} is the newest known of these")
            }
            (Some(low), None) => format!("so {low} or later: {version} is the newest known"),
            (None, Some(high)) => format!("so before {high}: {version} is the newest known of these"),
            (None, None) => format!("nothing on the disk tells the version: {version}, the newest known, is assumed"),
        });
        reasons.extend(set_aside);
        Inferred { version, at_least: low, below: high, reasons }
    }
}
