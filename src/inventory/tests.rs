//! Owners and strangers, checked on small tables.

use super::*;
use crate::terms::{Kind, LinkKind, Place};

#[test]
fn a_driver_directory_belongs_to_the_layer_that_stores_its_data_there() {
    let root = Root::new(Place::tree("docker"));
    let mut inv = Inventory::default();
    let home = root.place.join("overlay2/x");
    let (layer, dir) =
        (root.key("overlay2", Kind::Layer, "sha256:c"), root.key("overlay2", Kind::DriverDirectory, "x"));
    let entry = root.place.join("image/overlay2/layerdb/sha256/c");
    inv.add(layer.clone(), Entity::default().tree(entry.clone(), OwnerKind::Layer));
    inv.add(dir.clone(), Entity::default().tree(home.clone(), OwnerKind::Unclaimed));
    inv.link(&layer, LinkKind::StoredIn, dir, &entry);
    let owners = Owners::of(&inv.seal());
    assert_eq!(owners.len(), 1);
    let owner = owners.get(0).unwrap();
    assert_eq!((owner.key.kind, &owner.thing), (OwnerKind::Layer, &layer));
    assert_eq!(owner.lots.iter().map(|(at, _)| at).collect::<Vec<_>>(), [&home, &entry]);
}

#[test]
fn what_nobody_claims_in_an_engines_directory_gets_a_name() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("core.1"), "x").unwrap();
    let disk = crate::disk::Disk::new([crate::disk::Tree::open("docker", dir.path()).unwrap()]).unwrap();
    let root = Root::new(Place::tree("docker"));
    let mut inv = Inventory::default();
    inv.scaffold(&root, "engine", &disk.dir(&root.place).unwrap());
    let inv = inv.seal();
    let found: Vec<_> = inv.of_kind(Kind::File).map(|(key, _)| key.id.to_string()).collect();
    assert_eq!(found, ["docker/core.1"]);
}

#[test]
fn marks_of_a_union_mount_are_no_strangers_unless_they_hold_something() {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [("volumes/.wh..wh..opq", ""), ("image/.wh..wh..opq", "x"), ("image/.wh..opq", "")] {
        std::fs::create_dir_all(dir.path().join(name).parent().unwrap()).unwrap();
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let disk = crate::disk::Disk::new([crate::disk::Tree::open("docker", dir.path()).unwrap()]).unwrap();
    let root = Root::new(Place::tree("docker"));
    let mut inv = Inventory::default();
    for below in ["image", "volumes"] {
        inv.scaffold(&root, "engine", &disk.dir(&root.place.join(below)).unwrap());
    }
    let inv = inv.seal();
    let of_kind = |kind| inv.of_kind(kind).map(|(key, _)| key.id.to_string()).collect::<Vec<_>>();
    assert_eq!(of_kind(Kind::File), ["docker/image/.wh..wh..opq"]);
    assert_eq!(of_kind(Kind::Scaffold), ["docker/image/.wh..opq", "docker/volumes/.wh..wh..opq"]);
}
