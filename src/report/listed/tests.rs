//! Patterns and filters, in tables.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::filter::Wanted;
use super::images::Clock;
use super::{containers, glob, images, volumes};
use crate::disk::Disk;
use crate::docker::df::ImageRow;
use crate::docker::seen::{self, Triple};
use crate::docker::sizes::{Measures, Sizes};
use crate::docker::{View, stored};
use crate::format::oci::Document;
use crate::inventory::Facts;
use crate::inventory::facts::{Container, MountPoint};
use crate::plan::Zone;
use crate::report::Listing;
use crate::terms::Kind;

// moby: path.Match of Go's library
#[test]
fn patterns_fit_names_as_in_go() {
    for (pattern, name, fits) in [
        ("web:1", "web:1", true),
        ("web", "web:1", false),
        ("web*", "web:1", true),
        ("*", "web:1", true),
        ("*", "team/web", false),
        ("*/*", "team/web", true),
        ("*/*/*", "team/web", false),
        ("w?b:1", "web:1", true),
        ("team?web", "team/web", false),
        ("web:[1-3]", "web:2", true),
        ("web:[^1-3]", "web:2", false),
        ("web:[^1-3]", "web:4", true),
        ("[^a]web", "/web", true),
        ("web:\\*", "web:*", true),
        ("web:\\*", "web:1", false),
        ("*web*:*", "my-web-app:latest", true),
        ("a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaa", false),
        ("", "", true),
        ("", "a", false),
        ("wéb", "wéb", true),
        ("w?b", "wéb", true),
    ] {
        assert_eq!(glob::matches(pattern, name), fits, "{pattern} {name}");
    }
    for pattern in ["[", "[]", "[a", "[a-", "[-a]", "\\", "[^]", "web:[]a]"] {
        assert!(!glob::is_sound(pattern), "{pattern}");
        assert!(!glob::matches(pattern, "a"), "{pattern}");
    }
}

#[test]
fn a_filter_that_means_nothing_is_refused_in_words_like_docker_s() {
    for (what, typed, said) in [
        (Listing::Images, "colour=red", "invalid filter 'colour'"),
        (Listing::Images, "status=exited", "invalid filter 'status'"),
        (Listing::Images, "dangling", "not name=value"),
        (Listing::Images, "dangling=maybe", "invalid filter 'dangling=maybe'"),
        (Listing::Images, "until=soon", "until=soon"),
        (Listing::Images, "reference=[", "reference=["),
        (Listing::Containers, "dangling=true", "invalid filter 'dangling'"),
        (Listing::Containers, "status=gone", "invalid filter 'status=gone'"),
        (Listing::Volumes, "until=24h", "invalid filter 'until'"),
        (Listing::Layers, "label=a", "--filter goes with ls images"),
    ] {
        let cause = Wanted::parse(what, &[typed.to_owned()]).unwrap_err();
        assert!(cause.contains(said), "{typed}: {cause}");
    }
    let contrary = ["dangling=true".to_owned(), "dangling=false".to_owned()];
    assert!(Wanted::parse(Listing::Images, &contrary).unwrap_err().contains("invalid filter 'dangling="));
    assert!(Wanted::parse(Listing::Images, &[String::new()]).unwrap().is_empty());
}

const NOW: &str = "2026-03-01T12:00:00Z";
const OLD: Triple = (28, 5, 2);
const NEW: Triple = (29, 7, 2);

fn wanted(what: Listing, typed: &[&str]) -> Wanted {
    let typed: Vec<String> = typed.iter().map(|&one| one.to_owned()).collect();
    Wanted::parse(what, &typed).unwrap()
}

/// The names that the image list has under some filters, or the first letters of what has none.
fn images_of(view: View<'_, '_>, typed: &[&str]) -> String {
    let (disk, measures) = (Disk::default(), Measures::new());
    let sizes = Sizes { disk: &disk, measures: &measures };
    let clock = Clock { now: NOW.parse().unwrap(), zone: Zone(TimeZone::UTC) };
    let rows = images::images(view, &sizes, &wanted(Listing::Images, typed), &clock);
    let named = |row: &ImageRow<'_>| match (row.tags.as_slice(), row.digests.as_slice()) {
        ([], []) => format!("<{}>", row.created - 1_767_225_600),
        ([], digests) => digests.iter().map(|digest| digest.split('@').next().unwrap_or("")).collect(),
        (tags, _) => tags.join("+"),
    };
    let mut names: Vec<String> = rows.iter().map(named).collect();
    names.sort();
    names.join(" ")
}

/// Labels.
type Told = &'static [(&'static str, &'static str)];

fn labels(of: &[(&str, &str)]) -> Option<BTreeMap<String, String>> {
    Some(of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

/// `base:1` < `app:2` (built on an untagged one, that on base) < an untagged one < one with a digest only.
fn graph_driver() -> seen::table::Table {
    let mut table = seen::table::Table::new();
    table.layer("l", None);
    table.image("base", &["l"], None).image("step", &["l"], Some("base")).image("app", &["l"], Some("step"));
    table.image("lost", &["l"], None).image("pulled", &["l"], None);
    table.tag("base:1", "base").tag("team/app:2", "app").tag("127.0.0.1:5000/app:2", "app");
    let digest = format!("web@{}", seen::table::digest("pulled"));
    table.tag(&digest, "pulled");
    let facts: [(&str, i64, Told); 5] = [
        ("base", 1, &[("tier", "base")]),
        ("step", 2, &[]),
        ("app", 3, &[("tier", "app"), ("team", "")]),
        ("lost", 4, &[]),
        ("pulled", 5, &[("tier", "base"), ("team", "x")]),
    ];
    for (name, second, told) in facts {
        let key = table.key(Kind::Image, seen::table::digest(name).as_str());
        let Facts::Image(image) = &mut table.inventory.entities.get_mut(&key).unwrap().facts else {
            panic!("no image")
        };
        image.created = Some(Timestamp::from_second(1_767_225_600 + second).unwrap());
        image.labels = labels(told);
    }
    table.container("c-base", "base", "base:1").container("c-step", "step", "x").container("c-lost", "lost", "y");
    table
}

// moby daemon/images/image_list.go: Images
#[test]
fn images_of_a_graph_driver_are_filtered_as_its_engine_does() {
    let table = graph_driver();
    let seen = table.seen(NEW);
    let all = "127.0.0.1:5000/app:2+team/app:2 <2> <4> base:1 web";
    for (typed, found) in [
        (&[][..], all),
        // untagged, and nothing was built on it; a digest does not count
        (&["dangling=true"], "<4> web"),
        (&["dangling=1"], "<4> web"),
        (&["dangling=false"], "127.0.0.1:5000/app:2+team/app:2 base:1 web"),
        (&["reference=base"], "base:1"),
        (&["reference=app"], ""),
        // only the names that fit are told
        (&["reference=*/app"], "127.0.0.1:5000/app:2+team/app:2"),
        (&["reference=team/*"], "team/app:2"),
        (&["reference=web"], "web"),
        (&["reference=base", "reference=web"], "base:1 web"),
        (&["reference=docker.io/library/base"], "base:1"),
        (&["reference=docker.io/*/base:1"], "base:1"),
        (&["reference=base:1", "dangling=true"], ""),
        (&["label=tier"], "127.0.0.1:5000/app:2+team/app:2 base:1 web"),
        (&["label=tier=base"], "base:1 web"),
        (&["label=tier=base", "label=team"], "web"),
        (&["label=team="], "127.0.0.1:5000/app:2+team/app:2"),
        (&["label!=team"], "<2> <4> base:1"),
        (&["before=team/app:2"], "<2> base:1"),
        (&["before=team/app:2", "before=base:1"], ""),
        (&["since=team/app:2"], "<4> web"),
        (&["since=base:1", "before=web@DIGEST"], "127.0.0.1:5000/app:2+team/app:2 <2> <4>"),
        (&["until=2026-01-01T00:00:03Z"], "<2> base:1"),
        (&["until=1767225603"], "<2> base:1"),
        (&["until=24h"], all),
        (&["until=100000h"], ""),
        (&["label=tier", "since=base:1", "reference=web"], "web"),
    ] {
        let typed: Vec<String> =
            typed.iter().map(|one| one.replace("DIGEST", seen::table::digest("pulled").as_str())).collect();
        let typed: Vec<&str> = typed.iter().map(String::as_str).collect();
        assert_eq!(images_of(View::from(&seen), &typed), found, "{typed:?}");
    }
    let older = table.seen(OLD);
    assert_eq!(images_of(View::from(&older), &["reference=docker.io/library/base"]), "");
    let unknown = wanted(Listing::Images, &["before=nowhere:1", "since=base:1"]);
    assert_eq!(images::unknown(View::from(&seen), &unknown), BTreeSet::from(["nowhere:1"]));
}

/// `base:1` with two platforms, `app:2` built on it, and what lost its name.
fn containerd() -> stored::table::Table {
    let mut table = stored::table::Table::new();
    table.manifest("base amd64", &["l"]).manifest("base arm64", &["m"]).manifest("sbom", &["s"]);
    table.index(
        "base",
        vec![
            stored::table::Table::on("base amd64", "amd64"),
            stored::table::Table::on("base arm64", "arm64"),
            stored::table::Table::attestation("sbom", "base amd64"),
        ],
    );
    table.manifest("app", &["l", "n"]).manifest("lost", &["k"]);
    table.record("docker.io/library/base:1", "base", None).record("docker.io/team/app:2", "app", Some("base"));
    table.record("dangling", "lost", None).done();
    table.unpacked(&["l", "n"]);
    let configs: [(&str, i64, Told); 4] = [
        ("base amd64", 1, &[("tier", "base")]),
        ("base arm64", 1, &[("tier", "arm")]),
        ("app", 3, &[("tier", "app")]),
        ("lost", 4, &[]),
    ];
    for (name, second, told) in configs {
        let key = table.blob_key(&format!("{name} config"));
        let Facts::Blob(blob) = &mut table.inventory.entities.get_mut(&key).unwrap().facts else { panic!("no blob") };
        let Some(Document::Config(config)) = blob.document.as_deref_mut() else { panic!("no config") };
        config.created = Some(Timestamp::from_second(1_767_225_600 + second).unwrap());
        config.labels = labels(told);
    }
    for thing in table.inventory.entities.values_mut() {
        if let Facts::StoredImage(image) = &mut thing.facts {
            for record in &mut image.records {
                let second = if record.name.contains("base") { 10 } else { 20 };
                record.created_at = Some(Timestamp::from_second(1_767_225_600 + second).unwrap());
            }
        }
    }
    let chain = stored::table::chain(&["l"]);
    table.container("c-base", "base", "base:1", &chain[0]).container("c-app", "app", "team/app:2", &chain[0]);
    table
}

// moby daemon/containerd/image_list.go: setupFilters
#[test]
fn images_of_containerd_are_filtered_as_its_engine_does() {
    let table = containerd();
    let stored = table.stored(NEW);
    let all = "<4> base:1 team/app:2";
    for (typed, found) in [
        (&[][..], all),
        (&["dangling=true"], "<4>"),
        (&["dangling=false"], "base:1 team/app:2"),
        (&["reference=base"], "base:1"),
        (&["reference=*"], "<4> base:1"),
        (&["reference=team/app:?"], "team/app:2"),
        (&["reference=docker.io/*/*"], all),
        // one platform that fits is enough; an attestation's config is none
        (&["label=tier"], "base:1 team/app:2"),
        (&["label=tier=arm"], "base:1"),
        (&["label!=tier"], "<4>"),
        (&["label!=tier=app"], "<4> base:1"),
        (&["label=tier!=app"], "<4> base:1"),
        (&["before=team/app:2"], "base:1"),
        (&["since=base:1"], "<4> team/app:2"),
        // when the record was made, not the image
        (&["until=2026-01-01T00:00:15Z"], "base:1"),
    ] {
        assert_eq!(images_of(View::from(&stored), typed), found, "{typed:?}");
    }
    let older = table.stored(OLD);
    for (typed, found) in
        [(&["label!=tier=app"][..], "base:1"), (&["label!=tier"], "<4> base:1"), (&["reference=docker.io/*/*"], "")]
    {
        assert_eq!(images_of(View::from(&older), typed), found, "{typed:?}");
    }
}

fn containers_of(view: View<'_, '_>, typed: &[&str]) -> String {
    let (disk, measures) = (Disk::default(), Measures::new());
    let sizes = Sizes { disk: &disk, measures: &measures };
    let rows = containers::containers(view, &sizes, &wanted(Listing::Containers, typed));
    let mut names: Vec<&str> = rows.iter().map(|row| &*row.key.id).collect();
    names.sort_unstable();
    names.join(" ")
}

// moby daemon/list.go: foldFilter, includeContainerInList
#[test]
fn containers_are_filtered_as_the_engine_does() {
    let mut table = graph_driver();
    for (id, change) in [
        ("c-base", (|c: &mut Container| c.labels = labels(&[("tier", "x")])) as fn(&mut Container)),
        ("c-step", |c| c.state.running = true),
        ("c-lost", |c| {
            c.mounts = vec![MountPoint {
                source: "/srv".to_owned(),
                destination: "/data".to_owned(),
                ..MountPoint::default()
            }];
        }),
    ] {
        let key = table.root.key("engine", Kind::Container, id);
        let Facts::Container(container) = &mut table.inventory.entities.get_mut(&key).unwrap().facts else {
            panic!("no container")
        };
        change(container);
    }
    let seen = table.seen(NEW);
    for (typed, found) in [
        (&[][..], "c-base c-lost c-step"),
        (&["name=base"], "c-base"),
        (&["name=^c-"], "c-base c-lost c-step"),
        (&["name=^/c-l"], "c-lost"),
        (&["name=^c-base$", "name=step"], "c-base c-step"),
        (&["name=["], ""),
        (&["status=running"], "c-step"),
        (&["status=created"], "c-base c-lost"),
        (&["status=created", "status=running"], "c-base c-lost c-step"),
        (&["status=created", "name=lost"], "c-lost"),
        (&["volume=v"], "c-base c-step"),
        (&["volume=/srv"], "c-lost"),
        (&["volume=/data", "volume=v"], "c-base c-lost c-step"),
        (&["label=tier"], "c-base"),
        (&["label=tier=y"], ""),
        // and all that was built on it
        (&["ancestor=base:1"], "c-base c-step"),
        (&["ancestor=team/app:2"], ""),
        (&["ancestor=nowhere"], ""),
        (&["ancestor=nowhere", "ancestor=base"], ""),
        (&["ancestor=nowhere", "ancestor=base:1"], "c-base c-step"),
    ] {
        assert_eq!(containers_of(View::from(&seen), typed), found, "{typed:?}");
    }
    let table = containerd();
    let stored = table.stored(NEW);
    assert_eq!(containers_of(View::from(&stored), &["ancestor=base:1"]), "c-app c-base");
    assert_eq!(containers_of(View::from(&stored), &["ancestor=team/app:2"]), "c-app");
}

// moby daemon/volume/service/convert.go: filtersToBy
#[test]
fn volumes_are_filtered_as_the_engine_does() {
    let mut table = graph_driver();
    table.volume("v", true).volume("old-data", true);
    let seen = table.seen(NEW);
    for (typed, found) in [
        (&[][..], "old-data v"),
        (&["dangling=true"], "old-data"),
        (&["dangling=false"], "v"),
        (&["name=^old"], "old-data"),
        (&["driver=local"], "old-data v"),
        (&["driver=nfs"], ""),
        (&["label=keep"], ""),
    ] {
        let mut names: Vec<&str> =
            volumes::volumes(View::from(&seen), &wanted(Listing::Volumes, typed)).iter().map(|key| &*key.id).collect();
        names.sort_unstable();
        assert_eq!(names.join(" "), found, "{typed:?}");
    }
}
