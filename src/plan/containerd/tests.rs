//! The engine's decisions with containerd's store, on small hosts drawn by hand. Every thing lies at `<kind>/<name>`.

use std::collections::{BTreeMap, BTreeSet};

use crate::disk::Disk;
use crate::docker::seen::Triple;
use crate::docker::stored::table::{Table, chain, digest};
use crate::format::oci::Document;
use crate::graph::Graph;
use crate::inventory::facts::{Blob, ContentEntry, Lease};
use crate::inventory::{Entity, Inventory, OwnerKind, Owners, Root};
use crate::plan::{Action, Case, Outcome, Prediction, Zone, predict};
use crate::terms::{Key, Kind, LinkKind, Lost, Place};
use crate::usage::Ledger;

const NOW: Triple = (29, 7, 2);
const CLOCK: &str = "2026-01-31T12:00:00Z";

fn key(store: &str, kind: Kind, id: &str) -> Key {
    Key { root: "containerd".into(), store: store.into(), kind, id: id.into() }
}

/// Two images on one layer, and a container of the second.
fn family(table: &mut Table) {
    table.manifest("p", &["base"]).record("docker.io/library/p:1", "p", None);
    table.manifest("c", &["base", "top"]).record("docker.io/library/c:1", "c", Some("p"));
    table.unpacked(&["base", "top"]);
}

fn used(table: &mut Table) {
    family(table);
    table.container("w1", "c", "c:1", &chain(&["base", "top"])[1]);
}

/// The references that a survey would find.
fn link(inventory: &mut Inventory) {
    let evidence = Place::tree("containerd");
    let mut links: Vec<(Key, LinkKind, Key)> = Vec::new();
    for (own, thing) in &inventory.entities {
        if let Some(image) = thing.stored_image() {
            links.push((own.clone(), LinkKind::Target, key("containerd", Kind::Blob, &image.target)));
        }
        match thing.blob().and_then(|blob| blob.document.as_deref()) {
            Some(Document::Config(config)) => {
                let top = crate::terms::ChainId::all(&config.diff_ids).pop();
                let top = top.map(|top| key("overlayfs", Kind::Snapshot, top.0.as_str()));
                links.extend(top.map(|top| (own.clone(), LinkKind::GcRef, top)));
            }
            Some(document) => {
                let blobs = document.children().map(|child| key("containerd", Kind::Blob, &child.digest));
                links.extend(blobs.map(|blob| (own.clone(), LinkKind::GcRef, blob)));
            }
            None => {}
        }
        if let Some(snapshot) = thing.snapshot() {
            let parent = snapshot.parent.as_ref().map(|parent| key("overlayfs", Kind::Snapshot, parent));
            links.extend(parent.map(|parent| (own.clone(), LinkKind::SnapshotParent, parent)));
            let lease = key("containerd", Kind::Lease, &format!("moby/{}", snapshot.name));
            links.extend(inventory.get(&lease).map(|_| (lease.clone(), LinkKind::Leases, own.clone())));
        }
    }
    links.into_iter().for_each(|(from, kind, to)| inventory.link(&from, kind, to, &evidence));
}

struct Sketch {
    table: Table,
    version: Triple,
}

impl Sketch {
    fn new(draw: impl FnOnce(&mut Table)) -> Self {
        let mut table = Table::new();
        let roots = ["docker", "containerd"].map(|name| Root::new(Place::tree(name)));
        table.inventory.roots.extend(roots);
        draw(&mut table);
        table.done();
        link(&mut table.inventory);
        Self { table, version: NOW }
    }

    fn at(mut self, version: Triple) -> Self {
        self.version = version;
        self
    }

    fn predict(mut self, actions: &[&str]) -> Prediction {
        for (own, thing) in &mut self.table.inventory.entities {
            if matches!(own.kind, Kind::Blob | Kind::Snapshot | Kind::Container | Kind::Ingest) {
                let at = Place::tree(&own.root).join(own.kind.name()).join(shown(&own.id));
                thing.lots.clear();
                *thing = std::mem::take(thing).tree(at, OwnerKind::Unclaimed);
            }
        }
        let inventory = &self.table.inventory;
        let (graph, owners, ledger, disk) =
            (Graph::of(inventory), Owners::of(inventory), Ledger::default(), Disk::default());
        let stored = self.table.stored(self.version);
        let df = self.table.df(&stored);
        let case = Case {
            inventory,
            graph: &graph,
            owners: &owners,
            ledger: &ledger,
            disk: &disk,
            problems: &inventory.problems,
            view: (&stored).into(),
            df: &df,
            live_since: None,
            now: CLOCK.parse().unwrap(),
            zone: &Zone(jiff::tz::TimeZone::UTC),
        };
        let actions: Vec<Action> = actions.iter().map(|text| Action::parse(text).unwrap()).collect();
        predict(&case, &actions)
    }

    /// Its outcome, what it says, and what goes, step by step.
    fn ask(self, actions: &[&str]) -> Vec<(Outcome, Vec<String>, Vec<String>)> {
        let sorted =
            |removes: &BTreeSet<Place>| removes.iter().map(tail).collect::<BTreeSet<_>>().into_iter().collect();
        let steps = self.predict(actions).steps.into_iter();
        steps.map(|step| (step.outcome, step.says, sorted(&step.removes))).collect()
    }
}

/// Without its root.
fn tail(at: &Place) -> String {
    let text = at.to_string();
    text.split_once('/').map_or(text.clone(), |(_, rest)| rest.to_owned())
}

/// Names for digests, so that places can be read.
fn shown(id: &str) -> String {
    let names = ["base", "top", "p", "c", "p config", "c config", "stray", "a", "a config", "i", "x", "x config"];
    let mut known: BTreeMap<String, String> =
        names.iter().map(|name| (digest(name), (*name).replace(' ', "-"))).collect();
    let chain = chain(&["base", "top"]);
    known.extend([(chain[0].clone(), "base".to_owned()), (chain[1].clone(), "top".to_owned())]);
    known.get(id).cloned().unwrap_or_else(|| id.replace('/', "-"))
}

#[test]
fn the_last_name_of_an_image_in_use_goes_by_force_and_the_image_stays_under_none() {
    let steps = Sketch::new(used).ask(&["rmi c:1", "rmi -f c:1", "image prune -f", "rm w1", "image prune -f"]);
    assert_eq!(steps[0].0, Outcome::Refused);
    assert!(
        steps[0].1[0].starts_with(
            "conflict: unable to delete c:1 (must be forced) - container w1 is using its referenced image"
        )
    );
    assert_eq!(
        (steps[1].0, steps[1].1.as_slice(), steps[1].2.len()),
        (Outcome::Untagged, ["Untagged: c:1".to_owned()].as_slice(), 0)
    );
    assert_eq!(steps[2].0, Outcome::Nothing, "a container was made from it");
    assert_eq!(steps[3].2, ["container/w1", "snapshot/w1"]);
    assert_eq!(steps[4].2, ["blob/c", "blob/c-config", "blob/top", "snapshot/top"]);
}

#[test]
fn removed_by_its_id_an_image_leaves_what_a_container_stands_on() {
    let steps = Sketch::new(used).ask(&[&format!("rmi {}", digest("c")), &format!("rmi -f {}", digest("c")), "rm w1"]);
    assert_eq!(steps[0].0, Outcome::Refused);
    assert!(steps[0].1[0].ends_with("(must be forced) - image is being used by stopped container w1"));
    assert_eq!(steps[1].2, ["blob/c", "blob/c-config", "blob/top"]);
    assert_eq!(steps[2].2, ["container/w1", "snapshot/top", "snapshot/w1"]);
}

#[test]
fn an_image_that_another_was_built_on_loses_its_name_and_goes_with_that() {
    let steps = Sketch::new(family).ask(&["rmi p:1", "rmi c:1"]);
    assert_eq!(steps[0].1, ["Untagged: p:1".to_owned(), format!("Deleted: {}", digest("p"))]);
    assert_eq!((steps[0].0, steps[0].2.len()), (Outcome::Untagged, 0));
    let all = [
        "blob/base",
        "blob/c",
        "blob/c-config",
        "blob/p",
        "blob/p-config",
        "blob/top",
        "snapshot/base",
        "snapshot/top",
    ];
    assert_eq!(steps[1].2, all);
    let kept = Sketch::new(family).ask(&["rmi p:1", "rmi --no-prune c:1"]);
    assert_eq!(kept[1].2, ["blob/c", "blob/c-config", "blob/top", "snapshot/top"]);
}

#[test]
fn of_names_in_several_repositories_one_goes_at_a_time_and_an_id_wants_force() {
    let draw = |table: &mut Table| {
        family(table);
        table.record("docker.io/library/also:1", "c", None);
    };
    let id = digest("c");
    let steps = Sketch::new(draw).ask(&["rmi also:1", "rmi c:1"]);
    assert_eq!((steps[0].0, steps[1].0), (Outcome::Untagged, Outcome::Removed));
    let steps = Sketch::new(draw).ask(&[&format!("rmi {id}"), &format!("rmi -f {}", &id[7..19])]);
    assert!(steps[0].1[0].ends_with("(must be forced) - image is referenced in multiple repositories"));
    assert_eq!(steps[1].1.len(), 3);
    assert_eq!(steps[1].2, ["blob/c", "blob/c-config", "blob/top", "snapshot/top"]);
}

#[test]
fn the_digests_of_a_repository_go_with_its_last_tag() {
    let steps = Sketch::new(|table| {
        family(table);
        table.record(&format!("docker.io/library/c@{}", digest("c")), "c", None);
    })
    .ask(&["rmi c:1"]);
    assert_eq!(steps[0].1[..2], ["Untagged: c:1".to_owned(), format!("Untagged: c@{}", digest("c"))]);
    assert_eq!(steps[0].0, Outcome::Removed);
}

#[test]
fn pruned_an_image_that_a_container_was_made_from_by_id_keeps_its_last_name_or_none() {
    let draw = |table: &mut Table| {
        family(table);
        table.container("w1", "c", &digest("c"), &chain(&["base", "top"])[1]);
    };
    let says = |version| Sketch::new(draw).at(version).ask(&["image prune -af"])[0].1.join("\n").to_lowercase();
    assert!(!says(NOW).contains("untagged: c:1") && says(NOW).contains("untagged: p:1"));
    assert!(says((27, 2, 1)).contains("untagged: c:1"));
    let steps = Sketch::new(draw).at((27, 2, 1)).ask(&["image prune -af", "rm w1", "image prune -f"]);
    assert!(!steps[0].2.contains(&"blob/c".to_owned()), "it stays under no name");
    assert!(steps[2].2.contains(&"blob/c".to_owned()));
}

#[test]
fn what_a_prune_reports_depends_on_the_version() {
    let reports = |version| Sketch::new(family).at(version).predict(&["image prune -af"]).steps[0].reports;
    // two manifests of 1, two configs of 10, two layers of 100; two snapshots of 7 from 29.6 on
    assert_eq!((reports((28, 5, 2)), reports(NOW)), (Some(222), Some(236)));
    let deleted = |version| {
        let said = Sketch::new(family).at(version).ask(&["image prune -af"]).remove(0).1;
        said.iter().filter(|line| line.starts_with("Deleted")).count()
    };
    assert_eq!((deleted((26, 1, 5)), deleted(NOW)), (6, 2), "all blobs, or manifests alone");
}

#[test]
fn what_nobody_names_goes_with_the_first_collection_of_its_store() {
    let draw = |table: &mut Table| {
        used(table);
        table.inventory.add(key("containerd", Kind::Blob, &digest("stray")), Entity::new(Blob::default()));
    };
    let steps = Sketch::new(draw).ask(&["rm w1", "rmi c:1"]);
    assert_eq!(steps[0].2, ["container/w1", "snapshot/w1"], "no blob was collected");
    assert!(steps[1].2.contains(&"blob/stray".to_owned()));
}

#[test]
fn what_expired_leases_keep_goes_at_any_collection_and_what_builds_left_at_a_start() {
    let draw = |table: &mut Table| {
        family(table);
        let leases =
            [("old", Some("2026-01-01T00:00:00Z"), ""), ("build", None, Lease::TEMPORARY), ("mine", None, "mine")];
        for (name, until, label) in leases {
            let lease = key("containerd", Kind::Lease, &format!("moby/{name}"));
            let facts = Lease {
                namespace: "moby".into(),
                id: name.into(),
                expires: until.map(|text| text.parse().unwrap()),
                labels: [(label.to_owned(), String::new())].into(),
                ..Lease::default()
            };
            table.inventory.add(lease.clone(), Entity::new(facts));
            let entries = [("moby".to_owned(), ContentEntry::default())].into();
            let blob = key("containerd", Kind::Blob, name);
            table.inventory.add(blob.clone(), Entity::new(Blob { entries, ..Blob::default() }));
            table.inventory.link(&lease, LinkKind::Leases, blob, &Place::tree("containerd"));
        }
    };
    let prediction = Sketch::new(draw).predict(&["rmi c:1"]);
    assert_eq!(prediction.at_next_collection.iter().map(tail).collect::<Vec<_>>(), ["blob/old"]);
    assert_eq!(prediction.by_a_start.iter().map(tail).collect::<Vec<_>>(), ["blob/build"]);
    assert!(!prediction.removes.iter().any(|at| tail(at).ends_with("mine")));
}

#[test]
fn a_pull_that_was_cancelled_is_pruned_from_27_4_on() {
    let draw = |table: &mut Table| {
        family(table);
        let lease = key("containerd", Kind::Lease, "moby/pull");
        let labels = [("moby/prune.images".to_owned(), "true".to_owned())].into();
        let facts = Lease { namespace: "moby".into(), id: "pull".into(), labels, ..Lease::default() };
        table.inventory.add(lease.clone(), Entity::new(facts));
        table.blob("a", 100, None);
        table.inventory.link(&lease, LinkKind::Leases, table.blob_key("a"), &Place::tree("containerd"));
    };
    let pruned = |version| Sketch::new(draw).at(version).ask(&["image prune -f"])[0].2.clone();
    assert_eq!((pruned((27, 3, 1)).len(), pruned((27, 4, 0))), (0, vec!["blob/a".to_owned()]));
}

#[test]
fn one_platform_goes_by_force_from_28_2_on() {
    let draw = |table: &mut Table| {
        table.manifest("a", &["base"]).manifest("x", &["top"]);
        table.index("i", vec![Table::on("a", "amd64"), Table::on("x", "arm64")]);
        table.record("docker.io/library/i:1", "i", None);
    };
    let ask = |version, action: &str| Sketch::new(draw).at(version).ask(&[action]).remove(0);
    assert!(ask((28, 0, 0), "rmi -f --platform linux/arm64 i:1").1[0].contains("requires API version 1.50"));
    assert!(ask(NOW, "rmi --platform linux/arm64 i:1").1[0].contains("to force delete"));
    let gone = ask(NOW, "rmi -f --platform linux/arm64 i:1");
    assert_eq!(gone.2, ["blob/top", "blob/x", "blob/x-config"]);
    assert_eq!(gone.1, [format!("Deleted: {}", digest("x"))]);
    let none = ask(NOW, "rmi -f --platform linux/s390x i:1");
    assert_eq!(none.0, Outcome::Nothing, "by force, what is not there is no failure");
    assert!(none.1[0].ends_with("image with reference i:1 was found but does not provide any platform"));
}

#[test]
fn what_relies_on_metadata_that_could_not_be_read_is_not_predicted() {
    let draw = |table: &mut Table| {
        used(table);
        let at = Place::tree("containerd").join("meta.db");
        let lost = Lost::Links(vec![LinkKind::GcRef, LinkKind::Leases]);
        table.inventory.problem("damaged-database", &at, lost, "page 3 is broken");
    };
    for action in ["rm w1", "rmi -f c:1", "image prune -af", "builder prune -af", "system prune -f"] {
        let steps = Sketch::new(draw).ask(&[action]);
        assert_eq!(steps[0].0, Outcome::Refused, "{action}");
        assert_eq!(steps[0].1, ["unknown, because containerd/meta.db: page 3 is broken"], "{action}");
    }
}

#[test]
fn before_25_the_store_was_an_experiment() {
    let steps = Sketch::new(family).at((24, 0, 9)).ask(&["rmi c:1", "image prune -af"]);
    assert!(steps.iter().all(|step| step.0 == Outcome::Refused && step.1[0].starts_with("unknown, because")));
}
