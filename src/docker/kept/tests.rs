//! The engine's view of containerd's store, on drawn databases.

use super::*;
use crate::store::containerd::tests::{Drawn, digest, host};

#[test]
fn an_image_has_its_names_its_children_and_its_parent() {
    let (parent, child) = (digest('a'), digest('b'));
    let images = [
        ("moby|images|docker.io/library/base:1|target|digest", &parent),
        ("moby|images|docker.io/library/web:1|target|digest", &child),
        ("moby|images|docker.io/library/web:1|labels|org.mobyproject.image.parent", &parent),
        ("k8s.io|images|docker.io/library/web:1|target|digest", &child),
    ];
    let values: Vec<(String, &[u8])> = images.iter().map(|(path, it)| (format!("v1|{path}"), it.as_bytes())).collect();
    let mut meta: Vec<Drawn<'_>> = values.iter().map(|(path, value)| (path.as_str(), *value)).collect();
    meta.push(("v1|moby|snapshots|overlayfs|x|name", b"moby/1/x"));
    meta.push(("v1|moby|snapshots|overlayfs|y|name", b"moby/2/y"));
    meta.push(("v1|moby|snapshots|overlayfs|y|parent", b"x"));
    meta.push(("v1|moby|snapshots|overlayfs|x|parent", b"y"));
    let (_dir, disk) = host(&meta, &[("moby/1/x", 1, 3), ("moby/2/y", 2, 2)]);
    let inventory = crate::store::survey(&disk);
    let all = Stored::all(&inventory);
    assert_eq!(all.len(), 1, "Kubernetes has no engine");
    let stored = &all[0];
    let named = (&*stored.root, &*stored.store, stored.namespace.as_str(), &*stored.engine_root);
    assert_eq!(named, ("containerd", "overlayfs", "moby", "docker"));
    let image = |id: &str| stored.images.iter().find(|(key, _)| *key.id == *id).unwrap().1;
    assert_eq!(image(&parent).children.len(), 1);
    assert_eq!(image(&child).parent.map(|key| &*key.id), Some(parent.as_str()));
    assert_eq!(image(&child).tags.len(), 1);
    assert_eq!(stored.up("y").len(), 2, "a chain that bites its own tail ends");
    assert_eq!(stored.snapshots().count(), 2);
    assert!(stored.document(&parent).is_none() && !stored.is_present(&parent));
}
