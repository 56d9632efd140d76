//! What loads, checked on small tables.

use super::table::{NOW, Table, chain, digest};
use super::*;
use crate::inventory::Entity;
use crate::inventory::facts::{CacheSnapshot, Lease};
use crate::terms::{LinkKind, Place};

#[test]
fn a_layer_loads_only_on_an_unbroken_chain_that_ends() {
    let mut table = Table::new();
    table.layer("base", None).layer("top", Some("base")).layer("stray", Some("gone")).layer("above", Some("stray"));
    table.layer("a", Some("b")).layer("b", Some("a")).layer("c", Some("a"));
    let seen = table.seen(NOW);
    let loaded: BTreeSet<&str> = seen.layers.keys().map(|key| &*key.id).collect();
    assert_eq!(loaded, BTreeSet::from([digest("base").as_str(), digest("top").as_str()]));
    let chain: Vec<&str> = seen.chain_of(&chain("top")).iter().map(|(key, _)| &*key.id).collect();
    assert_eq!(chain, [digest("top").as_str(), digest("base").as_str()]);
}

#[test]
fn an_image_without_its_layer_is_not_loaded_and_leaves_its_containers_bare() {
    let mut table = Table::new();
    table.layer("base", None).image("whole", &["base"], None).image("halved", &["base", "gone"], None);
    table.mount("c1", "base").container("c1", "halved", "app:1").tag("app:1", "halved");
    let seen = table.seen(NOW);
    assert_eq!(seen.images.keys().map(|key| &*key.id).collect::<Vec<_>>(), [digest("whole").as_str()]);
    let container = seen.containers.values().next().unwrap();
    assert_eq!(
        (container.image, container.image_as_shown(|typed| seen.resolve(typed).map(|key| &*key.id))),
        (None, digest("halved").to_string())
    );
}

#[test]
fn an_untagged_parent_is_intermediate_and_an_untagged_head_is_dangling() {
    let mut table = Table::new();
    table.layer("base", None).image("parent", &["base"], None).image("child", &["base"], Some("parent"));
    table.image("tagged", &["base"], None).tag("t:1", "tagged").tag("docker.io/b:1", "tagged");
    table.image("pulled", &[], None).tag("p@sha256:1", "pulled");
    let seen = table.seen(NOW);
    let image = |name: &str| &seen.images[&table.key(Kind::Image, digest(name).as_str())];
    assert!(image("parent").is_intermediate() && !image("parent").is_dangling());
    assert!(image("child").is_listed() && image("child").is_dangling());
    assert!(image("pulled").is_listed() && image("pulled").is_dangling());
    assert!(image("tagged").is_listed() && !image("tagged").is_dangling());
}

#[test]
fn a_container_without_its_layer_is_kept_from_29_4_on() {
    let mut table = Table::new();
    table.layer("base", None).container("c1", "i", "i").container("c2", "i", "i").mount("c2", "base");
    table.container("c3", "i", "i").mount("c3", "gone");
    assert_eq!(table.seen((29, 3, 1)).containers.keys().map(|key| &*key.id).collect::<Vec<_>>(), ["c2"]);
    assert_eq!(table.seen((29, 4, 0)).containers.len(), 3);
    let other = Seen::of(&table.inventory, "docker", "vfs", (29, 4, 0));
    assert!(other.containers.is_empty(), "they are of another driver");
}

#[test]
fn only_loaded_containers_count_as_users_of_a_volume() {
    let mut table = Table::new();
    table.layer("base", None).volume("v", true).volume("bare", false);
    table.container("c1", "i", "i").mount("c1", "base").container("c2", "i", "i");
    let users = |version| {
        let seen = table.seen(version);
        seen.volumes.iter().map(|(key, volume)| (key.id.to_string(), volume.users.len())).collect::<Vec<_>>()
    };
    assert_eq!(users((28, 0, 0)), [("bare".to_owned(), 0), ("v".to_owned(), 1)]);
    assert_eq!(users((29, 4, 0)), [("v".to_owned(), 2)], "a directory without _data is no volume any more");
}

#[test]
fn a_name_leads_to_its_image_as_the_engine_resolves_it() {
    let mut table = Table::new();
    table.image("web", &[], None).tag("web:latest", "web").tag("host:5000/team/web:1", "web");
    let seen = table.seen(NOW);
    let id = digest("web").to_string();
    let short = &id[7..19];
    for typed in ["web", "web:latest", "docker.io/library/web", "library/web", "host:5000/team/web:1", &id, short] {
        assert_eq!(seen.resolve(typed).map(|key| &*key.id), Some(&*id), "{typed}");
    }
    for typed in ["web:2", "team/web:1", "host:5000/team/web", "", "Web"] {
        assert_eq!(seen.resolve(typed), None, "{typed}");
    }
}

#[test]
fn the_build_cache_holds_the_chain_of_every_snapshot_a_lease_leads_to() {
    let mut table = Table::new();
    table.layer("base", None).layer("built", Some("base")).layer("loose", None).layer("pulled", None);
    let key = |kind, id: &str| table.root.key("buildkit", kind, id);
    let (lease, mut snapshots) = (key(Kind::Lease, "buildkit/r1"), Vec::new());
    for (id, chain) in
        [("n1", Some(chain("built"))), ("unheld", Some(chain("loose"))), (digest("pulled").as_str(), None)]
    {
        let facts = CacheSnapshot { chain, ..CacheSnapshot::default() };
        snapshots.push((key(Kind::CacheSnapshot, id), Entity::new(facts)));
    }
    let keys: Vec<Key> = snapshots.iter().map(|(key, _)| key.clone()).collect();
    let place = Place::tree("docker");
    table.inventory.add(lease.clone(), Entity::new(Lease::default()));
    snapshots.into_iter().for_each(|(key, thing)| table.inventory.add(key, thing));
    table.inventory.link(&lease, LinkKind::Leases, keys[0].clone(), &place);
    table.inventory.link(&lease, LinkKind::Leases, keys[2].clone(), &place);
    let seen = table.seen(NOW);
    let held: BTreeSet<&str> = seen.needed_by_cache().into_iter().map(|key| &*key.id).collect();
    let expected = ["base", "built", "pulled"].map(|name| digest(name).to_string());
    assert_eq!(held, expected.iter().map(String::as_str).collect());
    assert!(seen.needed_by_images().is_empty() && seen.needed_by_mounts().is_empty());
}
