//! One bit is flipped in each kind of metadata file, in three places: `check --content` finds it, or the table says why nobody can.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "common/run.rs"]
mod run;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

/// Files in which a bit may flip unseen, and why.
const UNSEEN: &[(&str, &str)] = &[
    (
        ".db",
        "only the two first pages have a sum: a value that stays well-formed is as good as another, and free pages say nothing",
    ),
    ("config.v2.json", NO_SUM),
    ("hostconfig.json", NO_SUM),
    ("resolv.conf.hash", NO_SUM),
    ("docker/swarm/", NOT_OURS),
    ("docker/trust/", NOT_OURS),
    ("docker/plugins/<id>/rootfs/", "files of a plugin, which its engine does not compare either"),
    ("docker/plugins/<id>/config.json", NO_SUM),
    ("/executor/", "scratch of the last build, made anew by the next"),
    ("-json.log", "output, not metadata"),
    ("containers/<id>/hostname", THE_CONTAINERS_OWN),
    ("containers/<id>/hosts", THE_CONTAINERS_OWN),
    ("containers/<id>/resolv.conf", THE_CONTAINERS_OWN),
    ("engine-id", "any name is as good"),
    ("/lastUpdated", "any time is as good"),
    ("introspection/uuid", "any name is as good"),
    ("/workerid", "any name is as good"),
    ("/ingest/<id>/data", UNFINISHED),
    ("/ingest/<id>/startedat", UNFINISHED),
    ("/ingest/<id>/updatedat", UNFINISHED),
    ("/ingest/<id>/total", UNFINISHED),
    ("io.containerd.runtime.v2.task/", "of a container's last run, made anew by the next"),
    ("/tmpmounts/", "what an unpacking left behind, and nothing refers to"),
    ("/v2metadata-by-diffid/", NO_SUM),
    (
        "/image/vfs/layerdb/sha256/<id>/size",
        "the engine takes the number as it is, and by what it was counted differs from layer to layer",
    ),
    (
        "/image/fuse-overlayfs/layerdb/sha256/<id>/size",
        "a mount copies up what is not changed in the end, so that a directory may hold more than was counted",
    ),
];
const NOT_OURS: &str = "keys and state of a cluster: they refer to no image, container, volume or byte of the disk";
const UNFINISHED: &str = "of a download that was never finished: nothing says yet what it should be";
const NO_SUM: &str = "has no sum: what it names is compared, and a text that nothing else has may be any other";
const THE_CONTAINERS_OWN: &str = "mounted into the container, whose processes may write anything there";

fn is_content(inside: &str) -> bool {
    ["/diff/", "/_data/", "/work/", "/fs/", "/vfs/dir/"].iter().any(|part| inside.contains(part))
}

/// The same for every thing of its kind.
fn kind(inside: &str) -> String {
    let part = |part: &str| {
        let hexes = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        let is_id = hexes >= 64 || (part.len() == 25 && !part.contains('.'));
        if is_id { format!("<id>{}", part.get(64..).unwrap_or_default()) } else { part.to_owned() }
    };
    inside.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// What is said of a root, as a set.
fn said(dir: &Path) -> BTreeSet<String> {
    let check: Value = run::deadweight(dir, &["check", "--content", "--format", "json"]).json();
    let text = |list: &str| check[list].as_array().unwrap().iter().map(Value::to_string).collect::<Vec<_>>();
    text("causes").into_iter().chain(text("problems")).chain(text("nested")).collect()
}

/// What a pull leaves: which blob was which layer, and the reverse.
fn plant_a_pull(dir: &Path) {
    let image = dir.join("docker/image/overlay2");
    let Ok(mut layers) = std::fs::read_dir(image.join("layerdb/sha256")) else { return };
    let diff = std::fs::read_to_string(layers.next().unwrap().unwrap().path().join("diff")).unwrap();
    let (digest, pulled) = ("ab".repeat(32), image.join("distribution"));
    let by_digest = pulled.join("diffid-by-digest/sha256");
    let by_diff = pulled.join("v2metadata-by-diffid/sha256");
    std::fs::create_dir_all(&by_digest).unwrap();
    std::fs::create_dir_all(&by_diff).unwrap();
    std::fs::write(by_digest.join(&digest), &diff).unwrap();
    let known = serde_json::json!([{"Digest": format!("sha256:{digest}"), "SourceRepository": "docker.io/library/base", "HMAC": ""}]);
    std::fs::write(by_diff.join(diff.strip_prefix("sha256:").unwrap()), known.to_string()).unwrap();
}

/// What a plugin, a swarm and content trust leave, and a builder of buildx in a volume.
fn plant_the_rest(dir: &Path) {
    let docker = dir.join("docker");
    let put = |at: &str, bytes: &[u8]| {
        let at = docker.join(at);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::fs::write(at, bytes).unwrap();
    };
    let config =
        br#"{"Description":"a plugin","Entrypoint":["/run"],"Interface":{"Types":["docker.volumedriver/1.0"]}}"#;
    let digest = deadweight::terms::Digest::of(config);
    let id = "5e".repeat(32);
    let plugin = serde_json::json!({
        "plugin": {"Id": id, "Name": "keeper:latest", "Enabled": true, "Config": {"Description": "a plugin"}},
        "Rootfs": "", "Config": digest.as_str(), "Blobsums": [], "SwarmServiceID": "",
    });
    put(&format!("plugins/{id}/config.json"), plugin.to_string().as_bytes());
    put(&format!("plugins/{id}/rootfs/run"), b"#!/bin/sh");
    put(&format!("plugins/storage/blobs/sha256/{}", digest.hex()), config);
    put("swarm/docker-state.json", br#"{"LocalAddr":"","RemoteAddr":"10.0.0.1:2377","ListenAddr":"0.0.0.0:2377"}"#);
    put("swarm/certificates/swarm-node.crt", b"-----BEGIN CERTIFICATE-----");
    put("swarm/raft/wal-v3-encrypted/0000000000000000-0000000000000000.wal", &[7; 64]);
    put("trust/private/0123.key", b"-----BEGIN PRIVATE KEY-----");
    let Some(builder) = common::corpus::recordings("buildkit-").pop() else { return };
    let volume = docker.join("volumes/buildx_buildkit_lab0_state/_data");
    std::fs::create_dir_all(&volume).unwrap();
    let state = walkdir::WalkDir::new(builder.unpacked()).into_iter().map(Result::unwrap);
    let state = state.into_iter().find(|entry| entry.file_name() == "containerdmeta.db").unwrap().into_path();
    let state = state.parent().unwrap().parent().unwrap().join(".");
    let copied = std::process::Command::new("cp").arg("-a").arg(state).arg(volume).status().unwrap();
    assert!(copied.success());
}

fn flips(fixture: &str) -> BTreeMap<String, (usize, usize)> {
    let dir = common::fresh(fixture);
    plant_a_pull(dir.path());
    if fixture == "forced-rmi" {
        plant_the_rest(dir.path());
    }
    let before = said(dir.path());
    let files = walkdir::WalkDir::new(dir.path()).sort_by_file_name().into_iter().map(Result::unwrap);
    let mut table: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for file in files.filter(|entry| entry.file_type().is_file()) {
        let inside = file.path().strip_prefix(dir.path()).unwrap().to_string_lossy().into_owned();
        let bytes = std::fs::read(file.path()).unwrap();
        let kind = kind(&inside);
        if is_content(&inside) || bytes.is_empty() || table.contains_key(&kind) {
            continue;
        }
        let places: BTreeSet<usize> =
            [1, 2, 3].into_iter().map(|n| (bytes.len() * n / 4).min(bytes.len() - 1)).collect();
        let mut found = 0;
        for place in &places {
            let mut flipped = bytes.clone();
            flipped[*place] ^= 1;
            std::fs::write(file.path(), flipped).unwrap();
            found += usize::from(said(dir.path()) != before);
        }
        std::fs::write(file.path(), &bytes).unwrap();
        table.insert(kind, (found, places.len()));
    }
    table
}

#[test]
fn a_flipped_bit_in_metadata_is_found_or_cannot_be() {
    let mut silent = Vec::new();
    for fixture in
        ["forced-rmi", "containerd", "containerd-remains", "build-cache", "stranded", "userns", "odd-files-fuse"]
    {
        let table = flips(fixture);
        assert!(table.len() > 10, "{fixture}: {}", table.len());
        for (kind, (found, of)) in table {
            let excuse = UNSEEN.iter().find(|(part, _)| kind.contains(part)).map(|(_, why)| *why);
            println!("{fixture:11} {found}/{of} {kind} {}", if found < of { excuse.unwrap_or("") } else { "" });
            if found < of && excuse.is_none() {
                silent.push(format!("{fixture}: {found} of {of} in {kind}"));
            }
        }
    }
    assert_eq!(silent, Vec::<String>::new(), "{silent:#?}");
}
