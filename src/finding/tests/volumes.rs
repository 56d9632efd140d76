//! Volumes that no container uses.

use super::table::{Table, WEIGHT, id};
use crate::finding::{Finding, nested_data_root, unreferenced_volume as rule};
use crate::inventory::Facts;
use crate::inventory::facts::{Nested, Volume};
use crate::terms::{Kind, LinkKind};
use crate::usage::Measure;

fn table() -> Table {
    let mut table = Table::new();
    table.layer("base", None).image("base", &["base"], None).tag("base:1", "base");
    table.whole_container("c", "base", "base:1", "base");
    table.volume("used", &["c"]).volume("named", &[]).volume(&id("anonymous"), &[]);
    table
}

fn change(table: &mut Table, name: &str, change: impl FnOnce(&mut Volume)) {
    let key = table.key(Kind::Volume, name);
    match &mut table.inventory.entities.get_mut(&key).unwrap().facts {
        Facts::Volume(volume) => change(volume),
        _ => unreachable!(),
    }
}

fn about<'a>(found: &'a [Finding], volume: &str) -> &'a Finding {
    found.iter().find(|it| it.objects.iter().any(|key| &*key.id == volume)).unwrap()
}

#[test]
fn named_and_anonymous_volumes_are_apart_and_used_ones_are_in_neither() {
    let table = table();
    let found = table.findings(&rule::RULE);
    assert_eq!(found.len(), 2);
    assert_eq!(about(&found, "named").remedy.commands, ["docker volume rm named"]);
    assert!(about(&found, "named").cause.starts_with("1 named volume (named) is used by no container"));
    assert!(about(&found, &id("anonymous")).cause.starts_with("1 anonymous volume"));
    assert!(found.iter().all(|it| it.remedy.note.contains("deletes the data for good")));
}

#[test]
fn what_volume_prune_takes_depends_on_the_engine() {
    let mut table = table();
    let note = |table: &Table, name: &str| about(&table.findings(&rule::RULE), name).remedy.note.clone();
    assert!(note(&table, "named").contains("leaves named volumes alone"));
    assert!(note(&table, &id("anonymous")).contains("1 of these is not, and goes only with `-a`"));
    change(&mut table, &id("anonymous"), |it| {
        it.labels = Some([("com.docker.volume.anonymous".into(), String::new())].into())
    });
    assert!(note(&table, &id("anonymous")).contains("`docker volume prune` takes these."));
    table.version = (20, 10, 24);
    assert!(note(&table, "named").contains("takes every volume that no container uses, named ones too"));
}

#[test]
fn a_volume_of_a_container_that_does_not_load_has_a_warning_and_no_command() {
    let mut table = table();
    table.change("c", |it| it.driver = "vfs".to_owned());
    let found = table.findings(&rule::RULE);
    let unseen = about(&found, "used");
    assert!(unseen.remedy.commands.is_empty());
    assert!(unseen.remedy.note.contains("Do not prune volumes on this host"), "{}", unseen.remedy.note);
    assert!(unseen.objects.iter().any(|key| key.kind == Kind::Container));
}

#[test]
fn an_unreadable_container_leaves_every_volume_unknown() {
    let mut table = table();
    table.hole("containers/x/config.v2.json", &[LinkKind::Uses]);
    let (found, withheld) = table.ask(&rule::RULE);
    assert!(found.iter().all(|it| it.remedy.commands.is_empty()));
    assert_eq!(withheld.len(), 1);
}

#[test]
fn volumes_with_options_go_by_name_only_and_odd_names_by_no_command() {
    let mut table = table();
    change(&mut table, "named", |it| it.options = Some([("size".into(), "1g".into())].into()));
    let found = table.findings(&rule::RULE);
    assert!(about(&found, "named").remedy.note.contains("never takes volumes with options"));
    table.volume("-rf", &[]).volume("a b", &[]);
    let found = table.findings(&rule::RULE);
    assert!(about(&found, "-rf").remedy.commands.is_empty());
    assert!(about(&found, "-rf").remedy.note.contains("because of their names"));
}

#[test]
fn a_directory_without_data_is_a_volume_that_nobody_uses() {
    let mut table = table();
    table.version = (29, 7, 2);
    change(&mut table, "named", |it| (it.has_data, it.in_database) = (false, false));
    let found = table.findings(&rule::RULE);
    assert!(about(&found, "named").evidence[0].ends_with("and not in volumes/metadata.db, without _data"));
}

#[test]
fn a_data_root_inside_a_volume_is_named_with_who_uses_it() {
    let mut table = table();
    table.volume("buildx_buildkit_lab0_state", &["c"]);
    for (volume, engine) in [("used", "dockerd"), ("buildx_buildkit_lab0_state", "buildkitd")] {
        let at = table.at(&format!("volumes/{volume}/_data"));
        table.measures.insert(at.clone(), Measure { allocated: 7 * WEIGHT, inodes: 7, ..Measure::default() });
        change(&mut table, volume, |it| it.nested = vec![Nested { at, engine, sign: "image/*/layerdb" }]);
    }
    let found = table.findings(&nested_data_root::RULE);
    let said: Vec<_> = found.iter().map(|it| (it.cause.as_str(), it.on_disk_bytes)).collect();
    assert_eq!(
        said,
        [
            ("There is a builder's state inside volume buildx_buildkit_lab0_state (used by c): 28.67kB.", 7 * WEIGHT),
            ("There is a Docker data root inside volume used (used by c): 28.67kB.", 7 * WEIGHT),
        ]
    );
    assert_eq!(found[0].remedy.commands, ["docker buildx prune --builder lab", "docker buildx rm lab"]);
    assert!(found[1].remedy.commands.is_empty());
}

#[test]
fn a_container_whose_directory_is_gone_may_have_used_any_volume() {
    let mut table = table();
    table.mount("gone", "base");
    let (found, withheld) = table.ask(&rule::RULE);
    assert!(found.iter().all(|it| it.remedy.commands.is_empty()));
    assert!(withheld[0].because.contains("which volumes it used is not known"), "{withheld:?}");
}
