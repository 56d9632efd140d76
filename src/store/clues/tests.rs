//! Traces, each from the files that show it.

use std::fs;
use std::time::{Duration, SystemTime};

use crate::disk::Disk;
use crate::inventory::Clue;
use crate::store;
use crate::store::tests::disk;

const AT: &str = "containers/aa00000000000000000000000000000000000000000000000000000000000000";

fn bounds(disk: &Disk) -> Vec<String> {
    let shown = |bound: Option<(u32, u32, u32)>| bound.map_or(String::new(), |(a, b, c)| format!("{a}.{b}.{c}"));
    let of = |clue: &Clue| format!("{}..{}", shown(clue.at_least), shown(clue.below));
    let mut bounds: Vec<String> = store::survey(disk).clues.iter().map(of).filter(|text| text != "..").collect();
    bounds.sort();
    bounds
}

fn of_files(files: &[(&str, &str)]) -> Vec<String> {
    let files: Vec<(String, &[u8])> = files.iter().map(|(at, text)| (at.replace("ID", AT), text.as_bytes())).collect();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(at, text)| (at.as_str(), *text)).collect();
    bounds(&disk(&files).1)
}

/// The bounds that one container's files give, in a root with an `engine-id`.
fn of_config(config: &str, host: &str) -> Vec<String> {
    let files = [("engine-id", "x"), ("ID/config.v2.json", config), ("ID/hostconfig.json", host)];
    of_files(&files).into_iter().filter(|bound| bound != "23.0.0..").collect()
}

#[test]
fn the_keys_of_a_container_narrow_the_version() {
    let network = |keys: &str| format!(r#","NetworkSettings":{{{keys}}}"#);
    let old = format!(
        r#"{{"State":{{"RemovalInProgress":false}},"LocalLogCacheMeta":{{}}{}}}"#,
        network(r#""Bridge":"","IsAnonymousEndpoint":false"#)
    );
    assert_eq!(of_config(&old, r#"{"KernelMemory":0}"#), ["..23.0.0", "20.10.0.."]);
    assert_eq!(of_config(&old, "{}"), ["..24.0.0"]);
    let newer = |extra: &str, keys: &str| {
        format!(r#"{{"LocalLogCacheMeta":{{}},"ImageManifest":null{extra}{}}}"#, network(keys))
    };
    let removal = r#","State":{"RemovalInProgress":false}"#;
    let nineteen =
        r#"{"State":{"RemovalInProgress":false},"NetworkSettings":{"Bridge":"","IsAnonymousEndpoint":false}}"#;
    assert_eq!(of_config(nineteen, r#"{"KernelMemory":0}"#), ["..20.10.0"]);
    let endpoint_26 = r#""Bridge":"","Networks":{"none":{"NetworkID":"x","DriverOpts":null}}"#;
    assert_eq!(of_config(&newer(removal, endpoint_26), "{}"), ["..27.0.0", "25.0.0.."]);
    let endpoint_27 = r#""Bridge":"","Networks":{"none":{"DriverOpts":null,"NetworkID":"x"}}"#;
    assert_eq!(of_config(&newer(removal, endpoint_27), "{}"), ["..28.0.0", "27.0.0.."]);
    let platform = r#","ImagePlatform":{},"State":{}"#;
    assert_eq!(of_config(&newer(platform, endpoint_27), "{}"), ["..29.0.0", "28.2.0.."]);
    assert_eq!(of_config(&newer(platform, ""), "{}"), ["29.0.0.."]);
}

#[test]
fn of_many_containers_the_one_written_last_counts() {
    let old = r#"{"State":{"RemovalInProgress":false}}"#;
    let other = AT.replace("aa", "bb");
    let new_at = format!("{other}/config.v2.json");
    let old_at = format!("{AT}/config.v2.json");
    let new = r#"{"LocalLogCacheMeta":{},"ImageManifest":null,"ImagePlatform":{},"State":{},"NetworkSettings":{}}"#;
    let (dir, disk) = disk(&[(&new_at, new.as_bytes()), (&old_at, old.as_bytes()), ("engine-id", b"x")]);
    let then = SystemTime::now() - Duration::from_secs(1000);
    fs::File::options().append(true).open(dir.path().join(&old_at)).unwrap().set_modified(then).unwrap();
    assert_eq!(bounds(&disk), ["23.0.0..", "29.0.0.."]);
}

#[test]
fn what_an_engine_of_old_left_does_not_bound_the_one_started_since() {
    let config = r#"{"LocalLogCacheMeta":{},"State":{"RemovalInProgress":false}}"#;
    let at = format!("{AT}/config.v2.json");
    let (dir, disk) = disk(&[(&at, config.as_bytes()), ("engine-id", b"x"), ("runtimes/x", b"")]);
    let then = SystemTime::now() - Duration::from_secs(1000);
    fs::File::options().append(true).open(dir.path().join(&at)).unwrap().set_modified(then).unwrap();
    assert_eq!(bounds(&disk), ["20.10.0..", "23.0.0.."]);
}

#[test]
fn files_that_only_some_versions_make_tell_by_being_there_or_not() {
    assert_eq!(of_files(&[("ID/x", ""), ("engine-id", "x")]), ["23.0.0.."]);
    assert_eq!(of_files(&[("ID/x", "")]), ["..23.0.0"]);
    assert!(of_files(&[("notes", "")]).is_empty());
    let of = |files: &[(&str, &str)]| {
        let mut all = vec![("ID/x", ""), ("engine-id", "x")];
        all.extend(files);
        of_files(&all).into_iter().filter(|bound| bound != "23.0.0..").collect::<Vec<_>>()
    };
    assert_eq!(of(&[("image/identity-cache.db", "")]), ["29.3.0.."]);
    assert_eq!(of(&[("plugins/storage/ingest/x", "")]), [""; 0]);
    assert_eq!(of(&[("buildkit/cache.db", "")]), ["..24.0.0"]);
    let shared = [("buildkit/history.db", ""), ("buildkit/containerd-overlayfs/workerid", "")];
    assert_eq!(of(&shared), ["..27.4.0", "24.0.0.."]);
}

#[test]
fn an_empty_store_of_plugins_is_made_since_29_7() {
    let (dir, disk) = disk(&[(&format!("{AT}/x"), b""), ("engine-id", b"x")]);
    fs::create_dir_all(dir.path().join("plugins/storage")).unwrap();
    assert_eq!(bounds(&disk), ["23.0.0..", "29.7.0.."]);
}

#[test]
fn the_newest_remembered_build_tells_how_its_provenance_was_written() {
    let blob = "buildkit/content/blobs/sha256/aa";
    let of = |text: &str| {
        let found = of_files(&[("ID/x", ""), ("engine-id", "x"), (blob, text)]);
        found.into_iter().filter(|bound| bound != "23.0.0..").collect::<Vec<_>>()
    };
    assert_eq!(of(r#"{"builder":{"id":""},"buildType":"x"}"#), ["..29.3.0"]);
    assert_eq!(of(r#"{"buildDefinition":{"internalParameters":{}}}"#), ["..29.5.0"]);
    assert_eq!(of(r#"{"buildDefinition":{"internalParameters":{"dockerfileVersion":"1.26.0"}}}"#), ["29.5.0.."]);
    assert_eq!(of(r#"{"architecture":"amd64"}"#), [""; 0]);
}
