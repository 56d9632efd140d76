//! The bolt reader on databases that real engines wrote: a few that lie in `tests/data/bolt`, and every one of the corpus
//! of recorded data roots where that is at hand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use deadweight::format::bolt::{Bolt, Bucket, Entry};
use sha2::{Digest, Sha256};

/// The corpus, or a line that says why a test says nothing.
fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os("DEADWEIGHT_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from);
    let found = folder.is_dir();
    if !found {
        eprintln!("skipped: no recorded data roots in {} (DEADWEIGHT_CORPUS)", folder.display());
    }
    found.then_some(folder)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the reference texts count and hash: top buckets, then their contents, depth first.
#[derive(Default)]
struct Dump {
    text: String,
    buckets: usize,
    keys: usize,
}

impl Dump {
    fn of(bucket: Bucket<'_>) -> Self {
        let mut dump = Self::default();
        for (name, top) in bucket.buckets() {
            dump.bucket(&format!("/{}", hex(name)), top);
        }
        dump
    }

    fn bucket(&mut self, path: &str, bucket: Bucket<'_>) {
        self.buckets += 1;
        writeln!(self.text, "B {path} seq={}", bucket.sequence()).expect("a string");
        for (key, entry) in bucket.iter() {
            let path = format!("{path}/{}", hex(key));
            match entry {
                Entry::Bucket(bucket) => self.bucket(&path, bucket),
                Entry::Value(value) => {
                    self.keys += 1;
                    writeln!(self.text, "V {path} {}", hex(value)).expect("a string");
                }
            }
        }
    }

    fn line(&self, name: &str) -> String {
        let hash = hex(&Sha256::digest(&self.text)[..8]);
        format!("{name} OK buckets={} keys={} {hash}", self.buckets, self.keys)
    }
}

fn dump(name: &str, bytes: Vec<u8>) -> Dump {
    let tree = Bolt::open(bytes).unwrap_or_else(|error| panic!("{name}: {error}")).read();
    let damage: Vec<String> = tree.damage().map(|damage| damage.to_string()).collect();
    assert!(damage.is_empty(), "{name}: {damage:#?}");
    Dump::of(tree.root())
}

/// The files of a tar archive whose names end with `suffix` and that hold anything.
fn files(archive: &Path, suffix: &str) -> Vec<(String, Vec<u8>)> {
    let file = File::open(archive).expect("archive");
    let mut tar = tar::Archive::new(zstd::Decoder::new(file).expect("zstd"));
    let mut files = Vec::new();
    for entry in tar.entries().expect("tar") {
        let mut entry = entry.expect("entry");
        let sparse = sparse(&mut entry);
        let stored = entry.path().expect("path").display().to_string();
        let path = sparse.as_ref().map_or(stored, |(name, _)| name.clone());
        if entry.header().entry_type().is_dir() || !path.ends_with(suffix) {
            continue;
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("content");
        if let Some((_, size)) = sparse {
            bytes = expand(&bytes, size);
        }
        if !bytes.is_empty() {
            files.push((path, bytes));
        }
    }
    files
}

/// Name and size of a file that GNU tar stored without its holes (format 1.0, which the tar crate hands out as it is).
fn sparse(entry: &mut tar::Entry<'_, impl Read>) -> Option<(String, usize)> {
    let (mut name, mut size) = (None, None);
    for extension in entry.pax_extensions().expect("pax").into_iter().flatten().flatten() {
        let value = extension.value().unwrap_or_default();
        match extension.key().unwrap_or_default() {
            "GNU.sparse.name" => name = Some(value.to_owned()),
            "GNU.sparse.realsize" => size = value.parse().ok(),
            _ => {}
        }
    }
    name.zip(size)
}

/// Puts the holes back: lines with the number of pieces and each piece's offset and size, filled up to 512 bytes, precede
/// the pieces.
fn expand(stored: &[u8], size: usize) -> Vec<u8> {
    let mut numbers = stored.split_inclusive(|byte| *byte == b'\n');
    let mut at = 0;
    let mut number = || {
        let line = numbers.next().expect("a line");
        at += line.len();
        let text = std::str::from_utf8(&line[..line.len() - 1]).expect("digits");
        text.parse::<usize>().expect("a number")
    };
    let pieces: Vec<(usize, usize)> = (0..number()).map(|_| (number(), number())).collect();
    let mut data = &stored[at.next_multiple_of(512)..];
    let mut file = vec![0; size];
    for (offset, len) in pieces {
        file[offset..offset + len].copy_from_slice(&data[..len]);
        data = &data[len..];
    }
    file
}

fn archives(below: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(below).expect("folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            archives(&path, found);
        } else if path.file_name().is_some_and(|name| {
            let name = name.to_string_lossy();
            name.starts_with("root") && name.ends_with(".tar.zst")
        }) {
            found.push(path);
        }
    }
}

fn wanted(reference: &Path) -> Vec<String> {
    let text = fs::read_to_string(reference).expect("reference");
    text.lines().filter(|line| line.contains(".db OK ")).map(str::to_owned).collect()
}

#[test]
fn databases_of_real_engines_read_as_the_go_library_reads_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/bolt");
    let wanted = wanted(&folder.join("EXPECTED.txt"));
    assert_eq!(wanted.len(), 4);
    for line in wanted {
        let (name, _) = line.split_once(' ').expect("a name");
        let file = File::open(folder.join(format!("{name}.zst"))).expect("database");
        assert_eq!(dump(name, zstd::decode_all(file).expect("zstd")).line(name), line);
    }
}

#[test]
fn reference_databases_read_as_the_go_library_reads_them() {
    let Some(folder) = corpus().map(|corpus| corpus.join("bolt")) else { return };
    let wanted = wanted(&folder.join("REFERENCE.txt"));
    let mut lines: Vec<String> = files(&folder.join("databases.tar.zst"), ".db")
        .into_iter()
        .map(|(path, bytes)| dump(&path, bytes).line(path.trim_start_matches("./")))
        .collect();
    lines.sort();
    assert!(!wanted.is_empty());
    assert_eq!(lines, wanted);
}

#[test]
fn every_database_of_the_recorded_roots_is_whole() {
    let Some(corpus) = corpus() else { return };
    let mut found = Vec::new();
    archives(&corpus, &mut found);
    let (mut databases, mut keys) = (0, 0);
    for archive in found {
        for (path, bytes) in files(&archive, ".db") {
            keys += dump(&format!("{}: {path}", archive.display()), bytes).keys;
            databases += 1;
        }
    }
    assert!(databases > 0 && keys > 0, "{databases} databases with {keys} keys");
    eprintln!("{databases} databases with {keys} keys");
}
