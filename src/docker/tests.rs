//! `daemon.json`, and the questions which root and which store.

use std::sync::Arc;

use super::*;
use crate::disk::FileKind;
use crate::inventory::facts::{Container, State};
use crate::inventory::{Entity, Inventory, Root, Scaffold, StoreInfo, StoreKind};
use crate::terms::{Kind, Place};

#[test]
fn what_an_analysis_needs_is_taken_from_daemon_json() {
    let text = r#"{"data-root":"/srv/docker","storage-driver":"vfs","features":{"containerd-snapshotter":false,"x":true},
        "userns-remap":"default","log-driver":"local","log-opts":{"max-size":"1m"},"live-restore":true,"debug":7,
        "builder":{"gc":{"enabled":true,"defaultKeepStorage":"20GB"},"entitlements":{}},"insecure-registries":null}"#;
    let config = DaemonConfig::parse(text.as_bytes()).unwrap();
    assert_eq!(config.data_root.as_deref(), Some("/srv/docker".as_ref()));
    assert_eq!((config.storage_driver.as_deref(), config.containerd_snapshotter), (Some("vfs"), Some(false)));
    assert_eq!((config.userns_remap.as_deref(), config.log_driver.as_deref()), (Some("default"), Some("local")));
    assert_eq!(config.log_options.get("max-size").map(String::as_str), Some("1m"));
    assert!(config.known && config.live_restore);
    assert_eq!(config.builder_gc, BuilderGc { enabled: Some(true), keep: Some("20GB".into()) });
    let old = DaemonConfig::parse(b"\xef\xbb\xbf{\"graph\":\"/old\"}").unwrap();
    assert_eq!(old.data_root.as_deref(), Some("/old".as_ref()));
}

#[test]
fn an_empty_daemon_json_says_nothing_and_a_broken_one_is_an_error() {
    assert_eq!(DaemonConfig::parse(b" \n").unwrap(), DaemonConfig { known: true, ..DaemonConfig::default() });
    assert!(!DaemonConfig::default().known);
    for (text, cause) in [("{", "not valid JSON"), ("[]", "no object"), ("{\"features\":1}", "not what the daemon")] {
        assert!(DaemonConfig::parse(text.as_bytes()).unwrap_err().to_string().contains(cause), "{text}");
    }
}

/// Stores as `name`, `name!` if it holds something; with a `/` in front they are containerd's.
fn disk(stores: &[&str], containers: &[(&str, &str)]) -> Inventory {
    let mut inventory = Inventory::default();
    let root = Root::new(Place::tree("docker"));
    for text in stores {
        let name = text.trim_matches(['/', '!']);
        let graph = !text.starts_with('/');
        let home = root.place.join(name);
        inventory.stores.push(StoreInfo {
            root: if graph { "docker".into() } else { "containerd".into() },
            name: name.into(),
            kind: if graph { StoreKind::GraphDriver } else { StoreKind::Containerd },
            home: home.clone(),
            populated: text.ends_with('!'),
            read_in_full: true,
            newest: None,
        });
        inventory.scaffolds.push(Scaffold {
            root: root.name.clone(),
            store: name.into(),
            at: home,
            names: Arc::new([(b"l".as_slice(), FileKind::Dir)].into_iter().collect()),
            is_empty: false,
        });
    }
    for (number, (driver, created)) in containers.iter().enumerate() {
        let facts = Container {
            driver: (*driver).into(),
            name: format!("c{number}"),
            created: Some(created.parse().unwrap()),
            state: State::default(),
            ..Container::default()
        };
        inventory.add(root.key(driver, Kind::Container, number.to_string()), Entity::new(facts));
    }
    inventory.roots.push(root);
    inventory
}

fn config(text: &str) -> DaemonConfig {
    DaemonConfig::parse(text.as_bytes()).unwrap()
}

fn store(inventory: &Inventory, config: &DaemonConfig, version: &str) -> (String, bool) {
    let active = active(inventory, config, EngineVersion::parse(version).unwrap(), "docker");
    assert!(!active.reasons.is_empty());
    (active.store.map_or_else(|| "none".into(), |(root, name)| format!("{root}:{name}")), active.asserted)
}

const OLD: &str = "2020-01-01T00:00:00Z";
const NEW: &str = "2026-01-01T00:00:00Z";

#[test]
fn what_daemon_json_says_outright_is_an_answer() {
    let both = disk(&["overlay2!", "/overlayfs!"], &[("overlay2", NEW)]);
    let on = config(r#"{"features":{"containerd-snapshotter":true}}"#);
    let off = config(r#"{"features":{"containerd-snapshotter":false},"storage-driver":"overlay2"}"#);
    assert_eq!(store(&both, &on, "28.5.2"), ("containerd:overlayfs".into(), true));
    assert_eq!(store(&both, &off, "29.7.2"), ("docker:overlay2".into(), true));
    // an engine of 20.10 has no such feature
    assert_eq!(store(&both, &on, "20.10.24").0, "docker:overlay2");
}

#[test]
fn from_29_on_a_graph_driver_that_was_used_is_kept_even_if_it_holds_nothing() {
    let config = config("{}");
    assert_eq!(store(&disk(&["overlay2", "/overlayfs!"], &[]), &config, "28.5.2").0, "docker:overlay2");
    assert_eq!(store(&disk(&["overlay2!", "/overlayfs!"], &[]), &config, "29.7.2").0, "docker:overlay2");
    assert_eq!(store(&disk(&["vfs!", "/overlayfs!"], &[]), &config, "29.7.2").0, "containerd:overlayfs");
    assert_eq!(store(&disk(&["aufs!", "/overlayfs!"], &[]), &config, "29.7.2").0, "containerd:overlayfs");
}

#[test]
fn without_daemon_json_the_container_used_last_tells() {
    let unknown = DaemonConfig::default();
    let stranded = disk(&["overlay2!", "/overlayfs!"], &[("overlay2", OLD), ("overlayfs", NEW)]);
    assert_eq!(store(&stranded, &unknown, "29.7.2"), ("containerd:overlayfs".into(), false));
    let two = disk(&["overlay2!", "vfs!"], &[("overlay2", OLD), ("vfs", NEW)]);
    assert_eq!(store(&two, &unknown, "20.10.24"), ("docker:vfs".into(), false));
    assert_eq!(store(&disk(&["/overlayfs!"], &[]), &unknown, "28.5.2"), ("containerd:overlayfs".into(), false));
}

#[test]
fn a_switch_back_with_the_feature_off_leaves_containerd_stranded() {
    let both = disk(&["overlay2!", "/overlayfs!"], &[("overlayfs", NEW)]);
    assert_eq!(store(&both, &config("{}"), "29.7.2"), ("docker:overlay2".into(), false));
    let migrated = config(r#"{"features":{"containerd-migration":true}}"#);
    assert_eq!(store(&both, &migrated, "29.7.2"), ("containerd:overlayfs".into(), false));
}

#[test]
fn the_root_that_alone_holds_anything_is_meant_and_between_two_the_remapping_decides() {
    let mut inventory = disk(&["overlay2"], &[]);
    assert_eq!(selected_root(&inventory, &DaemonConfig::default()).root.as_deref(), Some("docker"));
    let name: Arc<str> = "docker/1.1".into();
    inventory.roots.push(Root::new(Place::tree("docker").join("1.1")));
    let mut inner = inventory.stores[0].clone();
    (inner.root, inner.populated) = (name, true);
    inventory.stores.push(inner);
    assert_eq!(selected_root(&inventory, &DaemonConfig::default()).root.as_deref(), Some("docker/1.1"));
    inventory.stores[0].populated = true;
    assert!(!selected_root(&inventory, &DaemonConfig::default()).told);
    let unknown = selected_root(&inventory, &DaemonConfig::default());
    assert_eq!((unknown.root, unknown.candidates.len()), (None, 2));
    let plain = selected_root(&inventory, &config("{}"));
    assert_eq!((plain.root.as_deref(), plain.told), (Some("docker"), true));
    let remapped = config(r#"{"userns-remap":"default"}"#);
    assert_eq!(selected_root(&inventory, &remapped).root.as_deref(), Some("docker/1.1"));
}

#[test]
fn each_kind_of_store_has_a_list_of_past_builds_of_its_own_from_27_4_on() {
    let is_known = |list: &str, kind, version| {
        let list = Place::tree("docker").join("buildkit").join(list);
        builds::is_known(&crate::inventory::facts::PastBuild { list }, kind, version)
    };
    for version in [(26, 1, 5), (27, 3, 1), (27, 4, 0), (29, 7, 2)] {
        let own = version >= (27, 4, 0);
        assert!(is_known("history.db", StoreKind::GraphDriver, version));
        assert!(!is_known("history_c8d.db", StoreKind::GraphDriver, version));
        assert_eq!(is_known("history.db", StoreKind::Containerd, version), !own);
        assert_eq!(is_known("history_c8d.db", StoreKind::Containerd, version), own);
    }
}
