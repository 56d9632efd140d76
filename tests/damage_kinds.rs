//! The kinds of damage that a check of container storage must know, done to Docker's roots: each is one finding or one cause,
//! of the class that says what it is. Where others tell a writable store from a read-only one, here stand the store of a graph
//! driver and containerd's, or the one that is stranded.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "common/run.rs"]
mod run;

use std::fs;
use std::path::{Path, PathBuf};

use deadweight::terms::{ChainId, DiffId, Digest};
use serde_json::Value;

/// A root, and what is where in it.
struct Root {
    dir: tempfile::TempDir,
    before: Value,
}

impl Root {
    fn new(fixture: &str) -> Self {
        let dir = common::fresh(fixture);
        let before = run::report(dir.path());
        Self { dir, before }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn repositories(&self) -> PathBuf {
        self.at("docker/image/overlay2/repositories.json")
    }

    /// The ID of a tagged image, without its `sha256:`.
    fn image(&self, tag: &str) -> String {
        let names: Value = serde_json::from_slice(&fs::read(self.repositories()).unwrap()).unwrap();
        let name = tag.split(':').next().unwrap();
        let id = names["Repositories"][name][tag].as_str().unwrap();
        id.strip_prefix("sha256:").unwrap().to_owned()
    }

    fn config(&self, id: &str) -> PathBuf {
        self.at("docker/image/overlay2/imagedb/content/sha256").join(id)
    }

    fn diffs(&self, id: &str) -> Vec<String> {
        let config: Value = serde_json::from_slice(&fs::read(self.config(id)).unwrap()).unwrap();
        config["rootfs"]["diff_ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    }

    /// The layer store's directory of an image's top layer.
    fn layer(&self, id: &str) -> PathBuf {
        let diffs: Vec<DiffId> = self.diffs(id).iter().map(|text| DiffId(Digest::parse(text).unwrap())).collect();
        let top = ChainId::all(&diffs).pop().unwrap().0;
        self.at("docker/image/overlay2/layerdb/sha256").join(top.as_str().strip_prefix("sha256:").unwrap())
    }

    /// The driver's directory of a layer.
    fn directory(&self, layer: &Path) -> PathBuf {
        self.at("docker/overlay2").join(fs::read_to_string(layer.join("cache-id")).unwrap())
    }

    /// An image goes without its layers, as with a power cut in the middle of its removal.
    fn forget_image(&self, tag: &str) {
        let id = self.image(tag);
        fs::remove_file(self.config(&id)).unwrap();
        let _ = fs::remove_dir_all(self.at("docker/image/overlay2/imagedb/metadata/sha256").join(&id));
        let mut names: Value = serde_json::from_slice(&fs::read(self.repositories()).unwrap()).unwrap();
        names["Repositories"].as_object_mut().unwrap().remove(tag.split(':').next().unwrap());
        fs::write(self.repositories(), names.to_string()).unwrap();
    }

    fn container(&self, name: &str) -> PathBuf {
        let all = fs::read_dir(self.at("docker/containers")).unwrap().map(|entry| entry.unwrap().path());
        let called = |path: &PathBuf| {
            let config: Value = serde_json::from_slice(&fs::read(path.join("config.v2.json")).unwrap()).unwrap();
            config["Name"] == format!("/{name}")
        };
        all.into_iter().find(called).unwrap()
    }

    /// Some file with a content in a directory.
    fn some_file(dir: &Path) -> PathBuf {
        let files = walkdir::WalkDir::new(dir).sort_by_file_name().into_iter().map(Result::unwrap);
        let mut files = files.filter(|entry| entry.file_type().is_file() && entry.metadata().unwrap().len() > 0);
        files.next().unwrap().into_path()
    }

    /// Containerd's blobs that a check finds to be a layer, or else a document of some kind.
    fn blob(&self, is_wanted: impl Fn(&[u8]) -> bool) -> PathBuf {
        let dir = self.at("containerd/io.containerd.content.v1.content/blobs/sha256");
        let mut all: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        all.sort();
        all.into_iter().find(|path| is_wanted(&fs::read(path).unwrap())).unwrap()
    }

    fn layer_blob(&self) -> PathBuf {
        // of the image that is called keep, so that somebody suffers
        let manifest = |bytes: &[u8]| bytes.starts_with(b"{") && memchr::memmem::find(bytes, b"\"layers\"").is_some();
        let manifest: Value = serde_json::from_slice(&fs::read(self.blob(manifest)).unwrap()).unwrap();
        let digest = manifest["layers"][0]["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap().to_owned();
        self.at("containerd/io.containerd.content.v1.content/blobs/sha256").join(digest)
    }

    fn config_blob(&self) -> PathBuf {
        self.blob(|bytes| bytes.starts_with(b"{") && memchr::memmem::find(bytes, b"\"rootfs\"").is_some())
    }

    /// The findings of a class that were not there before.
    fn new_findings(&self, class: &str) -> Vec<Value> {
        let of = |report: &Value| -> Vec<Value> {
            report["findings"].as_array().unwrap().iter().filter(|f| f["class"] == class).cloned().collect()
        };
        let (before, after) = (of(&self.before), of(&run::report(self.dir.path())));
        after.into_iter().filter(|finding| !before.iter().any(|old| old["objects"] == finding["objects"])).collect()
    }

    fn check(&self) -> Value {
        run::deadweight(self.dir.path(), &["check", "--content", "--format", "json"]).json()
    }

    /// Exactly one cause, of this class; it.
    fn one_cause(&self, class: &str) -> Value {
        let check = self.check();
        let causes = check["causes"].as_array().unwrap();
        assert_eq!(causes.len(), 1, "{causes:#?}");
        assert_eq!(causes[0]["class"], class);
        assert_eq!(check["state"], "damaged");
        causes[0].clone()
    }

    /// Nothing is damaged, and a report has one new finding of this class.
    fn one_finding(&self, class: &str) -> Value {
        let check = self.check();
        assert_eq!(check["causes"], serde_json::json!([]));
        let new = self.new_findings(class);
        assert_eq!(new.len(), 1, "{new:#?}");
        new[0].clone()
    }
}

fn victims(cause: &Value) -> Vec<String> {
    let victims = cause["victims"].as_array().unwrap().iter();
    let mut told: Vec<String> = victims
        .map(|v| format!("{} {}", v["object"]["name"].as_str().unwrap(), v["effect"].as_str().unwrap()))
        .collect();
    told.sort();
    told
}

fn flip(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, bytes).unwrap();
}

fn plant_directory(root: &Root, id: &str) {
    let dir = root.at("docker/overlay2").join(id.repeat(64));
    fs::create_dir_all(dir.join("diff")).unwrap();
    fs::write(dir.join("diff/file"), "of nobody").unwrap();
}

#[test]
fn directory_that_no_layer_accounts_for_is_an_orphan() {
    let root = Root::new("shared-base");
    plant_directory(&root, "a");
    root.one_finding("orphan-driver-directory");
}

#[test]
fn snapshot_directory_that_no_database_has_is_an_orphan() {
    let root = Root::new("containerd");
    let dir = root.at("containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/9999/fs");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("file"), "of nobody").unwrap();
    root.one_finding("orphan-driver-directory");
}

#[test]
fn directories_that_no_layer_accounts_for_are_orphans_beside_those_of_containers() {
    let root = Root::new("forced-rmi");
    plant_directory(&root, "a");
    plant_directory(&root, "b");
    assert_eq!(root.check()["causes"], serde_json::json!([]));
    let new = root.new_findings("orphan-driver-directory");
    let objects: usize = new.iter().map(|finding| finding["objects"].as_array().unwrap().len()).sum();
    assert_eq!(objects, 2, "{new:#?}");
}

#[test]
fn layer_that_nothing_refers_to_is_unreferenced() {
    let root = Root::new("shared-base");
    root.forget_image("batch:1");
    root.one_finding("unreferenced-layer");
}

#[test]
fn layer_of_a_store_that_is_not_in_use_is_stranded_with_it() {
    let root = Root::new("stranded");
    let check = root.check();
    assert_eq!(check["causes"], serde_json::json!([]));
    let names: Value = serde_json::from_slice(&fs::read(root.repositories()).unwrap()).unwrap();
    let (_, tags) = names["Repositories"].as_object().unwrap().iter().next_back().unwrap();
    root.forget_image(tags.as_object().unwrap().keys().next().unwrap());
    assert_eq!(root.check()["causes"], serde_json::json!([]));
    assert_eq!(root.new_findings("unreferenced-layer"), Vec::<Value>::new());
    let report = run::report(root.dir.path());
    let stranded = report["findings"].as_array().unwrap().iter().filter(|f| f["class"] == "stranded-store").count();
    assert_eq!(stranded, 1);
}

#[test]
fn layer_on_an_unreferenced_one_goes_with_it() {
    let root = Root::new("shared-base");
    let layer = root.layer(&root.image("batch:1"));
    let (below, diff) = (layer.file_name().unwrap().to_str().unwrap(), fs::read_to_string(layer.join("diff")).unwrap());
    let parent = ChainId(Digest::parse(&format!("sha256:{below}")).unwrap());
    let chain = parent.child(&DiffId(Digest::parse(&diff).unwrap())).0;
    let new = layer.parent().unwrap().join(chain.as_str().strip_prefix("sha256:").unwrap());
    let (old_dir, new_dir) = (root.directory(&layer), root.at("docker/overlay2").join("c".repeat(64)));
    for (from, to) in [(&layer, &new), (&old_dir, &new_dir)] {
        assert!(std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
    }
    fs::write(new.join("parent"), parent.0.as_str()).unwrap();
    fs::write(new.join("cache-id"), "c".repeat(64)).unwrap();
    fs::write(new_dir.join("link"), "C".repeat(26)).unwrap();
    std::os::unix::fs::symlink(
        format!("../{}/diff", "c".repeat(64)),
        root.at("docker/overlay2/l").join("C".repeat(26)),
    )
    .unwrap();
    let (below_it, link) =
        (fs::read_to_string(old_dir.join("lower")).unwrap(), fs::read_to_string(old_dir.join("link")).unwrap());
    fs::write(new_dir.join("lower"), format!("l/{link}:{below_it}")).unwrap();
    root.forget_image("batch:1");
    assert_eq!(root.check()["causes"], serde_json::json!([]));
    let found = root.new_findings("unreferenced-layer");
    let objects: usize = found.iter().map(|finding| finding["objects"].as_array().unwrap().len()).sum();
    assert!(objects >= 2, "{found:#?}");
}

#[test]
fn layer_with_other_bytes_differs_and_its_images_suffer() {
    let root = Root::new("shared-base");
    let file = Root::some_file(&root.directory(&root.layer(&root.image("batch:1"))).join("diff"));
    flip(&file);
    let cause = root.one_cause("content-mismatch");
    assert_eq!(cause["code"], "content");
    assert!(cause["path"].as_str().unwrap().ends_with("/diff/batch"));
    assert_eq!(victims(&cause), ["batch:1 runs with files that differ, and cannot be saved as it was"]);
}

#[test]
fn blob_with_other_bytes_differs() {
    let root = Root::new("containerd");
    flip(&root.layer_blob());
    let cause = root.one_cause("content-mismatch");
    assert_eq!(cause["objects"][0]["kind"], "blob");
    assert!(victims(&cause).iter().all(|victim| victim.ends_with("cannot be saved")), "{cause:#}");
    assert!(!victims(&cause).is_empty());
}

#[test]
fn layer_with_a_file_more_and_one_changed_is_one_cause() {
    let root = Root::new("shared-base");
    let diff = root.directory(&root.layer(&root.image("batch:1"))).join("diff");
    fs::write(Root::some_file(&diff), "changed").unwrap();
    fs::write(diff.join("datafile3"), "added").unwrap();
    root.one_cause("content-mismatch");
    let check = root.check();
    let rows = check["checked"].as_array().unwrap().iter().filter(|row| row["outcome"] == "differs");
    let said: Vec<String> =
        rows.flat_map(|row| row["differences"].as_array().unwrap()).map(|d| d.to_string()).collect();
    assert!(said.iter().any(|d| d.contains("datafile3") && d.contains("added")), "{said:?}");
}

#[test]
fn image_whose_layer_is_missing_cannot_be_run() {
    let root = Root::new("shared-base");
    let layer = root.layer(&root.image("batch:1"));
    fs::remove_dir_all(root.directory(&layer)).unwrap();
    fs::remove_dir_all(layer).unwrap();
    let cause = root.one_cause("damaged-metadata");
    assert_eq!(victims(&cause), ["batch:1 cannot be run or saved"]);
}

#[test]
fn image_whose_snapshot_is_missing_cannot_be_run() {
    let root = Root::new("containerd");
    let snapshots = root.at("containerd/io.containerd.snapshotter.v1.overlayfs/snapshots");
    fs::remove_dir_all(snapshots.join("1")).unwrap();
    let cause = root.one_cause("damaged-metadata");
    assert!(victims(&cause).iter().any(|victim| victim.ends_with("cannot be run or saved")), "{cause:#}");
}

#[test]
fn container_whose_image_is_missing_pins_its_layers() {
    let root = Root::new("shared-base");
    root.forget_image("web:1");
    let found = root.one_finding("layers-pinned-by-stopped-container");
    assert!(found.to_string().contains("web-local"), "{found:#}");
}

#[test]
fn container_whose_image_and_layer_are_missing_does_not_start() {
    let root = Root::new("shared-base");
    let layer = root.layer(&root.image("web:1"));
    fs::remove_dir_all(root.directory(&layer)).unwrap();
    fs::remove_dir_all(layer).unwrap();
    root.forget_image("web:1");
    let cause = root.one_cause("damaged-metadata");
    assert_eq!(victims(&cause), ["web-local will not start"]);
}

#[test]
fn layer_without_its_record_cannot_be_saved() {
    let root = Root::new("shared-base");
    fs::remove_file(root.layer(&root.image("batch:1")).join("tar-split.json.gz")).unwrap();
    let cause = root.one_cause("damaged-metadata");
    assert_eq!(victims(&cause), ["batch:1 cannot be saved"]);
}

#[test]
fn layer_without_its_blob_cannot_be_saved() {
    let root = Root::new("containerd");
    fs::remove_file(root.layer_blob()).unwrap();
    let cause = root.one_cause("damaged-metadata");
    let victims = victims(&cause);
    assert!(!victims.is_empty() && victims.iter().all(|victim| victim.ends_with("cannot be saved")), "{cause:#}");
}

#[test]
fn image_without_its_config_is_damaged() {
    let root = Root::new("shared-base");
    fs::remove_file(root.config(&root.image("batch:1"))).unwrap();
    root.one_cause("damaged-metadata");
}

#[test]
fn image_of_containerd_without_its_config_is_damaged() {
    let root = Root::new("containerd");
    fs::remove_file(root.config_blob()).unwrap();
    root.one_cause("damaged-metadata");
}

#[test]
fn image_with_a_modified_config_is_damaged() {
    let root = Root::new("shared-base");
    flip(&root.config(&root.image("batch:1")));
    root.one_cause("damaged-metadata");
}

#[test]
fn image_of_containerd_with_a_modified_config_is_damaged() {
    let root = Root::new("containerd");
    flip(&root.config_blob());
    root.one_cause("damaged-metadata");
}

#[test]
fn container_without_its_config_is_half_removed() {
    let root = Root::new("shared-base");
    fs::remove_file(root.container("api-1").join("config.v2.json")).unwrap();
    let found = root.new_findings("half-removed-container");
    assert_eq!(found.len(), 1, "{found:#?}");
}

#[test]
fn container_with_a_modified_config_does_not_start() {
    let root = Root::new("shared-base");
    let config = root.container("api-1").join("config.v2.json");
    let bytes = fs::read(&config).unwrap();
    fs::write(&config, &bytes[..bytes.len() / 2]).unwrap();
    root.one_cause("damaged-metadata");
}

#[test]
fn what_was_not_read_in_time_is_partial_and_a_part_is_not() {
    let dir = common::fixture("shared-base");
    let check = |args: &[&str]| run::deadweight(&dir, &[&["check", "--content", "--format", "json"], args].concat());
    let late = check(&["--max-time", "0s"]);
    assert_eq!(format!("{:?}", late.exit), "Partial");
    assert_eq!(late.json()["state"], "unknown");
    let whole = check(&[]).json()["checked"].as_array().unwrap().len();
    let parts =
        ["1/3", "2/3", "3/3"].map(|part| check(&["--subset", part]).json()["checked"].as_array().unwrap().len());
    assert_eq!(parts.iter().sum::<usize>(), whole);
    let one = check(&["batch:1"]).json();
    assert_eq!(one["object"]["name"], "batch:1");
    assert!(one["checked"].as_array().unwrap().len() < whole);
    let below = dir.join("docker/manifest");
    assert_eq!(format!("{:?}", check(&["--manifest", below.to_str().unwrap()]).exit), "Usage");
    let beside = tempfile::tempdir().unwrap();
    let manifest = beside.path().join("manifest.json");
    check(&["--manifest", manifest.to_str().unwrap()]);
    let manifest: Value = serde_json::from_slice(&fs::read(manifest).unwrap()).unwrap();
    let files = manifest["files"].as_array().unwrap();
    assert!(
        files.iter().any(|file| file["path"].as_str().unwrap().contains("/diff/")),
        "files of layers are evidence too"
    );
}
