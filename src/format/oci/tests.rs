//! Documents as engines write them, and others.

use super::*;

const INDEX: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[
  {"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:aa","size":744,"platform":{"architecture":"amd64","os":"linux"}},
  {"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:bb","size":566,"platform":{"architecture":"unknown","os":"unknown"},
   "annotations":{"vnd.docker.reference.type":"attestation-manifest","vnd.docker.reference.digest":"sha256:aa"}}]}"#;

const MANIFEST: &str = r#"{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:cc","size":3},
  "layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:dd","size":4,"annotations":null},
            {"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","digest":"sha256:ee","size":5}],"subject":null}"#;

#[test]
fn an_index_leads_to_its_manifests_and_a_manifest_to_config_and_layers() {
    let children = |kind, text: &str| -> Vec<(String, i64, MediaKind)> {
        let document = Document::parse(kind, text.as_bytes()).unwrap().unwrap();
        document.children().map(|c| (c.digest.clone(), c.size, MediaKind::of(&c.media_type))).collect()
    };
    assert_eq!(
        children(MediaKind::Index, INDEX),
        [("sha256:aa".into(), 744, MediaKind::Manifest), ("sha256:bb".into(), 566, MediaKind::Manifest)]
    );
    assert_eq!(
        children(MediaKind::Manifest, MANIFEST),
        [
            ("sha256:cc".into(), 3, MediaKind::Config),
            ("sha256:dd".into(), 4, MediaKind::Layer),
            ("sha256:ee".into(), 5, MediaKind::Layer)
        ]
    );
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    for (kind, text) in [
        (MediaKind::Index, MANIFEST),
        (MediaKind::Manifest, INDEX),
        (MediaKind::Index, "[]"),
        (MediaKind::Manifest, "{\"layers\":5}"),
        (MediaKind::Config, "{}"),
    ] {
        assert!(Document::parse(kind, text.as_bytes()).unwrap().is_err(), "{text}");
    }
    assert!(Document::parse(MediaKind::Layer, b"{}").is_none());
    let deep = "[".repeat(1_000_000);
    assert!(Document::parse(MediaKind::Index, deep.as_bytes()).unwrap().is_err());
}

#[test]
fn names_are_shown_as_docker_shows_them() {
    for (name, short, repo) in [
        ("docker.io/library/web:1", "web:1", "web"),
        ("docker.io/team/web:1", "team/web:1", "team/web"),
        ("docker.io/library/a/b:1", "library/a/b:1", "library/a/b"),
        ("127.0.0.1:5000/team/web:1", "127.0.0.1:5000/team/web:1", "127.0.0.1:5000/team/web"),
        ("docker.io/library/web@sha256:ab", "web@sha256:ab", "web"),
        ("localhost:5000/web", "localhost:5000/web", "localhost:5000/web"),
        ("strange", "strange", "strange"),
    ] {
        assert_eq!((familiar(name), repository(familiar(name))), (short, repo));
    }
}
