//! Times as filters give them: how long ago, a date, or seconds since 1970.
//! moby api/types/time/timestamp.go: GetTimestamp.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Where a date without a zone is.
#[derive(Clone, Debug)]
pub struct Zone(pub TimeZone);

/// A filter's time, as far as it does not depend on when it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    Ago(SignedDuration),
    At(Timestamp),
}

impl Moment {
    pub fn parse(text: &str, zone: &Zone) -> Option<Self> {
        if let Some(ago) = go_duration(text).filter(|_| text != "0") {
            return Some(Self::Ago(ago));
        }
        date(text, zone).or_else(|| seconds(text)).map(Self::At)
    }

    pub fn at(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Ago(ago) => now.checked_sub(ago).ok(),
            Self::At(at) => Some(at),
        }
    }

    pub fn ago(self, now: Timestamp) -> SignedDuration {
        match self {
            Self::Ago(ago) => ago,
            Self::At(at) => now.duration_since(at),
        }
    }
}

/// With a zone, or without; with less and less of a time.
fn date(text: &str, zone: &Zone) -> Option<Timestamp> {
    let zoned = text.contains(['z', 'Z', '+']) || text.matches('-').count() == 3;
    if zoned {
        let (day, rest) = text.split_at_checked(10)?;
        // a date with nothing but a zone, or a time without minutes, is midnight or the full hour
        let padded = match rest.strip_prefix('T') {
            None => format!("{day}T00:00:00{rest}"),
            Some(time) => {
                let end = time.find(['z', 'Z', '+', '-']).unwrap_or(time.len());
                let (clock, zone) = time.split_at_checked(end)?;
                format!("{day}T{}{zone}", whole(clock))
            }
        };
        return padded.parse().ok();
    }
    let (day, time) = text.split_once('T').unwrap_or((text, ""));
    let local: DateTime = format!("{day}T{}", whole(time)).parse().ok()?;
    Some(local.to_zoned(zone.0.clone()).ok()?.timestamp())
}

fn whole(clock: &str) -> String {
    match (clock, clock.matches(':').count()) {
        ("", _) => "00:00:00".to_owned(),
        (_, 0) => format!("{clock}:00:00"),
        (_, 1) => format!("{clock}:00"),
        _ => clock.to_owned(),
    }
}

/// `1136073845` or `1136073845.000000001`
fn seconds(text: &str) -> Option<Timestamp> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > 9 {
        return None;
    }
    Timestamp::new(whole.parse().ok()?, format!("{part:0<9}").parse().ok()?).ok()
}

/// Go's time.ParseDuration: `24h`, `1h30m`, `1.5h`, `-10m`.
fn go_duration(text: &str) -> Option<SignedDuration> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    let mut nanos: i128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at_checked(end)?;
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(unit_end)?;
        nanos = nanos.checked_add(part(number, unit_nanos(unit)?)?)?;
        rest = tail;
    }
    let nanos = i64::try_from(nanos.checked_mul(sign)?).ok()?;
    (text.len() > 1).then(|| SignedDuration::from_nanos(nanos))
}

fn unit_nanos(unit: &str) -> Option<i128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// A decimal number of units.
fn part(number: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()?.into() };
    let fraction = fraction.get(..18).unwrap_or(fraction);
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let digits: i128 = if fraction.is_empty() { 0 } else { fraction.parse::<u64>().ok()?.into() };
    whole.checked_mul(unit)?.checked_add(digits.checked_mul(unit)?.checked_div(scale)?)
}
