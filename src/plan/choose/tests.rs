//! The least harmful set, against trying every set; rules, and parts of the build cache.

use std::collections::BTreeSet;

use jiff::Timestamp;
use proptest::prelude::*;

use super::exact::{Atom, Model, least};
use super::keep::About;
use super::oracle::Oracle;
use super::*;
use crate::docker::seen::table::{Table, digest};
use crate::inventory::Entity;
use crate::inventory::facts::{CacheRecord, CacheSnapshot, Facts, Lease};
use crate::plan::tests::Sketch;
use crate::plan::{Moment, Zone};
use crate::terms::{ChainId, Kind, LinkKind};

fn classes() -> impl Strategy<Value = Class> {
    prop_oneof![Just(Class::Leftover), Just(Class::Cache), Just(Class::Container), Just(Class::Image)]
}

fn models() -> impl Strategy<Value = Model> {
    let units = prop::collection::vec((classes(), 1..4_u64), 1..12);
    units.prop_flat_map(|units| {
        let count = units.len();
        let atom = (prop::collection::btree_set(0..count, 1..4), 1..60_u64)
            .prop_map(|(members, bytes)| Atom { members: members.into_iter().collect(), bytes });
        prop::collection::vec(atom, 1..14).prop_map(move |atoms| Model { units: units.clone(), atoms })
    })
}

/// Harm of the best of all sets.
fn tried(model: &Model, target: u64) -> Option<Harm> {
    let count = model.units.len();
    let freed = |set: usize| -> u64 {
        let whole = |atom: &&Atom| atom.members.iter().all(|unit| set >> unit & 1 == 1);
        model.atoms.iter().filter(whole).map(|atom| atom.bytes).sum()
    };
    let harm = |set: usize| {
        let taken = (0..count).filter(|unit| set >> unit & 1 == 1).map(|unit| model.units[unit]);
        taken.fold(Harm::default(), |sum, (class, points)| sum.plus(Harm::of(class, points)))
    };
    (0..1_usize << count).filter(|set| freed(*set) >= target).map(harm).min()
}

proptest! {
    #[test]
    fn the_least_harmful_set_is_found_whenever_any_set_does(model in models(), part in 0..=110_u64) {
        let whole: u64 = model.atoms.iter().map(|atom| atom.bytes).sum();
        let target = whole * part / 100;
        let found = least(&model, target);
        prop_assert_eq!(found.as_ref().map(|found| found.harm), tried(&model, target));
        if let Some(found) = found {
            prop_assert_eq!(found.at_least, found.harm);
            prop_assert!(super::exact::floor(&model, target) <= found.harm);
        }
    }
}

/// A small host: layers upon layers, images, containers, and a build cache that shares layers with them.
#[derive(Clone, Debug)]
struct Small {
    /// The layer below each.
    layers: Vec<Option<usize>>,
    /// The top layer, whether it has a tag, and on which image it was built.
    images: Vec<(usize, bool, Option<usize>)>,
    /// The image.
    containers: Vec<usize>,
    /// The layer, and how many hours ago it was used.
    cache: Vec<(usize, i64)>,
}

fn hosts() -> impl Strategy<Value = Small> {
    let layers = prop::collection::vec(any::<prop::sample::Index>(), 1..6);
    let images = prop::collection::vec(
        (any::<prop::sample::Index>(), any::<bool>(), any::<Option<prop::sample::Index>>()),
        0..5,
    );
    let containers = prop::collection::vec(any::<prop::sample::Index>(), 0..4);
    let cache = prop::collection::vec((any::<prop::sample::Index>(), 1..400_i64), 0..3);
    (layers, images, containers, cache).prop_map(|(layers, images, containers, cache)| {
        let count = layers.len();
        let below = |(number, at): (usize, prop::sample::Index)| Some(at.index(number + 1)).filter(|at| *at < number);
        let built =
            |number: usize, on: Option<prop::sample::Index>| on.filter(|_| number > 0).map(|on| on.index(number));
        let pictures: Vec<_> = images
            .iter()
            .enumerate()
            .map(|(number, (top, tag, on))| (top.index(count), *tag, built(number, *on)))
            .collect();
        Small {
            layers: layers.into_iter().enumerate().map(below).collect(),
            containers: if pictures.is_empty() {
                vec![]
            } else {
                containers.iter().map(|at| at.index(pictures.len())).collect()
            },
            images: pictures,
            cache: cache.into_iter().map(|(at, hours)| (at.index(count), hours)).collect(),
        }
    })
}

const CLOCK: &str = "2026-01-31T12:00:00Z";

fn draw(small: &Small, table: &mut Table) {
    let layer = |number: usize| format!("layer{number}");
    for (number, below) in small.layers.iter().enumerate() {
        table.layer(&layer(number), below.map(layer).as_deref());
    }
    for (number, (top, tag, on)) in small.images.iter().enumerate() {
        let mut chain: Vec<String> = std::iter::successors(Some(*top), |at| small.layers[*at]).map(layer).collect();
        chain.reverse();
        let chain: Vec<&str> = chain.iter().map(String::as_str).collect();
        let name = format!("image{number}");
        table.image(&name, &chain, on.map(|on| format!("image{on}")).as_deref());
        if *tag {
            table.tag(&format!("i:{number}"), &name);
        }
    }
    for (number, image) in small.containers.iter().enumerate() {
        let id = format!("{number}").repeat(64);
        table.mount(&id, &layer(small.images[*image].0)).container(&id, &format!("image{image}"), "i");
    }
    for (number, (at, hours)) in small.cache.iter().enumerate() {
        cached(table, &format!("record{number}"), &layer(*at), *hours);
    }
}

/// A record on a layer, used some hours ago.
fn cached(table: &mut Table, id: &str, layer: &str, hours: i64) {
    let key = |kind, id: &str| Table::new().root.key("buildkit", kind, id);
    let used: Timestamp = CLOCK.parse().unwrap();
    let record = CacheRecord {
        committed: true,
        snapshot: id.to_owned(),
        record_type: "regular".into(),
        size: Some(7),
        last_used_at: Some(used - jiff::SignedDuration::from_hours(hours)),
        ..CacheRecord::default()
    };
    table.inventory.add(key(Kind::CacheRecord, id), Entity::new(record));
    let facts = CacheSnapshot { chain: Some(ChainId(digest(layer))), ..CacheSnapshot::default() };
    table.inventory.add(key(Kind::CacheSnapshot, id), Entity::new(facts));
    let lease = key(Kind::Lease, &format!("buildkit/{id}"));
    table.inventory.add(lease.clone(), Entity::new(Lease { namespace: "buildkit".into(), ..Lease::default() }));
    let evidence = table.root.place.join("buildkit/containerdmeta.db");
    table.inventory.link(&lease, LinkKind::Leases, key(Kind::CacheSnapshot, id), &evidence);
}

/// Different for each owner, and the same each time.
fn weight(number: usize) -> u64 {
    (number as u64 * 37 + 11) % 97 + 1
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn a_plan_costs_what_the_best_of_all_sets_costs(small in hosts(), part in 1..=100_u64) {
        let mut sketch = Sketch::new(|table| draw(&small, table));
        sketch.weigh = weight;
        sketch.with_case(|case| {
            let whole = choose(case, u64::MAX, &[]);
            let target = whole.at_most * part / 100;
            let found = choose(case, target, &[]);
            let (units, _) = sound(case, units::units(case, &[]).list);
            assert!(units.len() <= 12, "{units:#?}");
            let oracle = Oracle::of(case, &units);
            let sets = (0..1_usize << units.len()).map(|set| (0..units.len()).filter(move |unit| set >> unit & 1 == 1));
            let enough = sets.filter(|set| oracle.freed(set.clone()) >= target);
            let harm = |set: BTreeSet<usize>| set.iter().map(|unit| units[*unit].harm()).fold(Harm::default(), Harm::plus);
            let best = enough.map(|set| harm(set.collect())).min();
            assert!(found.reached, "{target} of {}: {:#?}", whole.at_most, found.steps);
            assert_eq!(Some(found.harm), best, "{target} of {}: {:#?}", whole.at_most, found.steps);
            assert_eq!(found.at_least, found.harm, "and it is known to be");
            let again = choose(case, target, &[]);
            assert_eq!(format!("{:?}", found), format!("{:?}", again));
        });
    }
}

fn many(count: usize) -> Sketch {
    let mut sketch = Sketch::new(|table| {
        table.layer("base", None);
        for number in 0..count {
            let name = format!("{number:05}");
            table.layer(&name, Some("base")).image(&name, &["base", &name], None).tag(&format!("i:{name}"), &name);
        }
    });
    sketch.weigh = weight;
    sketch
}

#[test]
fn what_all_share_goes_with_the_last_of_them() {
    let mut sketch = many(8);
    sketch.with_case(|case| {
        let whole = choose(case, u64::MAX, &[]);
        assert!(!whole.reached);
        let all = choose(case, whole.at_most, &[]);
        assert_eq!((all.reached, all.steps.len(), all.harm), (true, 8, Harm::of(Class::Image, 16)));
        let some = choose(case, 1, &[]);
        assert_eq!((some.reached, some.steps.len()), (true, 1));
    });
}

#[test]
fn a_large_host_gets_a_good_plan_and_is_told_how_good() {
    let mut sketch = many(LEARNT + 60);
    sketch.with_case(|case| {
        let whole = choose(case, u64::MAX, &[]);
        for part in [2, 77, 99] {
            let found = choose(case, whole.at_most * part / 100, &[]);
            assert!(found.reached, "{part}%");
            let (cost, least) = (found.harm.image, found.at_least.image);
            assert!(least <= cost && cost <= least + least / 20 + 4, "{part}%: {cost}, at least {least}");
        }
        // however many units there are, the prediction is asked some dozen times
        let (units, _) = sound(case, units::units(case, &[]).list);
        let oracle = Oracle::of(case, &units);
        best(&oracle, whole.at_most / 2);
        assert!(oracle.asked.get() < 100, "{}", oracle.asked.get());
    });
}

#[test]
fn rules_keep_by_name_label_age_kind_and_id() {
    let now: Timestamp = CLOCK.parse().unwrap();
    let zone = Zone(jiff::tz::TimeZone::UTC);
    let labels = [("keep".to_owned(), "yes".to_owned())].into();
    let about = About {
        kind: "image",
        id: "sha256:3f2a",
        names: vec!["web:1".into(), "web".into()],
        labels: Some(&labels),
        since: Moment::parse("5h", &zone).and_then(|moment| moment.at(now)),
    };
    for (rule, matches) in [
        ("name=web", true),
        ("name=w*", true),
        ("name=we?:1", true),
        ("name=eb", false),
        ("label=keep", true),
        ("label=keep=yes", true),
        ("label=keep=no", false),
        ("label=yes", false),
        ("until=6h", true),
        ("until=4h", false),
        ("until=2026-01-30", true),
        ("kind=image", true),
        ("kind=cache", false),
        ("id=3f", true),
        ("id=sha256:3f", true),
        ("id=f2", false),
    ] {
        assert_eq!(Keep::parse(rule).unwrap().matches(&about, now, &zone), matches, "{rule}");
    }
    let dateless = About { since: None, ..about };
    assert!(Keep::parse("until=1h").unwrap().matches(&dateless, now, &zone), "of what has no date nothing is known");
    for rule in ["web", "name", "name=", "until=soon", "kind=layer", "size=3"] {
        assert!(Keep::parse(rule).is_err(), "{rule}");
    }
}

#[test]
fn what_a_rule_keeps_stays_and_what_it_needs() {
    let small = Small {
        layers: vec![None, Some(0)],
        images: vec![(1, true, None)],
        containers: vec![0, 0],
        cache: vec![(0, 1), (1, 300)],
    };
    let mut sketch = Sketch::new(|table| draw(&small, table));
    sketch.weigh = weight;
    sketch.with_case(|case| {
        let words = |rules: &[&str]| -> Vec<String> {
            let rules: Vec<Keep> = rules.iter().map(|rule| Keep::parse(rule).unwrap()).collect();
            choose(case, u64::MAX, &rules).steps.into_iter().map(|unit| unit.action.text).collect()
        };
        let image = format!("rmi {}", &digest("image0").hex()[..12]);
        let (first, second) = (format!("rm {}", "0".repeat(12)), format!("rm {}", "1".repeat(12)));
        assert_eq!(words(&[]), ["builder prune -a -f", &first, &second, &image]);
        let without = ["builder prune -a -f".to_owned(), first.clone()];
        assert_eq!(words(&["id=1"]), without, "its container needs the image");
        assert_eq!(words(&["until=24h", "kind=image", "kind=container"]), ["builder prune -a -f --filter until=300h"]);
        assert_eq!(words(&["name=i:0", "kind=cache"]), [first, second]);
    });
}

#[test]
fn a_running_container_and_what_it_uses_is_never_touched() {
    let small = Small { layers: vec![None], images: vec![(0, true, None)], containers: vec![0], cache: vec![] };
    let mut sketch = Sketch::new(|table| draw(&small, table));
    let key = sketch.table.root.key("engine", Kind::Container, "0".repeat(64));
    if let Some(Facts::Container(facts)) = sketch.table.inventory.entities.get_mut(&key).map(|thing| &mut thing.facts) {
        facts.state.running = true;
    }
    // on the disk of a host that is dead, too: it would run again
    sketch.with_case(|case| assert!(choose(case, 1, &[]).steps.is_empty()));
}
