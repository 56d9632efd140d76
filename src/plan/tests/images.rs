//! What becomes of images.

use super::*;

#[test]
fn the_name_of_an_image_in_use_is_kept_without_force() {
    let steps = Sketch::new(used).ask(&["rmi c:1"]);
    assert_eq!(steps[0].0, Outcome::Refused);
    assert!(
        steps[0].1[0].contains("unable to remove repository reference \"c:1\" (must force) - container w1 is using")
    );
}

#[test]
fn forced_away_an_image_leaves_the_layers_that_a_container_stands_on_until_that_goes() {
    let steps = Sketch::new(used).ask(&["rmi -f c:1", "rm w1"]);
    assert_eq!((steps[0].0, steps[0].2.clone()), (Outcome::Removed, vec!["image/c".to_owned()]));
    // the layers below belong to the parent, which keeps its name
    assert_eq!(steps[1].2, ["container/w1", "layer/top", "mount/w1"]);
}

#[test]
fn what_runs_keeps_its_image_even_from_force() {
    let alive = |facts: &mut Container| facts.state.running = true;
    let mut sketch = Sketch::new(used).live();
    sketch.container("w1", alive);
    let steps = sketch.ask(&["rmi -f c:1", &format!("rmi -f {}", digest("c")), "rm w1", "rm -f w1", "image prune"]);
    let outcomes: Vec<Outcome> = steps.iter().map(|step| step.0).collect();
    use Outcome::{Refused, Removed, Untagged};
    assert_eq!(outcomes, [Untagged, Refused, Refused, Removed, Removed]);
    assert!(steps[1].1[0].ends_with("(cannot be forced) - image is being used by running container w1"));
    assert_eq!(steps[4].2, ["image/c", "layer/top"]);
}

#[test]
fn an_engine_that_is_started_runs_nothing() {
    let mut sketch = Sketch::new(used);
    sketch.container("w1", |facts| facts.state.running = true);
    assert_eq!(sketch.ask(&["rm w1"])[0].0, Outcome::Removed);
}

#[test]
fn a_parent_loses_its_name_and_goes_with_its_last_child() {
    let steps = Sketch::new(family).ask(&["rmi p:1", "rmi c:1"]);
    assert_eq!((steps[0].0, steps[0].1.as_slice()), (Outcome::Untagged, ["Untagged: p:1".to_owned()].as_slice()));
    assert_eq!(steps[1].2, ["image/c", "image/p", "layer/base", "layer/mid", "layer/top"]);
    let kept = Sketch::new(family).ask(&["rmi p:1", "rmi --no-prune c:1"]);
    assert_eq!(kept[1].2, ["image/c", "layer/top"]);
}

#[test]
fn of_several_names_one_goes_at_a_time_and_an_id_wants_force() {
    let draw = |table: &mut Table| {
        family(table);
        table.tag("also:1", "c");
    };
    let id = digest("c");
    let steps = Sketch::new(draw).ask(&["rmi also:1"]);
    assert_eq!(steps[0].0, Outcome::Untagged);
    let steps = Sketch::new(draw).ask(&[&format!("rmi {id}"), &format!("rmi -f {}", &id.hex()[..12])]);
    assert_eq!(steps[0].0, Outcome::Refused);
    assert!(steps[0].1[0].ends_with("(must be forced) - image is referenced in multiple repositories"));
    assert_eq!(steps[1].2, ["image/c", "layer/top"]);
}

#[test]
fn the_last_tag_of_a_repository_takes_its_digests_along() {
    let steps = Sketch::new(|table| {
        family(table);
        table.tag(&format!("c@{}", digest("m")), "c");
    })
    .ask(&["rmi c:1"]);
    assert_eq!(steps[0].1[..2], ["Untagged: c:1".to_owned(), format!("Untagged: c@{}", digest("m"))]);
    assert_eq!(steps[0].2, ["image/c", "layer/top"]);
}

#[test]
fn pruned_an_image_in_use_keeps_its_last_name_only() {
    let steps = Sketch::new(|table| {
        used(table);
        table.tag("aaa:1", "c").tag("zzz:9", "c");
    })
    .ask(&["image prune -a"]);
    // the engine takes images in no certain order, their names in theirs
    assert_eq!(
        steps[0].1.iter().filter(|line| !line.contains("p:1")).collect::<Vec<_>>(),
        ["Untagged: aaa:1", "Untagged: c:1"]
    );
    assert_eq!(steps[0].0, Outcome::Untagged);
}

#[test]
fn prune_takes_dangling_images_and_reports_their_layers() {
    let mut sketch = Sketch::new(|table| {
        family(table);
        table.inventory.entities.retain(|key, _| *key.id != *"c:1");
    });
    let prediction = sketch.predict(&["image prune -f"]);
    assert_eq!(prediction.steps[0].reports, Some(10));
    assert_eq!(shown(&sketch.names, &prediction.removes), ["image/c", "layer/top"]);
}

#[test]
fn an_image_that_is_mounted_is_in_use_from_28_on() {
    let draw = |table: &mut Table| family(table);
    let mounted = |version| {
        let mut sketch = Sketch::new(|table| {
            draw(table);
            table.mount("w1", "base").container("w1", "other", "other:1");
        })
        .at(version);
        let mount = MountPoint { kind: "image".into(), asked_for: digest("c").to_string(), ..MountPoint::default() };
        sketch.container("w1", |facts| facts.mounts = vec![mount]);
        sketch.ask(&["rmi c:1"])[0].0
    };
    assert_eq!((mounted((27, 5, 1)), mounted((28, 0, 0))), (Outcome::Removed, Outcome::Refused));
}
