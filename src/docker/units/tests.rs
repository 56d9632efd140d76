//! Sizes and durations against what docker/go-units prints.

use super::*;

#[test]
fn sizes_have_four_significant_digits_and_decimal_units() {
    let table = [
        (0, "0B"),
        (68, "68B"),
        (999, "999B"),
        (1000, "1kB"),
        (60068, "60.07kB"),
        (270_068, "270.1kB"),
        (590_002, "590kB"),
        (1_713_000, "1.713MB"),
        (999_960, "1000kB"),
        (999_949, "999.9kB"),
        (1_000_000_000_000, "1TB"),
        (-1, "-1B"),
        (-2_292_000, "-2.292e+06B"),
        (-39_000, "-3.9e+04B"),
        (i64::MAX, "9.223EB"),
    ];
    for (size, text) in table {
        assert_eq!(human(size), text);
    }
}

#[test]
fn short_sizes_have_three_and_may_round_to_an_exponent() {
    let table = [(2_382_485, "2.38MB"), (999_600, "1e+03kB"), (999_499, "999kB"), (70_000, "70kB"), (25_050, "25.1kB")];
    for (size, text) in table {
        assert_eq!(human_short(size), text);
    }
}

#[test]
fn durations_are_told_as_people_would() {
    let hour = 3600;
    let day = 24 * hour;
    let table = [
        (-5, "Less than a second"),
        (0, "Less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "About a minute"),
        (119, "About a minute"),
        (120, "2 minutes"),
        (59 * 60 + 59, "59 minutes"),
        (hour, "About an hour"),
        (hour + 1799, "About an hour"),
        (hour + 1800, "2 hours"),
        (47 * hour + 1799, "47 hours"),
        (2 * day - 1, "2 days"),
        (13 * day, "13 days"),
        (14 * day, "2 weeks"),
        (60 * day, "2 months"),
        (729 * day, "24 months"),
        (730 * day, "2 years"),
    ];
    for (seconds, text) in table {
        assert_eq!(human_duration(seconds), text, "{seconds}");
    }
}

#[test]
fn the_year_one_is_as_long_ago_as_a_duration_can_be() {
    let now = Timestamp::from_second(1_795_220_000).unwrap();
    assert_eq!(ago_from_second(now, -62_135_596_800), "292 years ago");
    assert_eq!(ago(now, Timestamp::MIN), "292 years ago");
}

#[test]
fn a_second_that_is_not_over_is_not_counted() {
    let now = Timestamp::from_millisecond(10_200).unwrap();
    assert_eq!(ago(now, Timestamp::from_millisecond(8_900).unwrap()), "1 second ago");
    assert_eq!(ago_from_second(now, 8), "2 seconds ago");
}
