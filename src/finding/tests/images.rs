//! Images, stopped containers, logs.

use super::table::{Table, WEIGHT, digest, id};
use crate::finding::{Severity, container_logs, dangling_image, intermediate_image, stopped_container, unused_image};
use crate::inventory::OwnerKind;
use crate::inventory::facts::State;
use crate::terms::{Kind, LinkKind};
use crate::usage::Measure;

/// `old` lost its tag to `new`; both stand on `base`.
fn retagged() -> Table {
    let mut table = Table::new();
    table.layer("base", None).layer("old", Some("base")).layer("new", Some("base"));
    table.image("old", &["base", "old"], None).image("new", &["base", "new"], None).tag("web:1", "new");
    table
}

#[test]
fn an_image_that_lost_its_tag_takes_along_what_no_other_image_needs() {
    let [finding] = retagged().findings(&dangling_image::RULE).try_into().unwrap();
    assert_eq!((finding.on_disk_bytes, finding.inodes), (2 * WEIGHT, 2), "its config, and its own layer");
    assert_eq!(finding.objects.len(), 1);
    assert_eq!(finding.remedy.commands, ["docker image prune"]);
}

#[test]
fn a_dangling_image_with_a_container_goes_after_the_container() {
    let mut table = retagged();
    table.whole_container("c1", "old", "web:1", "old");
    let [finding] = table.findings(&dangling_image::RULE).try_into().unwrap();
    assert_eq!(finding.on_disk_bytes, 2 * WEIGHT, "the container's own bytes are not the image's");
    assert_eq!(finding.remedy.commands, ["docker rm c1", "docker image prune"]);
    table.state("c1", State { running: true, ..State::default() });
    let [finding] = table.findings(&dangling_image::RULE).try_into().unwrap();
    assert_eq!(finding.remedy.commands, ["docker stop c1", "docker rm c1", "docker image prune"]);
}

#[test]
fn without_the_file_of_tags_no_image_is_pruned() {
    let mut table = retagged();
    table.hole("image/overlay2/repositories.json", &[LinkKind::Names]);
    for rule in [dangling_image::RULE, unused_image::RULE, intermediate_image::RULE] {
        let (findings, withheld) = table.ask(&rule);
        assert!(findings.iter().all(|finding| finding.remedy.commands.is_empty()), "{}", rule.class);
        assert_eq!(withheld.len(), 1);
    }
}

#[test]
fn an_untagged_parent_is_intermediate_and_has_only_its_config() {
    let mut table = retagged();
    table.image("step", &["base"], None).layer("child", Some("base"));
    table.image("child", &["base", "child"], Some("step")).tag("child:1", "child");
    let [finding] = table.findings(&intermediate_image::RULE).try_into().unwrap();
    assert_eq!((finding.on_disk_bytes, finding.severity), (WEIGHT, Severity::Info));
    assert!(finding.remedy.commands.is_empty());
    assert_eq!(table.findings(&dangling_image::RULE)[0].objects.len(), 1, "and is not dangling");
}

#[test]
fn an_unused_image_that_others_were_built_on_keeps_its_name() {
    let mut table = retagged();
    table.image("base", &["base"], None).tag("base:1", "base").layer("app", Some("base"));
    table.image("app", &["base", "app"], Some("base")).tag("app:1", "app").whole_container("c1", "app", "app:1", "app");
    let [finding] = table.findings(&unused_image::RULE).try_into().unwrap();
    assert_eq!(finding.objects.len(), 2);
    assert_eq!(finding.remedy.commands, ["docker rmi web:1"]);
    assert_eq!(finding.on_disk_bytes, 2 * WEIGHT);
    assert!(finding.remedy.note.contains("would take only its name"), "{}", finding.remedy.note);
}

#[test]
fn every_reference_of_an_unused_image_is_removed_and_a_digest_with_its_tag() {
    let mut table = retagged();
    let far = format!("elsewhere/web@{}", digest("manifest"));
    table.tag("web:2", "new").tag(&format!("web@{}", digest("manifest")), "new").tag(&far, "new");
    let [finding] = table.findings(&unused_image::RULE).try_into().unwrap();
    assert_eq!(finding.remedy.commands, [format!("docker rmi {far} web:1 web:2")]);
    table.tag("web:$(reboot)", "new");
    let [finding] = table.findings(&unused_image::RULE).try_into().unwrap();
    assert_eq!(finding.remedy.commands, [format!("docker rmi {}", &digest("new").hex()[..12])]);
}

#[test]
fn layers_that_the_build_cache_holds_stay_and_the_note_says_so() {
    let mut table = retagged();
    table.record("r", "new", 10);
    let [finding] = table.findings(&unused_image::RULE).try_into().unwrap();
    assert_eq!(finding.on_disk_bytes, WEIGHT, "the config alone");
    assert!(finding.remedy.note.contains("2 layers that the build cache holds too stay"), "{}", finding.remedy.note);
}

#[test]
fn an_image_is_unused_only_if_all_containers_are_known() {
    let mut table = retagged();
    table.hole("containers/x/config.v2.json", &[LinkKind::RunsFrom, LinkKind::Uses]);
    assert!(table.ask(&unused_image::RULE).0[0].remedy.commands.is_empty());
}

#[test]
fn stopped_containers_are_one_finding_and_dead_or_running_ones_are_not_in_it() {
    let mut table = retagged();
    for name in ["exited", "created", "runs", "dead"] {
        table.whole_container(name, "new", "web:1", "new");
    }
    table.state("created", State::default()).state("runs", State { running: true, ..State::default() });
    table.state("dead", State { dead: true, ..State::default() });
    let [finding] = table.findings(&stopped_container::RULE).try_into().unwrap();
    assert_eq!(finding.remedy.commands, ["docker rm created exited"]);
    assert_eq!(finding.on_disk_bytes, 2 * 4 * WEIGHT, "read-write layer, init layer, own files, log");
    assert!(finding.in_docker_df);
    assert!(finding.cause.starts_with("2 containers do not run, 1 of which never did: "), "{}", finding.cause);
}

#[test]
fn logs_without_a_limit_are_told_from_those_with_one() {
    let mut table = retagged();
    table.whole_container("free", "new", "web:1", "new").whole_container("bound", "new", "web:1", "new");
    table.change("bound", |it| {
        it.log_options = [("max-size".to_owned(), "10m".to_owned()), ("max-file".to_owned(), "3".to_owned())].into();
    });
    let found = table.findings(&container_logs::RULE);
    let said: Vec<_> = found.iter().map(|it| (it.severity, it.on_disk_bytes, it.evidence[0].clone())).collect();
    let at = |name: &str| format!("docker/containers/{}/hostconfig.json: log driver json-file", id(name));
    assert_eq!(
        said,
        [
            (Severity::Low, WEIGHT, format!("{}, max-size not set, max-file not set", at("free"))),
            (Severity::Info, WEIGHT, format!("{}, max-size=10m, max-file=3", at("bound"))),
        ]
    );
    assert!(found.iter().all(|it| it.remedy.commands.is_empty()));
}

#[test]
fn a_rotation_beyond_what_the_options_allow_is_nobodys_to_remove() {
    let mut table = retagged();
    table.whole_container("c", "new", "web:1", "new");
    table.change("c", |it| {
        it.log_options = [("max-size".to_owned(), "10m".to_owned()), ("max-file".to_owned(), "2".to_owned())].into();
    });
    let key = table.key(Kind::Container, id("c"));
    for number in ["1", "2", "3.gz"] {
        let at = table.at(&format!("containers/{}/{}-json.log.{number}", id("c"), id("c")));
        let lot = crate::inventory::Lot {
            at: at.clone(),
            extent: crate::usage::Extent::Tree,
            owner: OwnerKind::ContainerLogs,
        };
        table.inventory.entities.get_mut(&key).unwrap().lots.push(lot);
        table.measures.insert(at, Measure { allocated: WEIGHT, inodes: 1, ..Measure::default() });
    }
    let found = table.findings(&container_logs::RULE);
    let strays = found.iter().find(|it| it.cause.contains("rotated away")).unwrap();
    assert_eq!((found.len(), strays.paths.len(), strays.on_disk_bytes), (2, 2, 2 * WEIGHT));
}

#[test]
fn an_image_whose_child_does_not_load_or_forgot_it_is_not_pruned() {
    let mut table = retagged();
    table.image("child", &["base", "old", "gone"], Some("old")).tag("child:1", "child");
    let (found, withheld) = table.ask(&dangling_image::RULE);
    assert_eq!((found.len(), withheld.len()), (1, 1));
    assert!(found[0].remedy.commands.is_empty(), "its child does not load: {withheld:?}");

    let mut table = retagged();
    let step = |text: &str| (text.into(), false);
    table.layer("child", Some("old")).image("child", &["base", "old", "child"], None).tag("child:1", "child");
    table.history("old", &[step("/bin/sh -c one")]);
    table.history("child", &[step("/bin/sh -c one"), step("/bin/sh -c two")]);
    assert!(table.ask(&dangling_image::RULE).0[0].remedy.commands.is_empty(), "its parent file is gone");
    table.history("child", &[step("/bin/sh -c one"), step("RUN two # buildkit")]);
    assert_eq!(
        table.findings(&dangling_image::RULE)[0].remedy.commands,
        ["docker image prune"],
        "BuildKit never writes one"
    );
}
