//! Tables as Docker's CLI prints them.

use super::*;
use crate::disk::Disk;
use crate::docker::df_json::tests::setting;
use crate::docker::seen::table::Table as Host;
use crate::docker::sizes::{Measures, Sizes};

fn text(host: &Host, version: (u32, u32, u32)) -> (String, String) {
    let (disk, measures) = (Disk::default(), Measures::new());
    let seen = host.seen(version);
    let df = DiskUsage::of(&seen, &Sizes { disk: &disk, measures: &measures }, Vec::new());
    (summary(&df), verbose(&df, &setting()))
}

#[test]
fn an_empty_host_has_no_shares() {
    let expected = "\
TYPE            TOTAL     ACTIVE    SIZE      RECLAIMABLE
Images          0         0         0B        0B
Containers      0         0         0B        0B
Local Volumes   0         0         0B        0B
Build Cache     0         0         0B        0B
";
    let (summary, verbose) = text(&Host::new(), (28, 5, 2));
    assert_eq!(summary, expected);
    assert!(
        verbose.contains("Local Volumes space usage:\n\nVOLUME NAME   LINKS     SIZE\n\nBuild cache usage: 0B\n\n")
    );
}

#[test]
fn the_first_tag_of_an_image_stands_for_it() {
    let mut host = Host::new();
    host.layer_of("a", None, 2_382_485).image("i", &["a"], None).tag("web:2", "i").tag("host:5000/web:1", "i");
    host.image("nameless", &["a"], None);
    let (_, new) = text(&host, (28, 5, 2));
    assert!(new.contains("web          2         "), "{new}");
    assert!(new.contains("<none>       <none>    "), "{new}");
    assert!(new.contains("   2.38MB    2.382MB       0B            0\n"), "{new}");
    assert!(text(&host, (23, 0, 0)).1.contains("   2.382MB   2.382MB       0B            0\n"));
}

#[test]
fn a_command_is_cut_to_twenty_columns_and_quoted() {
    assert_eq!(cells::command("sh -c 'exit 3'"), "\"sh -c 'exit 3'\"");
    assert_eq!(cells::command("12345678901234567890"), "\"12345678901234567890\"");
    assert_eq!(cells::command("123456789012345678901"), "\"1234567890123456789…\"");
    assert_eq!(cells::command("a\"\t\u{1b}[2J\u{202e}\\"), r#""a\"\t\x1b[2J\u202e\\""#);
    // each takes two columns
    assert_eq!(cells::command("日本語日本語日本語日本語"), "\"日本語日本語日本語…\"");
}

#[test]
fn an_image_is_told_as_people_write_it() {
    let id = format!("sha256:{}", "0123456789ab".repeat(6).get(..64).unwrap());
    assert_eq!(cells::image(&id, &id), "0123456789ab");
    assert_eq!(cells::image("0123456789ab", &id), "0123456789ab");
    assert_eq!(cells::image("docker.io/library/web", &id), "web");
    assert_eq!(cells::image("web:1@sha256:12", &id), "web:1");
    assert_eq!(cells::image("host:5000/a/b@sha256:12", &id), "host:5000/a/b");
    assert_eq!(cells::image("", &id), "<no image>");
    assert_eq!(cells::image("Odd\u{1b}", &id), "Odd\\u{1b}");
}
