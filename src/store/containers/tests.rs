//! Directories of containers, whole and damaged.

use crate::inventory::{Entity, Inventory, OwnerKind};
use crate::store::tests::{disk, found};
use crate::terms::{Kind, LinkKind, Lost};

const ID: &str = "aa00000000000000000000000000000000000000000000000000000000000000";
const OTHER: &str = "bb00000000000000000000000000000000000000000000000000000000000000";
const IMAGE: &str = "sha256:cc00000000000000000000000000000000000000000000000000000000000000";
const HOST: &str =
    r#"{"LogConfig":{"Type":"json-file","Config":{"max-size":"1m"}},"NetworkMode":"none","AutoRemove":true}"#;

fn config() -> String {
    format!(
        r#"{{"ID":"{ID}","Name":"/web","Driver":"overlay2","Image":"{IMAGE}","Config":{{"Image":"web:1"}},
        "State":{{"Running":true,"StartedAt":"2026-01-01T00:00:00Z"}},
        "MountPoints":{{"/d":{{"Type":"volume","Name":"data","Driver":"local","RW":true,"Spec":{{"Source":"data"}}}},
        "/t":{{"Type":"volume","Name":"anon","Driver":"local","RW":true,"Spec":{{"Type":"volume"}}}},
        "/b":{{"Type":"bind","Source":"/srv","RW":true}}}}}}"#
    )
}

fn survey(files: &[(&str, &str)]) -> Inventory {
    let files: Vec<(String, &[u8])> = files.iter().map(|(at, text)| (at.replace("ID", ID), text.as_bytes())).collect();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(at, text)| (at.as_str(), *text)).collect();
    found(&disk(&files).1, super::survey)
}

fn container(inv: &Inventory) -> (&str, &Entity) {
    let mut all = inv.of_kind(Kind::Container);
    let (key, thing) = all.next().unwrap();
    assert!(all.next().is_none());
    (&key.store, thing)
}

fn links(inv: &Inventory) -> Vec<String> {
    inv.links.iter().map(|l| format!("{} {}:{}:{}", l.kind.name(), l.to.store, l.to.kind, l.to.id)).collect()
}

fn lost(inv: &Inventory) -> Vec<&Lost> {
    inv.problems.iter().map(|problem| &problem.lost).collect()
}

#[test]
fn a_container_names_its_image_its_layer_and_its_volumes() {
    let inv = survey(&[("containers/ID/config.v2.json", &config()), ("containers/ID/hostconfig.json", HOST)]);
    let (store, thing) = container(&inv);
    assert_eq!((store, thing.name.as_str()), ("overlay2", "web"));
    let facts = thing.container().unwrap();
    assert_eq!(
        (facts.broken.as_deref(), facts.state.word(), facts.log_driver.as_str()),
        (None, "running", "json-file")
    );
    assert!(facts.auto_remove && facts.mounts.iter().any(|m| m.name == "anon" && m.anonymous));
    assert!(facts.mounts.iter().any(|m| m.name == "data" && !m.anonymous));
    assert_eq!(
        links(&inv),
        [
            format!("runs-from overlay2:image:{IMAGE}"),
            format!("read-write overlay2:mount:{ID}"),
            "uses engine:volume:anon".to_owned(),
            "uses engine:volume:data".to_owned()
        ]
    );
    assert!(inv.problems.is_empty());
}

#[test]
fn a_container_of_a_snapshotter_has_no_layer_of_a_graph_driver() {
    let text = config().replace("overlay2", "overlayfs");
    let inv = survey(&[("containers/ID/config.v2.json", &text), ("containers/ID/hostconfig.json", HOST)]);
    assert_eq!(container(&inv).0, "overlayfs");
    assert_eq!(links(&inv), ["uses engine:volume:anon", "uses engine:volume:data"]);
}

#[test]
fn every_log_is_the_logs_owners_even_what_the_options_do_not_know() {
    let local = ["containers/ID/local-logs/container.log", "containers/ID/container-cached.log.1.gz"];
    let json = ["containers/ID/ID-json.log", "containers/ID/ID-json.log.7.gz", "containers/ID/ID-json.logs"];
    let mut files = vec![("containers/ID/config.v2.json".to_owned(), config())];
    files.extend(local.iter().chain(&json).map(|at| ((*at).to_owned(), String::new())));
    let files: Vec<(&str, &str)> = files.iter().map(|(at, text)| (at.as_str(), text.as_str())).collect();
    let inv = survey(&files);
    let logs = container(&inv).1.lots.iter().filter(|lot| lot.owner == OwnerKind::ContainerLogs);
    let names: Vec<_> = logs.map(|lot| String::from_utf8_lossy(lot.at.name()).replace(ID, "ID")).collect();
    assert_eq!(names, ["ID-json.log", "ID-json.log.7.gz", "container-cached.log.1.gz", "local-logs"]);
}

#[test]
fn a_checkpoint_counts_when_it_holds_something_and_a_temporary_file_is_a_leftover() {
    let inv = survey(&[
        ("containers/ID/config.v2.json", &config()),
        ("containers/ID/hostconfig.json", HOST),
        ("containers/ID/checkpoints/one/config.json", "{}"),
        ("containers/ID/.tmp-config.v2.json123", ""),
    ]);
    let thing = container(&inv).1;
    assert_eq!(thing.container().unwrap().checkpoints, ["one"]);
    assert!(thing.lots.iter().any(|lot| lot.owner == OwnerKind::Checkpoint && lot.at.name() == b"one"));
    let (_, left) = inv.of_kind(Kind::Leftover).next().unwrap();
    assert_eq!(left.lots[0].owner, OwnerKind::Temporary);
}

#[test]
fn a_damaged_config_loses_references_and_the_layer_is_found_by_its_name() {
    let half = &config()[..60];
    let mount = "image/overlay2/layerdb/mounts/ID/mount-id";
    let inv = survey(&[("containers/ID/config.v2.json", half), ("containers/ID/hostconfig.json", HOST), (mount, "x")]);
    let (store, thing) = container(&inv);
    assert_eq!(store, "engine");
    assert!(thing.container().unwrap().broken.as_deref().unwrap().starts_with("config.v2.json: not valid JSON"));
    assert_eq!(links(&inv), [format!("read-write overlay2:mount:{ID}")]);
    assert_eq!(lost(&inv), [&Lost::Links(super::SAID_BY_CONFIG.to_vec())]);
}

#[test]
fn a_directory_without_config_and_layer_was_being_removed_and_loses_nothing() {
    let log = ("containers/ID/ID-json.log", "");
    let of_another = ("image/overlay2/layerdb/mounts/x/mount-id", "x");
    let inv = survey(&[log, of_another]);
    assert_eq!(container(&inv).1.container().unwrap().broken.as_deref(), Some("config.v2.json is missing"));
    assert_eq!(lost(&inv), [&Lost::Nothing]);
    // with its layer still there, or where the layer may be containerd's, somebody took the file away
    let taken = [Lost::Links(super::SAID_BY_CONFIG.to_vec())];
    assert_eq!(lost(&survey(&[log, ("image/overlay2/layerdb/mounts/ID/mount-id", "x")])), taken.each_ref());
    assert_eq!(lost(&survey(&[log])), taken.each_ref());
    assert_eq!(lost(&survey(&[log, of_another, ("rootfs/overlayfs/x", "")])), taken.each_ref());
}

#[test]
fn the_config_of_another_container_is_not_believed_to_be_its_own() {
    let text = config().replace(ID, OTHER);
    let inv = survey(&[("containers/ID/config.v2.json", &text), ("containers/ID/hostconfig.json", HOST)]);
    let broken = container(&inv).1.container().unwrap().broken.clone();
    assert_eq!(broken, Some(format!("config.v2.json is that of container {OTHER}")));
    assert_eq!(inv.problems[0].code, "id-mismatch");
    assert!(links(&inv).contains(&format!("read-write overlay2:mount:{ID}")));
}

#[test]
fn a_damaged_host_config_keeps_the_engine_from_loading_and_a_missing_one_does_not() {
    let bad = survey(&[("containers/ID/config.v2.json", &config()), ("containers/ID/hostconfig.json", "{")]);
    let broken = container(&bad).1.container().unwrap().broken.clone();
    assert!(broken.unwrap().starts_with("hostconfig.json: not valid JSON"));
    let missing = survey(&[("containers/ID/config.v2.json", &config())]);
    assert_eq!(container(&missing).1.container().unwrap().broken, None);
    assert_eq!((missing.problems[0].code, lost(&missing)), ("missing-file", vec![&Lost::Nothing]));
}

#[test]
fn what_the_engine_starts_again_follows_from_policy_and_past() {
    let starts = |policy: &str, past: &str, state: &str| {
        let config = format!(r#"{{"ID":"{ID}","Name":"/web","Driver":"overlay2",{past}"State":{{{state}}}}}"#);
        let host = format!(r#"{{"RestartPolicy":{{{policy}}}}}"#);
        let inv = survey(&[("containers/ID/config.v2.json", &config), ("containers/ID/hostconfig.json", &host)]);
        container(&inv).1.container().unwrap().starts_again
    };
    let (always, unless, tries) =
        (r#""Name":"always""#, r#""Name":"unless-stopped""#, r#""Name":"on-failure","MaximumRetryCount":3"#);
    let before = r#""HasBeenStartedBefore":true,"#;
    let stopped = r#""HasBeenStartedBefore":true,"HasBeenManuallyStopped":true,"#;
    let thrice = r#""HasBeenStartedBefore":true,"RestartCount":3,"#;
    for (policy, past, state, expected) in [
        (always, before, "", true),
        (always, stopped, "", true),
        (always, "", "", false),
        (always, before, r#""Dead":true"#, false),
        (always, before, r#""RemovalInProgress":true"#, false),
        (unless, before, "", true),
        (unless, stopped, "", false),
        (tries, before, "", false),
        (tries, before, r#""ExitCode":1"#, true),
        (tries, before, r#""Running":true"#, true),
        (tries, thrice, r#""ExitCode":1"#, false),
        (r#""Name":"on-failure""#, thrice, r#""ExitCode":1"#, true),
        (r#""Name":"no""#, before, r#""ExitCode":1"#, false),
    ] {
        assert_eq!(starts(policy, past, state), expected, "{policy} {past} {state}");
    }
}

#[test]
fn the_mount_of_an_image_is_found_under_any_of_its_names() {
    let with = |mount: &str| {
        let text = config().replace(r#""/b":{"Type":"bind","Source":"/srv","RW":true}"#, mount);
        assert!(text.contains("\"image\""));
        text
    };
    let old = with(r#""/i":{"Type":"image","Name":"r/web:1","Destination":"/i","Spec":{"Source":"sha256:1"}}"#);
    let found = |files: &[(&str, &str)]| {
        let inv = survey(files);
        let to: Vec<_> =
            inv.links.iter().filter(|l| l.kind == LinkKind::ImageMount).map(|l| l.to.id.to_string()).collect();
        to
    };
    let config = ("containers/ID/config.v2.json", old.as_str());
    let nested = ("image/overlay2/layerdb/mounts/ID-r/web:1/mount-id", "x");
    assert_eq!(found(&[config, nested]), [format!("{ID}-r/web:1")]);
    let new = with(r#""/i":{"Type":"image","Name":"web:1","Destination":"/i","ID":"layer"}"#);
    assert_eq!(found(&[("containers/ID/config.v2.json", &new)]), ["layer"]);
    let away = with(r#""/i":{"Type":"image","Name":"web:1","Destination":"/i","ID":"../../../etc"}"#);
    assert_eq!(found(&[("containers/ID/config.v2.json", &away)]), ["../../../etc"]);
}

#[test]
fn what_is_no_container_is_a_stranger() {
    let inv = survey(&[("containers/notes.txt", "x"), ("containers/backup/x", "x")]);
    assert_eq!(inv.of_kind(Kind::Container).count(), 0);
    assert_eq!(inv.of_kind(Kind::File).count(), 2);
}

#[test]
fn a_host_config_that_mounts_what_the_config_does_not_know_is_another_ones() {
    let of =
        |host: &str| survey(&[("containers/ID/config.v2.json", &config()), ("containers/ID/hostconfig.json", host)]);
    assert!(of(r#"{"Binds":["data:/d"]}"#).problems.is_empty());
    let inv = of(r#"{"Binds":["data:/elsewhere"]}"#);
    assert_eq!((inv.problems[0].code, lost(&inv)), ("host-config-mismatch", vec![&Lost::Nothing]));
}

#[test]
fn a_file_that_the_config_names_and_that_is_gone_costs_no_reference() {
    let text = config().replace(r#""Config":{"Image""#, &format!(r#""HostsPath":"/r/containers/{ID}/hosts","HostnamePath":"/r/containers/{OTHER}/hostname","Config":{{"Image""#));
    let with = |hosts: Option<&str>, hash: &str| {
        let mut files = vec![("containers/ID/config.v2.json", text.as_str()), ("containers/ID/hostconfig.json", HOST)];
        files.push(("containers/ID/resolv.conf.hash", hash));
        files.extend(hosts.map(|text| ("containers/ID/hosts", text)));
        let inv = survey(&files);
        assert!(lost(&inv).iter().all(|lost| **lost == Lost::Nothing));
        inv.problems.iter().map(|problem| problem.code).collect::<Vec<_>>()
    };
    let hash = IMAGE;
    assert!(with(Some("127.0.0.1 localhost"), hash).is_empty(), "the other's hostname is not ours to miss");
    assert_eq!(with(None, hash), ["missing-file"]);
    assert_eq!(with(Some(""), "no hash"), ["damaged-file"]);
}
