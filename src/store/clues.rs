//! Traces by which an engine's version shows itself.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::disk::Dir;
use crate::inventory::{Clue, Inventory, Root};
use crate::terms::Place;

/// What the keys of a `config.v2.json` tell. The engine writes every container that it loads anew at its start.
// moby daemon/daemon.go: restore calls checkpointAndSave
pub(super) fn of_container(inv: &mut Inventory, root: &Root, at: &Place, config: &Value) {
    let Some(state) = config.get("State").and_then(Value::as_object) else { return };
    let (at_least, below, word) = match state.contains_key("RemovalInProgress") {
        true => (None, Some((28, 2, 0)), "no longer written"),
        false => (Some((28, 2, 0)), None, "written up to 28.1 and absent here"),
    };
    inv.clues.push(Clue {
        root: root.name.clone(),
        at_least,
        below,
        evidence: at.clone(),
        because: format!("State.RemovalInProgress is {word} since 28.2"),
    });
}

/// What a volume's labels tell.
pub(super) fn of_volume(inv: &mut Inventory, root: &Root, at: &Place, labels: Option<&BTreeMap<String, String>>) {
    if labels.is_some_and(|labels| labels.contains_key("com.docker.volume.anonymous")) {
        inv.clues.push(Clue {
            root: root.name.clone(),
            at_least: Some((23, 0, 0)),
            below: None,
            evidence: at.clone(),
            because: "anonymous volumes are labelled since 23.0".into(),
        });
    }
}

/// What the top of a data root tells.
pub(super) fn of_top(inv: &mut Inventory, root: &Root, top: &Dir<'_>) {
    if top.kind(b"engine-id").is_some() {
        inv.clues.push(Clue {
            root: root.name.clone(),
            at_least: Some((23, 0, 0)),
            below: None,
            evidence: top.place().join("engine-id"),
            because: "engine-id is written since 23.0".into(),
        });
    }
}

/// What the metadata of an image tells.
pub(super) fn of_built_image(inv: &mut Inventory, root: &Root, at: &Place) {
    inv.clues.push(Clue {
        root: root.name.clone(),
        at_least: Some((24, 0, 9)),
        below: None,
        evidence: at.clone(),
        // moby image/store.go SetBuiltLocally; 25.0 and 25.0.1 lack it
        because: "builtLocally is written since 24.0.9".into(),
    });
}
