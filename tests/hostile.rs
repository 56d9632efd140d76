//! Roots that somebody made to harm whoever reads them: a listed problem, nothing opened outside, nothing said unescaped.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

#[path = "common/mod.rs"]
mod common;
#[path = "common/run.rs"]
mod run;

use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use serde_json::Value;

/// A file or directory of the root, found by how its path ends.
fn find(root: &Path, wanted: impl Fn(&str) -> bool) -> PathBuf {
    let entries = walkdir::WalkDir::new(root).sort_by_file_name().into_iter().map(Result::unwrap);
    let mut paths = entries.map(walkdir::DirEntry::into_path);
    paths.find(|path| wanted(&path.to_string_lossy())).expect("the recording has such a file")
}

fn layer_file(root: &Path, name: &str) -> PathBuf {
    find(root, |path| path.contains("/layerdb/sha256/") && path.ends_with(&format!("/{name}")))
}

/// The report on a root after some change; the byte law must hold and a problem be listed.
fn after(about: &str, change: impl FnOnce(&Path)) -> Value {
    let dir = common::fresh("forced-rmi");
    change(&dir.path().join("docker"));
    let said = run::deadweight(dir.path(), &["report", "--format", "json"]);
    let report = said.json();
    run::assert_byte_law(dir.path(), &report, about);
    assert!(!report["problems"].as_array().unwrap().is_empty(), "{about}: no problem is listed");
    for problem in report["problems"].as_array().unwrap() {
        assert_ne!(problem["code"], "internal", "{about}: panicked");
    }
    for line in run::deadweight(dir.path(), &[]).text().lines() {
        assert!(!line.chars().any(char::is_control), "{about}: control characters on the terminal: {line:?}");
    }
    report
}

#[test]
fn a_name_in_a_file_never_leads_outside() {
    for name in ["../../..", "/etc", "../../../../../../etc", "..", ".", "a/b", "x\ny", "", &"A".repeat(5000)] {
        for file in ["cache-id", "parent", "diff"] {
            after(&format!("{file} = {name:?}"), |root| std::fs::write(layer_file(root, file), name).unwrap());
        }
        let mount = |root: &Path| find(root, |path| path.contains("/layerdb/mounts/") && path.ends_with("/mount-id"));
        after(&format!("mount-id = {name:?}"), |root| std::fs::write(mount(root), name).unwrap());
    }
}

#[test]
fn links_that_lead_outside_are_not_followed() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(outside.path().join("overlay2/canary")).unwrap();
    std::fs::write(outside.path().join("secret"), "{\"canary\":1}").unwrap();
    let old = std::fs::FileTimes::new().set_accessed(std::time::SystemTime::UNIX_EPOCH);
    std::fs::File::open(outside.path().join("secret")).unwrap().set_times(old).unwrap();
    for target in ["image", "image/overlay2/imagedb", "overlay2", "containers", "volumes", "buildkit", "overlay2/l"] {
        let report = after(target, |root| {
            std::fs::remove_dir_all(root.join(target)).unwrap();
            symlink(outside.path(), root.join(target)).unwrap();
        });
        assert!(!report.to_string().contains("canary"), "{target}: something outside was read");
    }
    for file in ["image/overlay2/repositories.json", "buildkit/metadata_v2.db", "volumes/metadata.db", "engine-id"] {
        after(file, |root| {
            std::fs::remove_file(root.join(file)).unwrap();
            symlink(outside.path().join("secret"), root.join(file)).unwrap();
        });
    }
    assert_eq!(std::fs::metadata(outside.path().join("secret")).unwrap().atime(), 0, "the file outside was read");
}

#[test]
fn pipes_sockets_and_devices_in_place_of_files_are_not_opened() {
    use rustix::fs::{CWD, FileType, makedev, mknodat};
    let privileged = rustix::process::geteuid().is_root();
    let files = ["image/overlay2/repositories.json", "buildkit/snapshots.db", "volumes/metadata.db"];
    for file in files {
        after(&format!("{file} is a pipe"), |root| {
            std::fs::remove_file(root.join(file)).unwrap();
            mknodat(CWD, root.join(file), FileType::Fifo, 0o600.into(), 0).unwrap();
        });
        after(&format!("{file} is a socket"), |root| {
            std::fs::remove_file(root.join(file)).unwrap();
            drop(std::os::unix::net::UnixListener::bind(root.join(file)).or_else(|_| {
                // a path too long for a socket's name
                let short = tempfile::tempdir().unwrap();
                let made = std::os::unix::net::UnixListener::bind(short.path().join("s"));
                std::fs::rename(short.path().join("s"), root.join(file)).map(|()| made)?
            }));
            if !root.join(file).exists() {
                mknodat(CWD, root.join(file), FileType::Socket, 0o600.into(), 0).unwrap();
            }
        });
        if privileged {
            after(&format!("{file} is a device"), |root| {
                std::fs::remove_file(root.join(file)).unwrap();
                mknodat(CWD, root.join(file), FileType::CharacterDevice, 0o600.into(), makedev(5, 0)).unwrap();
            });
        }
    }
}

#[test]
fn parents_in_a_circle_come_to_an_end() {
    after("two layers that stand on each other", |root| {
        let parents: Vec<PathBuf> = walkdir::WalkDir::new(root.join("image/overlay2/layerdb/sha256"))
            .sort_by_file_name()
            .into_iter()
            .map(|entry| entry.unwrap().into_path())
            .filter(|path| path.ends_with("parent"))
            .take(2)
            .collect();
        let name = |path: &Path| format!("sha256:{}", path.parent().unwrap().file_name().unwrap().to_string_lossy());
        std::fs::write(&parents[0], name(&parents[1])).unwrap();
        std::fs::write(&parents[1], name(&parents[0])).unwrap();
    });
    after("an image that is its own parent", |root| {
        let config = find(root, |path| path.contains("/imagedb/content/sha256/"));
        let id = config.file_name().unwrap().to_string_lossy().into_owned();
        let meta = root.join("image/overlay2/imagedb/metadata/sha256").join(&id);
        std::fs::create_dir_all(&meta).unwrap();
        std::fs::write(meta.join("parent"), format!("sha256:{id}")).unwrap();
    });
}

#[test]
fn absurd_json_is_refused() {
    let config = |root: &Path| find(root, |path| path.ends_with("/config.v2.json"));
    let texts = [
        "[".repeat(10 << 20),
        "{\"a\":".repeat(2 << 20),
        format!("{{\"ID\":\"{}\"}}", "x".repeat(10 << 20)),
        "{\"State\":{\"ExitCode\":1e999,\"Pid\":-99999999999999999999}}".to_owned(),
        "null".to_owned(),
        "\u{feff}{}".to_owned(),
    ];
    for text in texts {
        after("config.v2.json", |root| std::fs::write(config(root), &text).unwrap());
        after("repositories.json", |root| {
            std::fs::write(root.join("image/overlay2/repositories.json"), &text).unwrap()
        });
    }
}

#[test]
fn absurd_numbers_are_refused() {
    for size in ["-1", "99999999999999999999999999", "1e9", "0x10", "1\n", " 1", "18446744073709551616"] {
        after(&format!("size = {size:?}"), |root| std::fs::write(layer_file(root, "size"), size).unwrap());
    }
    let report = after("a size that overflows when added", |root| {
        std::fs::write(layer_file(root, "size"), i64::MAX.to_string()).unwrap();
        std::fs::write(root.join("engine-id"), vec![0xff; 1 << 16]).unwrap();
        std::fs::write(root.join("image/overlay2/repositories.json"), "[]").unwrap();
    });
    assert!(report["totals"]["docker_says_bytes"].is_u64());
}

#[test]
fn names_from_the_disk_reach_the_terminal_escaped() {
    let dir = common::fresh("forced-rmi");
    let root = dir.path().join("docker");
    let path = find(&root, |path| path.ends_with("/config.v2.json"));
    let text = std::fs::read_to_string(&path).unwrap();
    let mut config: Value = serde_json::from_str(&text).unwrap();
    config["Name"] = "/evil\u{1b}]0;owned\u{7}\u{1b}[2J\n\u{202e}name".into();
    config["Config"]["Labels"] = serde_json::json!({"a\u{1b}[31m": "b\nc\u{9b}31m"});
    config["Config"]["Image"] = "img\u{1b}[5m\r:1".into();
    std::fs::write(&path, config.to_string()).unwrap();
    std::fs::create_dir(root.join("containers/\u{1b}[31mred\n")).unwrap();
    std::fs::create_dir(root.join("volumes/vol\u{1b}c\n")).unwrap();
    for args in [
        &["report"][..],
        &["status"],
        &["df"],
        &["df", "-v"],
        &["ls", "containers"],
        &["ls", "containers", "--no-trunc"],
        &["ls", "containers", "-q"],
        &["ls", "volumes"],
        &["ls", "logs"],
        &["ls", "--live"],
        &["ls", "--roots"],
        &["graph"],
        &["why", "containers"],
        &["report", "--format", "json"],
        &["ls", "containers", "--format", "json"],
        &["df", "--format", "json"],
    ] {
        let said = run::deadweight(dir.path(), args);
        for (stream, text) in [("stdout", said.text()), ("stderr", said.err.clone())] {
            let steers =
                |c: char| (c.is_control() && !matches!(c, '\n' | '\t')) || matches!(c, '\u{202a}'..='\u{202e}');
            assert!(!text.contains(steers), "{args:?}: {stream}: {text:?}");
            assert!(!text.contains("\nname"), "{args:?}: a name forged a line on {stream}");
        }
        if args.contains(&"json") {
            assert!(said.json().to_string().contains("name"), "{args:?}: escapes are read as what they stand for");
        }
    }
}

/// The same on containerd's store.
fn after_in_containerd(about: &str, change: impl FnOnce(&Path)) -> Value {
    let dir = common::fresh("containerd");
    change(&dir.path().join("containerd"));
    let said = run::deadweight(dir.path(), &["report", "--format", "json"]);
    let report = said.json();
    run::assert_byte_law(dir.path(), &report, about);
    assert!(!report["problems"].as_array().unwrap().is_empty(), "{about}: no problem is listed");
    assert!(report["problems"].as_array().unwrap().iter().all(|it| it["code"] != "internal"), "{about}: panicked");
    for finding in report["findings"].as_array().unwrap() {
        let sure = finding["class"] == "orphan-driver-directory" && finding["confidence"] != "unknown";
        assert!(!sure, "{about}: {finding:#}");
    }
    report
}

const META: &str = "io.containerd.metadata.v1.bolt/meta.db";
const SNAPSHOTTER: &str = "io.containerd.snapshotter.v1.overlayfs";
const CONTENT: &str = "io.containerd.content.v1.content";

#[test]
fn links_in_containerds_root_are_not_followed() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(outside.path().join("canary/fs")).unwrap();
    std::fs::write(outside.path().join("secret"), "{\"canary\":1}").unwrap();
    for target in [CONTENT, SNAPSHOTTER, "io.containerd.metadata.v1.bolt"] {
        let report = after_in_containerd(target, |root| {
            std::fs::remove_dir_all(root.join(target)).unwrap();
            symlink(outside.path(), root.join(target)).unwrap();
        });
        assert!(!report.to_string().contains("canary"), "{target}: something outside was read");
    }
    for file in [META, &format!("{SNAPSHOTTER}/metadata.db")] {
        after_in_containerd(file, |root| {
            std::fs::remove_file(root.join(file)).unwrap();
            symlink(outside.path().join("secret"), root.join(file)).unwrap();
        });
    }
    after_in_containerd("a document", |root| {
        let document = find(root, |path| {
            path.contains("/blobs/sha256/") && std::fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"{"))
        });
        std::fs::remove_file(&document).unwrap();
        symlink(outside.path().join("secret"), &document).unwrap();
    });
}

#[test]
fn pipes_and_devices_in_containerds_root_are_not_opened() {
    use rustix::fs::{CWD, FileType, makedev, mknodat};
    for file in [META, &format!("{SNAPSHOTTER}/metadata.db")] {
        for (kind, dev) in [(FileType::Fifo, 0), (FileType::CharacterDevice, makedev(5, 0))] {
            if kind == FileType::Fifo || rustix::process::geteuid().is_root() {
                after_in_containerd(&format!("{file} is a {kind:?}"), |root| {
                    std::fs::remove_file(root.join(file)).unwrap();
                    mknodat(CWD, root.join(file), kind, 0o600.into(), dev).unwrap();
                });
            }
        }
    }
}

/// A document that says it leads to itself, to far too much, or nowhere.
#[test]
fn absurd_documents_come_to_an_end() {
    let kinds = ["index", "manifest"].map(|kind| format!("application/vnd.oci.image.{kind}.v1+json"));
    let index = |root: &Path| {
        find(root, |path| {
            let bytes =
                if path.contains("/blobs/sha256/") { std::fs::read(path).unwrap_or_default() } else { Vec::new() };
            bytes.starts_with(b"{") && String::from_utf8_lossy(&bytes).contains("\"manifests\"")
        })
    };
    let digest = |path: &Path| format!("sha256:{}", path.file_name().unwrap().to_string_lossy());
    for kind in &kinds {
        after_in_containerd(&format!("an index of itself as {kind}"), |root| {
            let at = index(root);
            let child = format!(r#"{{"mediaType":"{kind}","digest":"{}","size":-9223372036854775808}}"#, digest(&at));
            let text = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, vec![child; 3000].join(","));
            std::fs::write(at, text).unwrap();
        });
    }
    for text in
        ["[".repeat(8 << 20), "{\"manifests\":".repeat(1 << 20), "null".to_owned(), "{\"manifests\":[{}]}".to_owned()]
    {
        after_in_containerd("absurd JSON", |root| std::fs::write(index(root), &text).unwrap());
    }
}
