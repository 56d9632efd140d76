//! The releases of the engine, as far as answers depend on them.

use super::EngineVersion;

/// Each line of releases: major, minor, the last patch known.
const LINES: &[(u32, u32, u32)] = &[
    (17, 3, 2),
    (17, 6, 2),
    (17, 9, 1),
    (17, 12, 1),
    (18, 3, 1),
    (18, 6, 3),
    (18, 9, 9),
    (19, 3, 15),
    (20, 10, 27),
    (23, 0, 18),
    (24, 0, 9),
    (25, 0, 17),
    (26, 0, 2),
    (26, 1, 5),
    (27, 0, 3),
    (27, 1, 2),
    (27, 2, 1),
    (27, 3, 1),
    (27, 4, 1),
    (27, 5, 1),
    (28, 0, 4),
    (28, 1, 1),
    (28, 2, 2),
    (28, 3, 3),
    (28, 4, 0),
    (28, 5, 2),
    (29, 0, 4),
    (29, 1, 5),
    (29, 2, 1),
    (29, 3, 1),
    (29, 4, 3),
    (29, 5, 3),
    (29, 6, 2),
    (29, 7, 2),
];

/// The day on which a version was tagged in moby, as a Unix time.
const DAYS: &[((u32, u32, u32), i64)] = &[
    ((23, 0, 0), day(19388)),
    ((24, 0, 0), day(19492)),
    ((25, 0, 0), day(19740)),
    ((26, 0, 0), day(19802)),
    ((27, 0, 1), day(19895)),
    ((27, 2, 0), day(19962)),
    ((28, 0, 0), day(20138)),
    ((28, 0, 1), day(20145)),
    ((28, 2, 0), day(20236)),
    ((29, 0, 0), day(20402)),
    ((29, 1, 2), day(20424)),
    ((29, 4, 0), day(20550)),
    ((29, 4, 1), day(20563)),
    ((29, 5, 0), day(20587)),
    ((29, 6, 0), day(20622)),
    ((29, 7, 0), day(20664)),
];

const fn day(number: i64) -> i64 {
    number * 86_400
}

pub(super) fn newest_minor(major: u32) -> Option<u32> {
    LINES.iter().filter(|line| line.0 == major).map(|line| line.1).max()
}

pub(super) fn newest_patch(major: u32, minor: u32) -> Option<u32> {
    LINES.iter().find(|line| (line.0, line.1) == (major, minor)).map(|line| line.2)
}

/// The newest known version that is below a bound.
pub(super) fn newest_below(bound: Option<(u32, u32, u32)>) -> Option<EngineVersion> {
    let Some((major, minor, patch)) = bound else { return LINES.last().map(|line| (*line).into()) };
    if let Some(patch) = patch.checked_sub(1) {
        return Some((major, minor, patch).into());
    }
    LINES.iter().rev().find(|line| (line.0, line.1) < (major, minor)).map(|line| (*line).into())
}

/// The first version of these that was not yet there at a time.
pub(super) fn not_yet_at(seconds: i64) -> Option<(u32, u32, u32)> {
    DAYS.iter().find(|(_, day)| seconds < *day).map(|(version, _)| *version)
}
