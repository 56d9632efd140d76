//! JSON as the engine takes it.

use super::*;

#[test]
fn what_follows_the_first_value_is_not_looked_at() {
    let (config, _) = container::parse_config(b"{\"Name\":\"/a\"}\n garbage").unwrap();
    assert_eq!(config.name, "/a");
}

#[test]
fn null_is_the_same_as_nothing_and_no_labels_is_not_the_same_as_an_empty_set() {
    let parse = |text: &str| container::parse_config(text.as_bytes()).unwrap().0;
    assert_eq!(parse(r#"{"Config":{"Labels":null},"MountPoints":null,"Args":null}"#).config.labels, None);
    assert_eq!(parse(r#"{"Config":{"Labels":{}}}"#).config.labels, Some(Default::default()));
    assert_eq!(parse(r#"{"Created":"0001-01-01T00:00:00Z"}"#).created, None);
    assert_eq!(
        parse(r#"{"Created":"2026-11-21T01:15:39.5+01:00"}"#).created.unwrap().to_string(),
        "2026-11-21T00:15:39.5Z"
    );
}

#[test]
fn what_the_engine_would_refuse_is_an_error_with_a_cause() {
    let cause = |bytes: &[u8]| container::parse_config(bytes).unwrap_err().to_string();
    assert_eq!(cause(b" \n"), "the file is empty");
    assert_eq!(cause(&[0; 64]), "nothing but zero bytes, as after a crash of the machine");
    assert!(cause(b"{\"Name\":\"/a").starts_with("not valid JSON: EOF"));
    assert!(cause(b"{\"Name\":7}").starts_with("not the expected JSON: invalid type"));
    assert!(cause(b"[]").starts_with("JSON, but no object"));
    assert!(cause(b"{\"Created\":\"yesterday\"}").starts_with("not the expected JSON"));
    assert!(cause("[".repeat(10 << 20).as_bytes()).starts_with("not valid JSON: recursion limit"));
}

#[test]
fn a_volume_with_a_device_or_a_type_is_mounted_while_in_use() {
    let needs = |text: &str| volume::parse_options(text.as_bytes()).unwrap().needs_mount();
    assert!(needs(r#"{"MountType":"tmpfs","MountOpts":"","MountDevice":"tmpfs","Quota":{"Size":0}}"#));
    assert!(!needs(r#"{"MountType":"","MountOpts":"","MountDevice":"","Quota":{"Size":1048576}}"#));
}

#[test]
fn a_plugin_says_whether_it_is_enabled_and_which_blobs_it_needs() {
    let text = r#"{"plugin":{"Config":{},"Enabled":true,"Id":"ab","Name":"x:1"},"Rootfs":"/r","Config":"sha256:c","Blobsums":["sha256:b"],"Manifest":"sha256:m"}"#;
    let plugin = plugin::parse_plugin(text.as_bytes()).unwrap();
    assert!(plugin.plugin.enabled);
    assert_eq!(
        (plugin.plugin.name.as_str(), plugin.config.as_str(), plugin.manifest.as_str()),
        ("x:1", "sha256:c", "sha256:m")
    );
    assert_eq!(plugin.blobs, ["sha256:b"]);
}

#[test]
fn what_a_host_config_binds_is_told_by_its_cleaned_destination() {
    let text = r#"{"Binds":["data:/d/../ro:ro","/srv:/b//c/","odd"],
        "Mounts":[{"Type":"volume","Target":"/v/./w"},{"Type":"tmpfs","Target":"/t"}]}"#;
    let (host, _) = container::parse_host_config(text.as_bytes()).unwrap();
    assert_eq!(host.destinations(), ["/ro", "/b/c", "/v/w"]);
}
