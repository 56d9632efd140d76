//! What a fuzzer calls: a plain function a format, which panics when a promise of the reader is broken. `cargo test` runs
//! each over its corpus and over damage of its own (`tests/fuzz.rs`).

use super::bolt::{Bolt, Bucket, Entry, Tree, best_txid, seal};
use super::oci::{self, Document, MediaKind};
use super::tar::{Event, Scanner};
use super::tarsplit::{Limits, Piece, TarSplit};
use super::{gotime, image, varint};

/// Reads the bytes as a database, as they are and with metas made valid, and touches all that is found.
pub fn fuzz_bolt(data: &[u8]) {
    walk(data.to_vec());
    let mut sealed = data.to_vec();
    seal(&mut sealed);
    walk(sealed);
}

fn walk(file: Vec<u8>) {
    let len = file.len();
    let txid = best_txid(&file);
    let Ok(bolt) = Bolt::open(file) else { return assert_eq!(txid, None) };
    assert_eq!(txid, Some(bolt.txid()));
    let tree = bolt.read();
    let mut seen = Seen::default();
    visit(tree.root(), 0, &mut seen);
    // An inline bucket's bytes are seen as its value's and as its own.
    assert!(seen.bytes <= len.saturating_mul(2), "{} bytes out of {len}", seen.bytes);
    assert_eq!(tree.root().is_whole_below(), seen.all_whole);
    check_damage(&tree, seen.all_whole);
}

struct Seen {
    bytes: usize,
    all_whole: bool,
}

impl Default for Seen {
    fn default() -> Self {
        Self { bytes: 0, all_whole: true }
    }
}

fn visit(bucket: Bucket<'_>, depth: usize, seen: &mut Seen) {
    assert!(depth <= 32, "buckets nest too deeply");
    seen.all_whole &= bucket.is_whole();
    let mut last: Option<&[u8]> = None;
    for (key, entry) in bucket.iter() {
        assert!(!key.is_empty() && last.is_none_or(|last| last < key), "keys rise");
        last = Some(key);
        seen.bytes += key.len();
        match entry {
            Entry::Value(value) => {
                seen.bytes += value.len();
                std::hint::black_box(value.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte)));
                assert_eq!(bucket.get(key).map(<[u8]>::as_ptr), Some(value.as_ptr()), "a key that is there is found");
            }
            Entry::Bucket(below) => {
                seen.bytes += 16;
                assert_eq!(bucket.bucket(key).map(Bucket::len), Some(below.len()), "a bucket that is there is found");
                visit(below, depth + 1, seen);
            }
        }
    }
    assert_eq!(bucket.len(), bucket.buckets().count() + bucket.entries().count());
}

fn check_damage(tree: &Tree, all_whole: bool) {
    assert!(!tree.is_whole() || all_whole, "what is lost is listed");
    assert!(tree.damage().count() <= 1000);
    for damage in tree.damage() {
        assert!(damage.to_string().chars().all(|c| !c.is_control()), "names are shown harmlessly");
    }
}

/// Reads an integer, and what is left.
pub fn fuzz_varint(data: &[u8]) {
    let Ok((value, rest)) = varint::take_uvarint(data) else { return };
    assert!((1..=10).contains(&(data.len() - rest.len())));
    let signed = varint::varint(data);
    assert_eq!(signed.map(|signed| (signed.cast_unsigned() << 1) ^ (signed >> 63).cast_unsigned()), Ok(value));
}

/// Reads a time from bytes, and from text.
pub fn fuzz_gotime(data: &[u8]) {
    if let Ok(Some(time)) = gotime::from_binary(data) {
        let text = time.at.to_string();
        assert_eq!(gotime::from_rfc3339(&text).map(|again| again.map(|again| again.at)), Ok(Some(time.at)), "{text}");
    }
    if let Ok(text) = std::str::from_utf8(data) {
        std::hint::black_box(gotime::from_rfc3339(text).is_ok());
    }
}

/// Reads the bytes as each of the files of the image store, the layer store and a graph driver's home.
pub fn fuzz_image(data: &[u8]) {
    use image::{config, distribution, gzip, overlay, repositories, text};
    if let Ok(config) = config::parse(data) {
        assert!(config.diff_ids.len() <= data.len() / 64, "a digest takes its room");
    }
    for reference in repositories::parse(data).unwrap_or_default() {
        assert_eq!(reference.is_digest(), reference.reference.contains('@'));
    }
    std::hint::black_box(distribution::parse_blobs(data).is_ok());
    if let Ok(names) = overlay::lower(data) {
        let again: Vec<String> = names.iter().map(|name| format!("l/{name}")).collect();
        assert_eq!(again.join(":").as_bytes(), data, "a list says what it said");
    }
    if let Ok(target) = overlay::link_target(data) {
        assert_eq!(format!("../{}/diff", target.as_str()).as_bytes(), data);
    }
    let names = [overlay::short_name(data).ok(), text::cache_id(data).ok().map(|id| id.as_str().to_owned())];
    assert!(names.iter().flatten().all(|name| !name.contains('/') && name != ".."), "a name is one component");
    if let Ok(size) = text::size(data) {
        assert!(i64::try_from(size).is_ok());
    }
    std::hint::black_box((text::digest(data).is_ok(), text::time(data).is_ok(), text::mark(data).is_ok()));
    std::hint::black_box((overlay::empty(data).is_ok(), gzip::looks_whole(data, data, data.len() as u64).is_ok()));
}

/// Reads the bytes as each of the documents of containerd's image store, and as the name of an image.
pub fn fuzz_oci(data: &[u8]) {
    for kind in [MediaKind::Index, MediaKind::Manifest, MediaKind::Config] {
        if let Some(Ok(document)) = Document::parse(kind, data) {
            let children = document.children().map(|child| MediaKind::of(&child.media_type));
            assert!(children.count() <= data.len() / 2, "a descriptor takes its room");
        }
    }
    if let Ok(name) = std::str::from_utf8(data) {
        let short = oci::familiar(name);
        assert!(name.ends_with(short) && short.starts_with(oci::repository(short)), "a part of the name");
    }
}

/// Reads the bytes as a packed record, and as the lines of one; its headers too. Nothing is unpacked without end.
pub fn fuzz_tarsplit(data: &[u8]) {
    split(data);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    if std::io::Write::write_all(&mut packed, data).is_ok()
        && let Ok(packed) = packed.finish()
    {
        split(&packed);
    }
}

fn split(packed: &[u8]) {
    let limits = Limits { line: 1 << 16, unpacked: 1 << 20, lines: 10_000, size: 1 << 30 };
    let mut record = TarSplit::new(packed, limits);
    let mut tar = Scanner::default();
    while let Ok(Some(piece)) = record.next() {
        match piece {
            Piece::Bytes(bytes) => {
                assert!(bytes.len() <= limits.line);
                let _ = scan(&mut tar, bytes);
            }
            Piece::File { name, size, .. } => {
                assert!(size <= limits.size && !name.is_empty());
                assert!(name.split(|byte| *byte == b'/').all(|part| part != b".."), "a name leads outside");
                let _ = tar.skip(size);
            }
        }
    }
}

/// Reads the bytes as a tar stream, whole and in parts: both give the same.
pub fn fuzz_tar(data: &[u8]) {
    let mut whole = Scanner::default();
    let seen = scan(&mut whole, data);
    let mut parts = Scanner::default();
    let mut again = 0_usize;
    let mut stopped = false;
    for part in data.chunks(7) {
        if !stopped {
            match scan(&mut parts, part) {
                Ok(headers) => again = again.saturating_add(headers),
                Err(headers) => {
                    again = again.saturating_add(headers);
                    stopped = true;
                }
            }
        }
    }
    assert_eq!(seen.unwrap_or_else(|headers| headers), again, "parts change nothing");
    assert_eq!(seen.is_err(), stopped);
}

/// How many headers there are, and whether one is refused.
fn scan(tar: &mut Scanner, mut bytes: &[u8]) -> Result<usize, usize> {
    let mut headers = 0_usize;
    loop {
        match tar.next(&mut bytes) {
            Ok(Event::More) => return Ok(headers),
            Ok(Event::Header) => headers = headers.saturating_add(1),
            Ok(Event::Content(bytes)) => assert!(!bytes.is_empty()),
            Err(_) => return Err(headers),
        }
    }
}
