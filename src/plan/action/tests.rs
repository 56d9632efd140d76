//! What people type, and what it means.

use super::*;

fn verb(text: &str) -> Verb {
    Action::parse(text).unwrap_or_else(|cause| panic!("{text}: {cause}")).verb
}

fn refused(text: &str) -> String {
    Action::parse(text).expect_err(text).to_string()
}

#[test]
fn every_name_of_a_command_means_the_same() {
    for alias in ["rm web", "container rm web", "container remove web"] {
        let meant = Verb::RemoveContainers { names: vec!["web".into()], force: false, volumes: false, link: false };
        assert_eq!(verb(alias), meant, "{alias}");
    }
    for alias in ["rmi -f a b", "image rm --force a b", "image remove a -f b", "image rmi a b --force=true"] {
        let names = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(
            verb(alias),
            Verb::RemoveImages { names, force: true, no_prune: false, platforms: Vec::new() },
            "{alias}"
        );
    }
    assert_eq!(verb("buildx prune -af"), verb("builder prune --all"));
    assert_eq!(verb("volume remove x"), verb("volume rm x"));
}

#[test]
fn of_builders_only_the_engines_own_has_its_cache_here() {
    assert_eq!(verb("buildx prune --builder default -Daf"), verb("builder prune --all"));
    assert_eq!(verb("buildx history rm --builder=default -D a"), verb("buildx history rm a"));
    for other in ["builder prune --builder far", "buildx history rm --builder far --all"] {
        assert!(refused(other).contains("engine's own"), "{other}: {}", refused(other));
    }
}

#[test]
fn options_are_bundled_long_or_switched_off() {
    let prune = |all, volumes| Verb::PruneSystem { all, volumes, filters: Filters::default() };
    assert_eq!(verb("system prune -af --volumes"), prune(true, true));
    assert_eq!(verb("system prune -fa --volumes=false"), prune(true, false));
    assert_eq!(verb("system prune --all --all=0"), prune(false, false));
    assert_eq!(
        verb("rm -- -f"),
        Verb::RemoveContainers { names: vec!["-f".into()], force: false, volumes: false, link: false }
    );
}

#[test]
fn words_are_split_as_a_shell_does() {
    let action = Action::parse("image prune -a --filter \"label=owner=the web team\"").expect("sound");
    assert_eq!(action.argv, ["docker", "image", "prune", "-a", "--filter", "label=owner=the web team"]);
    let Verb::PruneImages { all: true, filters } = action.verb else { panic!("{action:?}") };
    assert_eq!(filters.get("label").collect::<Vec<_>>(), ["owner=the web team"]);
}

#[test]
fn what_cannot_be_parsed_says_what_is_wrong() {
    let wrong = [
        ("", "it is empty"),
        ("docker rm web", "without that word"),
        ("rm 'web", "left open"),
        ("run -it alpine", "no removal"),
        ("network prune", "\"network prune\" is no removal"),
        ("rm", "rm wants the name or ID of a container"),
        ("rm -x web", "rm has no option -x"),
        ("image prune web", "takes no argument"),
        ("image prune --filter", "--filter wants a value"),
        ("image prune --filter until", "not name=value"),
        ("rmi --force=perhaps a", "not true or false"),
        ("container prune -a", "container prune has no option -a"),
        ("checkpoint rm web", "a container and the name of a checkpoint"),
        ("builder prune --keep-storage lots", "not a size"),
    ];
    for (text, because) in wrong {
        assert!(refused(text).contains(because), "{text}: {}", refused(text));
    }
}

#[test]
fn labels_match_as_the_engine_matches_them() {
    let filters = |typed: &[&str]| typed.iter().try_fold(Filters::default(), |all, one| all.with(one)).expect("sound");
    let labels = [("a", "1"), ("b", "")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    let matches = |typed: &[&str]| filters(typed).match_labels(Some(&labels));
    assert!(matches(&["label=a"]) && matches(&["label=a=1", "label=b"]) && matches(&["label!=c"]));
    assert!(!matches(&["label=a=2"]) && !matches(&["label=a", "label=c"]) && !matches(&["label!=a=1"]));
    // of several that are not to be there, one that is missing is enough
    assert!(matches(&["label!=a", "label!=c"]));
    assert!(!filters(&["label=a"]).match_labels(None) && filters(&["label!=a"]).match_labels(None));
}

#[test]
fn times_are_read_as_the_engine_reads_them() {
    let zone = Zone(jiff::tz::TimeZone::get("Europe/Berlin").expect("known"));
    let now = "2026-01-31T12:00:00Z".parse().expect("a time");
    let at = |text: &str| Moment::parse(text, &zone).and_then(|moment| moment.at(now)).map(|at| at.to_string());
    let expected = [
        ("24h", "2026-01-30T12:00:00Z"),
        ("1h30m", "2026-01-31T10:30:00Z"),
        ("1.5h", "2026-01-31T10:30:00Z"),
        ("-1h", "2026-01-31T13:00:00Z"),
        ("2026-01-02", "2026-01-01T23:00:00Z"),
        ("2026-01-02T03", "2026-01-02T02:00:00Z"),
        ("2026-01-02T03:04", "2026-01-02T02:04:00Z"),
        ("2026-01-02T03:04:05.5", "2026-01-02T02:04:05.5Z"),
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04:05+01:00", "2026-01-02T02:04:05Z"),
        ("2026-01-02Z", "2026-01-02T00:00:00Z"),
        ("1136073845", "2006-01-01T00:04:05Z"),
        ("1136073845.5", "2006-01-01T00:04:05.5Z"),
    ];
    for (text, utc) in expected {
        assert_eq!(at(text).as_deref(), Some(utc), "{text}");
    }
    for nonsense in ["", "yesterday", "24", "1x", "2026-13-01"] {
        assert!(at(nonsense).is_none() || nonsense == "24", "{nonsense}");
    }
}
