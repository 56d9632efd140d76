//! Records, sound and hostile.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

fn packed(lines: &str) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(lines.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

type Owned = (Vec<u8>, Option<(u64, Option<u64>)>);

fn read_with(packed: &[u8], limits: Limits) -> Result<Vec<Owned>, TarSplitError> {
    let mut record = TarSplit::new(packed, limits);
    let mut found = Vec::new();
    while let Some(piece) = record.next()? {
        found.push(match piece {
            Piece::Bytes(bytes) => (bytes.to_vec(), None),
            Piece::File { name, size, sum } => (name.to_vec(), Some((size, sum))),
        });
    }
    Ok(found)
}

fn read(lines: &str) -> Result<Vec<Owned>, TarSplitError> {
    read_with(&packed(lines), Limits::default())
}

fn cause(line: &str) -> LineError {
    match read(line) {
        Err(TarSplitError::Line { line: 1, cause }) => cause,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn a_record_is_bytes_and_names() {
    let record = concat!(
        r#"{"type":2,"payload":"aGk=","position":0}"#,
        "\n",
        r#"{"type":1,"name":"etc/","payload":null,"position":1}"#,
        "\n",
        r#"{"type":1,"name":"etc/x","size":9,"payload":"AAAAAAAAAQI=","position":2}"#,
        "\n"
    );
    let sum = Some(0x0102);
    let wanted = [(b"hi".to_vec(), None), (b"etc/".to_vec(), Some((0, None))), (b"etc/x".to_vec(), Some((9, sum)))];
    assert_eq!(read(record).unwrap(), wanted);
}

#[test]
fn what_the_scanner_does_not_know_is_parsed_as_json() {
    let record = concat!(
        r#" { "position" : 3, "payload" : "aGk=", "type" : 2 }"#,
        "\n",
        r#"{"type":1,"name":"a\u0026b\"","payload":null,"position":1}"#,
        "\n",
        r#"{"type":1,"name_raw":"aHMvYmFkLf/+","size":7,"payload":"TyAYedNkFvA=","position":2}"#
    );
    let sum = Some(0x4f20_1879_d364_16f0);
    let wanted =
        [(b"hi".to_vec(), None), (b"a&b\"".to_vec(), Some((0, None))), (b"hs/bad-\xff\xfe".to_vec(), Some((7, sum)))];
    assert_eq!(read(record).unwrap(), wanted);
}

#[test]
fn names_that_lead_outside_are_refused() {
    for name in ["../etc/passwd", "a/../../b", "..", "a/..", ""] {
        let line = format!(r#"{{"type":1,"name":"{name}","payload":null,"position":0}}"#);
        assert_eq!(cause(&line), LineError::Name(name.to_owned()));
    }
    let raw = r#"{"type":1,"name_raw":"Li4vYQ==","payload":null,"position":0}"#;
    assert_eq!(cause(raw), LineError::Name("../a".to_owned()));
    let nul = r#"{"type":1,"name":"a\u0000b","payload":null,"position":0}"#;
    assert_eq!(cause(nul), LineError::Name("a\0b".to_owned()));
}

#[test]
fn absurd_sizes_sums_and_types_are_refused() {
    let file = |rest: &str| format!(r#"{{"type":1,"name":"a",{rest},"position":0}}"#);
    assert_eq!(cause(&file(r#""size":9223372036854775807,"payload":null"#)), LineError::Size(i64::MAX as u64));
    assert!(matches!(cause(&file(r#""size":-1,"payload":null"#)), LineError::Json(_)));
    assert!(matches!(cause(&file(r#""size":99999999999999999999,"payload":null"#)), LineError::Json(_)));
    assert_eq!(cause(&file(r#""size":1,"payload":"AAAA""#)), LineError::Sum);
    assert_eq!(cause(&file(r#""size":1,"payload":"%%%%""#)), LineError::Base64);
    assert_eq!(cause(r#"{"type":2,"payload":"a","position":0}"#), LineError::Base64);
    assert_eq!(cause(r#"{"type":3,"position":0}"#), LineError::Type(3));
    assert!(matches!(cause("[]"), LineError::Json(_)));
}

#[test]
fn a_bomb_is_not_unpacked() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    let zeros = vec![b'A'; 1 << 20];
    gzip.write_all(br#"{"type":2,"payload":""#).unwrap();
    for _ in 0..300 {
        gzip.write_all(&zeros).unwrap();
    }
    let bomb = gzip.finish().unwrap();
    let lines = Limits { line: usize::MAX, ..Limits::default() };
    assert_eq!(read_with(&bomb, Limits::default()), Err(TarSplitError::LongLine(4 << 20)));
    assert_eq!(read_with(&bomb, lines), Err(TarSplitError::Bomb));
    assert_eq!(read_with(&bomb, Limits { unpacked: 1 << 20, ..lines }), Err(TarSplitError::TooMuch(1 << 20)));
}

#[test]
fn a_record_of_too_many_lines_is_left() {
    let line = "{\"type\":2,\"payload\":\"\",\"position\":0}\n";
    let limits = Limits { lines: 10, ..Limits::default() };
    assert_eq!(read_with(&packed(&line.repeat(11)), limits), Err(TarSplitError::TooManyLines(10)));
    assert_eq!(read_with(&packed(&line.repeat(10)), limits).unwrap().len(), 10);
}

#[test]
fn a_record_that_is_cut_off_or_changed_is_told() {
    let whole = packed("{\"type\":2,\"payload\":\"aGk=\",\"position\":0}\n");
    for cut in 0..whole.len() {
        let read = read_with(&whole[..cut], Limits::default());
        assert!(cut == 0 || matches!(read, Err(TarSplitError::Gzip(_))), "{cut}: {read:?}");
    }
    let sound = read_with(&whole, Limits::default()).unwrap();
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        // time and system in the head, and the bits after the last code, say nothing about the text
        let read = read_with(&bytes, Limits::default());
        assert!(read.is_err() || read.as_ref() == Ok(&sound), "bit {bit}: {read:?}");
    }
}
