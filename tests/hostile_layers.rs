//! Records and blobs that somebody made to harm whoever checks a layer with them: refused, with a named problem, soon, and
//! with nothing opened outside of the layer.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "common/run.rs"]
mod run;

use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

/// A root with one layer to be harmed.
struct Root {
    dir: tempfile::TempDir,
    /// What the layer is checked with.
    source: PathBuf,
    /// Where its files are.
    content: PathBuf,
}

impl Root {
    /// The base of an image, with the record of tar-split.
    fn with_a_record() -> Self {
        let dir = common::fresh("shared-base");
        let layers = dir.path().join("docker/image/overlay2/layerdb/sha256");
        let mut bases: Vec<PathBuf> = std::fs::read_dir(layers).unwrap().map(|entry| entry.unwrap().path()).collect();
        bases.retain(|entry| !entry.join("parent").exists());
        bases.sort();
        let cache_id = std::fs::read_to_string(bases[0].join("cache-id")).unwrap();
        let content = dir.path().join("docker/overlay2").join(cache_id).join("diff");
        Self { dir, source: bases[0].join("tar-split.json.gz"), content }
    }

    /// The first snapshot, with its blob.
    fn with_a_blob() -> Self {
        let dir = common::fresh("containerd");
        let content = dir.path().join("containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/1/fs");
        let blobs = dir.path().join("containerd/io.containerd.content.v1.content/blobs/sha256");
        let mut packed: Vec<PathBuf> = std::fs::read_dir(blobs).unwrap().map(|entry| entry.unwrap().path()).collect();
        packed.sort();
        let unpacked = |path: &PathBuf| {
            let mut bytes = Vec::new();
            GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut bytes).map(|_| bytes)
        };
        let has_the_files = |bytes: &[u8]| {
            let mut archive = tar::Archive::new(bytes);
            let entries = archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().into_owned());
            let paths: Vec<PathBuf> = entries.collect();
            !paths.is_empty() && paths.iter().all(|path| content.join(path).symlink_metadata().is_ok())
        };
        let source = packed.into_iter().find(|path| unpacked(path).is_ok_and(|bytes| has_the_files(&bytes))).unwrap();
        Self { dir, source, content }
    }

    fn write(&self, lines: &[Value]) {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        for line in lines {
            writeln!(gzip, "{line}").unwrap();
        }
        std::fs::write(&self.source, gzip.finish().unwrap()).unwrap();
    }

    fn lines(&self) -> Vec<Value> {
        let mut text = String::new();
        GzDecoder::new(std::fs::File::open(&self.source).unwrap()).read_to_string(&mut text).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn inside(&self, path: &Path) -> String {
        path.strip_prefix(self.dir.path()).unwrap().to_str().unwrap().to_owned()
    }

    /// What is said of the layer; and the causes of damage.
    fn check(&self, about: &str) -> (Value, Value) {
        let start = Instant::now();
        let check = run::deadweight(self.dir.path(), &["check", "--content", "--format", "json"]).json();
        assert!(start.elapsed() < Duration::from_secs(60), "{about}: {:?}", start.elapsed());
        let at = self.inside(&self.content);
        let mut rows = check["checked"].as_array().unwrap().iter().filter(|row| row["path"] == at.as_str());
        let row = rows.next().unwrap_or_else(|| panic!("{about}: {at} is not listed")).clone();
        assert_ne!(row["outcome"], "intact", "{about}: {row:#}");
        assert!(!row.to_string().contains("unexpectedly"), "{about}: {row:#}");
        (row, check["causes"].clone())
    }

    /// The record is refused, in these words; that is one cause of damage, with the file.
    fn is_refused(&self, about: &str, words: &str) {
        let (row, causes) = self.check(about);
        let source = self.inside(&self.source);
        let differences = row["differences"].as_array().unwrap();
        let said = differences.iter().find(|difference| difference["what"] == "record" && difference["path"] == source);
        let said = said.unwrap_or_else(|| panic!("{about}: {row:#}"));
        assert!(said["detail"].as_str().unwrap().contains(words), "{about}: {said}");
        // what a glance shows already, such as another size, is told as that
        let causes = causes.as_array().unwrap();
        assert!(causes.iter().any(|cause| cause["path"] == source), "{about}: {causes:#?}");
    }

    fn differs(&self, about: &str, what: &str) {
        let (row, _) = self.check(about);
        let at = self.inside(&self.content);
        let differences = row["differences"].as_array().unwrap();
        let is_it = |d: &&Value| d["what"] == what && d["path"].as_str().unwrap().starts_with(&at);
        assert!(differences.iter().any(|d| is_it(&d)), "{about}: {row:#}");
    }
}

/// An entry's header as a stream has it.
fn header(name: &[u8], kind: tar::EntryType, size: u64, link: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    let old = header.as_old_mut();
    for (field, text) in [(&mut old.name, name), (&mut old.linkname, link)] {
        let len = text.len().min(field.len());
        field[..len].copy_from_slice(&text[..len]);
    }
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    header.as_bytes().to_vec()
}

fn bytes(bytes: &[u8]) -> Value {
    json!({"type": 2, "payload": base64_simd::STANDARD.encode_to_string(bytes), "position": 0})
}

fn file(name: &str, size: u64) -> Value {
    json!({"type": 1, "name": name, "size": size, "payload": "AAAAAAAAAAA=", "position": 1})
}

/// A record of one regular file.
fn one_file(name: &str, size: u64) -> Vec<Value> {
    vec![bytes(&header(name.as_bytes(), tar::EntryType::Regular, size, b"")), file(name, size)]
}

/// An extended header with one attribute.
fn attribute(name: &str, value: &str) -> Vec<u8> {
    let text = format!(" SCHILY.xattr.{name}={value}\n");
    let len = (1..).find(|len| len.to_string().len() + text.len() == *len).unwrap();
    let mut record = format!("{len}{text}").into_bytes();
    let size = record.len();
    record.resize(512, 0);
    [header(b"pax", tar::EntryType::XHeader, size as u64, b""), record].concat()
}

/// A file that nobody may open: its access time tells.
struct Canary {
    dir: tempfile::TempDir,
}

impl Canary {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("canary"), "canary").unwrap();
        let old = std::fs::FileTimes::new().set_accessed(std::time::SystemTime::UNIX_EPOCH);
        std::fs::File::open(dir.path().join("canary")).unwrap().set_times(old).unwrap();
        Self { dir }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("canary")
    }

    fn is_unread(&self, about: &str) {
        assert_eq!(std::fs::metadata(self.path()).unwrap().atime(), 0, "{about}: a file outside was read");
    }
}

/// So many bytes of one kind, packed.
fn gzip_of(byte: u8, mebibytes: usize, before: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(before).unwrap();
    let part = vec![byte; 1 << 20];
    for _ in 0..mebibytes {
        gzip.write_all(&part).unwrap();
    }
    gzip.finish().unwrap()
}

#[test]
fn bomb_in_place_of_a_record_is_refused() {
    let root = Root::with_a_record();
    let long = gzip_of(b'A', 300, br#"{"type":2,"payload":""#);
    std::fs::write(&root.source, long).unwrap();
    root.is_refused("one line without end", "a line of more than");
    let many = gzip_of(b'\n', 300, b"");
    std::fs::write(&root.source, many).unwrap();
    root.is_refused("lines of nothing", "its stream has the digest");
    let line = format!("{}\n", bytes(&[0; 3 << 18]));
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    (0..200).for_each(|_| gzip.write_all(line.as_bytes()).unwrap());
    std::fs::write(&root.source, gzip.finish().unwrap()).unwrap();
    root.is_refused("padding without end", "unpacks to more than 200 times its size");
}

#[test]
fn record_with_absurd_sizes_is_refused() {
    let root = Root::with_a_record();
    for (size, words) in [
        (json!(i64::MAX), "a content of 9223372036854775807 bytes"),
        (json!(-1), "line "),
        (json!(u64::MAX), "a content of 18446744073709551615 bytes"),
        (json!(1e300), "line "),
        (json!(7), "whose header says"),
    ] {
        let mut lines = one_file("bin/x", 5);
        lines[1]["size"] = size.clone();
        root.write(&lines);
        root.is_refused(&format!("{size} bytes"), words);
    }
    // the header says so too, and the file is short
    let lines = root_file(&root);
    root.write(&one_file(&lines, 1 << 32));
    root.differs("a payload longer than the file", "content");
}

/// The name of some regular file of the layer.
fn root_file(root: &Root) -> String {
    let files = walkdir::WalkDir::new(&root.content).sort_by_file_name().into_iter().map(Result::unwrap);
    let mut files = files.filter(|entry| entry.file_type().is_file());
    files.next().unwrap().path().strip_prefix(&root.content).unwrap().to_str().unwrap().to_owned()
}

#[test]
fn record_whose_names_lead_outside_is_refused_or_stays_inside() {
    let canary = Canary::new();
    let outside = canary.path().to_str().unwrap().to_owned();
    let up = format!("{}{}", "../".repeat(30), outside.trim_start_matches('/'));
    let root = Root::with_a_record();
    for name in [up.as_str(), "..", "a/../../b", "a/..", ""] {
        root.write(&one_file(name, 6));
        root.is_refused(name, "leads outside of the layer, or is none");
        canary.is_unread(name);
    }
    // an absolute name is one from the layer's top, as the engine takes it
    root.write(&one_file(&outside, 6));
    root.differs(&outside, "missing");
    canary.is_unread(&outside);
    // links of the layer that lead outside, on the way and in place of the file
    symlink(canary.dir.path(), root.content.join("way")).unwrap();
    symlink(format!("{}{}", "../".repeat(30), &canary.dir.path().to_str().unwrap()[1..]), root.content.join("up"))
        .unwrap();
    symlink(canary.path(), root.content.join("there")).unwrap();
    for (name, what) in [("way/canary", "missing"), ("up/canary", "missing"), ("there", "kind")] {
        root.write(&one_file(name, 6));
        root.differs(name, what);
        canary.is_unread(name);
    }
}

#[test]
fn hard_link_of_a_record_that_leads_outside_is_not_looked_at() {
    let canary = Canary::new();
    let up = format!("{}{}", "../".repeat(20), canary.path().to_str().unwrap().trim_start_matches('/'));
    let root = Root::with_a_record();
    let name = root_file(&root);
    let link = header(name.as_bytes(), tar::EntryType::Link, 0, up.as_bytes());
    root.write(&[bytes(&link), json!({"type": 1, "name": name, "payload": null, "position": 1})]);
    let (row, _) = root.check("a hard link that leads outside");
    assert!(row["not_checked_because"].to_string().contains("leads outside of the layer"), "{row:#}");
    canary.is_unread("a hard link");
}

#[test]
fn record_that_is_none_is_refused() {
    let root = Root::with_a_record();
    let sound = root.lines();
    let mut twice = sound.clone();
    let at = twice.iter().position(|line| line["type"] == 1 && line["size"].as_u64() > Some(0)).unwrap();
    twice.insert(at, twice[at].clone());
    root.write(&twice);
    root.is_refused("the same file twice", "whose header says 0 bytes of content");
    root.write(&sound[..sound.len() / 2]);
    let (row, _) = root.check("half of a record");
    assert_eq!(row["outcome"], "differs", "{row:#}");
    root.write(&[json!([])]);
    root.is_refused("no entry", "line 1:");
    root.write(&[json!({"type": 7, "position": 0})]);
    root.is_refused("an entry of a kind that there is not", "type 7");
    root.write(&[json!({"type": 2, "payload": "%", "position": 0})]);
    root.is_refused("no base64", "not base64");
    std::fs::write(&root.source, b"{}").unwrap();
    root.is_refused("not packed", "cannot be unpacked");
    root.write(&sound);
    let check = run::deadweight(root.dir.path(), &["check", "--content", "--format", "json"]).json();
    assert_eq!(check["causes"], json!([]), "the record itself is sound");
}

/// Frame after frame of zeros, each a few kilobytes for 64 MiB, behind some first bytes: in all more than 20 GiB.
fn zeros_without_end(start: &[u8], pack: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    [pack(start), pack(&vec![0; 64 << 20]).repeat(350)].concat()
}

#[test]
fn bomb_in_place_of_a_blob_is_refused() {
    let gzip = |bytes: &[u8]| {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    };
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 3).unwrap();
    let root = Root::with_a_blob();
    let name = root_file(&root);
    let long = header(name.as_bytes(), tar::EntryType::Regular, 0o77_777_777_777, b"");
    let again = header(name.as_bytes(), tar::EntryType::Regular, 0, b"").repeat(3);
    let bombs = [
        ("gzip, after the end", zeros_without_end(b"", gzip)),
        ("zstd, one long file", zeros_without_end(&long, zstd)),
        ("zstd, after some files", zeros_without_end(&again, zstd)),
    ];
    for (about, bomb) in bombs {
        std::fs::write(&root.source, bomb).unwrap();
        root.is_refused(about, "unpacks to more than 50 times its size");
    }
}

#[test]
fn time_that_is_given_holds_for_a_bomb() {
    let root = Root::with_a_blob();
    std::fs::write(&root.source, zeros_without_end(b"", |bytes| zstd::encode_all(bytes, 3).unwrap())).unwrap();
    let said = run::deadweight(root.dir.path(), &["check", "--content", "--max-time", "0s", "--format", "json"]);
    assert_eq!(format!("{:?}", said.exit), "Partial");
}

#[test]
fn blob_whose_names_lead_outside_opens_nothing_there() {
    let canary = Canary::new();
    let outside = canary.path().to_str().unwrap().to_owned();
    let up = format!("{}{}", "../".repeat(20), outside.trim_start_matches('/'));
    let root = Root::with_a_blob();
    symlink(canary.dir.path(), root.content.join("way")).unwrap();
    symlink(canary.path(), root.content.join("there")).unwrap();
    let mut stream = Vec::new();
    for name in [up.as_str(), &outside, "way/canary", "there", "way/../way/canary"] {
        stream.extend(header(name.as_bytes(), tar::EntryType::Regular, 6, b""));
        stream.extend([b"canary".as_slice(), &[0; 506]].concat());
        stream.extend(header(b"linked", tar::EntryType::Link, 0, name.as_bytes()));
    }
    stream.extend([0; 1024]);
    std::fs::write(&root.source, stream).unwrap();
    let (row, _) = root.check("names that lead outside");
    assert_eq!(row["outcome"], "not-checked", "such a blob is not the one that was recorded");
    canary.is_unread("a blob");
}

/// Some engines set the attributes of a symbolic link on what it leads to.
#[test]
fn attributes_of_a_link_may_be_those_of_its_target_and_of_nothing_else() {
    let root = Root::with_a_record();
    let dir = |name: &str| [bytes(&header(name.as_bytes(), tar::EntryType::Directory, 0, b"")), file(name, 0)];
    let link = |name: &str, to: &[u8], before: Vec<u8>| {
        let header = header(name.as_bytes(), tar::EntryType::Symlink, 0, to);
        [bytes(&[before, header].concat()), file(name, 0)]
    };
    let padded = [vec![0; 511], attribute("user.note", "1")].concat();
    let lines = [
        dir("odd").to_vec(),
        dir("odd/dir").to_vec(),
        one_file("odd/target", 1),
        link("odd/link", b"target", padded).to_vec(),
        link("odd/far", b"/gone/../odd/link", attribute("user.far", "2")).to_vec(),
        link("odd/to-dir", b"./dir", attribute("user.dir", "3")).to_vec(),
    ];
    root.write(&lines.concat());
    std::fs::create_dir_all(root.content.join("odd/dir")).unwrap();
    let target = root.content.join("odd/target");
    std::fs::write(&target, b"t").unwrap();
    for (link, to) in [("link", "target"), ("far", "/gone/../odd/link"), ("to-dir", "./dir")] {
        symlink(to, root.content.join("odd").join(link)).unwrap();
    }
    let told = || {
        let (row, _) = root.check("moved attributes");
        let differences = row["differences"].as_array().unwrap().clone().into_iter();
        let told = differences.filter(|it| it["what"] == "xattr").map(|it| {
            let path = it["path"].as_str().unwrap();
            format!("{}: {}", path.rsplit('/').next().unwrap(), it["detail"].as_str().unwrap())
        });
        told.collect::<Vec<_>>()
    };
    assert_eq!(told(), ["far: user.far is missing", "link: user.note is missing", "to-dir: user.dir is missing"]);
    xattr::set(&target, "user.note", b"1").unwrap();
    xattr::set(&target, "user.far", b"2").unwrap();
    xattr::set(root.content.join("odd/dir"), "user.dir", b"3").unwrap();
    assert_eq!(told(), Vec::<String>::new());
    xattr::set(&target, "user.note", b"other").unwrap();
    xattr::set(&target, "user.more", b"1").unwrap();
    let said = [
        "link: user.note is missing",
        "target: user.more is there, and was not",
        "target: user.note is there, and was not",
    ];
    assert_eq!(told(), said);
}

/// A file that claims to be very long costs its owner nothing, and whoever reads it hours.
#[test]
fn sparse_file_of_a_tebibyte_is_not_read_to_its_end() {
    const LONG: u64 = 1 << 40;
    let stretch = |path: &Path| std::fs::File::options().write(true).open(path).unwrap().set_len(LONG);
    let root = Root::with_a_record();
    let file = root.content.join(root_file(&root));
    if let Err(cause) = stretch(&file) {
        return eprintln!("skipped: no such file can be here: {cause}");
    }
    root.differs("a layer's file", "content");
    let root = Root::with_a_record();
    stretch(&root.source).unwrap();
    root.check("a record");
    let root = Root::with_a_blob();
    stretch(&root.source).unwrap();
    let (row, causes) = root.check("a blob");
    assert!(row["not_checked_because"].to_string().contains("1099511627776 bytes instead of"), "{row:#}");
    let source = root.inside(&root.source);
    assert!(causes.as_array().unwrap().iter().any(|cause| cause["path"] == source), "{causes:#}");
    for small in ["diff", "size", "cache-id"] {
        let root = Root::with_a_record();
        stretch(&root.source.with_file_name(small)).unwrap();
        let start = Instant::now();
        let check = run::deadweight(root.dir.path(), &["check", "--content", "--format", "json"]).json();
        assert!(start.elapsed() < Duration::from_secs(60), "{small}");
        let entry = root.inside(&root.source.with_file_name(small));
        assert!(check["causes"].to_string().contains(&entry), "{small}: {:#}", check["causes"]);
    }
}
