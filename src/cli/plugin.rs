//! As a plugin of the Docker CLI (`docker deadweight …`) the first argument is the plugin's own name.

use std::ffi::OsString;

/// What the Docker CLI asks a plugin for.
pub(super) const METADATA: &str = "docker-cli-plugin-metadata";

/// The arguments without the plugin's name.
pub(super) fn unwrap(mut args: Vec<OsString>) -> Vec<OsString> {
    let as_plugin = args.first().is_some_and(|path| {
        std::path::Path::new(path).file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"docker-"))
    });
    if as_plugin && args.get(1).is_some_and(|arg| arg == "deadweight") {
        args.remove(1);
    }
    args
}

/// The answer to `METADATA`.
pub(super) fn metadata() -> serde_json::Value {
    serde_json::json!({
        "SchemaVersion": "0.1.0",
        "Vendor": "deadweight",
        "Version": env!("CARGO_PKG_VERSION"),
        "ShortDescription": "Who owns every byte of the data root, and why it is kept",
    })
}
