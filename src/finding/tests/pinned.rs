//! Layers of images that were removed by force.

use super::table::{Table, WEIGHT, digest, id};
use crate::finding::layers_pinned_by_stopped_container as stopped;
use crate::finding::{Confidence, Finding, layers_pinned_by_running_container as running};
use crate::inventory::facts::State;
use crate::terms::{Kind, LinkKind};

/// `base` is an image's; `lost` was removed, and two containers hold its top.
fn forced() -> Table {
    let mut table = Table::new();
    table.layer("base", None).layer("lost", Some("base")).image("base", &["base"], None).tag("base:1", "base");
    table.whole_container("p1", "gone", "pair:1", "lost").whole_container("p2", "gone", "pair:1", "lost");
    table
}

fn layers(finding: &Finding) -> Vec<&str> {
    finding.objects.iter().filter(|key| key.kind == Kind::Layer).map(|key| &*key.id).collect()
}

#[test]
fn containers_that_hold_the_same_layer_are_one_finding() {
    let table = forced();
    let [finding] = table.findings(&stopped::RULE).try_into().unwrap();
    assert_eq!(layers(&finding), [digest("lost").as_str()]);
    assert_eq!((finding.on_disk_bytes, finding.inodes, finding.in_docker_df), (WEIGHT, 1, false));
    assert_eq!(finding.remedy.commands, ["docker rm p1 p2"]);
    assert_eq!(
        finding.cause,
        format!(
            "p1 and p2 are stopped and were created from pair:1 (image {}), removed by force since: 1 layer (4.096kB) that no \
             image needs stays until all of them are removed.",
            &id("gone")[..12]
        )
    );
    let images: Vec<_> = finding.objects.iter().filter(|key| key.kind == Kind::Image).collect();
    assert_eq!(
        images,
        [&table.key(Kind::Image, digest("gone").as_str())],
        "an image that is gone is named all the same"
    );
    assert!(finding.evidence.contains(&"docker/image/overlay2/layerdb/mounts/p1/parent".to_owned()));
    assert!(table.findings(&running::RULE).is_empty());
}

#[test]
fn a_layer_under_several_sets_of_containers_is_found_once_under_all_that_hold_it() {
    let mut table = forced();
    table.layer("above", Some("lost")).whole_container("g1", "higher", "high:1", "above");
    let found = table.findings(&stopped::RULE);
    let mut said: Vec<_> = found.iter().map(|it| (it.remedy.commands.join(""), layers(it).len())).collect();
    said.sort();
    assert_eq!(said, [("docker rm g1".to_owned(), 1), ("docker rm g1 p1 p2".to_owned(), 1)]);
}

#[test]
fn a_container_that_never_ran_is_stopped_and_one_that_runs_is_another_class() {
    let mut table = forced();
    table.state("p1", State::default());
    assert_eq!(table.findings(&stopped::RULE).len(), 1);
    table.state("p2", State { running: true, paused: true, ..State::default() });
    assert!(table.findings(&stopped::RULE).is_empty());
    let [finding] = table.findings(&running::RULE).try_into().unwrap();
    assert_eq!(finding.remedy.commands, ["docker stop p2", "docker rm p1 p2"]);
    table.change("p2", |container| container.auto_remove = true);
    let [finding] = table.findings(&running::RULE).try_into().unwrap();
    assert_eq!(finding.remedy.commands, ["docker stop p2", "docker rm p1"], "--rm removes it when it stops");
}

#[test]
fn an_untagged_image_keeps_its_layers_and_no_container_is_named() {
    let mut table = forced();
    table.image("gone", &["base", "lost"], None);
    assert!(table.findings(&stopped::RULE).is_empty());
}

#[test]
fn a_layer_that_a_cache_record_holds_too_says_so() {
    let mut table = forced();
    table.layer("built", Some("base")).record("r", "built", 10).whole_container("b1", "lost2", "b:1", "built");
    let found = table.findings(&stopped::RULE);
    let built = found.iter().find(|it| layers(it) == [digest("built").as_str()]).unwrap();
    assert_eq!(found.len(), 2);
    assert!(built.cause.contains("a build-cache record holds it too, so that both must go"), "{}", built.cause);
    assert_eq!(built.remedy.commands, ["docker rm b1", "docker builder prune"]);
    assert!(built.evidence.iter().any(|said| said.starts_with("docker/buildkit/snapshots.db")));
}

#[test]
fn an_image_that_was_damaged_is_not_taken_for_one_removed_by_force() {
    let mut named = forced();
    named.tag("pair:1", "gone");
    let mut broken = forced();
    broken.image("gone", &["base", "lost"], None);
    let key = broken.key(Kind::Image, digest("gone").as_str());
    if let crate::inventory::Facts::Image(image) = &mut broken.inventory.entities.get_mut(&key).unwrap().facts {
        image.broken = Some("its config is missing".to_owned());
    }
    let mut elsewhere = forced();
    elsewhere.image("gone", &["base"], None);
    for table in [named, broken, elsewhere] {
        let (findings, withheld) = table.ask(&stopped::RULE);
        assert_eq!((findings.len(), withheld.len()), (1, 1));
        assert_eq!(findings[0].confidence, Confidence::Unknown);
        assert!(findings[0].remedy.commands.is_empty(), "{withheld:?}");
    }
}

#[test]
fn a_layer_that_a_read_write_layer_without_container_holds_too_has_no_command() {
    let mut table = forced();
    table.mount("stray", "lost");
    let [finding] = table.findings(&stopped::RULE).try_into().unwrap();
    assert!(finding.remedy.commands.is_empty());
    assert!(finding.cause.contains("; so does a read-write layer of no container"), "{}", finding.cause);
}

#[test]
fn a_name_that_a_shell_would_take_apart_gives_way_to_the_id() {
    let mut table = forced();
    for (name, shown) in [("p1", "x; rm -rf /"), ("p2", "-f")] {
        let key = table.key(Kind::Container, id(name));
        table.inventory.entities.get_mut(&key).unwrap().name = shown.to_owned();
    }
    let [finding] = table.findings(&stopped::RULE).try_into().unwrap();
    let mut ids = [id("p1"), id("p2")];
    ids.sort();
    assert_eq!(finding.remedy.commands, [format!("docker rm {} {}", ids[0], ids[1])]);
}

#[test]
fn a_database_that_cannot_be_read_leaves_it_unknown_and_another_root_does_not() {
    let mut table = forced();
    table.hole("buildkit/snapshots.db", &[LinkKind::SharesLayer]);
    let (findings, withheld) = table.ask(&stopped::RULE);
    assert_eq!((findings[0].confidence, withheld.len()), (Confidence::Unknown, 1));
    assert!(findings[0].remedy.commands.is_empty());
}
