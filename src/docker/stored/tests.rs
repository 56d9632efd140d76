//! What is listed and how it is sized, by version, on small stores.

use super::engines::namespace;
use super::table::{Table, chain, digest};
use super::*;
use crate::inventory::Root;
use crate::store::containerd::tests::{self as drawn, Drawn};
use crate::terms::Place;

const NOW: Triple = (29, 7, 2);

/// A tagged image of two layers, unpacked, with a container; an untagged parent of one.
fn host() -> Table {
    let mut table = Table::new();
    table.manifest("parent", &["a"]).record("dangling", "parent", None);
    table.manifest("web", &["a", "b"]).unpacked(&["a", "b"]);
    table.record("docker.io/library/web:1", "web", Some("parent")).record("docker.io/library/web:2", "web", None);
    let top = chain(&["a", "b"])[1].clone();
    table.snapshot("c1-init", Some(&top), 5).container("c1", "web", "web:1", "c1-init");
    table.done();
    table
}

#[test]
fn an_untagged_parent_is_not_listed_and_shares_nothing() {
    let table = host();
    let stored = table.stored(NOW);
    let df = table.df(&stored);
    assert_eq!(df.images.iter().map(|row| row.id.clone()).collect::<Vec<_>>(), [digest("web")]);
    assert_eq!((df.images[0].shared, df.images[0].containers), (0, 1));
    assert_eq!(
        (&df.images[0].tags[..], &df.images[0].digests[..]),
        (&["web:1".to_owned(), "web:2".to_owned()][..], &[format!("web@{}", digest("web"))][..])
    );
}

#[test]
fn an_image_has_its_blobs_and_what_is_unpacked_of_it() {
    let table = host();
    let size = |version| table.df(&table.stored(version)).images[0].size;
    for version in [(25, 0, 5), (26, 1, 5), (27, 5, 1), (28, 5, 2), NOW] {
        assert_eq!(size(version), 1 + 10 + 100 + 100 + 7 + 7, "{version:?}");
    }
}

#[test]
fn the_sum_has_every_snapshot_until_29_5_and_blobs_from_28_2() {
    let table = host();
    let sum = |version| table.df(&table.stored(version)).layers_size;
    let blobs = (1 + 10 + 100) + (1 + 10 + 100);
    assert_eq!(sum((26, 1, 5)), 7 + 7 + 5 + 3);
    assert_eq!(sum((28, 1, 1)), 7 + 7 + 5 + 3);
    assert_eq!(sum((28, 2, 0)), 7 + 7 + 5 + 3 + blobs);
    assert_eq!(sum((29, 5, 3)), 7 + 7 + 5 + 3 + blobs);
    assert_eq!(sum((29, 6, 0)), 7 + 7 + blobs);
}

#[test]
fn a_container_has_what_it_wrote_and_all_below_it() {
    let table = host();
    let stored = table.stored(NOW);
    let df = table.df(&stored);
    assert_eq!((df.containers[0].size_rw, df.containers[0].size_root_fs), (3, 3 + 5 + 7 + 7));
    assert_eq!((df.containers[0].image.as_str(), df.container_total().size), ("web:1", 3));
}

#[test]
fn a_container_without_its_lease_loads_before_28_and_from_29_4_on() {
    let mut table = host();
    table.inventory.entities.retain(|key, _| key.kind != Kind::Lease);
    let loaded = |version| table.stored(version).containers.len();
    assert_eq!([(27, 5, 1), (28, 0, 0), (29, 3, 1), (29, 4, 0)].map(loaded), [1, 0, 0, 1]);
}

#[test]
fn a_container_that_lost_its_snapshot_is_a_doubt_and_no_number() {
    let mut table = host();
    table.inventory.entities.retain(|key, _| !(key.kind == Kind::Snapshot && &*key.id == "c1"));
    let stored = table.stored(NOW);
    let df = table.df(&stored);
    assert_eq!((df.containers[0].size_rw, df.doubts.len()), (-1, 1));
}

#[test]
fn a_chain_that_is_not_whole_counts_nothing_as_unpacked() {
    let mut table = host();
    let base = chain(&["a"])[0].clone();
    table.inventory.entities.retain(|key, _| !(key.kind == Kind::Snapshot && *key.id == *base));
    let stored = table.stored(NOW);
    let df = table.df(&stored);
    assert_eq!(df.images[0].size, 211);
    // as far as it is there
    assert_eq!(df.containers[0].size_root_fs, 3 + 5 + 7);
}

/// Two platforms, one of which is not here, and an attestation that is.
fn platforms() -> Table {
    let mut table = Table::new();
    table.manifest("amd", &["a"]).unpacked(&["a"]).manifest("proof", &["p"]);
    let parts = vec![Table::on("amd", "amd64"), Table::on("arm", "arm64"), Table::attestation("proof", "amd")];
    table.index("all", parts).record("docker.io/library/all:1", "all", None).done();
    table
}

#[test]
fn attestations_count_from_27_2_on_and_the_index_itself_never() {
    let table = platforms();
    let row = |version| table.df(&table.stored(version)).images.remove(0);
    assert_eq!(row((26, 1, 5)).size, 111 + 7);
    assert_eq!(row((27, 2, 0)).size, 111 + 7 + 111);
    assert_eq!(row((28, 5, 2)).size, 111 + 7 + 111);
    let kinds: Vec<_> = row(NOW).manifests.iter().map(|manifest| (manifest.kind, manifest.available)).collect();
    assert_eq!(kinds, [(ManifestKind::Image, true), (ManifestKind::Image, false), (ManifestKind::Attestation, true)]);
}

#[test]
fn an_image_without_anything_to_run_is_listed_from_28_on_with_minus_one() {
    let mut table = Table::new();
    table.index("none", vec![Table::attestation("proof", "x")]).record("docker.io/library/none:1", "none", None).done();
    let rows = |version| {
        let stored = table.stored(version);
        table.df(&stored).images.iter().map(|row| (row.containers, row.digests.clone())).collect::<Vec<_>>()
    };
    assert_eq!(rows((27, 5, 1)), []);
    assert_eq!(rows(NOW), [(-1, vec![digest("none")])]);
}

#[test]
fn what_is_unpacked_of_an_image_that_lost_a_blob_counts_from_29_1_2_on() {
    let mut table = Table::new();
    table.manifest_only("web", &["a"]).unpacked(&["a"]).record("docker.io/library/web:1", "web", None).done();
    let row = |version| table.df(&table.stored(version)).images.remove(0);
    assert_eq!((row((29, 1, 1)).size, row((29, 1, 1)).containers), (11, -1));
    assert_eq!((row((29, 1, 2)).size, row((29, 1, 2)).containers), (11 + 7, 0));
}

#[test]
fn two_images_share_snapshots_and_from_29_5_on_blobs() {
    let mut table = Table::new();
    table.manifest("one", &["a"]).manifest("two", &["a", "b"]).unpacked(&["a", "b"]);
    table.record("docker.io/library/one:1", "one", None).record("docker.io/library/two:1", "two", None).done();
    let shared = |version| {
        let stored = table.stored(version);
        table.df(&stored).images.iter().map(|row| row.shared).collect::<Vec<_>>()
    };
    assert_eq!(shared((29, 4, 3)), [7, 7]);
    assert_eq!(shared((29, 5, 0)), [107, 107]);
}

#[test]
fn a_name_leads_to_its_target_as_the_engine_resolves_it() {
    let table = host();
    let stored = table.stored(NOW);
    let web = digest("web");
    let pinned = format!("web@{web}");
    for typed in ["web:1", "docker.io/library/web:2", &web, &web[7..15], &pinned] {
        assert_eq!(stored.resolve(typed), Some(web.as_str()), "{typed}");
    }
    let other = format!("other@{web}");
    for typed in ["web", "web:3", &other, "", "Web:1"] {
        assert_eq!(stored.resolve(typed), None, "{typed}");
    }
}

#[test]
fn an_image_is_described_as_the_record_that_speaks_for_it_describes_it() {
    let mut table = Table::new();
    table.manifest("web", &["a"]).unpacked(&["a"]).record("docker.io/library/a:1", "web", None);
    table.record("docker.io/library/web:1", "web", None).annotated("web", "io.containerd.image.name", "web:1");
    table.record("dangling", "web", None).done();
    let said = |version| {
        let stored = table.stored(version);
        let row = table.df(&stored).images.remove(0);
        let told = |it: &crate::format::oci::Descriptor| it.annotations.values().cloned().collect::<Vec<_>>().concat();
        (row.descriptor.map(|it| told(&it)), row.manifests.iter().map(|it| told(&it.descriptor)).collect::<Vec<_>>())
    };
    assert_eq!(said(NOW), (Some("web:1".to_owned()), vec!["web:1".to_owned()]));
    // the last of all, whatever it is called
    assert_eq!(said((26, 1, 5)).1, [""]);
}

#[test]
fn a_registry_has_had_what_its_layers_say_came_from_there() {
    let source = |host: &str| format!("containerd.io/distribution.source.{host}");
    let mut table = Table::new();
    table.manifest("local", &["a"]).record("docker.io/library/local:1", "local", None);
    table.manifest("pulled", &["b"]).record("docker.io/library/plain:1", "pulled", None);
    table.record("127.0.0.1:5000/team/app:1", "pulled", None);
    table.manifest("child", &["b", "c"]).record("docker.io/library/child:1", "child", None);
    table.manifest("hub", &["d"]).record("dangling", "hub", None).done();
    // a build started from each
    for name in ["local", "local config", "child", "child config"] {
        table.label(name, &source("docker.io"), &format!("library/{}", name.split(' ').next().unwrap_or_default()));
    }
    for name in ["pulled", "pulled config", "b"] {
        table.label(name, &source("127.0.0.1"), "team/app,team/other");
        table.label(name, &source("docker.io"), "library/elsewhere");
    }
    for name in ["hub", "d"] {
        table.label(name, &source("docker.io"), "library/hub");
    }
    let stored = table.stored(NOW);
    let had = |name: &str| stored.had_by_registry(&digest(name));
    assert_eq!((had("local"), had("child"), had("nothing")), (None, None, None));
    assert_eq!(had("pulled"), Some(format!("127.0.0.1:5000/team/app@{}", digest("pulled"))));
    // it lost its name
    assert_eq!(had("hub"), Some(format!("hub@{}", digest("hub"))));
}

#[test]
fn an_index_that_leads_back_to_itself_ends_somewhere() {
    let mut table = Table::new();
    let again = || {
        let mut child = Table::on("loop", "amd64");
        child.media_type = "application/vnd.oci.image.index.v1+json".to_owned();
        child
    };
    table.index("loop", (0..40).map(|_| again()).collect()).record("docker.io/library/loop:1", "loop", None).done();
    let stored = table.stored(NOW);
    assert_eq!(table.df(&stored).images.len(), 1);
}

#[test]
fn the_namespace_of_a_remapped_root_has_its_ids() {
    assert_eq!([namespace("docker"), namespace("docker/100000.100000")], ["moby", "moby-100000.100000"]);
}

fn survey(meta: &[(String, String)], snapshots: &[(&str, u8, u8)]) -> Inventory {
    let meta: Vec<Drawn<'_>> = meta.iter().map(|(path, value)| (path.as_str(), value.as_bytes())).collect();
    let (_dir, disk) = drawn::host(&meta, snapshots);
    crate::store::survey(&disk)
}

fn record(namespace: &str, name: &str, target: &str) -> (String, String) {
    (format!("v1|{namespace}|images|{name}|target|digest"), target.to_owned())
}

#[test]
fn an_image_has_its_names_and_its_children() {
    let (parent, child) = (drawn::digest('a'), drawn::digest('b'));
    let meta = [
        record("moby", "docker.io/library/base:1", &parent),
        record("moby", "docker.io/library/web:1", &child),
        ("v1|moby|images|docker.io/library/web:1|labels|org.mobyproject.image.parent".to_owned(), parent.clone()),
        record("k8s.io", "docker.io/library/web:1", &child),
        ("v1|moby|snapshots|overlayfs|x|name".to_owned(), "moby/1/x".to_owned()),
        ("v1|moby|snapshots|overlayfs|y|name".to_owned(), "moby/2/y".to_owned()),
        ("v1|moby|snapshots|overlayfs|y|parent".to_owned(), "x".to_owned()),
        ("v1|moby|snapshots|overlayfs|x|parent".to_owned(), "y".to_owned()),
    ];
    let inventory = survey(&meta, &[("moby/1/x", 1, 3), ("moby/2/y", 2, 2)]);
    let all = Stored::all(&inventory, "docker", NOW);
    let [stored] = &all[..] else { panic!("Kubernetes has no engine") };
    let named = (&*stored.home, &*stored.store, stored.namespace.as_str(), &*stored.root);
    assert_eq!(named, ("containerd", "overlayfs", "moby", "docker"));
    assert!(stored.asked && stored.is_lived_in());
    let image = |id: &str| &stored.images[id];
    assert_eq!(image(&parent).children, BTreeSet::from([image(&child).key]));
    assert_eq!((image(&child).children.len(), image(&child).tags.len()), (0, 1));
    assert_eq!(stored.chain_of("y").len(), 2, "a chain that bites its own tail ends");
    assert_eq!(stored.snapshots.len(), 2);
    assert!(stored.document(&image(&parent).target).is_none() && stored.entry(&parent).is_none());
}

#[test]
fn another_engines_namespace_is_seen_beside_the_one_that_is_asked_about() {
    let (plain, remapped) = (drawn::digest('a'), drawn::digest('b'));
    let meta = [
        record("moby", "docker.io/library/web:1", &plain),
        record("moby-100000.100000", "docker.io/library/web:1", &remapped),
        ("v1|moby|snapshots|overlayfs|x|name".to_owned(), "moby/1/x".to_owned()),
    ];
    let mut inventory = survey(&meta, &[("moby/1/x", 1, 3)]);
    inventory.roots.push(Root::new(Place::tree("docker").join("100000.100000")));
    let views = |asked: &str| -> Vec<(String, bool, bool, Vec<String>)> {
        let all = Stored::all(&inventory, asked, NOW);
        let targets = |it: &Stored<'_>| it.images.keys().map(|&target| target.to_owned()).collect();
        all.iter().map(|it| (it.root.to_string(), it.asked, it.is_lived_in(), targets(it))).collect()
    };
    let (first, second) = ("docker".to_owned(), "docker/100000.100000".to_owned());
    let seen = |asked: bool| {
        [(first.clone(), asked, true, vec![plain.clone()]), (second.clone(), !asked, true, vec![remapped.clone()])]
    };
    assert_eq!((views("docker"), views(&second)), (seen(true).to_vec(), seen(false).to_vec()));
}
