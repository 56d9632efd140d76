//! Versions of the engine's API: which an engine speaks, and what an answer in an older one looks like.

use std::fmt;

use super::seen::Triple;

/// `1.51`
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Api {
    pub major: u32,
    pub minor: u32,
}

/// From which engine on which API is the newest. moby api/common.go; from 29 on daemon/config/config.go.
const NEWEST: &[(Triple, u32)] = &[
    ((17, 3, 0), 26),
    ((17, 6, 0), 30),
    ((17, 9, 0), 32),
    ((17, 12, 0), 35),
    ((18, 3, 0), 37),
    ((18, 6, 0), 38),
    ((18, 9, 0), 39),
    ((19, 3, 0), 40),
    ((20, 10, 0), 41),
    ((23, 0, 0), 42),
    ((24, 0, 0), 43),
    ((25, 0, 0), 44),
    ((26, 0, 0), 45),
    ((27, 0, 0), 46),
    ((27, 2, 0), 47),
    ((28, 0, 0), 48),
    ((28, 1, 0), 49),
    ((28, 2, 0), 50),
    ((28, 3, 0), 51),
    ((29, 0, 0), 52),
    ((29, 2, 0), 53),
    ((29, 3, 0), 54),
    ((29, 6, 0), 55),
];

/// The same of the oldest.
const OLDEST: &[(Triple, u32)] = &[((17, 3, 0), 12), ((25, 0, 0), 24), ((29, 0, 0), 44), ((29, 3, 0), 40)];

impl Api {
    pub const fn new(minor: u32) -> Self {
        Self { major: 1, minor }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.strip_prefix('v').unwrap_or(text).split_once('.')?;
        let number = |text: &str| text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
        Some(Self { major: number(major)?, minor: number(minor)? })
    }

    /// The one that an engine speaks if it is not asked for another.
    pub fn newest(engine: Triple) -> Self {
        Self::new(of(NEWEST, engine))
    }

    /// The oldest that it still answers in.
    pub fn oldest(engine: Triple) -> Self {
        Self::new(of(OLDEST, engine))
    }
}

fn of(table: &[(Triple, u32)], engine: Triple) -> u32 {
    let known = table.iter().rev().find(|(from, _)| *from <= engine).or(table.first());
    known.map_or(24, |(_, minor)| *minor)
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
