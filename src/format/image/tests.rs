//! Parsers of the image and layer stores, on what engines write and on what they do not.

use proptest::prelude::*;

use super::*;
use crate::format::fuzz::fuzz_image as fuzz;
use crate::terms::Digest;

const HEX: &str = "e23da11292b7c27bf0ace9484e0a6382fe6b41b488ce4b806b6be7c83f745268";

#[test]
fn a_size_is_read_without_trimming() {
    assert_eq!(text::size(b"1234"), Ok(1234));
    assert_eq!(text::size(b"0"), Ok(0));
    for bad in [&b"1234\n"[..], b" 1", b"", b"-1", b"1e3", b"0x1", b"1_0", b"9223372036854775808", b"\xff"] {
        assert!(text::size(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn digests_and_names_are_trimmed() {
    let line = format!("sha256:{HEX}\n");
    assert_eq!(text::digest(line.as_bytes()).ok(), Digest::from_hex(HEX));
    assert!(text::digest(b"").is_err() && text::digest(HEX.as_bytes()).is_err());
    assert_eq!(text::cache_id(b"abc\n").unwrap().as_str(), "abc");
    for bad in [&b"../../.."[..], b"..", b"a/b", b"", b"a\nb", &[b'a'; 300]] {
        assert!(text::cache_id(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_mount_is_named_by_sixty_four_hex_digits() {
    let is = |name: &str| text::is_mount_id(&text::cache_id(name.as_bytes()).unwrap());
    assert!(is(HEX) && is(&format!("{HEX}-init")));
    assert!(!is("6yk172nzkzz4sizv5dpqomszc") && !is(&HEX.to_uppercase()));
}

#[test]
fn every_reference_is_found_and_a_value_that_is_no_image_id_is_told() {
    let json =
        format!(r#"{{"Repositories":{{"web":{{"web:1":"sha256:{HEX}","web@sha256:{HEX}":"nonsense"}},"x":null}}}}"#);
    let found = repositories::parse(json.as_bytes()).unwrap();
    assert_eq!(found.len(), 2);
    assert!(!found[0].is_digest() && found[0].reference == "web:1" && found[0].image == Digest::from_hex(HEX));
    assert!(found[1].is_digest() && found[1].image.is_none() && found[1].repository == "web");
    assert_eq!(repositories::parse(br#"{"Repositories":{}}"#).unwrap(), []);
    assert!(repositories::parse(b"").is_err() && repositories::parse(br#"{"Repositories":{"#).is_err());
}

#[test]
fn a_config_needs_a_rootfs_but_no_layer() {
    let config = config::parse(br#"{"rootfs":{"type":"layers"},"config":{"Labels":{},"Volumes":{"/v":{}}}}"#).unwrap();
    assert!(config.diff_ids.is_empty() && config.volumes == ["/v"]);
    assert_eq!(config.labels.map(|labels| labels.len()), Some(0));
    assert!(matches!(config::parse(b"{}"), Err(config::ConfigError::NoRootfs)));
    assert!(config::parse(br#"{"rootfs":{"diff_ids":["x"]}}"#).is_err());
    assert!(config::parse(br#"{"rootfs":{},"created":"yesterday"}"#).is_err());
}

#[test]
fn a_config_tells_its_layers_and_steps() {
    let json = format!(
        r#"{{"created":"2026-11-21T00:15:38.070911375Z","os":"linux","config":{{"Labels":{{"a":"b"}}}},
        "rootfs":{{"diff_ids":["sha256:{HEX}"]}},"history":[{{"created_by":"x"}},{{"empty_layer":true}}]}}"#
    );
    let config = config::parse(json.as_bytes()).unwrap();
    assert_eq!(config.diff_ids.len(), 1);
    assert_eq!(*config.history, [("x".into(), false), ("".into(), true)]);
    assert_eq!(config.created.unwrap().to_string(), "2026-11-21T00:15:38.070911375Z");
    assert_eq!(config.os, "linux");
}

#[test]
fn deep_nesting_is_an_error_and_no_overflow() {
    let deep = "[".repeat(10 << 20);
    fuzz(deep.as_bytes());
    assert!(config::parse(deep.as_bytes()).is_err());
    let inner = format!("{{\"rootfs\":{{}},\"x\":{}", "[".repeat(1 << 20));
    assert!(config::parse(inner.as_bytes()).is_err());
}

#[test]
fn the_files_of_overlay2_are_short_names() {
    assert_eq!(overlay::lower(b"l/AAA:l/BBB").unwrap(), ["AAA", "BBB"]);
    for bad in [&b""[..], b"l/", b"l/..", b"AAA", b"l/AAA:", b"l/a/b", b"/etc"] {
        assert!(overlay::lower(bad).is_err(), "{bad:?}");
    }
    assert!(overlay::lower("l/A:".repeat(129).trim_end_matches(':').as_bytes()).is_err());
    assert_eq!(overlay::link_target(b"../abc-init/diff").unwrap().as_str(), "abc-init");
    for bad in [&b"/etc"[..], b"../a/b/diff", b"../../diff", b"../diff", b"a/diff"] {
        assert!(overlay::link_target(bad).is_err(), "{bad:?}");
    }
    assert!(overlay::short_name(b"../x").is_err() && overlay::short_name(b"ABC").is_ok());
}

#[test]
fn a_gzip_file_that_is_cut_off_is_seen_without_unpacking_it() {
    use std::io::Write as _;
    let whole = |data: &[u8]| {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(data).unwrap();
        out.finish().unwrap()
    };
    let noise: Vec<u8> = (0..5000u32).flat_map(|n| Digest::of(&n.to_le_bytes()).hex().as_bytes().to_owned()).collect();
    let look = |file: &[u8]| gzip::looks_whole(file, file, file.len() as u64);
    for data in [&b""[..], b"x", &[b'x'; 100_000], &noise] {
        let file = whole(data);
        assert_eq!(look(&file), Ok(()), "{}", data.len());
        assert!(look(&file[..file.len() / 2]).is_err(), "{}", data.len());
    }
    assert_eq!(look(b"PK\x03\x04"), Err(gzip::GzipError::Head));
}

#[test]
fn blobs_of_a_layer_are_digests() {
    let json = format!(r#"[{{"Digest":"sha256:{HEX}","SourceRepository":"docker.io/library/x","HMAC":""}}]"#);
    assert_eq!(distribution::parse_blobs(json.as_bytes()).unwrap(), [Digest::from_hex(HEX).unwrap()]);
    assert!(distribution::parse_blobs(b"[{}]").is_err() && distribution::parse_blobs(b"").is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_a_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        fuzz(&bytes);
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in r#"[{}\[\]",:a-z0-9/ \n]{0,200}"#) {
        fuzz(text.as_bytes());
    }
}
