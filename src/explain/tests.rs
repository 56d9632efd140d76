//! Words and what they mean, on a small table.

use super::*;
use crate::disk::{Disk, Tree};
use crate::inventory::OwnerKind;
use crate::inventory::{Entity, Inventory, Owners, Root};
use crate::terms::{Kind, LinkKind, Place};

struct World {
    _dir: tempfile::TempDir,
    disk: Disk,
    inventory: Inventory,
}

fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("overlay2/abcd1/diff/usr")).unwrap();
    let disk = Disk::new([Tree::open("docker", dir.path()).unwrap()]).unwrap();
    let root = Root::new(Place::tree("docker"));
    let mut inventory = Inventory { roots: vec![root.clone()], ..Inventory::default() };
    let home = root.place.join("overlay2/abcd1");
    inventory
        .add(root.key("overlay2", Kind::DriverDirectory, "abcd1"), Entity::default().tree(home, OwnerKind::Unclaimed));
    inventory.add(root.key("overlay2", Kind::Tag, "web:latest"), Entity::default());
    inventory.add(root.key("engine", Kind::Volume, "web"), Entity::default());
    inventory.add(root.key("overlay2", Kind::Container, "c".repeat(64)), Entity::default().named("db"));
    let digest = format!("sha256:{}", "d".repeat(64));
    let image = root.key("overlay2", Kind::Image, digest.as_str());
    inventory.add(image.clone(), Entity::default());
    let named = root.key("overlay2", Kind::Tag, "team/app:1");
    inventory.add(named.clone(), Entity::default());
    inventory.link(&named, LinkKind::Names, image, &root.place.join("repositories.json"));
    let pulled = root.key("overlay2", Kind::Tag, format!("web@{digest}"));
    inventory.add(pulled, Entity::default());
    inventory.scaffold(&root, "engine", &disk.dir(&root.place).unwrap());
    World { _dir: dir, disk, inventory: inventory.seal() }
}

fn ask(world: &World, word: &str) -> Result<String, NotFound> {
    let owners = Owners::of(&world.inventory);
    let ground = Ground::of(&world.inventory, &owners);
    find(&world.inventory, &ground, &world.disk, word.as_bytes()).map(|(key, _)| format!("{}:{}", key.kind, key.id))
}

#[test]
fn a_word_is_a_name_an_id_or_a_path() {
    let world = world();
    assert_eq!(ask(&world, "web:latest").unwrap(), "tag:web:latest");
    assert_eq!(ask(&world, "docker.io/library/web").unwrap(), "tag:web:latest");
    assert_eq!(ask(&world, "/db").unwrap(), format!("container:{}", "c".repeat(64)));
    assert_eq!(ask(&world, "cccccc").unwrap(), format!("container:{}", "c".repeat(64)));
    for path in ["overlay2/abcd1/diff/usr", "docker/overlay2/abcd1/", "./overlay2/abcd1"] {
        assert_eq!(ask(&world, path).unwrap(), "driver-directory:abcd1");
    }
    let absolute = world.disk.host_path(&Place::tree("docker").join("overlay2/abcd1/diff")).unwrap();
    assert_eq!(ask(&world, absolute.to_str().unwrap()).unwrap(), "driver-directory:abcd1");
}

#[test]
fn a_name_with_a_digest_is_the_image_of_that_digest_in_that_repository() {
    let (world, digest) = (world(), format!("sha256:{}", "d".repeat(64)));
    let image = format!("image:{digest}");
    for name in ["team/app", "team/app:1", "team/app:other", "docker.io/team/app"] {
        assert_eq!(ask(&world, &format!("{name}@{digest}")).unwrap(), image, "{name}");
    }
    // as it stands in the table of names
    for name in ["web", "web:latest", "docker.io/library/web"] {
        assert_eq!(ask(&world, &format!("{name}@{digest}")).unwrap(), format!("tag:web@{digest}"), "{name}");
    }
    let others = [format!("other@{digest}"), format!("team/app@sha256:{}", "e".repeat(64))];
    assert!(others.iter().all(|word| ask(&world, word).is_err()));
}

#[test]
fn what_means_two_things_is_asked_back() {
    let world = world();
    let asked = ask(&world, "web").unwrap_err().to_string();
    assert!(asked.contains("tag:web:latest") && asked.contains("volume:web"), "{asked}");
    assert_eq!(ask(&world, "volume:web").unwrap(), "volume:web");
}

#[test]
fn what_two_stores_call_alike_is_asked_back_with_the_store_before_it() {
    let mut world = world();
    let root = world.inventory.roots[0].clone();
    world.inventory.add(root.key("vfs", Kind::Tag, "web:latest"), Entity::default().named("other"));
    let asked = ask(&world, "web:latest").unwrap_err();
    let NotFound::Ambiguous { candidates, .. } = asked else { panic!("{asked}") };
    assert_eq!(candidates, ["docker:overlay2:tag:web:latest", "docker:vfs:tag:web:latest"]);
    for written in &candidates {
        let key = by_name(&world.inventory, written).unwrap().unwrap();
        assert_eq!(key.to_string(), *written);
    }
}

#[test]
fn a_tag_means_its_image_and_a_snapshot_is_not_its_view() {
    let world = world();
    let (root, mut inventory) = (Root::new(Place::tree("docker")), Inventory::default());
    for (store, tag, image) in [("overlay2", "app:1", "aaaa"), ("vfs", "app:1", "aaaa"), ("vfs", "app:2", "bbbb")] {
        let (tag, image) = (root.key(store, Kind::Tag, tag), root.key(store, Kind::Image, image));
        inventory.link(&tag, LinkKind::Names, image.clone(), root.place.says("repositories.json"));
        inventory.add(tag, Entity::default());
        inventory.add(image, Entity::default());
    }
    for name in ["sha256:cccc", "sha256:cccc-view"] {
        inventory.add(root.key("overlayfs", Kind::Snapshot, name), Entity::default());
    }
    let world = World { inventory: inventory.seal(), ..world };
    assert_eq!(ask(&world, "app:2").unwrap(), "image:bbbb");
    assert_eq!(ask(&world, "cccc").unwrap(), "snapshot:sha256:cccc");
    let asked = ask(&world, "app:1").unwrap_err().to_string();
    assert!(asked.contains("docker:overlay2:image:aaaa, docker:vfs:image:aaaa"), "{asked}");
    assert_eq!(ask(&world, "docker:vfs:image:aaaa").unwrap(), "image:aaaa");
}

#[test]
fn what_is_not_there_is_said_to_be_not_there() {
    let world = world();
    assert!(matches!(ask(&world, "nothing"), Err(NotFound::Nothing(_))));
    assert!(matches!(ask(&world, "overlay2/none"), Err(NotFound::Path { .. })));
    assert!(matches!(ask(&world, "../../etc"), Err(NotFound::Nothing(_))));
    assert!(matches!(ask(&world, "docker"), Err(NotFound::Scaffold(_))));
}
