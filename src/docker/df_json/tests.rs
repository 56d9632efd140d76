//! The shape of the answer, by version.

use super::*;
use crate::disk::Disk;
use crate::docker::seen::table::Table;
use crate::docker::sizes::{Measures, Sizes};
use crate::inventory::facts::{Container, State};

pub(in crate::docker) fn setting() -> Setting {
    let now = "2026-11-21T12:00:00Z".parse().unwrap();
    Setting { now, data_root: "/var/lib/docker".to_owned(), api: None, as_recorded: false }
}

fn json(table: &Table, version: Triple) -> Value {
    let (disk, measures) = (Disk::default(), Measures::new());
    let seen = table.seen(version);
    let df = DiskUsage::of(&seen, &Sizes { disk: &disk, measures: &measures }, Vec::new());
    answer(&df, &setting(), json!({ "hidden": 1 }))
}

fn keys(of: &Value) -> Vec<&str> {
    of.as_object().unwrap().keys().map(String::as_str).collect()
}

const OLD: Triple = (20, 10, 24);
const NEW: Triple = (29, 7, 2);

#[test]
fn an_empty_host_is_told_in_the_words_of_its_version() {
    let table = Table::new();
    assert_eq!(
        json(&table, OLD),
        json!({"LayersSize": 0, "Images": [], "Containers": [], "Volumes": [], "BuildCache": null, "BuilderSize": 0,
            "Deadweight": {"hidden": 1}})
    );
    assert_eq!(
        json(&table, (28, 5, 2)),
        json!({"LayersSize": 0, "Images": [], "Containers": [], "Volumes": [], "BuildCache": [], "Deadweight": {"hidden": 1}})
    );
    assert_eq!(
        json(&table, NEW),
        json!({"Images": [], "Containers": [], "Volumes": [], "BuildCache": [], "ImageUsage": {}, "ContainerUsage": {},
            "VolumeUsage": {}, "BuildCacheUsage": {}, "Deadweight": {"hidden": 1}})
    );
}

#[test]
fn an_image_without_names_is_none_or_null() {
    let mut table = Table::new();
    table.layer("a", None).image("i", &["a"], None);
    let names = |version| {
        let answer = json(&table, version);
        let image = &answer["Images"][0];
        (image["RepoTags"].clone(), image["RepoDigests"].clone(), image.get("VirtualSize").cloned())
    };
    assert_eq!(names(OLD), (json!(["<none>:<none>"]), json!(["<none>@<none>"]), Some(json!(10))));
    assert_eq!(names((24, 0, 9)), (Value::Null, Value::Null, Some(json!(10))));
    assert_eq!(names((25, 0, 0)), (Value::Null, Value::Null, None));
}

#[test]
fn summaries_have_their_items_and_leave_out_what_is_zero() {
    let mut table = Table::new();
    table.layer("a", None).image("i", &["a"], None).tag("i:1", "i");
    let answer = json(&table, NEW);
    assert_eq!(keys(&answer["ImageUsage"]), ["Items", "Reclaimable", "TotalCount", "TotalSize"]);
    assert_eq!(answer["ImageUsage"]["Items"], answer["Images"]);
    assert_eq!(answer["LayersSize"], 10);
}

#[test]
fn a_container_leaves_out_sizes_of_zero_and_is_told_as_stopped() {
    let mut table = Table::new();
    table.container("c1", "i", "i");
    let answer = json(&table, NEW);
    let container = &answer["Containers"][0];
    assert!(container.get("SizeRw").is_none() && container.get("SizeRootFs").is_none());
    assert_eq!((&container["State"], &container["Status"]), (&json!("created"), &json!("Created")));
    assert_eq!(container["Health"], json!({"Status": "none", "FailingStreak": 0}));
    assert!(json(&table, (29, 4, 0))["Containers"][0]["Created"] == json!(-62_135_596_800_i64));
}

#[test]
fn a_link_gives_its_child_a_second_name() {
    let mut table = Table::new();
    table.layer("a", None).container("one", "i", "i").container("two", "i", "i").mount("one", "a").mount("two", "a");
    let key = table.root.key("engine", crate::terms::Kind::Container, "two");
    let thing = table.inventory.entities.get_mut(&key).unwrap();
    if let crate::inventory::Facts::Container(facts) = &mut thing.facts {
        facts.host_config = json!({ "Links": ["/one:/two/db", "one:other", "nobody"] });
    }
    let answer = json(&table, (28, 5, 2));
    let of = |name: &str| {
        let rows = answer["Containers"].as_array().unwrap();
        rows.iter().find(|row| row["Id"] == name).unwrap()["Names"].clone()
    };
    assert_eq!(of("one"), json!(["/one", "/two/db", "/two/other"]));
    assert_eq!(of("two"), json!(["/two"]));
}

#[test]
fn arguments_with_blanks_are_quoted_and_nothing_is_escaped() {
    let facts = crate::inventory::facts::Container {
        path: "sh".to_owned(),
        args: ["-c", "echo 'a' b", "x"].map(str::to_owned).to_vec(),
        ..Default::default()
    };
    assert_eq!(command(&facts), "sh -c 'echo 'a' b' x");
}

/// moby daemon/server/router/system, image, container: what each version of the API changed.
#[test]
fn an_older_api_is_told_what_it_knew() {
    let mut table = Table::new();
    table.layer("a", None).image("i", &["a"], None).image("named", &["a"], None).tag("named:1", "named");
    table.mount("c1", "a").container("c1", "i", "i");
    let (disk, measures) = (Disk::default(), Measures::new());
    let told = |version: Triple, minor: u32| {
        let seen = table.seen(version);
        let df = DiskUsage::of(&seen, &Sizes { disk: &disk, measures: &measures }, Vec::new());
        let setting = Setting { api: Some(Api::new(minor)), as_recorded: true, ..setting() };
        let row = df.images.iter().find(|row| row.tags.is_empty()).unwrap().clone();
        let image = images(&[row], version, &setting).remove(0);
        let container = containers(&df.containers, version, &setting).remove(0);
        (answer(&df, &setting, Value::Null), image, container)
    };
    let (df, image, container) = told(NEW, 52);
    assert!(df.get("ImageUsage").is_some() && container.get("Health").is_some());
    assert_eq!(image["Containers"], 1);
    let (df, image, container) = told(NEW, 51);
    assert!(df.get("ImageUsage").is_none() && df["LayersSize"] == 10 && container.get("Health").is_none());
    // the list of /system/df is not touched
    assert!(df["Containers"][0].get("Health").is_some());
    assert_eq!((&image["Containers"], image.get("VirtualSize")), (&json!(1), None));
    let (_, image, _) = told(NEW, 50);
    assert_eq!(image["Containers"], -1);
    let (df, image, _) = told((28, 5, 2), 43);
    assert_eq!((&image["VirtualSize"], &image["RepoTags"]), (&json!(10), &json!([])));
    assert_eq!((&df["Images"][0]["VirtualSize"], df.get("BuilderSize")), (&json!(10), None));
    let (_, image, _) = told((28, 5, 2), 42);
    assert_eq!((&image["RepoTags"], &image["RepoDigests"]), (&json!(["<none>:<none>"]), &json!(["<none>@<none>"])));
    assert_eq!(image["SharedSize"], 10);
    let (_, image, _) = told((28, 5, 2), 41);
    assert_eq!(image["SharedSize"], -1);
}

#[test]
fn what_is_recorded_as_running_is_up_in_a_list_and_has_ended_for_df() {
    let facts = |paused: bool| Container {
        state: State {
            running: true,
            paused,
            started_at: Some("2026-11-21T09:00:00Z".parse().unwrap()),
            ..State::default()
        },
        ..Container::default()
    };
    let setting = |as_recorded| Setting { as_recorded, ..setting() };
    assert_eq!(status(&facts(false), &setting(true)), "Up 3 hours");
    assert_eq!(status(&facts(true), &setting(true)), "Up 3 hours (Paused)");
    assert!(status(&facts(false), &setting(false)).starts_with("Exited (255)"));
}
