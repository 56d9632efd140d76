//! What becomes of volumes.

use super::*;

fn labels(of: &[(&str, &str)]) -> Option<BTreeMap<String, String>> {
    Some(of.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
}

fn volumes(table: &mut Table) {
    volume(table, "named", |facts| facts.labels = labels(&[("keep", "1")]));
    volume(table, "anonymous", |facts| facts.labels = labels(&[("com.docker.volume.anonymous", "")]));
    volume(table, "sized", |facts| facts.options = labels(&[("size", "1g")]));
    volume(table, "v", |_| ());
    table.layer("base", None).mount("w1", "base").container("w1", "gone", "gone:1");
}

#[test]
fn volume_prune_takes_what_that_version_takes() {
    let taken = |version, action: &str| Sketch::new(volumes).at(version).ask(&[action])[0].2.clone();
    assert_eq!(taken((20, 10, 24), "volume prune -f"), ["volume/anonymous", "volume/named"]);
    assert_eq!(taken((23, 0, 0), "volume prune -f"), ["volume/anonymous"]);
    assert_eq!(taken((28, 5, 2), "volume prune -af"), ["volume/anonymous", "volume/named"]);
    assert_eq!(taken((28, 5, 2), "volume prune -f --filter all=1 --filter label!=keep"), ["volume/anonymous"]);
    assert_eq!(Sketch::new(volumes).at((20, 10, 24)).ask(&["volume prune -af"])[0].0, Outcome::Refused);
}

#[test]
fn a_volume_in_use_is_not_removed() {
    let steps = Sketch::new(volumes).ask(&["volume rm v", "volume rm -f none named", "rm w1", "volume rm v"]);
    let outcomes: Vec<Outcome> = steps.iter().map(|step| step.0).collect();
    assert_eq!(outcomes, [Outcome::Refused, Outcome::Removed, Outcome::Removed, Outcome::Removed]);
    assert_eq!(steps[0].1, ["remove v: volume is in use - [w1]"]);
    assert_eq!(steps[3].2, ["volume/v"]);
}

#[test]
fn an_anonymous_volume_goes_with_its_last_container_if_asked() {
    let draw = || {
        let mut sketch = Sketch::new(|table| {
            table.layer("base", None).mount("w1", "base").mount("w2", "base");
            table.container("w1", "gone", "g").container("w2", "gone", "g").volume("v", true);
        });
        for id in ["w1", "w2"] {
            sketch.container(id, |facts| {
                (facts.mounts[0].kind, facts.mounts[0].anonymous) = ("volume".to_owned(), true);
            });
        }
        sketch
    };
    let steps = draw().ask(&["rm -v w1", "rm -v w2"]);
    assert_eq!(steps[0].2, ["container/w1", "mount/w1"], "the other uses it, too");
    assert_eq!(steps[1].2, ["container/w2", "layer/base", "mount/w2", "volume/v"]);
    let left = draw().predict(&["container prune"]).steps[0].notes.concat();
    assert!(left.contains("anonymous volume v stays"), "{left}");
}
