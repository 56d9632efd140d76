//! Patterns and filters, in tables.

use super::filter::Wanted;
use super::glob;
use crate::report::Listing;

// moby: path.Match of Go's library
#[test]
fn patterns_fit_names_as_in_go() {
    for (pattern, name, fits) in [
        ("web:1", "web:1", true),
        ("web", "web:1", false),
        ("web*", "web:1", true),
        ("*", "web:1", true),
        ("*", "team/web", false),
        ("*/*", "team/web", true),
        ("*/*/*", "team/web", false),
        ("w?b:1", "web:1", true),
        ("team?web", "team/web", false),
        ("web:[1-3]", "web:2", true),
        ("web:[^1-3]", "web:2", false),
        ("web:[^1-3]", "web:4", true),
        ("[^a]web", "/web", true),
        ("web:\\*", "web:*", true),
        ("web:\\*", "web:1", false),
        ("*web*:*", "my-web-app:latest", true),
        ("a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaa", false),
        ("", "", true),
        ("", "a", false),
        ("wéb", "wéb", true),
        ("w?b", "wéb", true),
    ] {
        assert_eq!(glob::matches(pattern, name), fits, "{pattern} {name}");
    }
    for pattern in ["[", "[]", "[a", "[a-", "[-a]", "\\", "[^]", "web:[]a]"] {
        assert!(!glob::is_sound(pattern), "{pattern}");
        assert!(!glob::matches(pattern, "a"), "{pattern}");
    }
}

#[test]
fn a_filter_that_means_nothing_is_refused_in_words_like_docker_s() {
    for (what, typed, said) in [
        (Listing::Images, "colour=red", "invalid filter 'colour'"),
        (Listing::Images, "status=exited", "invalid filter 'status'"),
        (Listing::Images, "dangling", "not name=value"),
        (Listing::Images, "dangling=maybe", "invalid filter 'dangling=maybe'"),
        (Listing::Images, "until=soon", "until=soon"),
        (Listing::Images, "reference=[", "reference=["),
        (Listing::Containers, "dangling=true", "invalid filter 'dangling'"),
        (Listing::Containers, "status=gone", "invalid filter 'status=gone'"),
        (Listing::Volumes, "until=24h", "invalid filter 'until'"),
        (Listing::Layers, "label=a", "--filter goes with ls images"),
    ] {
        let cause = Wanted::parse(what, &[typed.to_owned()]).unwrap_err();
        assert!(cause.contains(said), "{typed}: {cause}");
    }
    let contrary = ["dangling=true".to_owned(), "dangling=false".to_owned()];
    assert!(Wanted::parse(Listing::Images, &contrary).unwrap_err().contains("invalid filter 'dangling="));
    assert!(Wanted::parse(Listing::Images, &[String::new()]).unwrap().is_empty());
}
