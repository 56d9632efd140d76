//! Harm, stated in the open. What is lost with a removal falls into one of four classes, and no gain in a lesser class makes
//! up for a point in a greater one:
//!
//! ```text
//! leftover    what nobody can use any more: dangling images, dead containers, empty anonymous volumes, records of past builds
//! cache       build cache: the next builds take longer
//! container   stopped containers: what they wrote, and their logs
//! image       images that no container uses
//! ```
//!
//! Within a class every object counts by its age (older than a week 1, older than a day 2, younger 3), and an image that was
//! not pulled twice: it cannot be pulled again. Volumes with data are in no class, since they are never chosen.

use jiff::{SignedDuration, Timestamp};

/// What is lost, in rising order of harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    Leftover,
    Cache,
    Container,
    Image,
}

impl Class {
    pub const ALL: [Self; 4] = [Self::Leftover, Self::Cache, Self::Container, Self::Image];

    pub fn name(self) -> &'static str {
        match self {
            Self::Leftover => "leftover",
            Self::Cache => "cache",
            Self::Container => "container",
            Self::Image => "image",
        }
    }
}

/// Points by class; compared class by class, images first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Harm {
    pub image: u64,
    pub container: u64,
    pub cache: u64,
    pub leftover: u64,
}

impl Harm {
    pub fn of(class: Class, points: u64) -> Self {
        let mut harm = Self::default();
        *harm.in_class_mut(class) = points;
        harm
    }

    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            image: self.image.saturating_add(other.image),
            container: self.container.saturating_add(other.container),
            cache: self.cache.saturating_add(other.cache),
            leftover: self.leftover.saturating_add(other.leftover),
        }
    }

    pub fn in_class(self, class: Class) -> u64 {
        match class {
            Class::Leftover => self.leftover,
            Class::Cache => self.cache,
            Class::Container => self.container,
            Class::Image => self.image,
        }
    }

    fn in_class_mut(&mut self, class: Class) -> &mut u64 {
        match class {
            Class::Leftover => &mut self.leftover,
            Class::Cache => &mut self.cache,
            Class::Container => &mut self.container,
            Class::Image => &mut self.image,
        }
    }
}

const DAY: SignedDuration = SignedDuration::from_hours(24);
const WEEK: SignedDuration = SignedDuration::from_hours(24 * 7);

/// What is old is missed least. Of what has no date we know no better.
pub(super) fn by_age(since: Option<Timestamp>, now: Timestamp) -> u64 {
    match since.map(|since| now.duration_since(since)) {
        Some(age) if age < DAY => 3,
        Some(age) if age < WEEK => 2,
        _ => 1,
    }
}
