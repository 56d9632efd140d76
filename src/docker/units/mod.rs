//! Sizes and durations in the words of Docker's CLI (docker/go-units): decimal units, a few significant digits, and the
//! roundings that come with them (`1000kB`, `1e+03kB`, `About an hour`).

#[cfg(test)]
mod tests;

use jiff::Timestamp;

const UNITS: [&str; 9] = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];

/// Four significant digits, as most of Docker's columns have.
pub fn human(size: i64) -> String {
    human_to(size, 4)
}

/// Three significant digits, as the sizes of images and containers have.
pub fn human_short(size: i64) -> String {
    human_to(size, 3)
}

/// Bytes of ours, which are never negative.
pub fn human_bytes(size: u64) -> String {
    human(i64::try_from(size).unwrap_or(i64::MAX))
}

#[allow(clippy::cast_precision_loss)] // as the CLI does
fn human_to(size: i64, digits: usize) -> String {
    let mut value = size as f64;
    let mut units = UNITS.iter().peekable();
    let mut unit = units.next().copied().unwrap_or_default();
    // a negative size is never divided
    while value >= 1000.0
        && let Some(next) = units.next()
    {
        value /= 1000.0;
        unit = next;
    }
    format!("{}{unit}", significant(value, digits))
}

/// `%.<digits>g` of C and Go: no trailing zeros, an exponent if the number has more digits than are shown.
fn significant(value: f64, digits: usize) -> String {
    let rounded = format!("{value:.*e}", digits.saturating_sub(1));
    let (mantissa, exponent) = rounded.split_once('e').unwrap_or((&rounded, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let width = i32::try_from(digits).unwrap_or(i32::MAX);
    if exponent < -4 || exponent >= width {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", trimmed(mantissa), exponent.unsigned_abs());
    }
    let decimals = usize::try_from(width.saturating_sub(1).saturating_sub(exponent)).unwrap_or(0);
    trimmed(&format!("{value:.decimals$}")).to_owned()
}

fn trimmed(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

/// How long something took or is ago, in seconds, as `docker ps` puts it. What lies in the future is no time ago.
pub fn human_duration(seconds: i64) -> String {
    let minutes = seconds / 60;
    // hours are rounded, all else is cut off
    let hours = seconds.saturating_add(1800) / 3600;
    match () {
        () if seconds < 1 => "Less than a second".to_owned(),
        () if seconds == 1 => "1 second".to_owned(),
        () if seconds < 60 => format!("{seconds} seconds"),
        () if minutes == 1 => "About a minute".to_owned(),
        () if minutes < 60 => format!("{minutes} minutes"),
        () if hours == 1 => "About an hour".to_owned(),
        () if hours < 48 => format!("{hours} hours"),
        () if hours < 24 * 7 * 2 => format!("{} days", hours / 24),
        () if hours < 24 * 30 * 2 => format!("{} weeks", hours / 24 / 7),
        () if hours < 24 * 365 * 2 => format!("{} months", hours / 24 / 30),
        () => format!("{} years", seconds / 3600 / 24 / 365),
    }
}

/// How long ago something was. Go's durations end at 292 years.
pub fn ago(now: Timestamp, then: Timestamp) -> String {
    let nanos = now.as_nanosecond().saturating_sub(then.as_nanosecond());
    said(i64::try_from(nanos / 1_000_000_000).unwrap_or(LONGEST))
}

/// The same for a time in whole seconds since 1970, which may be before all that a timestamp can say.
pub fn ago_from_second(now: Timestamp, then: i64) -> String {
    said(now.as_second().saturating_sub(then))
}

const LONGEST: i64 = i64::MAX / 1_000_000_000;

fn said(seconds: i64) -> String {
    format!("{} ago", human_duration(seconds.min(LONGEST)))
}
