//! Headers of all kinds, fed whole and byte by byte.

use super::*;

fn all(stream: &[u8], part: usize) -> Result<Vec<(Header, Vec<u8>)>, TarError> {
    let mut scanner = Scanner::default();
    let mut found: Vec<(Header, Vec<u8>)> = Vec::new();
    for mut bytes in stream.chunks(part) {
        loop {
            match scanner.next(&mut bytes)? {
                Event::More => break,
                Event::Header => found.push((scanner.header().clone(), Vec::new())),
                Event::Content(bytes) => found.last_mut().unwrap().1.extend_from_slice(bytes),
            }
        }
    }
    assert!(scanner.may_stop());
    Ok(found)
}

fn header(kind: ::tar::EntryType, size: u64) -> ::tar::Header {
    let mut header = ::tar::Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(0o4755);
    header.set_uid(7);
    header.set_gid(8);
    header.set_mtime(1_700_000_000);
    header.set_size(size);
    header
}

fn sample() -> Vec<u8> {
    let mut tar = ::tar::Builder::new(Vec::new());
    let mut head = header(::tar::EntryType::Regular, 700);
    tar.append_pax_extensions([
        ("mtime", b"1700000001.25".as_slice()),
        ("SCHILY.xattr.user.a", b"1\n2=3\n".as_slice()),
        ("uid", b"3000000".as_slice()),
    ])
    .unwrap();
    tar.append_data(&mut head, "a", [b'x'; 700].as_slice()).unwrap();
    let mut link = header(::tar::EntryType::Link, 0);
    tar.append_link(&mut link, "l".repeat(300), "a").unwrap();
    let mut device = header(::tar::EntryType::Char, 0);
    device.set_device_major(5).unwrap();
    device.set_device_minor(1).unwrap();
    tar.append_data(&mut device, "dev/tty", std::io::empty()).unwrap();
    tar.into_inner().unwrap()
}

#[test]
fn entries_come_the_same_in_parts_of_any_length() {
    let sample = sample();
    let whole = all(&sample, sample.len()).unwrap();
    assert_eq!(whole.len(), 3);
    let (first, content) = &whole[0];
    assert_eq!((first.kind, first.name.as_slice(), first.mode), (Kind::File, b"a".as_slice(), 0o4755));
    assert_eq!((first.uid, first.gid, first.size), (3_000_000, 8, 700));
    assert_eq!(first.mtime, (1_700_000_001, 250_000_000));
    assert_eq!(first.xattrs, [(b"user.a".to_vec(), b"1\n2=3\n".to_vec())]);
    assert_eq!(content, &[b'x'; 700]);
    let (link, device) = (&whole[1].0, &whole[2].0);
    assert_eq!((link.kind, link.name.len(), link.link.as_slice()), (Kind::Link, 300, b"a".as_slice()));
    assert!(link.xattrs.is_empty(), "what was held is for one entry");
    assert_eq!((device.kind, device.device), (Kind::Char, (5, 1)));
    for part in [1, 7, 511, 512, 513] {
        assert_eq!(all(&sample, part).unwrap(), whole, "{part}");
    }
}

#[test]
fn a_content_that_is_elsewhere_is_stepped_over() {
    let sample = sample();
    // an extended header, its records, and the header
    let (mut head, mut rest) = (&sample[..3 * 512], &sample[3 * 512 + 700..]);
    let mut scanner = Scanner::default();
    assert_eq!(scanner.next(&mut head), Ok(Event::Header));
    assert_eq!(scanner.next(&mut head), Ok(Event::More));
    assert_eq!(scanner.skip(699), Err(TarError::Size { header: 700, record: 699 }));
    scanner.skip(700).unwrap();
    assert_eq!(scanner.next(&mut rest), Ok(Event::Header));
    assert_eq!(scanner.header().kind, Kind::Link);
    assert_eq!(scanner.skip(1), Err(TarError::Size { header: 0, record: 1 }));
    assert_eq!(scanner.next(&mut &[][..]), Ok(Event::More));
    assert_eq!((scanner.skip(0), scanner.skip(1)), (Ok(()), Err(TarError::Place)));
}

#[test]
fn numbers_are_octal_or_binary() {
    let number = block::number;
    for (field, wanted) in [
        (b"0000644\0".as_slice(), Some(0o644)),
        (b"   644 \0", Some(0o644)),
        (b"\0\0\0\0", Some(0)),
        (b"        ", Some(0)),
        (b"0000648\0", None),
        (b"-000001\0", None),
        (&[0x80, 0, 0, 0, 0, 0, 1, 0], Some(256)),
        (&[0xff; 12], Some(-1)),
        (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00], Some(-256)),
        (&[0xbf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], None),
        (b"", None),
    ] {
        assert_eq!(number(field), wanted, "{field:?}");
    }
}

#[test]
fn times_have_fractions_and_may_lie_before_1970() {
    for (text, wanted) in [
        ("0", Some((0, 0))),
        ("1700000000.5", Some((1_700_000_000, 500_000_000))),
        ("1.0000000019", Some((1, 1))),
        ("-1.5", Some((-2, 500_000_000))),
        ("-3", Some((-3, 0))),
        ("1.x", None),
        ("", None),
        ("9999999999999999999999", None),
    ] {
        assert_eq!(pax::time(text.as_bytes()), wanted, "{text}");
    }
}

#[test]
fn damaged_extended_headers_are_told() {
    let mut held = Held::default();
    for text in ["", "11 path=a\n", "9 x=12345"] {
        assert_eq!(held.records(text.as_bytes()).is_ok(), text.is_empty(), "{text}");
    }
    for text in ["5 a=\n", "99 a=b\n", "x a=b\n", "6 ab=\n\n", "4 ab\n", "99999999999999999999 a=b\n"] {
        assert!(held.records(text.as_bytes()).is_err() || text == "5 a=\n" || text == "6 ab=\n\n", "{text}");
    }
    let mut block = header(::tar::EntryType::XHeader, 2 << 20);
    block.set_cksum();
    assert_eq!(all(block.as_bytes(), 512), Err(TarError::LongExtension(2 << 20)));
}

#[test]
fn a_global_header_is_an_entry_without_a_file() {
    let text = b"19 comment=whatever\n";
    let mut block = header(::tar::EntryType::XGlobalHeader, text.len() as u64);
    block.set_cksum();
    let mut stream = block.as_bytes().to_vec();
    stream.extend_from_slice(text);
    stream.resize(1024, 0);
    stream.extend(sample());
    let found = all(&stream, 100).unwrap();
    assert_eq!((found.len(), found[0].0.kind), (4, Kind::Global));
}
