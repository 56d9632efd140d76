//! What the Docker CLI gives its plugins.

use super::*;

fn unwrapped(line: &str) -> (Vec<String>, Globals) {
    let (args, globals) = unwrap(line.split(' ').map(OsString::from).collect());
    (args.into_iter().map(|arg| arg.into_string().unwrap()).collect(), globals)
}

fn ours(line: &str) -> String {
    unwrapped(line).0.join(" ")
}

#[test]
fn what_stands_before_our_name_is_dockers() {
    let typed =
        "docker-deadweight --context far -D --log-level=debug --config /c deadweight plan --free 1GB --host /mnt";
    let (args, globals) = unwrapped(typed);
    assert_eq!(args.join(" "), "docker deadweight plan --free 1GB --host /mnt");
    assert_eq!((globals.context.as_deref(), globals.host), (Some("far"), None));
    assert_eq!(globals.others, ["--debug", "--log-level=debug", "--config=/c"]);
}

#[test]
fn an_option_is_taken_in_each_way_that_docker_takes_it() {
    for typed in
        ["-H unix:///s", "-Hunix:///s", "-H=unix:///s", "--host unix:///s", "--host=unix:///s", "-DH unix:///s"]
    {
        let (args, globals) = unwrapped(&format!("docker-deadweight {typed} deadweight df"));
        assert_eq!(
            (args.join(" ").as_str(), globals.host.as_deref()),
            ("docker deadweight df", Some("unix:///s")),
            "{typed}"
        );
    }
    assert_eq!(unwrapped("docker-deadweight -c deadweight deadweight df").1.context.as_deref(), Some("deadweight"));
    assert_eq!(unwrapped("docker-deadweight --tlsverify=false deadweight df").1.others, ["--tlsverify=false"]);
}

#[test]
fn what_docker_does_not_have_is_left_for_the_usage_error() {
    for line in [
        "docker-deadweight --bogus deadweight df",
        "docker-deadweight df",
        "deadweight -D deadweight df",
        "docker-deadweight -H",
    ] {
        assert_eq!(ours(line), line);
    }
}

#[test]
fn help_asked_of_docker_is_ours_to_give() {
    assert_eq!(ours("docker-deadweight help deadweight"), "docker deadweight --help");
    assert_eq!(ours("docker-deadweight -D help deadweight plan"), "docker deadweight plan --help");
    assert_eq!(ours("docker-deadweight help other"), "docker-deadweight help other");
    // a context may be called so
    assert_eq!(ours("docker-deadweight -c help deadweight df"), "docker deadweight df");
}
