//! Build cache, everything at once, what is refused and what is not known.

use super::*;

/// The record of a base layer, and one of a step on it.
fn cached(table: &mut Table) {
    table.layer("base", None).layer("top", Some("base")).image("i", &["base", "top"], None).tag("i:1", "i");
    let key = |kind, id: &str| Table::new().root.key("buildkit", kind, id);
    let evidence = table.root.place.join("buildkit/containerdmeta.db");
    for (id, snapshot, layer, parents) in [
        ("from", digest("base").to_string(), "base", vec![]),
        ("step", "step".to_owned(), "top", vec!["from".to_owned()]),
    ] {
        let chain = Some(ChainId(digest(layer)));
        let record = CacheRecord {
            committed: true,
            snapshot: snapshot.clone(),
            record_type: "regular".into(),
            size: Some(7),
            parents,
            ..CacheRecord::default()
        };
        let inventory = &mut table.inventory;
        inventory.add(key(Kind::CacheRecord, id), Entity::new(record));
        let facts = CacheSnapshot { chain, ..CacheSnapshot::default() };
        inventory.add(key(Kind::CacheSnapshot, &snapshot), Entity::new(facts.clone()));
        inventory.add(key(Kind::CacheSnapshot, id), Entity::new(facts));
        let lease = key(Kind::Lease, &format!("buildkit/{id}"));
        inventory.add(lease.clone(), Entity::new(Lease { namespace: "buildkit".into(), ..Lease::default() }));
        inventory.link(&lease, LinkKind::Leases, key(Kind::CacheSnapshot, &snapshot), &evidence);
    }
}

#[test]
fn the_cache_keeps_layers_of_an_image_that_went_and_the_image_those_of_the_cache() {
    let steps = Sketch::new(cached).ask(&["rmi i:1", "builder prune -a"]);
    assert_eq!(steps[0].2, ["image/i"]);
    assert_eq!(steps[1].2, ["layer/base", "layer/top"]);
    let steps = Sketch::new(cached).ask(&["builder prune", "builder prune -a", "rmi i:1"]);
    assert_eq!((steps[0].0, steps[0].2.len()), (Outcome::Nothing, 0), "an image has their layers");
    assert_eq!((steps[1].0, steps[1].1.clone()), (Outcome::Untagged, vec!["step".to_owned(), "from".to_owned()]));
    assert_eq!(steps[2].2, ["image/i", "layer/base", "layer/top"]);
}

#[test]
fn a_point_in_time_is_the_engines_to_understand_and_not_the_builders() {
    for (action, refused) in
        [("builder prune --filter until=2026-01-01T00:00:00Z", 1), ("builder prune --filter until=24h", 0)]
    {
        let mut sketch = Sketch::new(cached);
        let steps = sketch.predict(&[action]).steps;
        let of_buildx = steps[0].notes.iter().filter(|note| note.contains("takes durations only"));
        assert_eq!(of_buildx.count(), refused, "{action}");
    }
}

#[test]
fn the_order_of_a_system_prune_lets_each_part_find_what_the_one_before_left() {
    let steps = Sketch::new(|table| {
        cached(table);
        table.mount("w1", "top").container("w1", "i", "i:1");
    })
    .ask(&["system prune -af"]);
    assert_eq!(steps[0].2, ["container/w1", "image/i", "layer/base", "layer/top", "mount/w1"]);
    assert_eq!(
        Sketch::new(cached).predict(&["system prune -af"]).steps[0].reports,
        Some(14),
        "as BuildKit wrote them down"
    );
}

#[test]
fn filters_are_refused_where_the_engine_refuses_them() {
    for (action, because) in [
        ("system prune --volumes --filter until=1h", "not supported with \"--volumes\""),
        ("volume prune --filter until=1h", "invalid filter 'until'"),
        ("container prune --filter dangling=1", "invalid filter 'dangling'"),
        ("image prune --filter until=1h --filter until=2h", "more than one until filter"),
        ("builder prune --filter until=soon", "expects a duration"),
        ("builder prune --min-free-space 1GB", "unknown, because"),
    ] {
        let steps = Sketch::new(family).ask(&[action]);
        assert_eq!(steps[0].0, Outcome::Refused, "{action}");
        assert!(steps[0].1[0].contains(because), "{action}: {:?}", steps[0].1);
    }
}

#[test]
fn what_is_not_there_is_a_failure_unless_forced() {
    let steps = Sketch::new(family).ask(&["rm none", "rm -f none", "rmi none", "rmi -f none", "rmi none p:1"]);
    let outcomes: Vec<Outcome> = steps.iter().map(|step| step.0).collect();
    use Outcome::{Nothing, Partly, Refused};
    assert_eq!(outcomes, [Refused, Nothing, Refused, Nothing, Partly]);
    assert_eq!(
        (steps[0].1[0].as_str(), steps[2].1[0].as_str()),
        ("No such container: none", "No such image: none:latest")
    );
}

#[test]
fn what_relies_on_something_unread_is_not_predicted() {
    let draw = |table: &mut Table| {
        used(table);
        volume(table, "named", |_| ());
        let at = table.root.place.join("buildkit/snapshots.db");
        table.inventory.problem("damaged-database", &at, Lost::Links(vec![LinkKind::SharesLayer]), "page 3 is broken");
    };
    let steps = Sketch::new(draw).ask(&["rm w1", "image prune -a", "volume rm named"]);
    assert_eq!(steps[0].0, Outcome::Refused);
    assert_eq!(steps[0].1, ["unknown, because docker/buildkit/snapshots.db: page 3 is broken"]);
    assert_eq!((steps[1].0, steps[2].0), (Outcome::Refused, Outcome::Removed));
}

#[test]
fn a_file_that_the_engine_cannot_read_either_is_no_riddle_unless_it_is_at_work() {
    let draw = |table: &mut Table| {
        volume(table, "v", |_| ());
        let at = table.root.place.join("containers/w1/config.v2.json");
        table.inventory.problem("bad-container-config", &at, Lost::Links(vec![LinkKind::Uses]), "not valid JSON");
    };
    assert_eq!(Sketch::new(draw).ask(&["volume prune -af"])[0].0, Outcome::Removed);
    assert_eq!(Sketch::new(draw).live().ask(&["volume prune -af"])[0].0, Outcome::Refused);
}

#[test]
fn a_pulled_image_takes_its_manifests_along_and_what_expired_is_told_apart() {
    let mut sketch = Sketch::new(|table| {
        family(table);
        let key = |kind, id: &str| Key { root: "containerd".into(), ..table.root.key("containerd", kind, id) };
        let evidence = table.root.place.clone();
        let expires = |text: Option<&str>| text.map(|text| text.parse().unwrap());
        for (lease, blob, until) in [
            (format!("moby/moby-image-{}", digest("c")), "manifest", None),
            ("moby/old".to_owned(), "old", Some("2026-01-01T00:00:00Z")),
            ("moby/new".to_owned(), "new", Some("2027-01-01T00:00:00Z")),
        ] {
            let facts = Lease { namespace: "moby".into(), expires: expires(until), ..Lease::default() };
            table.inventory.add(key(Kind::Lease, &lease), Entity::new(facts).kept(Keeps::Lease));
            table.inventory.add(key(Kind::Blob, blob), Entity::new(Blob::default()));
            table.inventory.link(&key(Kind::Lease, &lease), LinkKind::Leases, key(Kind::Blob, blob), &evidence);
        }
    });
    let prediction = sketch.predict(&["rmi c:1"]);
    assert_eq!(shown(&sketch.names, &prediction.removes), ["blob/manifest", "image/c", "layer/top"]);
    assert_eq!(shown(&sketch.names, &prediction.at_next_collection), ["blob/old"]);
}

#[test]
fn a_start_removes_what_was_to_go_when_it_ended() {
    let mut sketch = Sketch::new(used);
    sketch.container("w1", |facts| facts.auto_remove = true);
    let prediction = sketch.predict(&["rmi c:1"]);
    assert_eq!(shown(&sketch.names, &prediction.by_a_start), ["container/w1", "mount/w1"]);
    assert_eq!(shown(&sketch.names, &prediction.removes), ["image/c", "layer/top"]);
}

#[test]
fn what_a_start_starts_again_is_in_the_way_until_an_engine_is_at_work() {
    let mut sketch = Sketch::new(used);
    sketch.container("w1", |facts| facts.starts_again = true);
    for action in ["rm w1", "container prune -f", "system prune -a -f"] {
        let prediction = sketch.predict(&[action]);
        assert!(!shown(&sketch.names, &prediction.removes).contains(&"container/w1".to_owned()), "{action}");
    }
    let prediction = sketch.predict(&["rm w1"]);
    let refused = &prediction.steps[0];
    assert_eq!(refused.outcome, Outcome::Refused);
    assert!(refused.says[0].contains("container is running"), "{:?}", refused.says);
    assert!(refused.notes[0].contains("starts it again"), "{:?}", refused.notes);
    let mut sketch = sketch.live();
    let removes = sketch.predict(&["rm w1"]).removes;
    assert_eq!(shown(&sketch.names, &removes), ["container/w1", "mount/w1"]);
}

#[test]
fn a_removal_counts_as_a_use_of_the_record_below_once_the_engine_has_loaded_both() {
    let old = |table: &mut Table| {
        cached(table);
        for thing in table.inventory.entities.values_mut() {
            if let Facts::CacheRecord(record) = &mut thing.facts {
                record.created_at = Some("2026-01-01T00:00:00Z".parse().unwrap());
                record.last_used_at = record.created_at;
            }
        }
    };
    let prune = ["builder prune -a --filter until=24h", "builder prune -a --filter until=24h", "builder prune -a"];
    let said = |sketch: Sketch| sketch.ask(&prune).into_iter().map(|step| step.1.join(" ")).collect::<Vec<_>>();
    assert_eq!(said(Sketch::new(old)), ["step", "", "from"], "an engine that has yet to be started loads all");
    assert_eq!(said(Sketch::new(old).live()), ["step", "", "from"], "started since");
    assert_eq!(said(Sketch::new(old).at((20, 10, 24))), ["step from", "", ""]);
    let notes = Sketch::new(old).predict(&prune[..1]).steps.remove(0).notes;
    assert!(notes[0].starts_with("1 of the records that stay were last used before that"), "{notes:?}");
    let young = |table: &mut Table| {
        old(table);
        for (key, thing) in &mut table.inventory.entities {
            if let (Facts::CacheRecord(record), "step") = (&mut thing.facts, &*key.id) {
                record.created_at = Some("2026-01-31T11:30:00Z".parse().unwrap());
            }
        }
    };
    assert_eq!(said(Sketch::new(young).live()), ["step from", "", ""], "made by the engine that is at work");
}
