//! The words, checked.

use super::*;

#[test]
fn a_chain_id_is_the_hash_of_both_names() {
    let a = DiffId(Digest::of(b"a"));
    let b = DiffId(Digest::of(b"b"));
    let base = ChainId::base(&a);
    assert_eq!(base.0, a.0);
    let text = format!("{} {}", a.0, b.0);
    assert_eq!(base.child(&b).0, Digest::of(text.as_bytes()));
    assert_eq!(ChainId::all(&[a, b.clone()]).last(), Some(&base.child(&b)));
}

#[test]
fn a_digest_is_sixty_four_lower_case_hex_digits() {
    let hex = "0123456789abcdef".repeat(4);
    assert!(Digest::from_hex(&hex).is_some());
    assert!(Digest::from_hex(&hex.to_uppercase()).is_none());
    assert!(Digest::from_hex(&hex[1..]).is_none());
    assert!(Digest::parse(&format!("sha512:{hex}")).is_none());
}

#[test]
fn a_place_never_leads_outside() {
    assert!(Place::parse(b"docker/../etc").is_err());
    assert!(Place::parse(b"docker//x").is_err());
    let home = Place::tree("docker").join("overlay2");
    assert!(home.join_untrusted("../../etc/passwd").is_err());
    assert!(home.join_untrusted("/etc/passwd").is_err());
    assert_eq!(home.join("..").to_string(), "docker/overlay2/\\xff-not-a-name");
    assert_eq!(home.inside(), b"overlay2");
    assert_eq!(home.parent(), Some(Place::tree("docker")));
    assert!(home.join("x").starts_with(&home) && !Place::tree("docker").join("overlay2x").starts_with(&home));
}

#[test]
fn nothing_from_disk_steers_a_terminal() {
    assert_eq!(Printable(b"a\x1b[31m\n\xff\\").to_string(), "a\\u{1b}[31m\\n\\xff\\\\");
    assert_eq!(Printable("caf\u{e9}-\u{202e}gpj".as_bytes()).to_string(), "café-\\u{202e}gpj");
}
